/* F(6, 7): 12 products for 6 outputs where the direct sum takes 42. */
#include "template.h"

enum { OUTPUT = 6, PATCH = 12 };

#include "winograd_line.h"

void K(winograd_line12_input)(const struct fmap_winograd_input *job) { winograd_line_input(job); }
void K(winograd_line6_7_output)(const struct fmap_winograd_output *job) { winograd_line_output(job); }
