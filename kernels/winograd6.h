/* Points 0, +-1/2, +-1, +-2 and infinity, for patches of 8: F(6x6, 3x3), and the stem's F(4, 5). */
#ifndef FMAP_WINOGRAD6_H
#define FMAP_WINOGRAD6_H

#include "template.h"

enum { PATCH = 8 };

/* The rows of +-p: x (x +- p) (x^4 - sum x^2 + product), of the squares of the two other pairs. */
INLINE void transform_pair(vf *t, const vf *d, float p, float sum, float product) {
    vf even = v_fma(v_splat(product), d[2], v_fma(v_splat(-sum), d[4], d[6]));
    vf odd = v_fma(v_splat(product), d[1], v_fma(v_splat(-sum), d[3], d[5]));
    t[0] = v_fma(v_splat(p), odd, even);
    t[1] = v_fma(v_splat(-p), odd, even);
}

/* B^T d */
INLINE void transform_input(vf *t, const vf *d) {
    t[0] = v_fma(v_splat(5.25f), v_sub(d[2], d[4]), v_sub(d[6], d[0]));
    transform_pair(t + 1, d, 0.5f, 5.0f, 4.0f);
    transform_pair(t + 3, d, 1.0f, 4.25f, 1.0f);
    transform_pair(t + 5, d, 2.0f, 1.25f, 0.25f);
    t[7] = v_fma(v_splat(5.25f), v_sub(d[3], d[5]), v_sub(d[7], d[1]));
}

/* A^T m of n outputs, of which the last has the product at infinity. */
INLINE void transform_outputs(vf *y, const vf *m, int n) {
    vf sums[3], differences[3];
    float two = 2, half = 0.5f;
    UNROLL for (int p = 0; p < 3; p++) {
        sums[p] = v_add(m[2 * p + 1], m[2 * p + 2]);
        differences[p] = v_sub(m[2 * p + 1], m[2 * p + 2]);
    }
    y[0] = v_add(v_add(m[0], sums[0]), v_add(sums[1], sums[2]));
    UNROLL for (int k = 1; k < n; k++) {
        const vf *terms = k % 2 ? differences : sums;
        vf one = k == n - 1 ? v_add(terms[1], m[7]) : terms[1];
        y[k] = v_fma(v_splat(two), terms[2], v_fma(v_splat(half), terms[0], one));
        two *= 2, half *= 0.5f;
    }
}

#endif
