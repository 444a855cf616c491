/* Dense layers.
 *
 * The terms of a sum are the lanes of n_blocks whole blocks of 16, and then of n_rests blocks that end early: an image
 * as it lies in memory, a flattened map as well as a row of features. */
#ifndef FMAP_KERNELS_DENSE_JOB_H
#define FMAP_KERNELS_DENSE_JOB_H

#include "activate_job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fmap_terms {
    int64_t n_blocks, n_rests;
    int rest_lanes; /* of each of the last blocks, 1 .. 15 where there are any */
};

/* Weights are floats or, for kernels with bf16 in their names, bfloat16: the upper half of a float whose lower half is 0.
 * All else is the same, the order of a sum too: the bits are those of a layer with such floats. */

/* dst[o] = activate(bias[o] + sum over terms of src[term] * weights[term][o]) of one image, as one chain of fused
 * multiply-adds per output that begins with the bias. The weights of n_vectors vectors of outputs are one stream;
 * several streams are read at once. */
struct fmap_gemv {
    const float *src;        /* [n_blocks + n_rests][16] */
    const void *weights;     /* of each stream [term][n_vectors * lanes of a vector], aligned */
    ptrdiff_t stream_stride; /* elements from one stream to the next */
    const float *bias;       /* [n_streams * n_vectors * lanes of a vector] */
    float *dst;              /* the same */
    struct fmap_terms terms;
    int n_streams, n_vectors; /* 1 .. gemv_streams, 1 .. gemv_vectors of the table */
    bool far;                 /* weights come from beyond the second cache: they are fetched ahead */
    struct fmap_activate_job activate;
};

/* The same sums for several images, called rows, or a piece of them: dst[row][o] begins with bias[o], or goes on with
 * what it holds. One function per number of rows and vectors. */
struct fmap_dense_tile {
    const float *src; /* of each row [n_blocks + n_rests][16] */
    ptrdiff_t src_row_stride;
    const void *weights; /* [term][vectors * lanes of a vector], aligned */
    const float *bias;   /* [vectors * lanes of a vector]; NULL: go on with dst */
    float *dst;
    ptrdiff_t dst_row_stride;
    struct fmap_terms terms;
    const float *prefetch; /* with every four terms four lines from here are fetched into the second cache, */
    int64_t prefetch_step; /* and it moves on by so many elements */
    struct fmap_activate_job activate;
};

typedef void fmap_dense_function(const struct fmap_dense_tile *tile);

/* dst[i] = the float of the bfloat16 src[i], i < n: weights that many tiles are going to read. */
struct fmap_widen {
    const uint16_t *src;
    float *dst;
    int64_t n; /* a multiple of the lanes of a vector */
};

#endif
