/* The register tile.
 *
 *   dst[p][o] = activate((bias[o] + sum over blocks, positions, lanes of
 *                                   src[block][position][p][lane] * weights[block][position][lane][o])
 *                        + residual[p][o])
 *
 * for `pixels` pixels p and `vectors` vectors of output channels o: one function per size of the tile.
 * The sum is one chain of fused multiply-adds per output, in the order of the loops as written (block,
 * position, lane), beginning with the bias. A position is one element of the convolution's kernel: an
 * offset into the source, and the range of pixels for which it lies inside of the image. Direct
 * convolution has kernel height x width positions, a 1x1 convolution one, a dense layer one a pixel of
 * the map that it flattens, with "pixels" that are the images of the batch. */
#ifndef FMAP_KERNELS_TILE_JOB_H
#define FMAP_KERNELS_TILE_JOB_H

#include "activate_job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fmap_tile_position {
    ptrdiff_t src_offset; /* elements, from `src` to this position of pixel 0 */
    int32_t index;        /* of its weights, 0 .. kernel_size - 1 */
    int16_t first, last;  /* pixels [first, last) take part; the others skip the position */
};

struct fmap_tile {
    const float *src;
    const float *weights; /* [block][kernel_size][lanes of the block][vectors * lanes of a vector], aligned */
    const float *bias;    /* [vectors * lanes of a vector], aligned */
    float *dst;
    /* Sums begin with what dst holds, those of earlier channels, instead of the bias; not in the pointwise and the planar tile. */
    bool continues;
    const float
        *residual; /* added before the activation, from where it lies as the outputs do in dst; NULL: none */
    const struct fmap_tile_position *positions;
    int n_positions;
    int kernel_size;
    int n_blocks;
    int first_lane; /* of the first block: not 0 where a group begins inside a block */
    int last_lanes; /* end of the lanes of the last block, 1 .. 16 */
    ptrdiff_t src_block_stride;
    ptrdiff_t src_pixel_stride;
    ptrdiff_t dst_pixel_stride;
    ptrdiff_t dst_offsets[4]; /* of each vector, from `dst` */
    struct fmap_activate_job activate;
    /* Of the pointwise and the planar tile: how often, and how far each time moves on. A call costs as much as some
     * channels. */
    int n_repeats;
    ptrdiff_t src_step, weights_step, dst_step;
    /* With every block of channels, in other tiles than the pointwise one with every position of it, so many lines from here on
     * are fetched into the second cache, those of a sum in any order; NULL: none. The pointwise tile does so only where it is a
     * far one, the planar tile each time that it begins. */
    const float *fetch;
    int n_fetched;
    /* Of the planar tile: elements from a pixel to what is multiplied. Up to three behind the last pixel's may be read. */
    const int32_t *terms;
    int n_terms;
    ptrdiff_t
        threes; /* from one to the next of each three terms in turn, where this is always the same; 0: it is not */
};

typedef void fmap_tile_function(const struct fmap_tile *tile);

enum { FMAP_TILE_MAX_PIXELS = 14, FMAP_TILE_MAX_VECTORS = 4 };

#endif
