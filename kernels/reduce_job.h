/* Reductions.
 *
 * dst[r] = the reduction of n elements src[r][i], in one order: element i belongs to chain i mod 16, and the chains
 * are combined 8, 4, 2, 1 apart. Without elements it is 0, 1 (product) or an infinity. NaN wins an extreme. */
#ifndef FMAP_KERNELS_REDUCE_JOB_H
#define FMAP_KERNELS_REDUCE_JOB_H

#include <stddef.h>
#include <stdint.h>

enum fmap_reduce_op {
    FMAP_REDUCE_SUM,
    FMAP_REDUCE_ABSOLUTES,    /* the sum of |x| */
    FMAP_REDUCE_SQUARES,      /* the sum of (x - shift)^2, by fused multiply-adds */
    FMAP_REDUCE_EXPONENTIALS, /* the sum of exp(x - shift) */
    FMAP_REDUCE_PRODUCT,
    FMAP_REDUCE_MAXIMUM,
    FMAP_REDUCE_MINIMUM
};

/* stride 1: row r begins at src + r * n. Else rows lie side by side: element i of row r is src[r + i * stride], and
 * n_rows <= stride; of a block of channels stride is 16. */
struct fmap_reduce {
    const float *src;
    float *dst;
    const float *shift; /* [n_rows]; NULL: 0 */
    int64_t n, stride, n_rows;
    enum fmap_reduce_op op;
};

/* The same of maps that lie one behind the other, of the lanes of a block of channels each, and divided by the divisor:
 * dst[m][c] = the reduction of src[m][i][c] over i < n, divided by it. */
struct fmap_reduce_maps {
    const float *src; /* [n_maps][n][16] */
    float *dst;       /* [n_maps][16] */
    int64_t n, n_maps;
    float divisor;
    enum fmap_reduce_op op; /* SUM or MAXIMUM */
};

/* The channels of each pixel of a blocked image. */
struct fmap_reduce_lanes {
    const float *src; /* [n_blocks][...][16], from the first pixel on */
    float *dst;       /* [n_pixels] */
    const float *shift;
    int64_t n_pixels, n_blocks;
    int last_lanes; /* channels of the last block */
    ptrdiff_t block_stride;
    enum fmap_reduce_op op;
};

#endif
