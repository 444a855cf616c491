/* Local response normalization over neighbouring channels of blocked pixels. */
#include "template.h"

#include <math.h>

/* Lanes that a window reaches into on either side of a block. */
enum { REACH = FMAP_LRN_MAX_SIZE / 2, WINDOW = REACH + FMAP_BLOCK + REACH };

/* The squares of a block's channels and of their neighbours; 0 for those that do not exist. */
INLINE void squares_of(const struct fmap_lrn *job, int64_t block, int64_t pixel, float *squares) {
    for (int i = 0; i < WINDOW; i++) squares[i] = 0.0f;
    for (int64_t b = block - 1; b <= block + 1; b++) {
        if (b < 0 || b >= job->n_blocks) continue;
        const float *src = job->src + b * job->block_stride + pixel * FMAP_BLOCK;
        int lanes = b == job->n_blocks - 1 ? job->last_lanes : FMAP_BLOCK;
        int at = REACH + (int)(b - block) * FMAP_BLOCK;
        int first = at < 0 ? -at : 0, end = at + lanes > WINDOW ? WINDOW - at : lanes;
        for (int i = first; i < end; i++) squares[at + i] = src[i] * src[i];
    }
}

/* The exponent of AlexNet and GoogLeNet is made of square roots, which are exact to the last bit everywhere. */
INLINE float power(float x, float exponent) {
    if (exponent == 0.75f) return sqrtf(x) * sqrtf(sqrtf(x));
    return powf(x, exponent);
}

void K(lrn)(const struct fmap_lrn *job) {
    for (int64_t p = 0; p < job->n_pixels; p++) {
        float squares[WINDOW], sums[FMAP_BLOCK];
        const float *src = job->src + job->block * job->block_stride + p * FMAP_BLOCK;
        float *dst = job->dst + p * FMAP_BLOCK;
        squares_of(job, job->block, p, squares);
        for (int lane = 0; lane < FMAP_BLOCK; lane++) sums[lane] = 0.0f;
        for (int k = -job->before; k <= job->after; k++) {
            for (int lane = 0; lane < FMAP_BLOCK; lane++) sums[lane] += squares[REACH + k + lane];
        }
        if (job->beta == 0.75f) {
            for (int lane = 0; lane < FMAP_BLOCK; lane++)
                dst[lane] = src[lane] / power(job->bias + job->alpha * sums[lane], 0.75f);
        } else {
            for (int lane = 0; lane < FMAP_BLOCK; lane++)
                dst[lane] = src[lane] / power(job->bias + job->alpha * sums[lane], job->beta);
        }
    }
}
