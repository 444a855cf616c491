/* Points 0, +-5/8, +-3/2 and infinity, for patches of 6 x 6: F(4x4, 3x3) and F(2x2, 5x5). */
#ifndef FMAP_WINOGRAD4_H
#define FMAP_WINOGRAD4_H

#include "template.h"

enum { PATCH = 6 };

static const float A = 0.625f, A2 = 0.390625f, A3 = 0.244140625f; /* 5/8 and its powers, all exact */
static const float B = 1.5f, B2 = 2.25f, B3 = 3.375f;

/* B^T d */
INLINE void transform_input(vf *t, const vf *d) {
    vf even_b = v_fma(v_splat(-B2), d[2], d[4]), odd_b = v_fma(v_splat(-B2), d[1], d[3]);
    vf even_a = v_fma(v_splat(-A2), d[2], d[4]), odd_a = v_fma(v_splat(-A2), d[1], d[3]);
    t[0] = v_fma(v_splat(A2 * B2), d[0], v_fma(v_splat(-(A2 + B2)), d[2], d[4]));
    t[1] = v_fma(v_splat(A), odd_b, even_b);
    t[2] = v_fma(v_splat(-A), odd_b, even_b);
    t[3] = v_fma(v_splat(B), odd_a, even_a);
    t[4] = v_fma(v_splat(-B), odd_a, even_a);
    t[5] = v_fma(v_splat(A2 * B2), d[1], v_fma(v_splat(-(A2 + B2)), d[3], d[5]));
}

/* A^T m of four outputs. */
INLINE void transform_output4(vf *y, const vf *m) {
    vf sum_a = v_add(m[1], m[2]), difference_a = v_sub(m[1], m[2]);
    vf sum_b = v_add(m[3], m[4]), difference_b = v_sub(m[3], m[4]);
    y[0] = v_add(v_add(m[0], sum_a), sum_b);
    y[1] = v_fma(v_splat(B), difference_b, v_mul(v_splat(A), difference_a));
    y[2] = v_fma(v_splat(B2), sum_b, v_mul(v_splat(A2), sum_a));
    y[3] = v_fma(v_splat(B3), difference_b, v_fma(v_splat(A3), difference_a, m[5]));
}

#endif
