/* Rest between two engines. */
#ifndef FMAP_BENCH_SETTLE_H
#define FMAP_BENCH_SETTLE_H

/* Threads of another engine go on spinning for a while after their work, each library by a rule of its own, and on a
 * machine with as many processors as threads the next engine would run at half its speed. Waits until no other thread
 * of this process runs, at most a fifth of a second. */
void bench_settle(void);

#endif
