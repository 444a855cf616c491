/* Convolution of narrow groups: several of them in a block of channels, or one. */
#ifndef FMAP_LAYERS_GROUPED_H
#define FMAP_LAYERS_GROUPED_H

#include "runtime/layers/tiles.h"

/* Whether the kernel can compute the layer; columns and their padding have to fit in an int. Depends on nothing but
 * the layer's shape: the order of the sum is another one than the tiles'. */
bool fmap_grouped_wanted(const struct fmap_tiles_problem *problem);

/* Packs the weights and adds the step. */
fmap_status fmap_planning_grouped(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                  const struct fmap_tiles_problem *problem);

#endif
