/* F(5x5, 3x3): 49 products for 25 outputs where the direct sum takes 225. Three tiles cover 14 or 15 pixels, for which
 * F(4x4) needs four.
 *
 * Points +-1/4, +-7/8, +-15/8 and infinity: without 0, whose row would lack a partner. */
#include "template.h"

enum { OUTPUT = 5, PATCH = 7, BY_ROWS = 0 };

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

/* A^T m */
INLINE void transform_output(vf *y, const vf *m) {
    vf sum_a = v_add(m[0], m[1]), difference_a = v_sub(m[0], m[1]);
    vf sum_b = v_add(m[2], m[3]), difference_b = v_sub(m[2], m[3]);
    vf sum_c = v_add(m[4], m[5]), difference_c = v_sub(m[4], m[5]);
    const float a2 = SQUARE(A), b2 = SQUARE(B), c2 = SQUARE(C);
    y[0] = v_add(v_add(sum_a, sum_b), sum_c);
    y[1] = v_fma(v_splat(C), difference_c, v_fma(v_splat(B), difference_b, v_mul(v_splat(A), difference_a)));
    y[2] = v_fma(v_splat(c2), sum_c, v_fma(v_splat(b2), sum_b, v_mul(v_splat(a2), sum_a)));
    y[3] = v_fma(v_splat(c2 * C), difference_c,
                 v_fma(v_splat(b2 * B), difference_b, v_mul(v_splat(a2 * A), difference_a)));
    y[4] = v_fma(v_splat(c2 * c2), sum_c,
                 v_fma(v_splat(b2 * b2), sum_b, v_fma(v_splat(a2 * a2), sum_a, m[6])));
}

#include "winograd.h"

void K(winograd5_input)(const struct fmap_winograd_input *job) { winograd_input(job); }
void K(winograd5_output)(const struct fmap_winograd_output *job) { winograd_output(job); }
