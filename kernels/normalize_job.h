/* Normalization, LRN and softmax. */
#ifndef FMAP_KERNELS_NORMALIZE_JOB_H
#define FMAP_KERNELS_NORMALIZE_JOB_H

#include <stddef.h>
#include <stdint.h>

enum fmap_normalize_walk {
    FMAP_NORMALIZE_SCALARS,  /* one of each */
    FMAP_NORMALIZE_ROW,      /* one mean and scale; gamma and beta of each element */
    FMAP_NORMALIZE_ELEMENTS, /* all four of each element */
    FMAP_NORMALIZE_BLOCK     /* 16 of each that repeat; n is a multiple of 16 */
};

/* dst[i] = fma((src[i] - mean) * scale, gamma, beta), i < n. dst may be src. */
struct fmap_normalize {
    const float *src;
    float *dst;
    const float *mean, *scale, *gamma, *beta;
    int64_t n;
    enum fmap_normalize_walk walk;
};

/* dst[c] = src[c] / (bias + alpha * s(c))^beta for one block of channels c of n_pixels pixels, where s(c) is the sum of
 * src[k]^2 over k from c - before to c + after, in that order, as far as there are such channels. */
enum { FMAP_LRN_MAX_SIZE = 33 };
struct fmap_lrn {
    const float *src; /* [n_blocks][...][16], from the first pixel on */
    float *dst;       /* of the block, from the first pixel on */
    int64_t n_pixels, n_blocks, block;
    int last_lanes;
    ptrdiff_t block_stride;
    int before, after; /* at most 16 */
    float alpha, beta, bias;
};

/* Softmax over `n` elements that lie `stride` elements apart, for `n_rows` rows that begin at src + r:
 * dst[r + i * stride] = exp(src[r + i * stride] - max) * (1 / sum). stride == 1 needs n_rows == 1 (a row of its
 * own); with stride > 1, n_rows <= stride and rows lie side by side. dst may be src. The sum is one chain
 * over i for stride > 1, and 16 chains over i mod 16, added pairwise (8, 4, 2, 1 apart), for stride == 1. */
struct fmap_softmax {
    const float *src;
    float *dst;
    int64_t n;
    int64_t stride;
    int64_t n_rows;
};

#endif
