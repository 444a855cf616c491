/* Reductions. Every row is reduced in one order, whichever way it lies in memory: its i-th element belongs to chain
 * i mod 16, and the chains are combined 8, 4, 2, 1 apart. */
#include <stdbool.h>

#include "exponential.h"

enum { CHAINS = 16, CHAINS_AT_ONCE = LANES == 16 ? 16 : 8, ROWS_AT_ONCE = LANES >= 4 ? 4 : 1 };

INLINE vf identity(enum fmap_reduce_op op) {
    return v_splat(op == FMAP_REDUCE_MAXIMUM || op == FMAP_REDUCE_MINIMUM ? -__builtin_inff()
                   : op == FMAP_REDUCE_PRODUCT                            ? 1.0f
                                                                          : 0.0f);
}

/* A minimum is the maximum of what is negated: NaN is then treated alike. */
INLINE vf step(vf chain, vf x, vf shift, enum fmap_reduce_op op) {
    switch (op) {
    case FMAP_REDUCE_ABSOLUTES: return v_add(chain, v_max(x, v_sub(v_splat(0.0f), x)));
    case FMAP_REDUCE_SQUARES: x = v_sub(x, shift); return v_fma(x, x, chain);
    case FMAP_REDUCE_EXPONENTIALS: return v_add(chain, v_exp(v_sub(x, shift)));
    case FMAP_REDUCE_PRODUCT: return v_mul(chain, x);
    case FMAP_REDUCE_MAXIMUM: return v_max_or_nan(chain, x);
    case FMAP_REDUCE_MINIMUM: return v_max_or_nan(chain, v_sub(v_splat(-0.0f), x));
    default: return v_add(chain, x);
    }
}

INLINE bool is_extreme(enum fmap_reduce_op op) {
    return op == FMAP_REDUCE_MAXIMUM || op == FMAP_REDUCE_MINIMUM;
}

INLINE float combine(float a, float b, enum fmap_reduce_op op) {
    if (is_extreme(op)) return a != a || a > b ? a : b;
    return op == FMAP_REDUCE_PRODUCT ? a * b : a + b;
}

/* The 16 chains of one row, side by side. */
INLINE float combine_chains(const vf *parts, enum fmap_reduce_op op) {
    float chains[CHAINS];
    UNROLL for (int part = 0; part < PARTS; part++) v_store(chains + part * LANES, parts[part]);
    UNROLL for (int apart = CHAINS / 2; apart > 0; apart /= 2) {
        UNROLL for (int i = 0; i < apart; i++) chains[i] = combine(chains[i], chains[i + apart], op);
    }
    return op == FMAP_REDUCE_MINIMUM ? -chains[0] : chains[0];
}

INLINE int rest_of(int64_t n, int64_t i) { return i >= n ? 0 : n - i < LANES ? (int)(n - i) : LANES; }

INLINE vf shift_of(const float *shift, int64_t row) { return v_splat(shift ? shift[row] : 0.0f); }

/* ---- rows of neighbouring elements: several at once, because one chain is one addition behind the other -------- */

INLINE void reduce_rows(const struct fmap_reduce *job, int64_t row, int rows, enum fmap_reduce_op op) {
    const float *src = job->src + row * job->n;
    vf chains[ROWS_AT_ONCE][PARTS], shift[ROWS_AT_ONCE];
    UNROLL for (int r = 0; r < rows; r++) {
        shift[r] = shift_of(job->shift, row + r);
        UNROLL for (int part = 0; part < PARTS; part++) chains[r][part] = identity(op);
    }
    int64_t i = 0;
    ROLLED for (; i + CHAINS <= job->n; i += CHAINS) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            UNROLL for (int r = 0; r < rows; r++) chains[r][part] = step(
                chains[r][part], v_load(src + r * job->n + i + part * LANES), shift[r], op);
        }
    }
    UNROLL for (int part = 0; part < PARTS; part++) {
        int rest = rest_of(job->n, i + part * LANES);
        if (rest == 0) continue;
        UNROLL for (int r = 0; r < rows; r++) {
            vf x = v_load_first(src + r * job->n + i + part * LANES, rest);
            chains[r][part] = v_select(v_first(rest), step(chains[r][part], x, shift[r], op),
                                       chains[r][part]);
        }
    }
    UNROLL for (int r = 0; r < rows; r++) job->dst[row + r] = combine_chains(chains[r], op);
}

/* ---- rows side by side: a cache line of them at a time -------------------------------------------------------------- */

enum { PIECE = 256 }; /* elements of each row that are read several times where registers are few */

INLINE vf combine_vectors(vf a, vf b, enum fmap_reduce_op op) {
    if (is_extreme(op)) return v_max_or_nan(a, b);
    return op == FMAP_REDUCE_PRODUCT ? v_mul(a, b) : v_add(a, b);
}

/* Elements [first, end) of one vector of rows, those of CHAINS_AT_ONCE chains from `chain` on. */
INLINE void reduce_piece(const float *src, ptrdiff_t stride, vf *chains, vf shift, int64_t first, int64_t end,
                         int chain, int lanes, enum fmap_reduce_op op) {
    int64_t i = first + chain;
    src += i * stride;
    ROLLED for (; i + CHAINS_AT_ONCE <= end; i += CHAINS) {
        UNROLL for (int j = 0; j < CHAINS_AT_ONCE; j++)
            chains[j] = step(chains[j], v_load_first(src + j * stride, lanes), shift, op);
        src += CHAINS * stride;
    }
    UNROLL for (int j = 0; j < CHAINS_AT_ONCE - 1; j++) {
        if (i + j < end) chains[j] = step(chains[j], v_load_first(src + j * stride, lanes), shift, op);
    }
}

/* One vector of rows, in pieces, between which the chains are kept in memory. */
INLINE vf reduce_vector(const float *src, ptrdiff_t stride, vf shift, int64_t n, int lanes,
                        enum fmap_reduce_op op) {
    float kept[CHAINS * LANES] __attribute__((aligned(64)));
    vf chains[CHAINS_AT_ONCE];
    for (int j = 0; j < CHAINS; j++) v_store(kept + j * LANES, identity(op));
    for (int64_t first = 0; first < n; first += PIECE) {
        int64_t end = first + PIECE < n ? first + PIECE : n;
        for (int chain = 0; chain < CHAINS; chain += CHAINS_AT_ONCE) {
            UNROLL for (int j = 0; j < CHAINS_AT_ONCE; j++) chains[j] = v_load(kept + (chain + j) * LANES);
            reduce_piece(src, stride, chains, shift, first, end, chain, lanes, op);
            UNROLL for (int j = 0; j < CHAINS_AT_ONCE; j++) v_store(kept + (chain + j) * LANES, chains[j]);
        }
    }
    for (int apart = CHAINS / 2; apart > 0; apart /= 2) {
        for (int j = 0; j < apart; j++) {
            float *to = kept + j * LANES;
            v_store(to, combine_vectors(v_load(to), v_load(to + apart * LANES), op));
        }
    }
    return v_load(kept);
}

/* `rows` is FMAP_BLOCK but for the last, and `stride` mostly: as constants they turn masked accesses into plain ones and
 * spare the arithmetic on addresses. */
INLINE void reduce_columns(const struct fmap_reduce *job, int64_t row, int rows, ptrdiff_t stride,
                           enum fmap_reduce_op op) {
    for (int part = 0; part < PARTS; part++) {
        int lanes = rows == FMAP_BLOCK ? LANES : rest_of(rows, part * LANES);
        int64_t column = row + part * LANES;
        if (lanes == 0) return;
        vf shift = job->shift ? v_load_first(job->shift + column, lanes) : v_splat(0.0f);
        const float *src = job->src + column;
        vf result = reduce_vector(src, stride, shift, job->n, lanes, op);
        if (op == FMAP_REDUCE_MINIMUM) result = v_sub(v_splat(-0.0f), result);
        v_store_first(job->dst + column, result, lanes);
    }
}

INLINE void reduce(const struct fmap_reduce *job, enum fmap_reduce_op op) {
    int64_t row = 0;
    if (job->stride == 1) {
        for (; row + ROWS_AT_ONCE <= job->n_rows; row += ROWS_AT_ONCE)
            reduce_rows(job, row, ROWS_AT_ONCE, op);
        for (; row < job->n_rows; row++) reduce_rows(job, row, 1, op);
        return;
    }
    if (job->stride == FMAP_BLOCK && job->n_rows == FMAP_BLOCK) {
        reduce_columns(job, 0, FMAP_BLOCK, FMAP_BLOCK, op);
        return;
    }
    for (; row + FMAP_BLOCK <= job->n_rows; row += FMAP_BLOCK)
        reduce_columns(job, row, FMAP_BLOCK, job->stride, op);
    if (row < job->n_rows) reduce_columns(job, row, (int)(job->n_rows - row), job->stride, op);
}

#define FOR_EACH_OP(function, job) \
    switch ((job)->op) { \
    case FMAP_REDUCE_SUM: function(job, FMAP_REDUCE_SUM); break; \
    case FMAP_REDUCE_ABSOLUTES: function(job, FMAP_REDUCE_ABSOLUTES); break; \
    case FMAP_REDUCE_SQUARES: function(job, FMAP_REDUCE_SQUARES); break; \
    case FMAP_REDUCE_EXPONENTIALS: function(job, FMAP_REDUCE_EXPONENTIALS); break; \
    case FMAP_REDUCE_PRODUCT: function(job, FMAP_REDUCE_PRODUCT); break; \
    case FMAP_REDUCE_MAXIMUM: function(job, FMAP_REDUCE_MAXIMUM); break; \
    case FMAP_REDUCE_MINIMUM: function(job, FMAP_REDUCE_MINIMUM); break; \
    }

void K(reduce)(const struct fmap_reduce *job) { FOR_EACH_OP(reduce, job) }

/* ---- maps of a block of channels: contiguous, and small, so that chains had better not touch memory --------------- */

#define FOUR(x) x, x, x, x
static const _Alignas(64) float zero_line[FMAP_BLOCK], lowest_line[FMAP_BLOCK] = {
                                                           FOUR(FOUR(-__builtin_inff()))};

/* The chains from `chain` on. Where the last elements are missing, others stand for them that change no bit: a sum that began
 * with 0 is never -0. */
INLINE void map_chains(const float *src, int64_t n, int chain, int n_chains, vf *chains,
                       enum fmap_reduce_op op) {
    int64_t i = chain;
    UNROLL for (int j = 0; j < n_chains; j++) chains[j] = identity(op);
    src += chain * FMAP_BLOCK;
    ROLLED for (; i + n_chains <= n; i += CHAINS) {
        UNROLL for (int j = 0; j < n_chains; j++)
            chains[j] = step(chains[j], v_load(src + j * FMAP_BLOCK), v_splat(0.0f), op);
        src += CHAINS * FMAP_BLOCK;
    }
    if (i >= n) return;
    const float *none = op == FMAP_REDUCE_MAXIMUM ? lowest_line : zero_line;
    UNROLL for (int j = 0; j < n_chains - 1; j++) {
        const float *from = i + j < n ? src + j * FMAP_BLOCK : none;
        chains[j] = step(chains[j], v_load(from), v_splat(0.0f), op);
    }
}

/* Loop by loop: halves of a loop's count would not be unrolled before the chains are given registers. */
INLINE vf combine_map(vf *chains, int n_chains, enum fmap_reduce_op op) {
    if (n_chains == CHAINS) {
        UNROLL for (int j = 0; j < 8; j++) chains[j] = combine_vectors(chains[j], chains[j + 8], op);
    }
    UNROLL for (int j = 0; j < 4; j++) chains[j] = combine_vectors(chains[j], chains[j + 4], op);
    UNROLL for (int j = 0; j < 2; j++) chains[j] = combine_vectors(chains[j], chains[j + 2], op);
    return combine_vectors(chains[0], chains[1], op);
}

/* One vector of a map. Sums need no register beside the chains; of maxima, where registers are few, half of the chains
 * are made at a time, from a map that is in the first cache then. */
INLINE vf reduce_map(const float *src, int64_t n, enum fmap_reduce_op op) {
    vf chains[CHAINS];
    if (op == FMAP_REDUCE_SUM || LANES == 16 || LANES == 4) {
        map_chains(src, n, 0, CHAINS, chains, op);
        return combine_map(chains, CHAINS, op);
    }
    float kept[CHAINS / 2 * LANES] __attribute__((aligned(64)));
    map_chains(src, n, CHAINS / 2, CHAINS / 2, chains, op);
    UNROLL for (int j = 0; j < CHAINS / 2; j++) v_store(kept + j * LANES, chains[j]);
    map_chains(src, n, 0, CHAINS / 2, chains, op);
    UNROLL for (int j = 0; j < CHAINS / 2; j++)
        chains[j] = combine_vectors(chains[j], v_load(kept + j * LANES), op);
    return combine_map(chains, CHAINS / 2, op);
}

INLINE void reduce_maps(const struct fmap_reduce_maps *job, enum fmap_reduce_op op) {
    const float *src = job->src;
    float *dst = job->dst;
    vf divisor = v_splat(job->divisor);
    ROLLED for (int64_t i = 0; i < job->n_maps; i++) {
        ROLLED for (int part = 0; part < PARTS; part++)
            v_store(dst + part * LANES, v_div(reduce_map(src + part * LANES, job->n, op), divisor));
        src += job->n * FMAP_BLOCK;
        dst += FMAP_BLOCK;
    }
}

void K(reduce_maps)(const struct fmap_reduce_maps *job) {
    if (job->op == FMAP_REDUCE_MAXIMUM)
        reduce_maps(job, FMAP_REDUCE_MAXIMUM);
    else
        reduce_maps(job, FMAP_REDUCE_SUM);
}

/* ---- channels of blocked pixels: a channel's chain is its lane ---------------------------------------------------- */

INLINE void reduce_lanes(const struct fmap_reduce_lanes *job, enum fmap_reduce_op op) {
    for (int64_t p = 0; p < job->n_pixels; p++) {
        const float *src = job->src + p * FMAP_BLOCK;
        vf chains[PARTS], shift = shift_of(job->shift, p);
        UNROLL for (int part = 0; part < PARTS; part++) chains[part] = identity(op);
        ROLLED for (int64_t b = 0; b < job->n_blocks - 1; b++, src += job->block_stride) {
            UNROLL for (int part = 0; part < PARTS; part++)
                chains[part] = step(chains[part], v_load(src + part * LANES), shift, op);
        }
        UNROLL for (int part = 0; part < PARTS; part++) {
            vf next = step(chains[part], v_load(src + part * LANES), shift, op);
            chains[part] = v_select(v_first(rest_of(job->last_lanes, part * LANES)), next, chains[part]);
        }
        job->dst[p] = combine_chains(chains, op);
    }
}

void K(reduce_lanes)(const struct fmap_reduce_lanes *job) { FOR_EACH_OP(reduce_lanes, job) }
