/* Windows: depthwise convolution, that of narrow groups and of a few outputs, and pooling.
 *
 * Some rows of output pixels of one block of 16 channels. Elements of the window that lie outside of the image
 * are skipped. Sizes and steps are those of rows, then of columns; columns, with their padding, fit in an int.
 *
 *   element(y, x, r, k)[c] = src[y * strides[0] - pads[0] + r * dilations[0]]
 *                               [x * strides[1] - pads[1] + k * dilations[1]][c] */
#ifndef FMAP_KERNELS_WINDOW_JOB_H
#define FMAP_KERNELS_WINDOW_JOB_H

#include "activate_job.h"

#include <stddef.h>
#include <stdint.h>

struct fmap_window {
    const float *src;          /* [src_size[0]][src_size[1]][16]: the whole plane */
    float *dst;                /* [...][dst_width][16]: the whole plane */
    int64_t first_row, n_rows; /* of the output: those to compute */
    int64_t src_size[2];
    int64_t dst_width;
    int64_t kernel[2], strides[2], dilations[2];
    int64_t pads[2]; /* above, on the left */
};

/* dst[y][x][c] = activate(bias[c] + sum over r, k of element(y, x, r, k)[lanes[c]] * weights[r][k][c]), the sum
 * in the order r, k, beginning with the bias. */
struct fmap_depthwise {
    struct fmap_window window;
    const float *weights; /* [kernel[0]][kernel[1]][16], aligned */
    const float *bias;    /* [16], aligned */
    /* [16], ascending, at most 1 from one to the next: where the channel that an output is made from has several.
     * NULL: lanes[c] = c. */
    const int32_t *lanes;
    struct fmap_activate_job activate;
};

/* Convolution of narrow groups: one block of outputs c, each made from n_lanes channels of n_blocks source blocks
 * (src is the first one's plane, the others follow), which begin at lane lanes[c]:
 *
 *   dst[y][x][c] = activate(bias[c] + sum over blocks b, r, i, k of
 *                                     element(b, y, x, r, k)[lanes[c] + i] * weights[b][r][i][k][c])
 *
 * in the order b, r, i, k, beginning with the bias. */
struct fmap_grouped {
    struct fmap_window window;
    int n_blocks, n_lanes; /* more than one block: of 16 lanes */
    ptrdiff_t src_block_stride;
    const float *weights; /* [n_blocks][kernel[0]][n_lanes][kernel[1]][16], aligned */
    const float *bias;    /* [16], aligned */
    /* [16]: the same for m outputs in a row, m a power of two; then n_lanes more. m is at least n_lanes or 16. */
    const int32_t *lanes;
    struct fmap_activate_job activate;
};

/* Convolution to a few outputs o, from all lanes of n_blocks source blocks (src is the first one's plane):
 *
 *   dst[y][x][o] = activate(s(0) + bias[o]), where
 *   s(l) for l < 16 = sum over blocks b, r, k of element(b, y, x, r, k)[l] * weights[b][r][k][o][l]
 *
 * in the order b, r, k, beginning with 0, and then s(l) += s(l + 8) for l < 8, s(l) += s(l + 4) for l < 4, and so on.
 * Lanes beyond the outputs are not written. */
enum { FMAP_DOT_OUTPUTS = 4 };

struct fmap_dot {
    struct fmap_window window;
    int n_outputs; /* 1 .. FMAP_DOT_OUTPUTS */
    int n_blocks;
    int last_lanes; /* of the last block: its others are 0 whatever they hold */
    ptrdiff_t src_block_stride;
    const float *weights; /* [n_blocks][kernel[0]][kernel[1]][n_outputs][16], aligned */
    const float *bias;    /* [16], aligned: that of output i mod n_outputs */
    struct fmap_activate_job activate;
};

/* dst[y][x][c] = the largest element of the window, NaN if one is NaN, -infinity for an empty window; in the
 * order r, k, as max(so far, element) with max(a, b) = a > b ? a : b. */
struct fmap_max_pool {
    struct fmap_window window;
};

/* dst[y][x][c] = (sum over the window's elements inside of the image, in the order r, k) / (row_counts[y] *
 * column_counts[x]); an empty window gives 0 whatever its divisor. */
struct fmap_average_pool {
    struct fmap_window window;
    const float *row_counts;    /* of every output row of the plane */
    const float *column_counts; /* [dst_width] */
};

#endif
