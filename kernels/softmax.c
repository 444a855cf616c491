/* Softmax, by the largest element first, so that no exponential overflows. NaN anywhere in a row makes the
 * whole row NaN by way of the sum, and so does a row without a finite maximum, as infinity - infinity. */
#include <stdbool.h>

#include "exponential.h"

enum { CHAINS = 16 };

/* ---- one row of neighbouring elements: chain i mod 16, so PARTS vectors ------------------------- */

INLINE int rest_of(int64_t n, int64_t i) { return i >= n ? 0 : n - i < LANES ? (int)(n - i) : LANES; }

/* The 16 chains added 8, 4, 2, 1 apart. */
INLINE float sum_of_chains(const vf *sums) {
    float chains[CHAINS];
    for (int part = 0; part < PARTS; part++) v_store(chains + part * LANES, sums[part]);
    for (int apart = CHAINS / 2; apart > 0; apart /= 2) {
        for (int i = 0; i < apart; i++) chains[i] += chains[i + apart];
    }
    return chains[0];
}

/* Several maxima at once, because one is one comparison behind the other. With NaN in the row any number will do. */
INLINE float largest_of_row(const float *src, int64_t n) {
    enum { AT_ONCE = 4 };
    vf several[AT_ONCE];
    UNROLL for (int k = 0; k < AT_ONCE; k++) several[k] = v_splat(-__builtin_inff());
    int64_t i = 0;
    for (; i + AT_ONCE * LANES <= n; i += AT_ONCE * LANES) {
        UNROLL for (int k = 0; k < AT_ONCE; k++) several[k] = v_max(several[k], v_load(src + i + k * LANES));
    }
    vf largest = v_max(v_max(several[0], several[1]), v_max(several[2], several[3]));
    for (; i + LANES <= n; i += LANES) largest = v_max(largest, v_load(src + i));
    if (i < n) {
        int rest = (int)(n - i);
        largest = v_select(v_first(rest), v_max(largest, v_load_first(src + i, rest)), largest);
    }
    float lanes[LANES];
    v_store(lanes, largest);
    UNROLL for (int apart = LANES / 2; apart > 0; apart /= 2) {
        UNROLL for (int k = 0; k < apart; k++) {
            if (lanes[k + apart] > lanes[k]) lanes[k] = lanes[k + apart];
        }
    }
    return lanes[0];
}

/* The exponentials of n vectors, a constant. */
INLINE void row_powers(const float *src, float *dst, vf largest, vf *sums, int n) {
    vf power[EXPONENTIALS];
    FOR_VECTORS power[k] = v_sub(v_load(src + k * LANES), largest);
    v_exps_at_most_0(power, n);
    FOR_VECTORS {
        v_store(dst + k * LANES, power[k]);
        sums[k % PARTS] = v_add(sums[k % PARTS], power[k]);
    }
}

INLINE void softmax_row(const float *src, float *dst, int64_t n) {
    enum { TOGETHER = EXPONENTIALS > PARTS ? EXPONENTIALS : PARTS };
    vf largest = v_splat(largest_of_row(src, n));
    vf sums[PARTS];
    UNROLL for (int part = 0; part < PARTS; part++) sums[part] = v_splat(0.0f);
    int64_t i = 0;
    for (; i + TOGETHER * LANES <= n; i += TOGETHER * LANES) {
        row_powers(src + i, dst + i, largest, sums, EXPONENTIALS);
        UNROLL for (int part = EXPONENTIALS; part < PARTS; part++)
            row_powers(src + i + part * LANES, dst + i + part * LANES, largest, sums + part, 1);
    }
    if (EXPONENTIALS > PARTS && i + CHAINS <= n) {
        row_powers(src + i, dst + i, largest, sums, EXPONENTIALS > PARTS ? PARTS : EXPONENTIALS);
        i += CHAINS;
    }
    UNROLL for (int part = 0; part < PARTS; part++) {
        int rest = rest_of(n, i);
        vf power = v_exp_at_most_0(v_sub(v_load_first(src + i, rest), largest));
        v_store_first(dst + i, power, rest);
        sums[part] = v_select(v_first(rest), v_add(sums[part], power), sums[part]);
        i += LANES;
    }
    vf share = v_splat(1.0f / sum_of_chains(sums));
    for (i = 0; i + LANES <= n; i += LANES) v_store(dst + i, v_mul(v_load(dst + i), share));
    if (i < n) v_store_first(dst + i, v_mul(v_load_first(dst + i, (int)(n - i)), share), (int)(n - i));
}

/* ---- rows side by side: a few cache lines of them at a time ----------------------------------------- */

/* What so many elements become is kept nearby: a row's elements are often a power of two apart, and evict each other from the
 * cache. Two lines next to each other, because each element of a row may be on another page; more would evict what is fetched
 * for the next. */
enum { MOST_KEPT = 64, LINES_AT_ONCE = 2, WIDE = LINES_AT_ONCE * FMAP_BLOCK };

/* The lines that the next group of rows reads and writes, while this one computes: no processor sees by itself that they will be
 * needed, each element being on another page. */
INLINE void fetch_next(const float *src, float *dst, int lines) {
    UNROLL for (int line = 0; line < lines; line++) __builtin_prefetch(src + line * FMAP_BLOCK, 0, 2);
    UNROLL for (int line = 0; line < lines; line++) __builtin_prefetch(dst + line * FMAP_BLOCK, 1, 2);
}

/* The exponentials of n vectors, a constant, and their sums. */
INLINE void column_powers(const float *src, float *dst, int rows, const vf *largest, vf *sums, int n) {
    vf power[EXPONENTIALS];
    FOR_VECTORS power[k] = v_sub(v_load_first(src + k * LANES, rest_of(rows, k * LANES)), largest[k]);
    v_exps_at_most_0(power, n);
    FOR_VECTORS {
        v_store_first(dst + k * LANES, power[k], rest_of(rows, k * LANES));
        sums[k] = v_add(sums[k], power[k]);
    }
}

/* `lines` is a constant, and so is `rows` but for the last: as a constant it turns masked accesses into plain ones. */
INLINE void softmax_columns(const struct fmap_softmax *job, int64_t row, int rows, int lines) {
    float kept[MOST_KEPT * WIDE] __attribute__((aligned(64)));
    bool keeps = job->n <= MOST_KEPT;
    int vectors = lines * PARTS, together = EXPONENTIALS < vectors ? EXPONENTIALS : vectors;
    const float *src = job->src + row;
    float *dst = job->dst + row, *powers = keeps ? kept : dst;
    int64_t stride = keeps ? WIDE : job->stride;
    vf largest[LINES_AT_ONCE * PARTS], sums[LINES_AT_ONCE * PARTS];
    UNROLL for (int v = 0; v < vectors; v++) {
        largest[v] = v_splat(-__builtin_inff());
        sums[v] = v_splat(0.0f);
    }
    for (int64_t i = 0; i < job->n; i++) {
        UNROLL for (int v = 0; v < vectors; v++) {
            vf x = v_load_first(src + i * job->stride + v * LANES, rest_of(rows, v * LANES));
            if (keeps) v_store(kept + i * WIDE + v * LANES, x);
            largest[v] = v_max(largest[v], x);
        }
    }
    const float *again = keeps ? kept : src;
    ptrdiff_t next = row + 2 * WIDE <= job->n_rows ? WIDE : 0;
    for (int64_t i = 0; i < job->n; i++) {
        if (lines > 1) fetch_next(src + i * job->stride + next, dst + i * job->stride + next, lines);
        UNROLL for (int v = 0; v < vectors; v += together)
            column_powers(again + i * stride + v * LANES, powers + i * stride + v * LANES, rows - v * LANES,
                          largest + v, sums + v, together);
    }
    UNROLL for (int v = 0; v < vectors; v++) sums[v] = v_div(v_splat(1.0f), sums[v]);
    for (int64_t i = 0; i < job->n; i++) {
        UNROLL for (int v = 0; v < vectors; v++) {
            int rest = rest_of(rows, v * LANES);
            vf power = v_load_first(powers + i * stride + v * LANES, rest);
            v_store_first(dst + i * job->stride + v * LANES, v_mul(power, sums[v]), rest);
        }
    }
}

void K(softmax)(const struct fmap_softmax *job) {
    if (job->stride == 1) {
        softmax_row(job->src, job->dst, job->n);
        return;
    }
    int64_t row = 0;
    for (; row + WIDE <= job->n_rows; row += WIDE) softmax_columns(job, row, WIDE, LINES_AT_ONCE);
    for (; row + FMAP_BLOCK <= job->n_rows; row += FMAP_BLOCK) softmax_columns(job, row, FMAP_BLOCK, 1);
    if (row < job->n_rows) softmax_columns(job, row, (int)(job->n_rows - row), 1);
}
