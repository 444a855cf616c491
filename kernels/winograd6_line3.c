/* F(6, 3): 8 products for 6 outputs where the direct sum takes 18. */
#include "template.h"

enum { OUTPUT = 6, PATCH = 8 };

#include "winograd_line.h"

void K(winograd_line8_input)(const struct fmap_winograd_input *job) { winograd_line_input(job); }
void K(winograd_line6_3_output)(const struct fmap_winograd_output *job) { winograd_line_output(job); }
