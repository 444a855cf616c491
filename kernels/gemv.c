/* A dense layer for one image: every weight is read once and used once, so that memory is the limit. */
#include "activate.h"

/* Four terms of all sums. */
#ifdef BY_LANE
INLINE const float *gemv_four(vf *sums, const float *x, const float *w, ptrdiff_t stride, int streams,
                              int vectors) {
    BARRIER(x, w);
    vf values = v_load(x);
    UNROLL for (int k = 0; k < 4; k++, w += vectors * LANES) {
        UNROLL for (int v = 0; v < streams * vectors; v++) {
            v_accumulate_lane(&sums[v], v_load(w + v / vectors * stride + v % vectors * LANES), values, k);
        }
    }
    return w;
}
#else
INLINE const float *gemv_four(vf *sums, const float *x, const float *w, ptrdiff_t stride, int streams,
                              int vectors) {
    UNROLL for (int i = 0; i < 4; i++, w += vectors * LANES) {
        BARRIER(x, w);
        vf value = v_splat(x[i]);
        UNROLL for (int v = 0; v < streams * vectors; v++) {
            v_accumulate(&sums[v], v_load(w + v / vectors * stride + v % vectors * LANES), value);
        }
    }
    return w;
}
#endif

/* Some terms of all sums. Unrolled by four, never more: the loop has to stay in the micro-op cache. */
INLINE const float *gemv_terms(vf *sums, const float *x, const float *w, ptrdiff_t stride, int64_t n,
                               int streams, int vectors) {
    int64_t k = 0;
    ROLLED for (; k + 4 <= n; k += 4, x += 4) w = gemv_four(sums, x, w, stride, streams, vectors);
    ROLLED for (; k < n; k++, x++, w += vectors * LANES) {
        BARRIER(x, w);
        vf value = v_splat(*x);
        UNROLL for (int v = 0; v < streams * vectors; v++) {
            v_accumulate(&sums[v], v_load(w + v / vectors * stride + v % vectors * LANES), value);
        }
    }
    return w;
}

INLINE void gemv(const struct fmap_gemv *job, int streams, int vectors) {
    vf sums[GEMV_STREAMS * GEMV_VECTORS];
    UNROLL for (int v = 0; v < streams * vectors; v++) sums[v] = v_load(job->bias + v * LANES);
    const float *x = job->src, *w = job->weights;
    ptrdiff_t stride = job->stream_stride;
    w = gemv_terms(sums, x, w, stride, job->terms.n_blocks * FMAP_BLOCK, streams, vectors);
    x += job->terms.n_blocks * FMAP_BLOCK;
    for (int64_t i = 0; i < job->terms.n_rests; i++, x += FMAP_BLOCK) {
        w = gemv_terms(sums, x, w, stride, job->terms.rest_lanes, streams, vectors);
    }
    UNROLL for (int v = 0; v < streams * vectors; v++) v_store(job->dst + v * LANES, sums[v]);
    if (job->activate.kind != FMAP_ACTIVATE_NONE) {
        K(activate)(job->dst, job->dst, LANES, streams * vectors, &job->activate);
    }
}

void K(gemv)(const struct fmap_gemv *job) {
    switch (job->n_streams * (GEMV_VECTORS + 1) + job->n_vectors) {
#define SIZE(streams, vectors) \
    case streams *(GEMV_VECTORS + 1) + vectors: gemv(job, streams, vectors); return;
        GEMV_SIZES(SIZE)
#undef SIZE
    }
}
