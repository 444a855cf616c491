/* Element by element: functions of one, of two, and of a channel. */
#ifndef FMAP_KERNELS_ELTWISE_JOB_H
#define FMAP_KERNELS_ELTWISE_JOB_H

#include "activate_job.h"

#include <stdbool.h>
#include <stdint.h>

/* dst[i] = activate(src[i]), i < n. dst may be src. */
struct fmap_unary {
    const float *src;
    float *dst;
    int64_t n;
    struct fmap_activate_job activate;
};

enum fmap_binary_op {
    FMAP_BINARY_ADD,
    FMAP_BINARY_MUL,
    FMAP_BINARY_SUB,
    FMAP_BINARY_DIV,
    FMAP_BINARY_MIN, /* NaN when either is */
    FMAP_BINARY_MAX,
    FMAP_BINARY_PRELU, /* x < 0 ? x * y : x */
    FMAP_BINARY_POW,   /* this and the next are the C library's, one number at a time */
    FMAP_BINARY_MOD,   /* the remainder of a division towards 0 */
    FMAP_N_BINARY_OPS
};

/* How the second operand is walked. */
enum fmap_binary_walk {
    FMAP_WALK_SAME,   /* b[i] */
    FMAP_WALK_SCALAR, /* b[0] */
    FMAP_WALK_BLOCK   /* b[i mod 16]: one value a channel of a blocked tensor */
};

/* dst[i] = activate(a[i] op b[...]), i < n, or activate(b[...] op a[i]) when swapped. dst may be a or, with
 * FMAP_WALK_SAME, b. */
struct fmap_binary {
    const float *a;
    const float *b;
    float *dst;
    int64_t n;
    enum fmap_binary_op op;
    bool swapped;
    enum fmap_binary_walk walk;
    struct fmap_activate_job activate;
};

/* dst[i] = activate(fma(src[i], scale[i mod 16], shift[i mod 16])): BatchNormalization of a block. dst may be src. */
struct fmap_affine {
    const float *src;
    float *dst;
    const float *scale; /* [16], aligned */
    const float *shift; /* [16], aligned */
    int64_t n;          /* a multiple of 16 */
    struct fmap_activate_job activate;
};

#endif
