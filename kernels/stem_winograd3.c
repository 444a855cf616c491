/* F(4, 3) along rows: 6 products for 4 outputs where the direct sum takes 12. Points as in F(4x4, 3x3). */
#include "winograd4.h"

INLINE void transform_output(vf *y, const vf *m) { transform_output4(y, m); }

#include "stem_winograd.h"

void K(stem_winograd3_input)(const struct fmap_stem_winograd_input *job) { stem_input_of(job); }
void K(stem_winograd3_output)(const struct fmap_stem_winograd_output *job) { stem_output(job); }
