/* F(2x2, 3x3) with stride 2: 25 products for 4 outputs where the direct sum takes 36. Of a row, elements 0, 2 and 4 meet two of
 * the weights, which is F(2, 2) with the points 0, 1 and infinity; elements 1 and 3 meet the third one as they are. */
#include "template.h"

enum { OUTPUT = 2, PATCH = 5, BY_ROWS = 1 };

/* B^T d */
INLINE void transform_input(vf *t, const vf *d) {
    t[0] = v_sub(d[0], d[2]);
    t[1] = d[2];
    t[2] = v_sub(d[4], d[2]);
    t[3] = d[1];
    t[4] = d[3];
}

/* A^T m */
INLINE void transform_output(vf *y, const vf *m) {
    y[0] = v_add(v_add(m[0], m[1]), m[3]);
    y[1] = v_add(v_add(m[1], m[2]), m[4]);
}

#include "winograd.h"

void K(winograd2_stride2_input)(const struct fmap_winograd_input *job) { winograd_input(job); }
void K(winograd2_stride2_output)(const struct fmap_winograd_output *job) { winograd_output(job, 0); }
