/* Dense layers for many images: register tiles of rows x vectors over a piece of the sums. The piece's weights serve all
 * rows from the second cache, while those of the next piece are on their way there. */
#ifndef FMAP_DENSE_H
#define FMAP_DENSE_H

#include "tile.h"
#include "weights.h"

enum { LINE = 16 }; /* floats of a line of cache */

/* Every third row has a pointer, the two behind it are one and two distances away: addresses that need no other
 * register. Left to itself the compiler keeps one for each row, and has not so many. */
enum { THIRDS = (FMAP_TILE_MAX_PIXELS + 2) / 3 };

INLINE void dense_step(tile_row *acc, const float **x, int k, const char *w, int rows, int vectors,
                       ptrdiff_t step, int bf16) {
    vf weights[FMAP_TILE_MAX_VECTORS], value = v_splat(0.0f);
    UNROLL for (int i = 0; i < rows; i += 3) BARRIER(x[i / 3], w);
    UNROLL for (int v = 0; v < vectors; v++) weights[v] = weights_load(w + v * weights_vector(bf16), bf16);
    UNROLL for (int i = 0; i < rows * vectors; i++) {
        int row = i / vectors, v = i % vectors;
        if (v == 0) value = v_splat(x[row / 3][row % 3 * step + k]);
        v_accumulate(&acc[row][v], weights[v], value);
    }
}

/* Four terms, and as many lines of what comes next. Where an instruction multiplies by a lane, one load brings a row's. */
#ifdef BY_LANE
INLINE const char *dense_four(tile_row *acc, const float **x, const char *w, const float *next, int rows,
                              int vectors, ptrdiff_t step, int bf16) {
    vf values[FMAP_TILE_MAX_PIXELS];
    UNROLL for (int i = 0; i < rows; i += 3) BARRIER(x[i / 3], w);
    UNROLL for (int row = 0; row < rows; row++) values[row] = v_load(x[row / 3] + row % 3 * step);
    if (!bf16) {
        UNROLL for (int k = 0; k < 4; k++) __builtin_prefetch(next + k * LINE, 0, 2);
        return (const char *)lane_four(acc, values, (const float *)(const void *)w, rows, vectors, 0, rows);
    }
    UNROLL for (int i = 0; i < 4 * vectors; i++, w += weights_vector(bf16)) {
        int k = i / vectors, v = i % vectors;
        if (v == 0) __builtin_prefetch(next + k * LINE, 0, 2);
        if (v == 0 || rows * vectors + rows + vectors > LANE_REGISTERS - 1) LOAD_BARRIER();
        vf weight = weights_load(w, bf16);
        UNROLL for (int row = 0; row < rows; row++) v_accumulate_lane(&acc[row][v], weight, values[row], k);
    }
    return w;
}
#else
INLINE const char *dense_four(tile_row *acc, const float **x, const char *w, const float *next, int rows,
                              int vectors, ptrdiff_t step, int bf16) {
    UNROLL for (int i = 0; i < 4; i++, w += vectors * weights_vector(bf16)) {
        __builtin_prefetch(next + i * LINE, 0, 2);
        dense_step(acc, x, i, w, rows, vectors, step, bf16);
    }
    return w;
}
#endif

/* Terms of one block: four at a time with as many lines of what comes next, the others without. */
INLINE const char *dense_lanes(tile_row *acc, const float **x, const char *w, const float *next,
                               ptrdiff_t next_step, int lanes, int rows, int vectors, ptrdiff_t step,
                               int bf16) {
    int k = 0;
    ROLLED for (; k + 4 <= lanes; k += 4, next += next_step) {
        w = dense_four(acc, x, w, next, rows, vectors, step, bf16);
        UNROLL for (int i = 0; i < rows; i += 3) x[i / 3] += 4;
    }
    ROLLED for (; k < lanes; k++, w += vectors * weights_vector(bf16)) {
        dense_step(acc, x, 0, w, rows, vectors, step, bf16);
        UNROLL for (int i = 0; i < rows; i += 3) x[i / 3] += 1;
    }
    UNROLL for (int i = 0; i < rows; i += 3) x[i / 3] += FMAP_BLOCK - lanes;
    return w;
}

static __attribute__((noinline)) void dense_activate(const struct fmap_dense_tile *job, int rows,
                                                     int vectors) {
    for (int v = 0; v < vectors; v++) {
        float *dst = job->dst + v * LANES;
        K(activate)(dst, dst, job->dst_row_stride, rows, &job->activate);
    }
}

INLINE void dense_store(const struct fmap_dense_tile *job, tile_row *acc, int rows, int vectors) {
    float *dst = job->dst;
    ptrdiff_t step = job->dst_row_stride;
    enum fmap_activate kind = job->activate.kind;
    if (kind == FMAP_ACTIVATE_CLIP) {
        vf low = v_splat(job->activate.a), high = v_splat(job->activate.b);
        UNROLL for (int i = 0; i < rows * vectors; i++) {
            if (i > 0 && i % vectors == 0) dst += step;
            v_store(dst + i % vectors * LANES, v_min(high, v_max(low, acc[i / vectors][i % vectors])));
        }
        return;
    }
    UNROLL for (int i = 0; i < rows * vectors; i++) {
        if (i > 0 && i % vectors == 0) dst += step;
        v_store(dst + i % vectors * LANES, acc[i / vectors][i % vectors]);
    }
    if (kind != FMAP_ACTIVATE_NONE) dense_activate(job, rows, vectors);
}

INLINE void dense(const struct fmap_dense_tile *job, int rows, int vectors, int bf16) {
    vf acc[FMAP_TILE_MAX_PIXELS][FMAP_TILE_MAX_VECTORS];
    const float *first = job->bias ? job->bias : job->dst;
    ptrdiff_t next_row = job->bias ? 0 : job->dst_row_stride;
    UNROLL for (int i = 0; i < rows * vectors; i++) {
        if (i > 0 && i % vectors == 0) first += next_row;
        acc[i / vectors][i % vectors] = v_load(first + i % vectors * LANES);
    }
    const float *x[THIRDS], *next = job->prefetch;
    const char *w = job->weights;
    ptrdiff_t step = job->src_row_stride, next_step = job->prefetch_step;
    UNROLL for (int i = 0; i < rows; i += 3) x[i / 3] = job->src + i * step;
    ROLLED for (int64_t i = 0; i < job->terms.n_blocks; i++, next += 4 * next_step) {
        w = dense_lanes(acc, x, w, next, next_step, FMAP_BLOCK, rows, vectors, step, bf16);
    }
    ROLLED for (int64_t i = 0; i < job->terms.n_rests; i++) {
        w = dense_lanes(acc, x, w, next, 0, job->terms.rest_lanes, rows, vectors, step, bf16);
    }
    dense_store(job, acc, rows, vectors);
}

#endif
