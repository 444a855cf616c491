/* F(4, 3): 6 products for 4 outputs where the direct sum takes 12. */
#include "template.h"

enum { OUTPUT = 4, PATCH = 6 };

#include "winograd_line.h"

void K(winograd_line6_input)(const struct fmap_winograd_input *job) { winograd_line_input(job); }
void K(winograd_line4_3_output)(const struct fmap_winograd_output *job) { winograd_line_output(job); }
