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

/* A^T m of n outputs, of which the last has the product at infinity. */
INLINE void transform_outputs(vf *y, const vf *m, int n) {
    vf sums[3], differences[3];
    float powers[3] = {A, B, C};
    UNROLL for (int p = 0; p < 3; p++) {
        sums[p] = v_add(m[2 * p], m[2 * p + 1]);
        differences[p] = v_sub(m[2 * p], m[2 * p + 1]);
    }
    y[0] = v_add(v_add(sums[0], sums[1]), sums[2]);
    UNROLL for (int k = 1; k < n; k++) {
        const vf *terms = k % 2 ? differences : sums;
        vf first = v_splat(powers[0]);
        first = k == n - 1 ? v_fma(first, terms[0], m[6]) : v_mul(first, terms[0]);
        y[k] = v_fma(v_splat(powers[2]), terms[2], v_fma(v_splat(powers[1]), terms[1], first));
        powers[0] *= A, powers[1] *= B, powers[2] *= C;
    }
}

#endif
