/* F(4, 5) along rows: 8 products for 4 outputs where the direct sum takes 20. Points as in F(6x6, 3x3). */
#include "winograd6.h"

/* A^T m */
INLINE void transform_output(vf *y, const vf *m) {
    vf sum_half = v_add(m[1], m[2]), difference_half = v_sub(m[1], m[2]);
    vf sum_one = v_add(m[3], m[4]), difference_one = v_sub(m[3], m[4]);
    vf sum_two = v_add(m[5], m[6]), difference_two = v_sub(m[5], m[6]);
    y[0] = v_add(v_add(m[0], sum_half), v_add(sum_one, sum_two));
    y[1] = v_fma(v_splat(2.0f), difference_two, v_fma(v_splat(0.5f), difference_half, difference_one));
    y[2] = v_fma(v_splat(4.0f), sum_two, v_fma(v_splat(0.25f), sum_half, sum_one));
    y[3] = v_fma(v_splat(8.0f), difference_two,
                 v_fma(v_splat(0.125f), difference_half, v_add(difference_one, m[7])));
}

#include "stem_winograd.h"

void K(stem_winograd5_input)(const struct fmap_stem_winograd_input *job) { stem_input_of(job); }
void K(stem_winograd5_output)(const struct fmap_stem_winograd_output *job) { stem_output(job); }
