/* F(4x4, 3x3): 36 products for 16 outputs where the direct sum takes 144.
 *
 * Points 0, +-5/8, +-3/2 and infinity: of those that are short binary fractions the ones with the smallest error,
 * less than half of the usual 0, +-1, +-2. */
#include "template.h"

enum { OUTPUT = 4, BY_ROWS = 0 };

#include "winograd4.h"

INLINE void transform_output(vf *y, const vf *m) { transform_output4(y, m); }

#include "winograd.h"

void K(winograd4_input)(const struct fmap_winograd_input *job) { winograd_input(job); }
void K(winograd4_output)(const struct fmap_winograd_output *job) { winograd_output(job, 0); }
void K(winograd4_dilated_input)(const struct fmap_winograd_input *job) { winograd_dilated_input(job); }
void K(winograd4_dilated_output)(const struct fmap_winograd_output *job) { winograd_output(job, 1); }
