/* Winograd F(m x m, 3x3), m = 2, 4, 5, 6, F(2x2, 5x5), and F(m, r) of one line.
 *
 * An output of m x m pixels is a tile, made from a patch of (m + 2) x (m + 2) input pixels, of 6 x 6 for F(2x2, 5x5), whose
 * input transform is that of F(4x4, 3x3). Tiles are numbered row by
 * row. The input transform makes as many values of a patch as it has pixels, called points; the register tile
 * multiplies them with the transformed weights (one product for each of the points, tiles for pixels); the output
 * transform makes the tile. Where the kernel is one row or one column of r, so are tiles, of m pixels, and patches, of m + r - 1;
 * winograd_line<patch>_input, winograd_line<m>_<r>_output.
 *
 * Along an axis with a dilation of d, pixels that are d apart are a phase, and each of the d phases has tiles of its own. They
 * take turns: tile t is of phase t % d and begins at output t / d * d * m + t % d. Phases differ by an output at most, so that
 * the last round of tiles may be of the first phases alone. Kernels of one line have a dilation along it, of squares those that are
 * named after it; all others are 1. */
#ifndef FMAP_KERNELS_WINOGRAD_JOB_H
#define FMAP_KERNELS_WINOGRAD_JOB_H

#include "activate_job.h"

#include <stddef.h>

enum {
    FMAP_WINOGRAD_MAX_OUTPUT = 6,
    FMAP_WINOGRAD_MAX_PATCH = FMAP_WINOGRAD_MAX_OUTPUT + 2,
    FMAP_WINOGRAD_MAX_LINE = FMAP_WINOGRAD_MAX_OUTPUT + 6 /* a patch of one line */
};

/* Patches of one block of 16 channels: point p of the i-th tile goes to dst + p * point_stride + i * 16. What lies
 * outside of the image is zero. */
struct fmap_winograd_input {
    const float *src; /* the block's plane, [height][width][16] */
    float *dst;
    ptrdiff_t point_stride;
    int n_tiles, first_tile, tiles_per_row;
    int tile_step; /* pixels from a tile to the next: m; of one line along it, and 1 across */
    int height, width;
    int pad_top, pad_left;
    int down;         /* of one line: a column */
    int dilations[2]; /* of rows, of columns */
};

/* Tiles of one vector of output channels: activate(A^T m A + bias), cut to the image. Point p of the i-th
 * tile comes from src + p * point_stride + i * tile_stride. */
struct fmap_winograd_output {
    const float *src;
    float *dst;        /* the vector's first lane of the plane [height][width][16] */
    const float *bias; /* [lanes of a vector] */
    const float *
        residual; /* added to the sums before the activation, from where it lies as they do in dst; NULL: none.
                              Not with a pool. */
    ptrdiff_t point_stride, tile_stride;
    int n_tiles, first_tile, tiles_per_row;
    int height, width;
    int down; /* of one line: a column. Without a pool */
    /* Not 0: only the largest of every 2 x 2 outputs is kept, or their average, dst is [pooled_height][pooled_width][16];
     * m is even and the activation none or a clip. Rows and columns beyond 2 * pooled_... are dropped. */
    int pooled_height, pooled_width;
    int pools_average;
    int dilations[2]; /* as those of the input; not with a pool */
    struct fmap_activate_job activate;
};

#endif
