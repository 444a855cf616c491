/* From one layout to another. */
#ifndef FMAP_KERNELS_LAYOUT_JOB_H
#define FMAP_KERNELS_LAYOUT_JOB_H

#include <stddef.h>
#include <stdint.h>

/* Between a caller's image and a blocked one, for one block of up to 16 channels and a run of pixels:
 * blocked[p][lane] <-> plain[lane * channel_stride + p * pixel_stride], p < n_pixels, lane < n_lanes.
 * To blocked, lanes from n_lanes on are set to 0. */
struct fmap_reorder {
    float *blocked;
    float *plain;
    int64_t n_pixels;
    int n_lanes;
    ptrdiff_t channel_stride;
    ptrdiff_t pixel_stride;
};

/* dst[i] = src[i * distance], i < n: a row of single floats out of whatever layout. */
struct fmap_gather {
    const float *src;
    float *dst;
    int n;
    ptrdiff_t distance;
};

/* dst[i] = (src[i * distance] - mean) * scale, i < n: the same of 8-bit pixels, each operation rounded. */
struct fmap_gather_pixels {
    const uint8_t *src;
    float *dst;
    int n;
    ptrdiff_t distance;
    float mean, scale;
};

/* Whole blocks out of channels that lie side by side: dst[b * dst_block_stride + p * 16 + lane] =
 * src[p * src_pixel_stride + b * 16 + lane]. */
struct fmap_restack {
    const float *src;
    float *dst;
    int64_t n_blocks, n_pixels;
    ptrdiff_t src_pixel_stride, dst_block_stride;
};

#endif
