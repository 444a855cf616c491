/* F(2x2, 5x5): 36 products for 4 outputs where the direct sum takes 100. Patches, points and the input transform are those of
 * F(4x4, 3x3). */
#include "template.h"

enum { OUTPUT = 2, BY_ROWS = 0 };

#include "winograd4.h"

/* A^T m */
INLINE void transform_output(vf *y, const vf *m) {
    y[0] = v_add(v_add(m[0], v_add(m[1], m[2])), v_add(m[3], m[4]));
    y[1] = v_fma(v_splat(B), v_sub(m[3], m[4]), v_fma(v_splat(A), v_sub(m[1], m[2]), m[5]));
}

#include "winograd.h"

void K(winograd2_5x5_output)(const struct fmap_winograd_output *job) { winograd_output(job, 0); }
