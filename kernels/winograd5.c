/* F(5x5, 3x3): 49 products for 25 outputs where the direct sum takes 225. Three tiles cover 14 or 15 pixels, for which
 * F(4x4) needs four. */
#include "winograd5.h"

enum { OUTPUT = 5, BY_ROWS = 0 };

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
void K(winograd5_output)(const struct fmap_winograd_output *job) { winograd_output(job, 0); }
