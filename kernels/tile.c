/* The register tile: the heart of convolution and dense layers, for any kernel, stride, border and distance. */
#include "tile.h"

INLINE void tile(const struct fmap_tile *job, int pixels, int vectors, ptrdiff_t step) {
    vf acc[FMAP_TILE_MAX_PIXELS][FMAP_TILE_MAX_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) {
        vf bias = v_load(job->bias + v * LANES);
        UNROLL for (int p = 0; p < pixels; p++) acc[p][v] = bias;
    }
    const float *src = job->src;
    const float *weights = job->weights;
    for (int b = 0; b < job->n_blocks; b++) {
        int first_lane = b == 0 ? job->first_lane : 0;
        int lanes = (b == job->n_blocks - 1 ? job->last_lanes : FMAP_BLOCK) - first_lane;
        for (int i = 0; i < job->n_positions; i++) {
            const struct fmap_tile_position *position = &job->positions[i];
            const float *x = src + position->src_offset + first_lane;
            const float *w = weights + (ptrdiff_t)position->index * lanes * vectors * LANES;
            if (position->first == 0 && position->last == pixels) {
                tile_lanes(acc, x, w, lanes, pixels, vectors, step, 0, 0, 0);
            } else {
                tile_lanes(acc, x, w, lanes, pixels, vectors, step, 1, position->first, position->last);
            }
        }
        src += job->src_block_stride;
        weights += (ptrdiff_t)job->kernel_size * lanes * vectors * LANES;
    }
    tile_store(job, job->dst, acc, pixels, vectors);
}

/* The distance between pixels is a variable: as a constant it was no faster, and it would be every tile twice. */
#define TILE(pixels, vectors) \
    void K(tile_##pixels##x##vectors)(const struct fmap_tile *job); \
    void K(tile_##pixels##x##vectors)(const struct fmap_tile *job) { \
        tile(job, pixels, vectors, job->src_pixel_stride); \
    }
TILES(TILE)
#undef TILE
