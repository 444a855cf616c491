/* The machine's limit, measured in the same process as everything that is compared with it. */
#ifndef FMAP_BENCH_MACHINE_H
#define FMAP_BENCH_MACHINE_H

#include "kernels/kernels.h"

/* Seconds on a clock that only goes forward. */
double machine_seconds(void);

/* Floating-point operations a second of one thread in multiply-adds that wait for nothing, over about
 * `milliseconds`: as long as what is compared, so that timer ticks count for both. The best of several. */
double machine_peak(const struct fmap_kernels *kernels, double milliseconds);

#endif
