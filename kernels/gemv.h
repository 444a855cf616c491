/* A dense layer for one image: every weight is read once and used once, so that memory is the limit. */
#ifndef FMAP_GEMV_H
#define FMAP_GEMV_H

#include "activate.h"
#include "weights.h"

/* Bytes of weights that are under way from memory, of all streams together: what takes about 100 ns comes at 20 GB/s and
 * more. Fewer wait, more are thrown out of the first cache again. */
enum { GEMV_BYTES_AHEAD = 2048, GEMV_LINE = 64 };

/* The weights of one vector of outputs, `offset` bytes behind the stream's first of four terms. Each line is fetched once. */
INLINE vf gemv_weights(const char *at, ptrdiff_t offset, int streams, int bf16, int far) {
    if (far && offset % GEMV_LINE == 0) __builtin_prefetch(at + GEMV_BYTES_AHEAD / streams, 0, 3);
    return weights_load(at, bf16);
}

/* Four terms of all sums. The stride is in bytes. */
#ifdef BY_LANE
INLINE const char *gemv_four(vf *sums, const float *x, const char *w, ptrdiff_t stride, int streams,
                             int vectors, int bf16, int far) {
    ptrdiff_t vector = weights_vector(bf16);
    BARRIER(x, w);
    vf values = v_load(x);
    UNROLL for (int k = 0; k < 4; k++, w += vectors * vector) {
        UNROLL for (int v = 0; v < streams * vectors; v++) {
            ptrdiff_t offset = v % vectors * vector;
            vf weights = gemv_weights(w + v / vectors * stride + offset, k * vectors * vector + offset,
                                      streams, bf16, far);
            v_accumulate_lane(&sums[v], weights, values, k);
        }
    }
    return w;
}
#else
INLINE const char *gemv_four(vf *sums, const float *x, const char *w, ptrdiff_t stride, int streams,
                             int vectors, int bf16, int far) {
    ptrdiff_t vector = weights_vector(bf16);
    UNROLL for (int i = 0; i < 4; i++, w += vectors * vector) {
        BARRIER(x, w);
        vf value = v_splat(x[i]);
        UNROLL for (int v = 0; v < streams * vectors; v++) {
            ptrdiff_t offset = v % vectors * vector;
            vf weights = gemv_weights(w + v / vectors * stride + offset, i * vectors * vector + offset,
                                      streams, bf16, far);
            v_accumulate(&sums[v], weights, value);
        }
    }
    return w;
}
#endif

/* Some terms of all sums. Unrolled by four, never more: the loop has to stay in the micro-op cache. */
INLINE const char *gemv_terms(vf *sums, const float *x, const char *w, ptrdiff_t stride, int64_t n,
                              int streams, int vectors, int bf16, int far) {
    ptrdiff_t vector = weights_vector(bf16);
    int64_t k = 0;
    ROLLED for (; k + 4 <= n; k += 4, x += 4) {
        w = gemv_four(sums, x, w, stride, streams, vectors, bf16, far);
    }
    ROLLED for (; k < n; k++, x++, w += vectors * vector) {
        BARRIER(x, w);
        vf value = v_splat(*x);
        UNROLL for (int v = 0; v < streams * vectors; v++) {
            const char *at = w + v / vectors * stride + v % vectors * vector;
            v_accumulate(&sums[v], weights_load(at, bf16), value);
        }
    }
    return w;
}

INLINE void gemv(const struct fmap_gemv *job, int streams, int vectors, int bf16) {
    vf sums[GEMV_STREAMS * GEMV_VECTORS];
    UNROLL for (int v = 0; v < streams * vectors; v++) sums[v] = v_load(job->bias + v * LANES);
    const float *x = job->src;
    const char *w = job->weights;
    ptrdiff_t stride = job->stream_stride * (bf16 ? 2 : 4);
    int64_t whole = job->terms.n_blocks * FMAP_BLOCK;
    if (job->far)
        w = gemv_terms(sums, x, w, stride, whole, streams, vectors, bf16, 1);
    else
        w = gemv_terms(sums, x, w, stride, whole, streams, vectors, bf16, 0);
    x += whole;
    for (int64_t i = 0; i < job->terms.n_rests; i++, x += FMAP_BLOCK) {
        w = gemv_terms(sums, x, w, stride, job->terms.rest_lanes, streams, vectors, bf16, 0);
    }
    UNROLL for (int v = 0; v < streams * vectors; v++) v_store(job->dst + v * LANES, sums[v]);
    if (job->activate.kind != FMAP_ACTIVATE_NONE) {
        K(activate)(job->dst, job->dst, LANES, streams * vectors, &job->activate);
    }
}

/* The kernel of that name. */
#define GEMV_SIZE_FLOATS(streams, vectors) \
    case streams *(GEMV_VECTORS + 1) + vectors: \
        gemv(job, streams, vectors, 0); \
        return;
#define GEMV_SIZE_BF16(streams, vectors) \
    case streams *(GEMV_VECTORS + 1) + vectors: \
        gemv(job, streams, vectors, 1); \
        return;

#define GEMV(name, SIZE) \
    void K(name)(const struct fmap_gemv *job) { \
        switch (job->n_streams * (GEMV_VECTORS + 1) + job->n_vectors) { GEMV_SIZES(SIZE) } \
    }

#endif
