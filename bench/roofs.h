/* What this machine can do at most, measured in the process that everything is compared in. */
#ifndef FMAP_BENCH_ROOFS_H
#define FMAP_BENCH_ROOFS_H

#include <fmap/fmap.h>

/* Measures, once for each instruction set (FMAP_ISA_BEST: the best) and number of threads, and adds what came of it to
 * Google Benchmark's context. Call it before gbench_run() for all that will be asked for. */
void bench_measure_roofs(fmap_isa isa, int threads);

/* Operations a second for work of so many operations on so many bytes: the peak of the multiply-adds or, if that is
 * less, what the memory that holds the bytes delivers. Infinite when it was not measured. */
double bench_roof(fmap_isa isa, int threads, double flops, double bytes);

#endif
