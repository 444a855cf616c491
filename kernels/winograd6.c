/* F(6x6, 3x3): 64 products for 36 outputs where the direct sum takes 324. For large maps of few channels; its error is four
 * times that of F(4x4). */
#include "winograd6.h"

enum { OUTPUT = 6, BY_ROWS = 0 };

/* A^T m */
INLINE void transform_output(vf *y, const vf *m) {
    vf sum_half = v_add(m[1], m[2]), difference_half = v_sub(m[1], m[2]);
    vf sum_one = v_add(m[3], m[4]), difference_one = v_sub(m[3], m[4]);
    vf sum_two = v_add(m[5], m[6]), difference_two = v_sub(m[5], m[6]);
    y[0] = v_add(v_add(m[0], sum_half), v_add(sum_one, sum_two));
    y[1] = v_fma(v_splat(2.0f), difference_two, v_fma(v_splat(0.5f), difference_half, difference_one));
    y[2] = v_fma(v_splat(4.0f), sum_two, v_fma(v_splat(0.25f), sum_half, sum_one));
    y[3] = v_fma(v_splat(8.0f), difference_two, v_fma(v_splat(0.125f), difference_half, difference_one));
    y[4] = v_fma(v_splat(16.0f), sum_two, v_fma(v_splat(0.0625f), sum_half, sum_one));
    y[5] = v_fma(v_splat(32.0f), difference_two,
                 v_fma(v_splat(0.03125f), difference_half, v_add(difference_one, m[7])));
}

#include "winograd.h"

void K(winograd6_input)(const struct fmap_winograd_input *job) { winograd_input(job); }
void K(winograd6_output)(const struct fmap_winograd_output *job) { winograd_output(job, 0); }
