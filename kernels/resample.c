/* Weighted sums along an axis: resized images. */
#include "template.h"

INLINE vf weighted(const struct fmap_resample *job, const float *src, const int32_t *indices,
                   const float *weights, int taps, int n) {
    vf sum = v_mul(v_splat(weights[0]), v_load_first(src + indices[0] * job->src_stride, n));
    for (int t = 1; t < taps; t++)
        sum = v_fma(v_splat(weights[t]), v_load_first(src + indices[t] * job->src_stride, n), sum);
    return sum;
}

/* The number of taps as a constant keeps addresses and weights of an output in registers. */
INLINE void resample(const struct fmap_resample *job, int taps) {
    for (int64_t o = 0; o < job->n_outputs; o++) {
        const int32_t *indices = job->indices + o * taps;
        const float *weights = job->weights + o * taps;
        float *dst = job->dst + o * job->unit;
        int64_t i = 0;
        for (; i + LANES <= job->unit; i += LANES)
            v_store(dst + i, weighted(job, job->src + i, indices, weights, taps, LANES));
        int rest = (int)(job->unit - i);
        if (rest > 0) v_store_first(dst + i, weighted(job, job->src + i, indices, weights, taps, rest), rest);
    }
}

void K(resample)(const struct fmap_resample *job) {
    switch (job->taps) {
    case 2: resample(job, 2); break;
    case 4: resample(job, 4); break;
    default: resample(job, job->taps); break;
    }
}
