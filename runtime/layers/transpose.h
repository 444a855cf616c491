/* What passes may know of a Transpose. */
#ifndef FMAP_LAYERS_TRANSPOSE_H
#define FMAP_LAYERS_TRANSPOSE_H

#include "runtime/graph.h"

struct fmap_transpose_parameters {
    size_t rank; /* 0: the reverse order */
    int64_t permutation[FMAP_MAX_RANK];
};

/* Axis i of the output is axis permutation[i] of the input, whose rank is `rank`. */
void fmap_transpose_permutation(const struct fmap_graph_node *node, int rank, int *permutation);

#endif
