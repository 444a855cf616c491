/* Convolution to a few outputs. */
#ifndef FMAP_LAYERS_DOT_H
#define FMAP_LAYERS_DOT_H

#include "runtime/layers/tiles.h"

/* Whether to use it. Depends on nothing but the layer's shape: the order of the sum is another one than the tiles'. */
bool fmap_dot_wanted(const struct fmap_tiles_problem *problem);

/* Packs the weights and adds the step. */
fmap_status fmap_planning_dot(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct fmap_tiles_problem *problem);

#endif
