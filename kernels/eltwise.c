/* Element-wise kernels. Binary loops are instantiated without activation and with a clip, which run as fast as memory;
 * any other function follows over a piece that is still in the first cache. */
#include "activate.h"

#include <math.h>

void K(unary)(const struct fmap_unary *job) {
    int64_t whole = job->n / LANES;
    int rest = (int)(job->n % LANES);
    K(activate)(job->src, job->dst, LANES, whole, &job->activate);
    if (rest == 0) return;
    float last[LANES];
    v_store(last, v_load_first(job->src + whole * LANES, rest));
    K(activate)(last, last, LANES, 1, &job->activate);
    v_store_first(job->dst + whole * LANES, v_load(last), rest);
}

/* ---- two operands ---------------------------------------------------------------------------------------- */

/* What is to be computed, all of it constants where loops are instantiated but for the limits. */
struct binary {
    enum fmap_binary_op op;
    bool swapped, clips;
    vf low, high;
};

INLINE vf binary_step(vf a, vf b, const struct binary *binary) {
    vf x = binary->swapped ? b : a, y = binary->swapped ? a : b;
    vf zero = v_splat(-0.0f);
    switch (binary->op) {
    case FMAP_BINARY_ADD: x = v_add(a, b); break;
    case FMAP_BINARY_MUL: x = v_mul(a, b); break;
    case FMAP_BINARY_SUB: x = v_sub(x, y); break;
    case FMAP_BINARY_DIV: x = v_div(x, y); break;
    case FMAP_BINARY_MIN: x = v_sub(zero, v_max_or_nan(v_sub(zero, x), v_sub(zero, y))); break;
    case FMAP_BINARY_MAX: x = v_max_or_nan(x, y); break;
    default: x = v_select(v_less(x, zero), v_mul(x, y), x); break; /* PRelu */
    }
    return binary->clips ? v_min(binary->high, v_max(binary->low, x)) : x;
}

/* A second operand of 16 elements that repeat: its vectors stay in registers. */
INLINE void binary_block(const struct fmap_binary *job, const struct binary *binary) {
    const float *a = job->a, *b = job->b;
    float *dst = job->dst;
    vf second[PARTS];
    UNROLL for (int part = 0; part < PARTS; part++) second[part] = v_load(b + part * LANES);
    int64_t i = 0;
    for (; i + FMAP_BLOCK <= job->n; i += FMAP_BLOCK) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            int64_t at = i + part * LANES;
            v_store(dst + at, binary_step(v_load(a + at), second[part], binary));
        }
    }
    for (int j = 0; i + j < job->n; j += LANES) {
        int rest = (int)(job->n - i) - j < LANES ? (int)(job->n - i) - j : LANES;
        vf result = binary_step(v_load_first(a + i + j, rest), v_load(b + j), binary);
        v_store_first(dst + i + j, result, rest);
    }
}

INLINE void binary_line(const struct fmap_binary *job, enum fmap_binary_walk walk,
                        const struct binary *binary) {
    const float *a = job->a, *b = job->b;
    float *dst = job->dst;
    vf scalar = walk == FMAP_WALK_SCALAR ? v_splat(*b) : v_splat(0.0f);
    int64_t i = 0;
    for (; i + LANES <= job->n; i += LANES) {
        vf second = walk == FMAP_WALK_SCALAR ? scalar : v_load(b + i);
        v_store(dst + i, binary_step(v_load(a + i), second, binary));
    }
    if (i < job->n) {
        int rest = (int)(job->n - i);
        vf second = walk == FMAP_WALK_SCALAR ? scalar : v_load_first(b + i, rest);
        v_store_first(dst + i, binary_step(v_load_first(a + i, rest), second, binary), rest);
    }
}

INLINE void binary_walk(const struct fmap_binary *job, enum fmap_binary_op op, bool swapped, bool clips) {
    const struct binary binary = {op, swapped, clips, v_splat(job->activate.a), v_splat(job->activate.b)};
    switch (job->walk) {
    case FMAP_WALK_SAME: binary_line(job, FMAP_WALK_SAME, &binary); break;
    case FMAP_WALK_SCALAR: binary_line(job, FMAP_WALK_SCALAR, &binary); break;
    case FMAP_WALK_BLOCK: binary_block(job, &binary); break;
    }
}

static __attribute__((noinline)) void by_library(float (*function)(float, float),
                                                 const struct fmap_binary *job) {
    int64_t mask = job->walk == FMAP_WALK_SAME ? -1 : job->walk == FMAP_WALK_BLOCK ? FMAP_BLOCK - 1 : 0;
    for (int64_t i = 0; i < job->n; i++) {
        float a = job->a[i], b = job->b[i & mask];
        job->dst[i] = job->swapped ? function(b, a) : function(a, b);
    }
}

/* An activation that is called: after a piece at a time, which is still in the first cache. */
static __attribute__((noinline)) void binary_pieces(const struct fmap_binary *job) {
    enum { PIECE = 64 * FMAP_BLOCK };
    struct fmap_binary piece = *job;
    struct fmap_unary function = {.activate = job->activate};
    piece.activate.kind = FMAP_ACTIVATE_NONE;
    for (int64_t left = job->n; left > 0; left -= PIECE) {
        piece.n = function.n = left < PIECE ? left : PIECE;
        function.src = function.dst = piece.dst;
        K(binary)(&piece);
        K(unary)(&function);
        piece.a += PIECE;
        if (job->walk == FMAP_WALK_SAME) piece.b += PIECE;
        piece.dst += PIECE;
    }
}

#define ORDERS(op, clips) \
    if (job->swapped) \
        binary_walk(job, op, true, clips); \
    else \
        binary_walk(job, op, false, clips)

#define OPERATION(op) \
    case op: \
        if (clips) { \
            ORDERS(op, true); \
        } else { \
            ORDERS(op, false); \
        } \
        break

void K(binary)(const struct fmap_binary *job) {
    bool clips = job->activate.kind == FMAP_ACTIVATE_CLIP, library = job->op >= FMAP_BINARY_POW;
    if (job->activate.kind != FMAP_ACTIVATE_NONE && (!clips || library)) {
        binary_pieces(job);
        return;
    }
    switch (job->op) {
    case FMAP_BINARY_ADD: /* in either order the same */
        if (clips)
            binary_walk(job, FMAP_BINARY_ADD, false, true);
        else
            binary_walk(job, FMAP_BINARY_ADD, false, false);
        break;
    case FMAP_BINARY_MUL:
        if (clips)
            binary_walk(job, FMAP_BINARY_MUL, false, true);
        else
            binary_walk(job, FMAP_BINARY_MUL, false, false);
        break;
        OPERATION(FMAP_BINARY_SUB);
        OPERATION(FMAP_BINARY_DIV);
        OPERATION(FMAP_BINARY_MIN);
        OPERATION(FMAP_BINARY_MAX);
        OPERATION(FMAP_BINARY_PRELU);
    case FMAP_BINARY_POW: by_library(powf, job); break;
    case FMAP_BINARY_MOD: by_library(fmodf, job); break;
    case FMAP_N_BINARY_OPS: break;
    }
}

/* ---- a scale and a shift for each channel ------------------------------------------------------------------ */

INLINE void affine(const struct fmap_affine *job, bool clips) {
    vf low = v_splat(job->activate.a), high = v_splat(job->activate.b);
    const float *src = job->src;
    float *dst = job->dst;
    vf scale[PARTS], shift[PARTS];
    UNROLL for (int part = 0; part < PARTS; part++) {
        scale[part] = v_load(job->scale + part * LANES);
        shift[part] = v_load(job->shift + part * LANES);
    }
    for (int64_t i = 0; i < job->n; i += FMAP_BLOCK) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            int64_t at = i + part * LANES;
            vf y = v_fma(v_load(src + at), scale[part], shift[part]);
            v_store(dst + at, clips ? v_min(high, v_max(low, y)) : y);
        }
    }
}

static __attribute__((noinline)) void affine_pieces(const struct fmap_affine *job) {
    enum { PIECE = 64 * FMAP_BLOCK };
    struct fmap_affine piece = *job;
    piece.activate.kind = FMAP_ACTIVATE_NONE;
    for (int64_t left = job->n; left > 0; left -= PIECE) {
        piece.n = left < PIECE ? left : PIECE;
        K(affine)(&piece);
        K(activate)(piece.dst, piece.dst, LANES, piece.n / LANES, &job->activate);
        piece.src += PIECE;
        piece.dst += PIECE;
    }
}

void K(affine)(const struct fmap_affine *job) {
    switch (job->activate.kind) {
    case FMAP_ACTIVATE_NONE: affine(job, false); break;
    case FMAP_ACTIVATE_CLIP: affine(job, true); break;
    default: affine_pieces(job); break;
    }
}
