/* F(4x4, 3x3): 36 products for 16 outputs where the direct sum takes 144.
 *
 * Points 0, +-5/8, +-3/2 and infinity: of those that are short binary fractions the ones with the smallest error,
 * less than half of the usual 0, +-1, +-2. */
#include "template.h"

enum { OUTPUT = 4, PATCH = 6, BY_ROWS = 0 };

#include "winograd4.h"

/* A^T m */
INLINE void transform_output(vf *y, const vf *m) {
    vf sum_a = v_add(m[1], m[2]), difference_a = v_sub(m[1], m[2]);
    vf sum_b = v_add(m[3], m[4]), difference_b = v_sub(m[3], m[4]);
    y[0] = v_add(v_add(m[0], sum_a), sum_b);
    y[1] = v_fma(v_splat(B), difference_b, v_mul(v_splat(A), difference_a));
    y[2] = v_fma(v_splat(B2), sum_b, v_mul(v_splat(A2), sum_a));
    y[3] = v_fma(v_splat(B3), difference_b, v_fma(v_splat(A3), difference_a, m[5]));
}

#include "winograd.h"

void K(winograd4_input)(const struct fmap_winograd_input *job) { winograd_input(job); }
void K(winograd4_output)(const struct fmap_winograd_output *job) { winograd_output(job); }
