/* The register tile where nothing is in the way: one position, no borders, pixels side by side. 1x1 convolutions and
 * Winograd's products are made of it. Their sums are short, so what a call costs counts: it makes many tiles. */
#ifndef FMAP_POINTWISE_H
#define FMAP_POINTWISE_H

#include "tile.h"

INLINE void pointwise_sum(const struct fmap_tile *job, const float *src, const float *w, tile_row *acc,
                          int pixels, int vectors, int ahead) {
    ptrdiff_t to_next_block = job->src_block_stride - FMAP_BLOCK;
    int n_whole = job->n_blocks - (job->last_lanes < FMAP_BLOCK);
    ROLLED for (int b = 0; b < n_whole; b++, src += to_next_block) {
        ROLLED for (int k = 0; k < FMAP_BLOCK; k += 4) {
            tile_four(acc, &src, &w, pixels, vectors, FMAP_BLOCK, 0, pixels, ahead);
        }
    }
    if (n_whole == job->n_blocks) return;
    ROLLED for (int k = 0; k < job->last_lanes; k++, src++) {
        BARRIER(src, w);
        tile_step(acc, src, w, pixels, vectors, FMAP_BLOCK, 0, pixels);
        w += vectors * LANES;
    }
}

/* With `ahead`, weights are fetched so many elements before they are used: for those that no near cache holds. It costs
 * one percent where they are near. */
INLINE void pointwise(const struct fmap_tile *job, int pixels, int vectors, int ahead) {
    const float *src = job->src, *w = job->weights;
    float *dst = job->dst;
    ROLLED for (int i = 0; i < job->n_repeats; i++) {
        tile_expect(job, dst, pixels, vectors);
        vf acc[FMAP_TILE_MAX_PIXELS][FMAP_TILE_MAX_VECTORS];
        tile_begin(job, acc, pixels, vectors);
        pointwise_sum(job, src, w, acc, pixels, vectors, ahead);
        tile_store(job, dst, acc, pixels, vectors);
        src += job->src_step;
        w += job->weights_step;
        dst += job->dst_step;
    }
}

#endif
