/* Softmax, by the largest element first, so that no exponential overflows. NaN anywhere in a row makes the
 * whole row NaN by way of the sum, and so does a row without a finite maximum, as infinity - infinity. */
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

INLINE float largest_of_row(const float *src, int64_t n) {
    vf largest = v_splat(-__builtin_inff());
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) largest = v_max(largest, v_load(src + i));
    if (i < n) {
        int rest = (int)(n - i);
        largest = v_select(v_first(rest), v_max(largest, v_load_first(src + i, rest)), largest);
    }
    float lanes[LANES];
    v_store(lanes, largest);
    float result = lanes[0];
    for (int lane = 1; lane < LANES; lane++) result = result > lanes[lane] ? result : lanes[lane];
    return result;
}

INLINE void softmax_row(const float *src, float *dst, int64_t n) {
    vf largest = v_splat(largest_of_row(src, n));
    vf sums[PARTS];
    UNROLL for (int part = 0; part < PARTS; part++) sums[part] = v_splat(0.0f);
    int64_t i = 0;
    for (; i + CHAINS <= n; i += CHAINS) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            vf power = v_exp_at_most_0(v_sub(v_load(src + i + part * LANES), largest));
            v_store(dst + i + part * LANES, power);
            sums[part] = v_add(sums[part], power);
        }
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

/* ---- rows side by side: a cache line of them at a time ---------------------------------------------- */

/* Exponentials of this many elements are kept nearby: a row's elements are often a power of two apart, and
 * evict each other from the cache. */
enum { MOST_KEPT = 64 };

/* `rows` is FMAP_BLOCK but for the last; as a constant it turns masked accesses into plain ones. */
INLINE void softmax_columns(const struct fmap_softmax *job, int64_t row, int rows) {
    float kept[MOST_KEPT * FMAP_BLOCK] __attribute__((aligned(64)));
    const float *src = job->src + row;
    float *dst = job->dst + row;
    float *powers = job->n <= MOST_KEPT ? kept : dst;
    int64_t stride = job->n <= MOST_KEPT ? FMAP_BLOCK : job->stride;
    vf largest[PARTS], sums[PARTS];
    UNROLL for (int part = 0; part < PARTS; part++) {
        largest[part] = v_splat(-__builtin_inff());
        sums[part] = v_splat(0.0f);
    }
    for (int64_t i = 0; i < job->n; i++) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            const float *x = src + i * job->stride + part * LANES;
            largest[part] = v_max(largest[part], v_load_first(x, rest_of(rows, part * LANES)));
        }
    }
    for (int64_t i = 0; i < job->n; i++) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            const float *x = src + i * job->stride + part * LANES;
            int rest = rest_of(rows, part * LANES);
            vf power = v_exp_at_most_0(v_sub(v_load_first(x, rest), largest[part]));
            v_store_first(powers + i * stride + part * LANES, power, rest);
            sums[part] = v_add(sums[part], power);
        }
    }
    UNROLL for (int part = 0; part < PARTS; part++) sums[part] = v_div(v_splat(1.0f), sums[part]);
    for (int64_t i = 0; i < job->n; i++) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            int rest = rest_of(rows, part * LANES);
            vf power = v_load_first(powers + i * stride + part * LANES, rest);
            v_store_first(dst + i * job->stride + part * LANES, v_mul(power, sums[part]), rest);
        }
    }
}

void K(softmax)(const struct fmap_softmax *job) {
    if (job->stride == 1) {
        softmax_row(job->src, job->dst, job->n);
        return;
    }
    int64_t row = 0;
    for (; row + FMAP_BLOCK <= job->n_rows; row += FMAP_BLOCK) softmax_columns(job, row, FMAP_BLOCK);
    if (row < job->n_rows) softmax_columns(job, row, (int)(job->n_rows - row));
}
