/* Which elements are dropped in training. */
#ifndef FMAP_KERNELS_DROPOUT_JOB_H
#define FMAP_KERNELS_DROPOUT_JOB_H

#include <stdint.h>

/* Counter-based random numbers: Philox4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3,
 * SC 2011). Element i uses word i mod 4 of the counter {low and high of i / 4, low and high of step} under
 * the key {low of key, high of key}; it is dropped when the word is below `threshold` = rate * 2^32.
 * mask[i - first] = 0 or 1 for i in [first, first + n). */
struct fmap_dropout_mask {
    float *mask;
    uint64_t key;
    uint64_t step;
    uint64_t first;
    int64_t n;
    uint64_t threshold; /* 0 .. 2^32 */
};

#endif
