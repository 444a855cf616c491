/* F(6x6, 3x3): 64 products for 36 outputs where the direct sum takes 324. For large maps of few channels; its error is four
 * times that of F(4x4). */
#include "winograd6.h"

enum { OUTPUT = 6, BY_ROWS = 0 };

INLINE void transform_output(vf *y, const vf *m) { transform_outputs(y, m, OUTPUT); }

#include "winograd.h"

void K(winograd6_input)(const struct fmap_winograd_input *job) { winograd_input(job); }
void K(winograd6_output)(const struct fmap_winograd_output *job) { winograd_output(job, 0); }
