/* F(4, 5) along rows: 8 products for 4 outputs where the direct sum takes 20. Points as in F(6x6, 3x3). */
#include "winograd6.h"

INLINE void transform_output(vf *y, const vf *m) { transform_outputs(y, m, FMAP_STEM_WINOGRAD_OUTPUT); }

#include "stem_winograd.h"

void K(stem_winograd5_input)(const struct fmap_stem_winograd_input *job) { stem_input_of(job); }
void K(stem_winograd5_output)(const struct fmap_stem_winograd_output *job) { stem_output(job); }
