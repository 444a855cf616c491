/* The register tile: the heart of convolution, 1x1 convolution and dense layers.
 *
 * One body, instantiated for every size of the tile. Per channel of the input it loads `vectors` vectors of
 * weights and broadcasts one value per pixel; pixels x vectors accumulators stay in registers for the whole
 * sum. */
#include "activate.h"

typedef vf tile_row[FMAP_TILE_MAX_VECTORS];

/* One input channel: all pixels, or with `ranged` those in [first, last). The branch on a pixel is the same
 * for 16 channels in a row, so it is predicted and nearly free. */
INLINE void tile_step(tile_row *acc, const float *x, const float *w, int pixels, int vectors, ptrdiff_t step,
                      int ranged, int first, int last) {
    vf weights[FMAP_TILE_MAX_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) weights[v] = v_load(w + v * LANES);
    UNROLL for (int p = 0; p < pixels; p++) {
        if (ranged && (p < first || p >= last)) continue;
        vf value = v_splat(x[p * step]);
        UNROLL for (int v = 0; v < vectors; v++) acc[p][v] = v_fma(weights[v], value, acc[p][v]);
    }
}

/* The channels of one block at one position. Unrolled by four, never more: the loop has to stay in the
 * micro-op cache. */
INLINE void tile_lanes(tile_row *acc, const float *x, const float *w, int lanes, int pixels, int vectors,
                       ptrdiff_t step, int ranged, int first, int last) {
    int k = 0;
    ROLLED for (; k + 4 <= lanes; k += 4, x += 4) {
        UNROLL for (int i = 0; i < 4; i++) {
            BARRIER(x, w);
            tile_step(acc, x + i, w, pixels, vectors, step, ranged, first, last);
            w += vectors * LANES;
        }
    }
    ROLLED for (; k < lanes; k++, x++) {
        BARRIER(x, w);
        tile_step(acc, x, w, pixels, vectors, step, ranged, first, last);
        w += vectors * LANES;
    }
}

/* Activations that are not a clip, over the tile just stored: it is still in the first cache, and the
 * bodies above stay small. */
static __attribute__((noinline)) void tile_activate(const struct fmap_tile *job, int pixels, int vectors) {
    for (int v = 0; v < vectors; v++) {
        float *dst = job->dst + job->dst_offsets[v];
        for (int p = 0; p < pixels; p++, dst += job->dst_pixel_stride) {
            v_store(dst, v_activate(v_load(dst), &job->activate));
        }
    }
}

/* Every tile is clipped, at no cost: without an activation to minus and plus infinity. */
INLINE void tile_store(const struct fmap_tile *job, tile_row *acc, int pixels, int vectors) {
    int clips = job->activate.kind == FMAP_ACTIVATE_CLIP;
    vf low = v_splat(clips ? job->activate.a : -__builtin_inff());
    vf high = v_splat(clips ? job->activate.b : __builtin_inff());
    UNROLL for (int v = 0; v < vectors; v++) {
        float *dst = job->dst + job->dst_offsets[v];
        UNROLL for (int p = 0; p < pixels; p++) {
            v_store(dst + p * job->dst_pixel_stride, v_min(high, v_max(low, acc[p][v])));
        }
    }
    if (!clips && job->activate.kind != FMAP_ACTIVATE_NONE) tile_activate(job, pixels, vectors);
}

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
    tile_store(job, acc, pixels, vectors);
}

/* The distance between pixels is a variable: as a constant it was no faster, and it would be every tile twice. */
#define TILE(pixels, vectors) \
    void K(tile_##pixels##x##vectors)(const struct fmap_tile *job); \
    void K(tile_##pixels##x##vectors)(const struct fmap_tile *job) { \
        tile(job, pixels, vectors, job->src_pixel_stride); \
    }
TILES(TILE)
#undef TILE
