/* Dense layers for many images: register tiles of rows x vectors over a piece of the sums. The piece's weights serve all
 * rows from the second cache, while those of the next piece are on their way there. */
#include "tile.h"

enum { LINE = 16 }; /* floats of a line of cache */

/* Terms of one block: four at a time with as many lines of what comes next, the others without. */
INLINE const float *dense_lanes(const struct fmap_dense_tile *job, tile_row *acc, const float *x,
                                const float *w, const float *next, ptrdiff_t step, int lanes, int rows,
                                int vectors) {
    int k = 0;
    ROLLED for (; k + 4 <= lanes; k += 4, x += 4, next += job->prefetch_step) {
        UNROLL for (int i = 0; i < 4; i++, w += vectors * LANES) {
            BARRIER(x, w);
            __builtin_prefetch(next + i * LINE, 0, 2);
            tile_step(acc, x + i, w, rows, vectors, step, 0, rows);
        }
    }
    ROLLED for (; k < lanes; k++, x++, w += vectors * LANES) {
        BARRIER(x, w);
        tile_step(acc, x, w, rows, vectors, step, 0, rows);
    }
    return w;
}

static __attribute__((noinline)) void dense_activate(const struct fmap_dense_tile *job, int rows,
                                                     int vectors) {
    for (int row = 0; row < rows; row++) {
        for (int v = 0; v < vectors; v++) {
            float *dst = job->dst + row * job->dst_row_stride + v * LANES;
            v_store(dst, v_activate(v_load(dst), &job->activate));
        }
    }
}

INLINE void dense(const struct fmap_dense_tile *job, int rows, int vectors) {
    vf acc[FMAP_TILE_MAX_PIXELS][FMAP_TILE_MAX_VECTORS];
    const float *first = job->bias ? job->bias : job->dst;
    ptrdiff_t next_row = job->bias ? 0 : job->dst_row_stride;
    UNROLL for (int row = 0; row < rows; row++, first += next_row) {
        UNROLL for (int v = 0; v < vectors; v++) acc[row][v] = v_load(first + v * LANES);
    }
    const float *x = job->src, *w = job->weights, *next = job->prefetch;
    ptrdiff_t step = job->src_row_stride, next_block = 4 * job->prefetch_step;
    ROLLED for (int64_t i = 0; i < job->terms.n_blocks; i++, x += FMAP_BLOCK, next += next_block) {
        w = dense_lanes(job, acc, x, w, next, step, FMAP_BLOCK, rows, vectors);
    }
    ROLLED for (int64_t i = 0; i < job->terms.n_rests; i++, x += FMAP_BLOCK) {
        w = dense_lanes(job, acc, x, w, next, step, job->terms.rest_lanes, rows, vectors);
    }
    float *dst = job->dst;
    UNROLL for (int row = 0; row < rows; row++, dst += job->dst_row_stride) {
        UNROLL for (int v = 0; v < vectors; v++) v_store(dst + v * LANES, acc[row][v]);
    }
    if (job->activate.kind != FMAP_ACTIVATE_NONE) dense_activate(job, rows, vectors);
}

#define TILE(rows, vectors) \
    void K(dense_##rows##x##vectors)(const struct fmap_dense_tile *job); \
    void K(dense_##rows##x##vectors)(const struct fmap_dense_tile *job) { dense(job, rows, vectors); }
TILES(TILE)
#undef TILE
