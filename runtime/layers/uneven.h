/* Convolution in groups whose outputs or channels do not begin with a block. */
#ifndef FMAP_LAYERS_UNEVEN_H
#define FMAP_LAYERS_UNEVEN_H

#include "runtime/layers/tiles.h"

/* Whether there are such groups. The sums are those of fmap_planning_tiles, in the same order. */
bool fmap_uneven_wanted(const struct fmap_tiles_problem *problem);

/* Packs the weights and adds the step. */
fmap_status fmap_planning_uneven(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 const struct fmap_tiles_problem *problem);

#endif
