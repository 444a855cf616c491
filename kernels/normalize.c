/* The last step of normalizations. */
#include <stdbool.h>

#include "template.h"

struct operands {
    vf mean, scale, gamma, beta;
};

INLINE vf normalized(vf x, const struct operands *with) {
    return v_fma(v_mul(v_sub(x, with->mean), with->scale), with->gamma, with->beta);
}

/* What elements from i on need; `lanes` of them as a constant where they are a vector. */
INLINE struct operands operands_at(const struct fmap_normalize *job, int64_t i, int lanes,
                                   enum fmap_normalize_walk walk) {
    if (walk == FMAP_NORMALIZE_ELEMENTS) {
        return (struct operands){v_load_first(job->mean + i, lanes), v_load_first(job->scale + i, lanes),
                                 v_load_first(job->gamma + i, lanes), v_load_first(job->beta + i, lanes)};
    }
    struct operands with = {.mean = v_splat(*job->mean), .scale = v_splat(*job->scale)};
    bool row = walk == FMAP_NORMALIZE_ROW;
    with.gamma = row ? v_load_first(job->gamma + i, lanes) : v_splat(*job->gamma);
    with.beta = row ? v_load_first(job->beta + i, lanes) : v_splat(*job->beta);
    return with;
}

INLINE void normalize(const struct fmap_normalize *job, enum fmap_normalize_walk walk) {
    int64_t i = 0;
    for (; i + LANES <= job->n; i += LANES) {
        struct operands with = operands_at(job, i, LANES, walk);
        v_store(job->dst + i, normalized(v_load(job->src + i), &with));
    }
    if (i < job->n) {
        int rest = (int)(job->n - i);
        struct operands with = operands_at(job, i, rest, walk);
        v_store_first(job->dst + i, normalized(v_load_first(job->src + i, rest), &with), rest);
    }
}

/* Lane by lane of whole blocks. */
INLINE void normalize_block(const struct fmap_normalize *job) {
    for (int part = 0; part < PARTS; part++) {
        struct operands with = operands_at(job, part * LANES, LANES, FMAP_NORMALIZE_ELEMENTS);
        for (int64_t i = part * LANES; i < job->n; i += FMAP_BLOCK)
            v_store(job->dst + i, normalized(v_load(job->src + i), &with));
    }
}

void K(normalize)(const struct fmap_normalize *job) {
    switch (job->walk) {
    case FMAP_NORMALIZE_SCALARS: normalize(job, FMAP_NORMALIZE_SCALARS); break;
    case FMAP_NORMALIZE_ROW: normalize(job, FMAP_NORMALIZE_ROW); break;
    case FMAP_NORMALIZE_ELEMENTS: normalize(job, FMAP_NORMALIZE_ELEMENTS); break;
    case FMAP_NORMALIZE_BLOCK: normalize_block(job); break;
    }
}
