/* The register tile where nothing is in the way: one position, no borders, pixels side by side. 1x1 convolutions and
 * Winograd's products are made of it. Their sums are short, so what a call costs counts: it makes many tiles. */
#ifndef FMAP_POINTWISE_H
#define FMAP_POINTWISE_H

#include "hard_sigmoid.h"
#include "tile_limits.h"

/* A whole block of channels. As the body of a loop, each of its instructions moves on by the same distance every time, which
 * is what the first cache's prefetcher of an AMD Zen 3 follows, from block to block, too: with four channels sums of 512 reach
 * 0.69 of the peak there, with a block 0.87. */
enum { WHOLE_BLOCKS = LANES == 8 };

/* The prefetcher does not see that the next block's pixels follow; they lie so far `ahead`. */
INLINE void pointwise_channels(int n, const float **src, const float **w, ptrdiff_t ahead, bool fetches,
                               tile_row *acc, int pixels, int vectors, struct fetching *fetching) {
    UNROLL for (int k = 0; k < n; k++) {
        BARRIER(*src, *w);
        if (fetching && k % 8 == 0) fetch_share(fetching, 8, 4);
        if (fetches) {
            UNROLL for (int p = k * pixels / n; p < (k + 1) * pixels / n; p++)
                __builtin_prefetch(*src + ahead + p * FMAP_BLOCK);
        }
        tile_step(acc, *src + k, *w + k * vectors * LANES, pixels, vectors, FMAP_BLOCK, 0, pixels);
    }
    *src += n;
    *w += n * vectors * LANES;
    if (fetching) tile_keep(acc, pixels, vectors);
}

INLINE void pointwise_sum(const struct fmap_tile *job, const float *src, const float *w, tile_row *acc,
                          int pixels, int vectors, struct fetching *fetching) {
    ptrdiff_t to_next_block = job->src_block_stride - FMAP_BLOCK;
    int n_whole = job->n_blocks - (job->last_lanes < FMAP_BLOCK);
    ptrdiff_t to_next_tile = job->src_step - (n_whole - 1) * job->src_block_stride;
    ROLLED for (int left = n_whole; left > 0; left--, src += to_next_block) {
        if (WHOLE_BLOCKS) {
            ptrdiff_t ahead = left > 1 ? job->src_block_stride : to_next_tile;
            bool fetches = !fetching; /* or enough is fetched */
            pointwise_channels(FMAP_BLOCK, &src, &w, ahead, fetches, acc, pixels, vectors, fetching);
            continue;
        }
        if (fetching) fetch_rest(fetching);
        if (tile_takes_eight(pixels, vectors, 0, pixels)) {
            ROLLED for (int k = 0; k < FMAP_BLOCK; k += 8) {
                if (fetching) fetch_share(fetching, 8, 4);
                tile_eight(acc, &src, &w, pixels, vectors, FMAP_BLOCK, 0, pixels);
            }
            continue;
        }
        ROLLED for (int k = 0; k < FMAP_BLOCK; k += 4) {
            tile_four(acc, &src, &w, pixels, vectors, FMAP_BLOCK, 0, pixels, fetching);
        }
    }
    if (WHOLE_BLOCKS && fetching) fetch_rest(fetching);
    if (n_whole == job->n_blocks) return;
    int k = 0;
    if (WHOLE_BLOCKS && job->last_lanes >= 8) {
        pointwise_channels(8, &src, &w, 0, false, acc, pixels, vectors, NULL);
        k = 8;
    }
#ifdef BY_LANE /* Whose single channels cost more: a load that brings one value instead of four. */
    ROLLED for (; k + 4 <= job->last_lanes; k += 4) {
        tile_four(acc, &src, &w, pixels, vectors, FMAP_BLOCK, 0, pixels, NULL);
    }
#endif
    ROLLED for (; k < job->last_lanes; k++, src++) {
        BARRIER(src, w);
        tile_step(acc, src, w, pixels, vectors, FMAP_BLOCK, 0, pixels);
        w += vectors * LANES;
    }
}

/* Whether the residual is added to the sums where they are. Tiles that multiply by a lane fill every register: another body
 * beside their loop makes it spill. */
#ifdef BY_LANE
enum { ADDS_SUMS = 0 };
#else
enum { ADDS_SUMS = 1 };
#endif

/* `far` fetches weights before they are used: those that no near cache holds, line by line (tile.h). It costs one percent where
 * they are near. */
INLINE void pointwise(const struct fmap_tile *job, int pixels, int vectors, int far) {
    const float *src = job->src, *w = job->weights, *fetch = far ? job->fetch : NULL;
    float *dst = job->dst;
    enum fmap_activate kind = job->activate.kind;
    int n_whole = job->n_blocks - (job->last_lanes < FMAP_BLOCK);
    /* Sums of far weights are long, and another body beside their loop makes it spill, too. */
    int adds_sums = job->residual && (kind == FMAP_ACTIVATE_CLIP || kind == FMAP_ACTIVATE_NONE);
    ROLLED for (int i = 0; i < job->n_repeats; i++) {
        tile_expect(job, dst, pixels, vectors);
        vf acc[FMAP_TILE_MAX_PIXELS][FMAP_TILE_MAX_VECTORS];
        tile_begin(job, acc, pixels, vectors);
        struct fetching fetching = fetch_begin(fetch, job->n_fetched, n_whole);
        if (fetch) fetch += (ptrdiff_t)job->n_fetched * n_whole * FMAP_BLOCK;
        pointwise_sum(job, src, w, acc, pixels, vectors, far ? &fetching : NULL);
        if (ADDS_SUMS && !far && adds_sums)
            tile_add_sums(job, dst, acc, pixels, vectors);
        else
            tile_store(job, dst, acc, pixels, vectors);
        src += job->src_step;
        w += job->weights_step;
        dst += job->dst_step;
    }
}

/* Whether pixels lie side by side. Not measured where blocks are not whole. */
INLINE bool pointwise_is_plain(const struct fmap_tile *job) {
    return WHOLE_BLOCKS && job->dst_pixel_stride == FMAP_BLOCK;
}

/* What becomes of a tile's sums. */
struct pointwise_end {
    const ptrdiff_t *offsets; /* of each vector's outputs */
    ptrdiff_t to_residual;    /* from an output, where it adds */
    struct tile_limits limits;
    bool adds, swishes;
    const struct fmap_activate_job *activate;
};

/* What will be added is on its way while the sums are computed: a line for each block, or nearly. */
INLINE void pointwise_expect(const struct pointwise_end *end, const float *dst, int pixels, int vectors) {
    if (!end->adds) return;
    UNROLL for (int v = 0; v < vectors; v += PARTS) {
        const float *line = dst + end->offsets[v] + end->to_residual;
        BARRIER(line, dst);
        UNROLL for (int p = 0; p < pixels; p++) __builtin_prefetch(line + p * FMAP_BLOCK);
    }
}

/* In the order in which the sums become complete, so that some are stored while others are still summed. */
INLINE void pointwise_store(const struct pointwise_end *end, float *dst, tile_row *acc, int pixels,
                            int vectors, bool adds, bool clips, bool above) {
    const float *low = end->limits.low;
    float *lines[FMAP_TILE_MAX_VECTORS];
    const float *residual[FMAP_TILE_MAX_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) {
        lines[v] = dst + end->offsets[v];
        residual[v] = lines[v] + end->to_residual;
        BARRIER(low, lines[v]); /* or the compiler keeps a place for each output on the stack */
        if (adds) BARRIER(low, residual[v]);
    }
    vf least = v_splat(clips ? *low : 0), most = v_splat(above ? *end->limits.high : 0);
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        ptrdiff_t place = i / vectors * FMAP_BLOCK;
        vf sum = acc[i / vectors][i % vectors];
        if (adds) sum = v_add(sum, v_load(residual[i % vectors] + place));
        if (clips) sum = v_max(least, sum);
        if (above) sum = v_min(most, sum);
        v_store(lines[i % vectors] + place, sum);
        LOAD_BARRIER();
    }
}

/* The same with a hard swish, whose four operations are fewer than a second pass would add. */
INLINE void pointwise_swish(const struct pointwise_end *end, float *dst, tile_row *acc, int pixels,
                            int vectors) {
    float *lines[FMAP_TILE_MAX_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++) {
        lines[v] = dst + end->offsets[v];
        BARRIER(dst, lines[v]);
    }
    vf a = v_splat(end->activate->a);
    UNROLL for (int i = 0; i < pixels * vectors; i++) {
        vf sum = acc[i / vectors][i % vectors], b = v_splat(end->activate->b); /* no register is left */
        v_store(lines[i % vectors] + i / vectors * FMAP_BLOCK, v_mul(sum, v_hard_sigmoid(sum, a, b)));
        LOAD_BARRIER();
    }
}

INLINE void pointwise_finish(const struct pointwise_end *end, float *dst, tile_row *acc, int pixels,
                             int vectors) {
    if (end->swishes)
        pointwise_swish(end, dst, acc, pixels, vectors);
    else if (end->adds && end->limits.clips)
        pointwise_store(end, dst, acc, pixels, vectors, true, true, true);
    else if (end->adds)
        pointwise_store(end, dst, acc, pixels, vectors, true, false, false);
    else if (!end->limits.clips)
        pointwise_store(end, dst, acc, pixels, vectors, false, false, false);
    else if (!end->limits.above)
        pointwise_store(end, dst, acc, pixels, vectors, false, true, false);
    else
        pointwise_store(end, dst, acc, pixels, vectors, false, true, true);
}

/* Beside short sums every instruction counts that is not an FMA, most of all while another thread shares the core. So what is the
 * same for all tiles is read before the first store: for all that the compiler knows, that may write to the job itself. */
INLINE void pointwise_plain(const struct fmap_tile *job, int pixels, int vectors) {
    const struct fmap_tile same = *job;
    bool swishes = same.activate.kind == FMAP_ACTIVATE_HARD_SWISH && !same.residual;
    const struct pointwise_end end = {.offsets = same.dst_offsets,
                                      .to_residual = same.residual ? same.residual - same.dst : 0,
                                      .limits = tile_limits_of(&job->activate),
                                      .adds = same.residual != NULL,
                                      .swishes = swishes,
                                      .activate = &job->activate};
    const float *src = same.src, *w = same.weights;
    float *dst = same.dst;
    ROLLED for (int i = same.n_repeats; i > 0; i--) {
        vf acc[FMAP_TILE_MAX_PIXELS][FMAP_TILE_MAX_VECTORS];
        pointwise_expect(&end, dst, pixels, vectors);
        tile_begin(&same, acc, pixels, vectors);
        pointwise_sum(job, src, w, acc, pixels, vectors, NULL); /* not of the copy, or Clang spills */
        pointwise_finish(&end, dst, acc, pixels, vectors);
        if (end.limits.activates && !end.swishes) tile_activate(job, dst, pixels, vectors);
        src += same.src_step;
        w += same.weights_step;
        dst += same.dst_step;
    }
}

#endif
