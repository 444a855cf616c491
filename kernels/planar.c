/* The register tile of few channels: the first layer of a network. Its source lies in planes of single floats, so that
 * the pixels of a row are side by side and no lane of a block is wasted on channels that do not exist. */
#include "tile.h"

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

/* Terms [term, end). Where the number of vectors is odd, two at a time, so that all weights are loaded in pairs. */
INLINE void planar_sum(tile_row *acc, const float *src, const float *w, const int32_t *term,
                       const int32_t *end, int pixels, int vectors) {
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
/* Lines of the output that tiles to come will write: they are far away where outputs are many, and until its line is
 * here a store holds up the loads that it looks like. Where terms are few, most of the time went there. */
struct planar_ahead {
    const float *lines[FMAP_TILE_MAX_VECTORS];
    ptrdiff_t step;
};

enum { LINES_AHEAD = FMAP_TILE_MAX_PIXELS };

/* As many as a tile writes, spread over its sum. */
INLINE ptrdiff_t planar_ahead_step(const struct fmap_tile *job, int pixels) {
    int turns = job->n_terms / 2 + 1;
    return (pixels * FMAP_BLOCK + turns - 1) / turns;
}

/* Terms [term, end), two in a turn: what counts them takes ports that multiply. */
INLINE void planar_sum(tile_row *acc, const float *src, const float *w, const int32_t *term,
                       const int32_t *end, int pixels, int vectors, const struct planar_ahead *ahead) {
    ptrdiff_t line = 0;
    ROLLED for (; term < end; term += 2) {
        ptrdiff_t at = term[0];
        BARRIER(at, w);
        UNROLL for (int v = 0; v < vectors; v += PARTS) __builtin_prefetch(ahead->lines[v] + line, 1, 2);
        line += ahead->step;
        tile_step(acc, src + at, w, pixels, vectors, 1, 0, pixels);
        if (end - term < 2) break;
        at = term[1];
        BARRIER(at, w);
        tile_step(acc, src + at, w + vectors * LANES, pixels, vectors, 1, 0, pixels);
        w += 2 * vectors * LANES;
    }
}
#endif

/* The bias, loaded for every accumulator: copies of a register would take the ports that multiply. */
INLINE void planar_begin(const struct fmap_tile *job, tile_row *acc, int pixels, int vectors) {
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        LOAD_BARRIER();
        acc[i % pixels][i / pixels] = v_load(job->bias + i / pixels * LANES);
    }
}

/* Pixels that lie side by side, without a residual: every address is a constant away from its vector's, where the compiler
 * would otherwise keep them all on the stack. Few terms do not hide much. What is limited from below only, such as by
 * ReLU, is not compared with infinity. Both limits are without effect where there is no clip. */
INLINE void planar_store(const struct fmap_tile *job, float *dst, tile_row *acc, int pixels, int vectors) {
    enum fmap_activate kind = job->activate.kind;
    bool clips = kind == FMAP_ACTIVATE_CLIP;
    float *places[FMAP_TILE_MAX_VECTORS], infinity = __builtin_inff();
    float low = clips ? job->activate.a : -infinity, high = clips ? job->activate.b : infinity;
    UNROLL for (int v = 0; v < vectors; v++) places[v] = dst + job->dst_offsets[v];
    vf least = v_splat(low);
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        acc[i % pixels][i / pixels] = v_max(least, acc[i % pixels][i / pixels]);
    }
    if (!(high == infinity)) {
        vf most = v_splat(high);
        UNROLL for (int i = 0; i < pixels * vectors; i++) {
            acc[i % pixels][i / pixels] = v_min(most, acc[i % pixels][i / pixels]);
        }
    }
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        v_store(places[i / pixels] + i % pixels * FMAP_BLOCK, acc[i % pixels][i / pixels]);
    }
    if (kind != FMAP_ACTIVATE_NONE && !clips) tile_activate(job, dst, pixels, vectors);
}

/* What a later part copies. */
INLINE const float *fetch_lines(const float *fetch, int n) {
    ROLLED for (int i = 0; i < n; i++, fetch += FMAP_BLOCK) __builtin_prefetch(fetch, 0, 2);
    return fetch;
}

/* Each term of the sum is an element of the convolution's kernel: where it is read, relative to the pixel. */
INLINE void planar(const struct fmap_tile *job, int pixels, int vectors) {
    const float *src = job->src, *fetch = job->fetch;
    float *dst = job->dst;
#ifndef BY_LANE
    ptrdiff_t step = planar_ahead_step(job, pixels);
#endif
    ROLLED for (int i = 0; i < job->n_repeats; i++) {
        vf acc[FMAP_TILE_MAX_PIXELS][FMAP_TILE_MAX_VECTORS];
        if (fetch) fetch = fetch_lines(fetch, job->n_fetched);
        const float *w = job->weights;
        const int32_t *term = job->terms, *end = term + job->n_terms;
        planar_begin(job, acc, pixels, vectors);
#ifdef BY_LANE
        planar_sum(acc, src, w, term, end, pixels, vectors);
        tile_store(job, dst, acc, pixels,
                   vectors); /* All sums compared at once would be two registers each. */
#else
        struct planar_ahead ahead = {.step = step};
        UNROLL for (int v = 0; v < vectors; v++)
            ahead.lines[v] = dst + job->dst_offsets[v] + LINES_AHEAD * FMAP_BLOCK;
        planar_sum(acc, src, w, term, end, pixels, vectors, &ahead);
        planar_store(job, dst, acc, pixels, vectors);
#endif
        src += job->src_step;
        dst += job->dst_step;
    }
}

#define TILE(pixels, vectors) \
    void K(planar_##pixels##x##vectors)(const struct fmap_tile *job); \
    void K(planar_##pixels##x##vectors)(const struct fmap_tile *job) { planar(job, pixels, vectors); }
TILES(TILE)
#undef TILE

/* The compiler makes vectors of a distance that it knows. */
INLINE void gather(float *dst, const float *src, int n, ptrdiff_t distance) {
    for (int i = 0; i < n; i++) dst[i] = src[i * distance];
}

void K(gather)(const struct fmap_gather *job) {
    const float *src = job->src;
    float *dst = job->dst;
    switch (job->distance) {
    case 1: gather(dst, src, job->n, 1); break;
    case 2: gather(dst, src, job->n, 2); break;
    case 3: gather(dst, src, job->n, 3); break;
    case 4: gather(dst, src, job->n, 4); break;
    case 6: gather(dst, src, job->n, 6); break;
    default: gather(dst, src, job->n, job->distance);
    }
}

INLINE void gather_pixels(const struct fmap_gather_pixels *job, ptrdiff_t distance) {
    const uint8_t *restrict src = job->src;
    float *restrict dst = job->dst;
    float mean = job->mean, scale = job->scale;
    for (int i = 0; i < job->n; i++) dst[i] = ((float)src[i * distance] - mean) * scale;
}

void K(gather_pixels)(const struct fmap_gather_pixels *job) {
    switch (job->distance) {
    case 1: gather_pixels(job, 1); break;
    case 2: gather_pixels(job, 2); break;
    case 3: gather_pixels(job, 3); break;
    case 4: gather_pixels(job, 4); break;
    case 6: gather_pixels(job, 6); break;
    default: gather_pixels(job, job->distance);
    }
}
