/* What passes may know of a Transpose. */
#ifndef FMAP_LAYERS_TRANSPOSE_H
#define FMAP_LAYERS_TRANSPOSE_H

#include "runtime/graph.h"

/* Axis i of the output is axis permutation[i] of the input, whose rank is `rank`. */
void fmap_transpose_permutation(const struct fmap_graph_node *node, int rank, int *permutation);

#endif
