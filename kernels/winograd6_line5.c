/* F(6, 5): 10 products for 6 outputs where the direct sum takes 30. */
#include "template.h"

enum { OUTPUT = 6, PATCH = 10 };

#include "winograd_line.h"

void K(winograd_line10_input)(const struct fmap_winograd_input *job) { winograd_line_input(job); }
void K(winograd_line6_5_output)(const struct fmap_winograd_output *job) { winograd_line_output(job); }
