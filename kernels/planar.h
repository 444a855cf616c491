/* The register tile of few channels: the first layer of a network. Its source lies in planes of single floats, so that
 * no lane of a block is wasted on channels that do not exist.
 *
 * Before it is included: PLANAR_DISTANCE, from a pixel of a row to the next, and PLANAR(size), the name of a tile. */
#ifndef FMAP_PLANAR_H
#define FMAP_PLANAR_H

#include "tile_limits.h"

/* What is loaded from x is loaded anew after this point. By lane all loads stay where they are, or there are spills. */
#ifdef BY_LANE
#define ADDRESS_BARRIER(x) LOAD_BARRIER()
#else
#define ADDRESS_BARRIER(x) __asm__ volatile("" : "+r"(x))
#endif

#ifdef BY_LANE
/* Neighbouring pixels of a term: one load brings as many as a vector has lanes, or two. What it brings beyond the last pixel is
 * not used. */
INLINE void planar_term(tile_row *acc, const float *x, const vf *weights, int pixels, int vectors) {
    vf values[(FMAP_TILE_MAX_PIXELS + LANES - 1) / LANES + 1];
    UNROLL for (int p = 0; p < pixels; p += 2 * LANES) {
        if (p + LANES < pixels) {
            v_load_pair(x + p, &values[p / LANES], &values[p / LANES + 1]);
        } else {
            values[p / LANES] = v_load(x + p);
        }
    }
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        int p = i / vectors, v = i % vectors;
        v_accumulate_lane(&acc[p][v], weights[v], values[p / LANES], p % LANES);
    }
}

/* Where the number of vectors is odd, two at a time, so that all weights are loaded in pairs. */
INLINE void planar_sum(const struct fmap_tile *job, tile_row *acc, const float *src, int pixels,
                       int vectors) {
    const float *w = job->weights;
    const int32_t *term = job->terms, *end = term + job->n_terms;
    vf weights[2 * FMAP_TILE_MAX_VECTORS];
    int n = vectors % 2 == 1 ? 2 : 1;
    ROLLED for (; end - term >= n; term += n) {
        const float *x = src + term[0], *next = src + term[n - 1];
        BARRIER(x, w);
        UNROLL for (int i = 0; i < n * vectors; i += 2)
            v_load_pair(w + i * LANES, &weights[i], &weights[i + 1]);
        planar_term(acc, x, weights, pixels, vectors);
        if (n == 2) planar_term(acc, next, weights + vectors, pixels, vectors);
        w += n * vectors * LANES;
    }
    if (term == end) return;
    UNROLL for (int v = 0; v < vectors; v++) weights[v] = v_load(w + v * LANES);
    planar_term(acc, src + *term, weights, pixels, vectors);
}
#else
#ifdef PLANAR_THREES
/* The smaller side of a tile stays in registers: there are none left for the larger one. */
INLINE void planar_step(tile_row *acc, const float *x, const float *w, int pixels, int vectors) {
    if (pixels >= vectors) {
        tile_step(acc, x, w, pixels, vectors, PLANAR_DISTANCE, 0, pixels);
        return;
    }
    vf values[FMAP_TILE_MAX_VECTORS], weights = v_splat(0.0f);
    UNROLL for (int p = 0; p < pixels; p++) values[p] = v_splat(x[p * PLANAR_DISTANCE]);
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        int v = i / pixels, p = i % pixels;
        if (p == 0) weights = v_load(w + v * LANES);
        v_accumulate(&acc[p][v], weights, values[p]);
    }
}
#else
#define planar_step(acc, x, w, pixels, vectors) \
    tile_step(acc, x, w, pixels, vectors, PLANAR_DISTANCE, 0, pixels)
#endif

/* Lines of the output that tiles to come will write: they are far away where outputs are many, and until its line is
 * here a store holds up the loads that it looks like. Where terms are few, most of the time went there. */
struct planar_ahead {
    const float *lines[FMAP_TILE_MAX_VECTORS];
    ptrdiff_t step;
};

enum { LINES_AHEAD = FMAP_TILE_MAX_PIXELS };

/* As many as a tile writes, spread over its sum: two terms in a turn, or nine. */
INLINE ptrdiff_t planar_ahead_step(const struct fmap_tile *job, int pixels, bool threes) {
    int turns = threes ? (job->n_terms + 8) / 9 : job->n_terms / 2 + 1;
    return (pixels * FMAP_BLOCK + turns - 1) / turns;
}

/* Two terms in a turn: what counts them takes ports that multiply. */
INLINE void planar_sum(const struct fmap_tile *job, tile_row *acc, const float *src, int pixels, int vectors,
                       const struct planar_ahead *ahead) {
    const float *w = job->weights;
    const int32_t *term = job->terms, *end = term + job->n_terms;
    ptrdiff_t line = 0;
    ROLLED for (; term < end; term += 2) {
        ptrdiff_t at = term[0];
        BARRIER(at, w);
        UNROLL for (int v = 0; v < vectors; v += PARTS) __builtin_prefetch(ahead->lines[v] + line, 1, 2);
        line += ahead->step;
        planar_step(acc, src + at, w, pixels, vectors);
        if (end - term < 2) break;
        at = term[1];
        BARRIER(at, w);
        planar_step(acc, src + at, w + vectors * LANES, pixels, vectors);
        w += 2 * vectors * LANES;
    }
}

#ifdef PLANAR_THREES
/* Three terms, equally far apart: only the first has to be looked up. */
INLINE void planar_three(tile_row *acc, const float *const *x, ptrdiff_t at, const float *w, int pixels,
                         int vectors) {
    UNROLL for (int k = 0; k < 3; k++) {
        ADDRESS_BARRIER(at);
        planar_step(acc, x[k] + at, w + k * vectors * LANES, pixels, vectors);
    }
}

/* A third of those that the tile writes. */
INLINE void planar_fetch(const struct planar_ahead *ahead, ptrdiff_t line, int pixels, int vectors) {
    int blocks = (vectors + PARTS - 1) / PARTS;
    UNROLL for (int i = 0; i < (pixels + 2) / 3 * blocks; i++)
        __builtin_prefetch(ahead->lines[i % blocks * PARTS] + line + i / blocks * FMAP_BLOCK, 1, 2);
}

/* Nine terms in a turn, in threes: processors of few registers load seven times for twelve FMAs, and have few places left for
 * instructions that do neither. */
INLINE void planar_threes(const struct fmap_tile *job, tile_row *acc, const float *src, int pixels,
                          int vectors, const struct planar_ahead *ahead) {
    const float *x[3] = {src, src + job->threes, src + 2 * job->threes}, *w = job->weights;
    const int32_t *term = job->terms, *end = term + job->n_terms;
    ptrdiff_t line = 0;
    ROLLED for (; end - term >= 9; term += 9) {
        planar_fetch(ahead, line, pixels, vectors);
        line += ahead->step;
        UNROLL for (int k = 0; k < 9; k += 3)
            planar_three(acc, x, term[k], w + k * vectors * LANES, pixels, vectors);
        w += 9 * vectors * LANES;
    }
    ROLLED for (; term < end; term += 3, w += 3 * vectors * LANES)
        planar_three(acc, x, *term, w, pixels, vectors);
}
#else
#define planar_threes planar_sum /* never called */
#endif
#endif

/* The bias, loaded for every accumulator: copies of a register would take the ports that multiply. */
INLINE void planar_begin(const float *bias, tile_row *acc, int pixels, int vectors) {
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        ADDRESS_BARRIER(bias);
        acc[i % pixels][i / pixels] = v_load(bias + i / pixels * LANES);
    }
}

/* Pixels that lie side by side, without a residual: every address is a constant away from its vector's, where the compiler
 * would otherwise keep them all on the stack. Few terms do not hide much. */
INLINE void planar_store(const struct fmap_tile *job, const struct tile_limits *limits, float *dst,
                         tile_row *acc, int pixels, int vectors) {
    float *places[FMAP_TILE_MAX_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) places[v] = dst + job->dst_offsets[v];
    vf least = v_splat(*limits->low);
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        acc[i % pixels][i / pixels] = v_max(least, acc[i % pixels][i / pixels]);
    }
    if (limits->above) {
        vf most = v_splat(*limits->high);
        UNROLL for (int i = 0; i < pixels * vectors; i++) {
            acc[i % pixels][i / pixels] = v_min(most, acc[i % pixels][i / pixels]);
        }
    }
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        v_store(places[i / pixels] + i % pixels * FMAP_BLOCK, acc[i % pixels][i / pixels]);
    }
    if (limits->activates) tile_activate(job, dst, pixels, vectors);
}

/* What a later part copies. */
INLINE const float *fetch_lines(const float *fetch, int n) {
    ROLLED for (int i = 0; i < n; i++, fetch += FMAP_BLOCK) __builtin_prefetch(fetch, 0, 2);
    return fetch;
}

/* Each term of the sum is an element of the convolution's kernel: where it is read, relative to the pixel. `threes` is constant. */
INLINE void planar(const struct fmap_tile *job, int pixels, int vectors, bool threes) {
    const float *src = job->src, *fetch = job->fetch, *bias = job->bias;
    float *dst = job->dst;
#ifdef BY_LANE
    (void)threes; /* Its loads bring neighbouring pixels instead. */
#else
    const struct tile_limits limits = tile_limits_of(&job->activate);
    struct planar_ahead ahead = {.step = planar_ahead_step(job, pixels, threes)};
#endif
    ROLLED for (int i = 0; i < job->n_repeats; i++) {
        vf acc[FMAP_TILE_MAX_PIXELS][FMAP_TILE_MAX_VECTORS];
        if (fetch) fetch = fetch_lines(fetch, job->n_fetched);
        planar_begin(bias, acc, pixels, vectors);
#ifdef BY_LANE
        planar_sum(job, acc, src, pixels, vectors);
        tile_store(job, dst, acc, pixels,
                   vectors); /* All sums compared at once would be two registers each. */
#else
        UNROLL for (int v = 0; v < vectors; v++)
            ahead.lines[v] = dst + job->dst_offsets[v] + LINES_AHEAD * FMAP_BLOCK;
        if (threes)
            planar_threes(job, acc, src, pixels, vectors, &ahead);
        else
            planar_sum(job, acc, src, pixels, vectors, &ahead);
        planar_store(job, &limits, dst, acc, pixels, vectors);
#endif
        src += job->src_step;
        dst += job->dst_step;
    }
}

/* One body with all would have no registers left. */
#ifdef PLANAR_THREES
#include "planar_halves.h"

#define TILE(pixels, vectors) \
    static __attribute__((noinline)) void PLANAR(threes_##pixels##x##vectors)(const struct fmap_tile *job) { \
        planar(job, pixels, vectors, true); \
    } \
    void PLANAR(pixels##x##vectors)(const struct fmap_tile *job); \
    void PLANAR(pixels##x##vectors)(const struct fmap_tile *job) { \
        if (job->threes && planar_by_halves(job, pixels, vectors)) return; \
        if (job->threes) \
            PLANAR(threes_##pixels##x##vectors)(job); \
        else \
            planar(job, pixels, vectors, false); \
    }
#else
#define TILE(pixels, vectors) \
    void PLANAR(pixels##x##vectors)(const struct fmap_tile *job); \
    void PLANAR(pixels##x##vectors)(const struct fmap_tile *job) { planar(job, pixels, vectors, false); }
#endif
PLANAR_TILES(TILE)
#undef TILE

#endif
