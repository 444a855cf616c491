/* Points 0, +-5/8, +-3/2 and infinity, for patches of 6 x 6: F(4x4, 3x3) and F(2x2, 5x5). */
#ifndef FMAP_WINOGRAD4_H
#define FMAP_WINOGRAD4_H

#include "template.h"

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

#endif
