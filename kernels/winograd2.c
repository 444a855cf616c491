/* F(2x2, 3x3): points 0, +-1 and infinity. 16 products for 4 outputs where the direct sum takes 36. The smallest weights
 * and errors: for maps that larger tiles do not fit. */
#include "template.h"

enum { OUTPUT = 2, PATCH = 4, BY_ROWS = 0 };

/* B^T d */
INLINE void transform_input(vf *t, const vf *d) {
    t[0] = v_sub(d[2], d[0]);
    t[1] = v_add(d[2], d[1]);
    t[2] = v_sub(d[2], d[1]);
    t[3] = v_sub(d[3], d[1]);
}

/* A^T m */
INLINE void transform_output(vf *y, const vf *m) {
    y[0] = v_add(m[0], v_add(m[1], m[2]));
    y[1] = v_add(v_sub(m[1], m[2]), m[3]);
}

#include "winograd.h"

void K(winograd2_input)(const struct fmap_winograd_input *job) { winograd_input(job); }
void K(winograd2_output)(const struct fmap_winograd_output *job) { winograd_output(job, 0); }
void K(winograd2_dilated_input)(const struct fmap_winograd_input *job) { winograd_dilated_input(job); }
void K(winograd2_dilated_output)(const struct fmap_winograd_output *job) { winograd_output(job, 1); }
