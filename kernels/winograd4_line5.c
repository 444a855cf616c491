/* F(4, 5): 8 products for 4 outputs where the direct sum takes 20. Patches and points are those of F(6, 3). */
#include "template.h"

enum { OUTPUT = 4, PATCH = 8 };

#include "winograd_line.h"

void K(winograd_line4_5_output)(const struct fmap_winograd_output *job) { winograd_line_output(job); }
