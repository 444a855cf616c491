/* F(5x5, 3x3): 49 products for 25 outputs where the direct sum takes 225. Three tiles cover 14 or 15 pixels, for which
 * F(4x4) needs four. */
#include "winograd5.h"

enum { OUTPUT = 5, BY_ROWS = 0 };

INLINE void transform_output(vf *y, const vf *m) { transform_outputs(y, m, OUTPUT); }

#include "winograd.h"

void K(winograd5_input)(const struct fmap_winograd_input *job) { winograd_input(job); }
void K(winograd5_output)(const struct fmap_winograd_output *job) { winograd_output(job, 0); }
