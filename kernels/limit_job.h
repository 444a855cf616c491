/* The machine's limit. */
#ifndef FMAP_KERNELS_LIMIT_JOB_H
#define FMAP_KERNELS_LIMIT_JOB_H

#include <stddef.h>
#include <stdint.h>

/* `iterations` rounds of independent multiply-adds; *flops is how many operations they were, *result keeps the
 * compiler from leaving them out. What every other kernel is measured against. */
struct fmap_peak {
    int64_t iterations;
    float *result;
    double *flops;
};

/* Reads `iterations` times four streams, the s-th from src + s * stream_stride, and adds up what it finds: at each
 * of n_steps steps two vectors from each stream, which then moves on by `step` floats. *result, the sum of the first
 * lanes, keeps the compiler from leaving it out. Four separate streams have step = 2 * lanes; four that take turns in
 * one piece of memory have stream_stride = 2 * lanes and step = 8 * lanes. src is aligned to 64. */
struct fmap_bandwidth {
    const float *src;
    ptrdiff_t stream_stride;
    ptrdiff_t step;
    int64_t n_steps;
    int64_t iterations;
    float *result;
};

#endif
