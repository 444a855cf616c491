/* F(4, 4) along rows: 7 products for 4 outputs where the direct sum takes 16. Of a kernel of 7 columns with stride 2, even
 * columns meet four of the weights and odd ones three. */
#include "winograd5.h"

INLINE void transform_output(vf *y, const vf *m) { transform_outputs(y, m, FMAP_STEM_WINOGRAD_OUTPUT); }

#include "stem_winograd.h"

void K(stem_winograd4_input)(const struct fmap_stem_winograd_input *job) { stem_input_of(job); }
void K(stem_winograd4_output)(const struct fmap_stem_winograd_output *job) { stem_output(job); }
