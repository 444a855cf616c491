/* What passes may know of a Flatten. */
#ifndef FMAP_LAYERS_FLATTEN_H
#define FMAP_LAYERS_FLATTEN_H

#include "runtime/graph.h"

/* Whether the elements stay in their order: not with channels_last. */
bool fmap_flatten_keeps_order(const struct fmap_graph_node *node);

#endif
