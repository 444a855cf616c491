/* Points +-1/4, +-7/8, +-15/8 and infinity, for patches of 7: F(5x5, 3x3), and the stem's F(4, 4). Without 0, whose row
 * would lack a partner. */
#ifndef FMAP_WINOGRAD5_H
#define FMAP_WINOGRAD5_H

#include "template.h"

enum { PATCH = 7 };

#define A         0.25f /* exact, as are the squares and products below */
#define B         0.875f
#define C         1.875f
#define SQUARE(p) ((p) * (p))

/* The rows of +-p: (x^2 - q^2) (x^2 - r^2) (x +- p). */
INLINE void transform_pair(vf *t, const vf *d, float p, float q, float r) {
    vf product = v_splat(SQUARE(q) * SQUARE(r)), sum = v_splat(-(SQUARE(q) + SQUARE(r)));
    vf even = v_fma(product, d[0], v_fma(sum, d[2], d[4])),
       odd = v_fma(product, d[1], v_fma(sum, d[3], d[5]));
    t[0] = v_fma(v_splat(p), even, odd);
    t[1] = v_fma(v_splat(-p), even, odd);
}

/* B^T d */
INLINE void transform_input(vf *t, const vf *d) {
    const float first = SQUARE(A) + SQUARE(B) + SQUARE(C), third = SQUARE(A) * SQUARE(B) * SQUARE(C);
    const float second = SQUARE(A) * SQUARE(B) + SQUARE(A) * SQUARE(C) + SQUARE(B) * SQUARE(C);
    transform_pair(t, d, A, B, C);
    transform_pair(t + 2, d, B, A, C);
    transform_pair(t + 4, d, C, A, B);
    t[6] = v_fma(v_splat(-third), d[0], v_fma(v_splat(second), d[2], v_fma(v_splat(-first), d[4], d[6])));
}

#endif
