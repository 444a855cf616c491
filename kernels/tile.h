/* What the register tiles share.
 *
 * One body, instantiated for every size of the tile. Per channel of the input it loads `vectors` vectors of
 * weights and broadcasts one value per pixel; pixels x vectors accumulators stay in registers for the whole
 * sum. */
#ifndef FMAP_TILE_H
#define FMAP_TILE_H

#include "activate.h"

typedef vf tile_row[FMAP_TILE_MAX_VECTORS];

/* What a later call needs is fetched from the third cache or from memory while a sum is computed, line by line: many at once
 * would keep the first cache's own misses waiting. In four streams, as one would be limited by what is under way from one
 * page: on an Intel Xeon 16 GB/s beside FMAs where one stream has 14, and fours of its lines at once 12. */
struct fetching {
    uintptr_t at, end;   /* numbers, since they may lie behind what there is to read */
    uintptr_t stride;    /* bytes from stream to stream */
    unsigned lines, due; /* for a block of channels; those that are due, times the channels of a block */
};

enum { FETCH_STREAMS = 4, FETCH_LINE = FMAP_BLOCK * sizeof(float), FETCH_PAGE = 4096 };

/* After how many channels, and how many lines then at most: wide vectors need many, to narrow ones a test costs more. */
enum { FETCH_EACH = LANES < 16 ? 4 : 2, FETCH_MOST = LANES < 16 ? 2 : 3 };

/* From there on so many lines with every block of channels, of n_blocks; NULL: none. Streams within a page would only be in each
 * other's way: then there is one. */
INLINE struct fetching fetch_begin(const float *from, int lines, ptrdiff_t n_blocks) {
    uintptr_t at = (uintptr_t)from;
    size_t share = ((size_t)(lines * n_blocks) + FETCH_STREAMS - 1) / FETCH_STREAMS * FETCH_LINE;
    return (struct fetching){.at = at,
                             .end = at + FETCH_STREAMS * share,
                             .stride = share < FETCH_PAGE ? FETCH_LINE : share,
                             .lines = from ? (unsigned)lines : 0};
}

INLINE void fetch_line(struct fetching *fetching) {
    __builtin_prefetch((const void *)fetching->at, 0, 2);
    fetching->at += fetching->stride;
    if (fetching->at >= fetching->end) fetching->at -= FETCH_STREAMS * fetching->stride - FETCH_LINE;
}

/* The share of so many channels, but no more than `most` lines. No loop, and little code: this is within the innermost loop. */
INLINE void fetch_share(struct fetching *fetching, int n_channels, int most) {
    fetching->due += (unsigned)n_channels * fetching->lines;
    UNROLL for (int i = 0; i < most; i++) {
        if (fetching->due < FMAP_BLOCK) break;
        fetching->due -= FMAP_BLOCK;
        fetch_line(fetching);
    }
}

/* And what they left. */
INLINE void fetch_rest(struct fetching *fetching) {
    ROLLED for (; fetching->due >= FMAP_BLOCK; fetching->due -= FMAP_BLOCK) fetch_line(fetching);
}

/* The share of a block at once. */
INLINE void fetch_block(struct fetching *fetching) {
    ROLLED for (unsigned i = 0; i < fetching->lines; i++) fetch_line(fetching);
}

/* Loops over a tile run over pixels and vectors at once: Clang unrolls a loop within a loop too late to keep the
 * accumulators of tiles that are 1 wide in registers. */
INLINE void tile_begin(const struct fmap_tile *job, tile_row *acc, int pixels, int vectors) {
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        acc[i % pixels][i / pixels] = v_load(job->bias + i / pixels * LANES);
    }
}

/* The sums of earlier channels, from where they were stored. */
INLINE void tile_continue(const struct fmap_tile *job, tile_row *acc, int pixels, int vectors) {
    const float *pixel = job->dst;
    UNROLL for (int i = 0; i < pixels * vectors; i++, pixel += job->dst_pixel_stride) {
        if (i % pixels == 0) pixel = job->dst + job->dst_offsets[i / pixels];
        acc[i % pixels][i / pixels] = v_load(pixel);
    }
}

/* One input channel, pixels [first, last). Where these are not constants, the branch on a pixel is the same for 16
 * channels in a row, so it is predicted and nearly free. */
INLINE void tile_step(tile_row *acc, const float *x, const float *w, int pixels, int vectors, ptrdiff_t step,
                      int first, int last) {
    vf weights[FMAP_TILE_MAX_VECTORS], value = v_splat(0.0f);
    UNROLL for (int v = 0; v < vectors; v++) weights[v] = v_load(w + v * LANES);
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        int p = i / vectors, v = i % vectors;
        if (p < first || p >= last) continue;
        if (v == 0) value = v_splat(x[p * step]);
        v_accumulate(&acc[p][v], weights[v], value);
    }
}

/* With branches in it GCC would not leave a loop's sums in the registers in which it takes them up again. */
INLINE void tile_keep(tile_row *acc, int pixels, int vectors) {
    UNROLL for (int i = 0; i < pixels * vectors; i++)
        acc[i % pixels][i / pixels] = v_keep(acc[i % pixels][i / pixels]);
}

/* tile_four: four input channels. Where an instruction multiplies by a lane, one load brings a pixel's four: the same
 * terms in the same order. */
INLINE void tile_four_channels(tile_row *acc, const float **x, const float **w, int pixels, int vectors,
                               ptrdiff_t step, int first, int last, struct fetching *fetching) {
    UNROLL for (int k = 0; k < 4; k++, *w += vectors * LANES) {
        BARRIER(*x, *w);
        if (fetching && k % FETCH_EACH == 0) fetch_share(fetching, FETCH_EACH, FETCH_MOST);
        tile_step(acc, *x + k, *w, pixels, vectors, step, first, last);
    }
    *x += 4;
    if (fetching) tile_keep(acc, pixels, vectors);
}

#ifdef BY_LANE
#include "tile_by_lane.h"
#else
#define tile_four                                                 tile_four_channels
#define tile_takes_eight(pixels, vectors, first, last)            false
#define tile_eight(acc, x, w, pixels, vectors, step, first, last) /* never called */
#endif

/* The channels of one block at one position. Unrolled by four, but where one load brings eight never more: the loop has to
 * stay in the micro-op cache. */
INLINE void tile_lanes(tile_row *acc, const float *x, const float *w, int lanes, int pixels, int vectors,
                       ptrdiff_t step, int first, int last) {
    int k = 0;
    if (tile_takes_eight(pixels, vectors, first, last)) {
        ROLLED for (; k + 8 <= lanes; k += 8) { tile_eight(acc, &x, &w, pixels, vectors, step, first, last); }
    }
    ROLLED for (; k + 4 <= lanes; k += 4) {
        tile_four(acc, &x, &w, pixels, vectors, step, first, last, NULL);
    }
    ROLLED for (; k < lanes; k++, x++) {
        BARRIER(x, w);
        tile_step(acc, x, w, pixels, vectors, step, first, last);
        w += vectors * LANES;
    }
}

/* Activations that are not a clip, over the tile just stored: it is still in the first cache, and the
 * bodies above stay small. */
static __attribute__((noinline, unused)) void tile_activate(const struct fmap_tile *job, float *dst,
                                                            int pixels, int vectors) {
    for (int v = 0; v < vectors; v++) {
        float *pixel = dst + job->dst_offsets[v];
        K(activate)(pixel, pixel, job->dst_pixel_stride, pixels, &job->activate);
    }
}

/* What will be added is on its way while the sum is computed. */
static __attribute__((noinline, unused)) void tile_fetch(const struct fmap_tile *job, const float *dst,
                                                         int pixels, int vectors) {
    for (int v = 0; v < vectors; v++) {
        const float *residual = job->residual + (dst - job->dst) + job->dst_offsets[v];
        ROLLED for (int p = 0; p < pixels; p++, residual += job->dst_pixel_stride)
            __builtin_prefetch(residual);
    }
}

/* Out of the way of the tile, whose accumulators leave few registers to other loops. */
INLINE void tile_expect(const struct fmap_tile *job, const float *dst, int pixels, int vectors) {
    if (job->residual) tile_fetch(job, dst, pixels, vectors);
}

/* The same for what is added before the activation: a clip or none is done in one pass with it. */
static __attribute__((noinline, unused)) void tile_add(const struct fmap_tile *job, float *dst, int pixels,
                                                       int vectors) {
    int clips = job->activate.kind == FMAP_ACTIVATE_CLIP;
    vf low = v_splat(clips ? job->activate.a : -__builtin_inff());
    vf high = v_splat(clips ? job->activate.b : __builtin_inff());
    ptrdiff_t step = job->dst_pixel_stride;
    for (int v = 0; v < vectors; v++) {
        float *pixel = dst + job->dst_offsets[v];
        const float *residual = job->residual + (pixel - job->dst);
        for (int p = 0; p < pixels; p++, pixel += step, residual += step) {
            v_store(pixel, v_min(high, v_max(low, v_add(v_load(pixel), v_load(residual)))));
        }
    }
}

/* The same in registers, of a clip or none: where sums are short, storing and loading them in between took a fifth of the
 * time. */
INLINE void tile_add_sums(const struct fmap_tile *job, float *dst, tile_row *acc, int pixels, int vectors) {
    int clips = job->activate.kind == FMAP_ACTIVATE_CLIP;
    vf low = v_splat(clips ? job->activate.a : -__builtin_inff());
    vf high = v_splat(clips ? job->activate.b : __builtin_inff());
    ptrdiff_t step = job->dst_pixel_stride, offsets[FMAP_TILE_MAX_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) offsets[v] = job->dst_offsets[v];
    const float *residual = job->residual + (dst - job->dst), *from = residual;
    float *pixel = dst;
    UNROLL for (int i = 0; i < pixels * vectors; i++, pixel += step, from += step) {
        int v = i / pixels;
        if (i % pixels == 0) pixel = dst + offsets[v], from = residual + offsets[v];
        v_store(pixel, v_min(high, v_max(low, v_add(acc[i % pixels][v], v_load(from)))));
    }
}

INLINE void tile_store(const struct fmap_tile *job, float *dst, tile_row *acc, int pixels, int vectors) {
    /* Read before the first store: for all that the compiler knows, a store may write to the job itself. */
    ptrdiff_t step = job->dst_pixel_stride, offsets[FMAP_TILE_MAX_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) offsets[v] = job->dst_offsets[v];
    enum fmap_activate kind = job->activate.kind;
    float *pixel = dst;
    const float *residual = job->residual;
    if (kind == FMAP_ACTIVATE_CLIP && !residual) {
        vf low = v_splat(job->activate.a), high = v_splat(job->activate.b);
        UNROLL for (int i = 0; i < pixels * vectors; i++, pixel += step) {
            if (i % pixels == 0) pixel = dst + offsets[i / pixels];
            v_store(pixel, v_min(high, v_max(low, acc[i % pixels][i / pixels])));
        }
        return;
    }
    UNROLL for (int i = 0; i < pixels * vectors; i++, pixel += step) {
        if (i % pixels == 0) pixel = dst + offsets[i / pixels];
        v_store(pixel, acc[i % pixels][i / pixels]);
    }
    if (residual) tile_add(job, dst, pixels, vectors);
    if (kind != FMAP_ACTIVATE_NONE && kind != FMAP_ACTIVATE_CLIP) tile_activate(job, dst, pixels, vectors);
}

/* A tile for any kernel, stride and border. The commonest, up to `borders` pixels outside to the left or to the right, have
 * bodies without a branch on every pixel. */
INLINE void tile(const struct fmap_tile *job, int pixels, int vectors, ptrdiff_t step, int borders) {
    vf acc[FMAP_TILE_MAX_PIXELS][FMAP_TILE_MAX_VECTORS];
    if (job->continues)
        tile_continue(job, acc, pixels, vectors);
    else
        tile_begin(job, acc, pixels, vectors);
    tile_expect(job, job->dst, pixels, vectors);
    const float *src = job->src;
    const float *weights = job->weights, *fetch = job->fetch;
    struct fetching fetching = fetch_begin(fetch, job->n_fetched,
                                           (ptrdiff_t)job->n_blocks * job->n_positions);
    for (int b = 0; b < job->n_blocks; b++) {
        int first_lane = b == 0 ? job->first_lane : 0;
        int lanes = (b == job->n_blocks - 1 ? job->last_lanes : FMAP_BLOCK) - first_lane;
        for (int i = 0; i < job->n_positions; i++) {
            const struct fmap_tile_position *position = &job->positions[i];
            const float *x = src + position->src_offset + first_lane;
            const float *w = weights + (ptrdiff_t)position->index * lanes * vectors * LANES;
            int first = position->first, last = position->last;
            if (fetch) fetch_block(&fetching);
            int left = last == pixels ? first : FMAP_TILE_MAX_PIXELS;
            int right = first == 0 ? pixels - last : FMAP_TILE_MAX_PIXELS;
            if (left == 0) {
                tile_lanes(acc, x, w, lanes, pixels, vectors, step, 0, pixels);
            } else if (borders && left == 1) {
                tile_lanes(acc, x, w, lanes, pixels, vectors, step, 1, pixels);
            } else if (borders && right == 1) {
                tile_lanes(acc, x, w, lanes, pixels, vectors, step, 0, pixels - 1);
            } else if (borders > 1 && left == 2) {
                tile_lanes(acc, x, w, lanes, pixels, vectors, step, 2, pixels);
            } else if (borders > 1 && right == 2) {
                tile_lanes(acc, x, w, lanes, pixels, vectors, step, 0, pixels - 2);
            } else if (borders > 2 && left == 3) {
                tile_lanes(acc, x, w, lanes, pixels, vectors, step, 3, pixels);
            } else if (borders > 2 && right == 3) {
                tile_lanes(acc, x, w, lanes, pixels, vectors, step, 0, pixels - 3);
            } else {
                tile_lanes(acc, x, w, lanes, pixels, vectors, step, first, last);
            }
        }
        src += job->src_block_stride;
        weights += (ptrdiff_t)job->kernel_size * lanes * vectors * LANES;
    }
    tile_store(job, job->dst, acc, pixels, vectors);
}

#endif
