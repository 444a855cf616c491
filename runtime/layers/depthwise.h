/* Depthwise convolution: every channel has kernels of its own. */
#ifndef FMAP_LAYERS_DEPTHWISE_H
#define FMAP_LAYERS_DEPTHWISE_H

#include "runtime/layers/tiles.h"

/* groups == channels; outputs is a multiple of them. */
fmap_status fmap_planning_depthwise(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                    const struct fmap_tiles_problem *problem);

#endif
