/* Element-wise kernels. Each loop is instantiated for every activation: none and clip run as fast as memory. */
#include "activate.h"

#define FOR_EACH_ACTIVATION(kind, CALL) \
    switch (kind) { \
    case FMAP_ACTIVATE_NONE: CALL(FMAP_ACTIVATE_NONE); break; \
    case FMAP_ACTIVATE_CLIP: CALL(FMAP_ACTIVATE_CLIP); break; \
    case FMAP_ACTIVATE_LEAKY: CALL(FMAP_ACTIVATE_LEAKY); break; \
    case FMAP_ACTIVATE_SIGMOID: CALL(FMAP_ACTIVATE_SIGMOID); break; \
    case FMAP_ACTIVATE_TANH: CALL(FMAP_ACTIVATE_TANH); break; \
    }

INLINE void unary(const struct fmap_unary *job, enum fmap_activate kind) {
    const struct fmap_activate_job activate = {kind, job->activate.a, job->activate.b};
    const float *src = job->src;
    float *dst = job->dst;
    int64_t i = 0;
    for (; i + LANES <= job->n; i += LANES) v_store(dst + i, v_activate(v_load(src + i), &activate));
    if (i < job->n) {
        int rest = (int)(job->n - i);
        v_store_first(dst + i, v_activate(v_load_first(src + i, rest), &activate), rest);
    }
}

void K(unary)(const struct fmap_unary *job){
#define CALL(kind) unary(job, kind)
    FOR_EACH_ACTIVATION(job->activate.kind, CALL)
#undef CALL
}

INLINE vf binary_step(vf a, vf b, enum fmap_binary_op op, const struct fmap_activate_job *activate) {
    return v_activate(op == FMAP_BINARY_ADD ? v_add(a, b) : v_mul(a, b), activate);
}

/* A second operand of 16 elements that repeat: its vectors stay in registers. */
INLINE void binary_block(const struct fmap_binary *job, enum fmap_binary_op op,
                         const struct fmap_activate_job *activate) {
    const float *a = job->a, *b = job->b;
    float *dst = job->dst;
    vf second[PARTS];
    UNROLL for (int part = 0; part < PARTS; part++) second[part] = v_load(b + part * LANES);
    int64_t i = 0;
    for (; i + FMAP_BLOCK <= job->n; i += FMAP_BLOCK) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            int64_t at = i + part * LANES;
            v_store(dst + at, binary_step(v_load(a + at), second[part], op, activate));
        }
    }
    for (int j = 0; i + j < job->n; j += LANES) {
        int rest = (int)(job->n - i) - j < LANES ? (int)(job->n - i) - j : LANES;
        vf result = binary_step(v_load_first(a + i + j, rest), v_load(b + j), op, activate);
        v_store_first(dst + i + j, result, rest);
    }
}

INLINE void binary_line(const struct fmap_binary *job, enum fmap_binary_op op, enum fmap_binary_walk walk,
                        const struct fmap_activate_job *activate) {
    const float *a = job->a, *b = job->b;
    float *dst = job->dst;
    vf scalar = walk == FMAP_WALK_SCALAR ? v_splat(*b) : v_splat(0.0f);
    int64_t i = 0;
    for (; i + LANES <= job->n; i += LANES) {
        vf second = walk == FMAP_WALK_SCALAR ? scalar : v_load(b + i);
        v_store(dst + i, binary_step(v_load(a + i), second, op, activate));
    }
    if (i < job->n) {
        int rest = (int)(job->n - i);
        vf second = walk == FMAP_WALK_SCALAR ? scalar : v_load_first(b + i, rest);
        v_store_first(dst + i, binary_step(v_load_first(a + i, rest), second, op, activate), rest);
    }
}

INLINE void binary_walk(const struct fmap_binary *job, enum fmap_binary_op op, enum fmap_activate kind) {
    const struct fmap_activate_job activate = {kind, job->activate.a, job->activate.b};
    switch (job->walk) {
    case FMAP_WALK_SAME: binary_line(job, op, FMAP_WALK_SAME, &activate); break;
    case FMAP_WALK_SCALAR: binary_line(job, op, FMAP_WALK_SCALAR, &activate); break;
    case FMAP_WALK_BLOCK: binary_block(job, op, &activate); break;
    }
}

void K(binary)(const struct fmap_binary *job) {
#define CALL(kind) \
    if (job->op == FMAP_BINARY_ADD) \
        binary_walk(job, FMAP_BINARY_ADD, kind); \
    else \
        binary_walk(job, FMAP_BINARY_MUL, kind)
    FOR_EACH_ACTIVATION(job->activate.kind, CALL)
#undef CALL
}

INLINE void affine(const struct fmap_affine *job, enum fmap_activate kind) {
    const struct fmap_activate_job activate = {kind, job->activate.a, job->activate.b};
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
            v_store(dst + at, v_activate(v_fma(v_load(src + at), scale[part], shift[part]), &activate));
        }
    }
}

void K(affine)(const struct fmap_affine *job) {
#define CALL(kind) affine(job, kind)
    FOR_EACH_ACTIVATION(job->activate.kind, CALL)
#undef CALL
}
