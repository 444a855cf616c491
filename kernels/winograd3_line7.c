/* F(3, 7): 9 products for 3 outputs where the direct sum takes 21. */
#include "template.h"

enum { OUTPUT = 3, PATCH = 9 };

#include "winograd_line.h"

void K(winograd_line9_input)(const struct fmap_winograd_input *job) { winograd_line_input(job); }
void K(winograd_line3_7_output)(const struct fmap_winograd_output *job) { winograd_line_output(job); }
