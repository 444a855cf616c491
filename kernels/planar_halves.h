/* The planar tile of two blocks of outputs, where terms come in threes and are as few as a constant says.
 *
 * Vectors that are stored close together hold up what follows: twelve at the end of a tile kept a Zen 3 from multiplying for
 * 20 cycles of 190, one after every three FMAs for hardly any. So the first terms and the last ones are summed of one block
 * and then of the other, and a block is stored between the FMAs of the other: the second one while the next tile begins. And
 * since every instruction beside the FMAs counts, what is the same for all tiles of a row is constant or in a register. */

enum { HALVES_APART = 2 }; /* terms that are summed of one block at a time */

/* Each term's values begin at x[term % 3] + at, the first of its three. */
struct planar_sources {
    const float *x[3], *weights;
    const int32_t *terms;
    ptrdiff_t at;
};

/* What is done between the FMAs of a block: the other one, which is complete, is stored; or lines are fetched that a tile to
 * come will write. */
enum planar_between { PLANAR_NOTHING, PLANAR_STORE, PLANAR_FETCH };

INLINE void planar_do_between(enum planar_between what, float *const *lines, tile_row *acc, int block,
                              int i) {
    if (what == PLANAR_STORE) {
        int p = i / PARTS, v = i % PARTS;
        v_store(lines[1 - block] + p * FMAP_BLOCK + v * LANES, acc[p][(1 - block) * PARTS + v]);
    } else if (what == PLANAR_FETCH) {
        __builtin_prefetch(lines[i % 2] + (LINES_AHEAD + i / 2) * FMAP_BLOCK, 1, 2);
    }
}

INLINE void planar_values(struct planar_sources *from, int term, vf *values, int pixels) {
    if (term % 3 == 0) from->at = from->terms[term];
    ADDRESS_BARRIER(from->at);
    UNROLL for (int p = 0; p < pixels; p++)
        values[p] = v_splat(from->x[term % 3][from->at + p * PLANAR_DISTANCE]);
}

/* Of one block. */
INLINE void planar_half(struct planar_sources *from, int term, tile_row *acc, int pixels, int block,
                        enum planar_between what, float *const *lines) {
    int n = pixels * PARTS;
    vf values[FMAP_TILE_MAX_PIXELS], weights = v_splat(0.0f);
    UNROLL for (int i = 0; i < HALVES_APART * n; i++) {
        int p = i % pixels, v = block * PARTS + i % n / pixels;
        if (i % n == 0) planar_values(from, term + i / n, values, pixels);
        if (p == 0) weights = v_load(from->weights + ((term + i / n) * 2 * PARTS + v) * LANES);
        v_accumulate(&acc[p][v], weights, values[p]);
        if (i % HALVES_APART == HALVES_APART - 1)
            planar_do_between(what, lines, acc, block, i / HALVES_APART);
    }
}

/* Of both. The values stay in registers: there are none left for the weights. */
INLINE void planar_both(struct planar_sources *from, int term, tile_row *acc, int pixels) {
    vf values[FMAP_TILE_MAX_PIXELS], weights = v_splat(0.0f);
    planar_values(from, term, values, pixels);
    UNROLL for (int i = 0; i < pixels * 2 * PARTS; i++) {
        int p = i % pixels, v = i / pixels;
        if (p == 0) weights = v_load(from->weights + (term * 2 * PARTS + v) * LANES);
        v_accumulate(&acc[p][v], weights, values[p]);
    }
}

INLINE void planar_half_begin(const float *bias, tile_row *acc, int pixels, int block) {
    UNROLL for (int i = 0; i < pixels * PARTS; i++) {
        int v = block * PARTS + i / pixels;
        ADDRESS_BARRIER(bias);
        acc[i % pixels][v] = v_load(bias + v * LANES);
    }
}

INLINE void planar_half_clip(const struct tile_limits *limits, tile_row *acc, int pixels, int block) {
    vf least = v_splat(*limits->low);
    UNROLL for (int i = 0; i < pixels * PARTS; i++) {
        vf *sum = &acc[i % pixels][block * PARTS + i / pixels];
        *sum = v_max(least, *sum);
    }
    if (!limits->above) return;
    vf most = v_splat(*limits->high);
    UNROLL for (int i = 0; i < pixels * PARTS; i++) {
        vf *sum = &acc[i % pixels][block * PARTS + i / pixels];
        *sum = v_min(most, *sum);
    }
}

/* Whether each block's vectors lie side by side. */
INLINE bool planar_has_blocks(const struct fmap_tile *job) {
    for (int v = 1; v < 2 * PARTS; v++)
        if (v % PARTS != 0 && job->dst_offsets[v] != job->dst_offsets[v - 1] + LANES) return false;
    return true;
}

/* At first a block of zeros is stored where the first tile's second one will be. */
INLINE void planar_halves(const struct fmap_tile *job, int pixels, int n_terms) {
    const struct tile_limits limits = tile_limits_of(&job->activate);
    const float *src = job->src, *fetch = job->fetch, *bias = job->bias;
    struct planar_sources from = {
        .x = {src, src + job->threes, src + 2 * job->threes}, .weights = job->weights, .terms = job->terms};
    float *lines[2] = {job->dst + job->dst_offsets[0], job->dst + job->dst_offsets[PARTS]};
    float *before[2] = {NULL, lines[1]};
    ptrdiff_t src_step = job->src_step, dst_step = job->dst_step;
    int last = n_terms - HALVES_APART;
    vf acc[FMAP_TILE_MAX_PIXELS][FMAP_TILE_MAX_VECTORS];
    UNROLL for (int i = 0; i < pixels * PARTS; i++) acc[i / PARTS][PARTS + i % PARTS] = v_splat(0.0f);
    ROLLED for (int i = job->n_repeats; i > 0; i--) {
        if (fetch) fetch = fetch_lines(fetch, job->n_fetched);
        planar_half_begin(bias, acc, pixels, 0);
        planar_half(&from, 0, acc, pixels, 0, PLANAR_STORE, before);
        planar_half_begin(bias, acc, pixels, 1);
        planar_half(&from, 0, acc, pixels, 1, PLANAR_FETCH, lines);
        UNROLL for (int term = HALVES_APART; term < last; term++) planar_both(&from, term, acc, pixels);
        planar_half(&from, last, acc, pixels, 0, PLANAR_NOTHING, lines);
        planar_half_clip(&limits, acc, pixels, 0);
        planar_half(&from, last, acc, pixels, 1, PLANAR_STORE, lines);
        planar_half_clip(&limits, acc, pixels, 1);
        before[1] = lines[1];
        UNROLL for (int k = 0; k < 2; k++) lines[k] += dst_step;
        UNROLL for (int k = 0; k < 3; k++) from.x[k] += src_step;
    }
    UNROLL for (int i = 0; i < pixels * PARTS; i++) planar_do_between(PLANAR_STORE, before, acc, 0, i);
    if (!limits.activates) return;
    float *dst = job->dst;
    ROLLED for (int i = 0; i < job->n_repeats; i++, dst += dst_step)
        tile_activate(job, dst, pixels, 2 * PARTS);
}

#define HALVES(n_terms) \
    static __attribute__((noinline)) void PLANAR(halves_##n_terms)(const struct fmap_tile *job) { \
        planar_halves(job, PLANAR_HALVES_PIXELS, n_terms); \
    }
HALVES(9)
HALVES(27)
#undef HALVES

/* Whether there is such a tile for the job; then it has been made. */
INLINE bool planar_by_halves(const struct fmap_tile *job, int pixels, int vectors) {
    if (pixels != PLANAR_HALVES_PIXELS || vectors != 2 * PARTS || !planar_has_blocks(job)) return false;
    if (job->n_terms == 9)
        PLANAR(halves_9)(job);
    else if (job->n_terms == 27)
        PLANAR(halves_27)(job);
    else
        return false;
    return true;
}
