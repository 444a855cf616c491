/* Winograd F(4, n) along the rows of a stem, n = 3, 4, 5.
 *
 * Four neighbouring outputs of a row are a tile, made from n + 3 columns. The planar tile multiplies each of the n + 3 points
 * with its weights; all channels, all rows of the kernel and, of a stride, all phases are one sum. */
#ifndef FMAP_KERNELS_STEM_WINOGRAD_JOB_H
#define FMAP_KERNELS_STEM_WINOGRAD_JOB_H

#include "activate_job.h"

#include <stddef.h>

enum { FMAP_STEM_WINOGRAD_OUTPUT = 4, FMAP_STEM_WINOGRAD_MAX_PATCH = 8, FMAP_STEM_WINOGRAD_MAX_STRIDE = 4 };

/* Points of a line of single floats: column k of tile t in phase f is src[(4 * t + k) * stride + f], point p of it goes to
 * dst + f * phase_stride + p * point_stride + t. */
struct fmap_stem_winograd_input {
    const float *src; /* 16 floats beyond the last tile's may be read */
    float *dst;
    ptrdiff_t point_stride, phase_stride;
    int n_tiles; /* a multiple of 16 */
    int stride;
};

/* A row of one vector of output channels: activate(A^T m + bias). Point p of tile t comes from src + p * point_stride + t * 16. */
struct fmap_stem_winograd_output {
    const float *src;
    float *dst;        /* [width][16] */
    const float *bias; /* [lanes of a vector] */
    ptrdiff_t point_stride;
    int width;
    struct fmap_activate_job activate;
};

#endif
