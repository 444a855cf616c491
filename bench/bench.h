/* What the benchmarks share. */
#ifndef FMAP_BENCH_BENCH_H
#define FMAP_BENCH_BENCH_H

#include <fmap/fmap.h>

/* The measured peak of one thread with that instruction set, in operations a second. */
double bench_peak(fmap_isa isa);

/* Each file of benchmarks registers its own. */
void bench_conv2d(int max_threads);

#endif
