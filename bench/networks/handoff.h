/* How far apart two processors are. */
#ifndef FMAP_BENCH_NETWORKS_HANDOFF_H
#define FMAP_BENCH_NETWORKS_HANDOFF_H

/* Seconds in which the first two processors that this process may use hand a cache line over, one way; negative where
 * there is one only. On some machines this depends on the minute, because a virtual machine's processors are moved about,
 * and networks on several threads are as fast as it lets them. */
double handoff_seconds(void);

#endif
