/* Resampling, such as Resize does. */
#ifndef FMAP_KERNELS_RESAMPLE_JOB_H
#define FMAP_KERNELS_RESAMPLE_JOB_H

#include <stddef.h>
#include <stdint.h>

/* Resampling along one axis of n_outputs: dst[o * unit + i] = the sum over t < taps of weights[o * taps + t] *
 * src[indices[o * taps + t] * src_stride + i], i < unit, in the order of t: a product, then a chain of v_fma. */
struct fmap_resample {
    const float *src;
    float *dst;
    const int32_t *indices;
    const float *weights;
    int taps;
    int64_t n_outputs;
    int64_t unit;
    ptrdiff_t src_stride;
};

#endif
