/* Convolution of few channels, such as a network's first layer, straight from the caller's image. */
#ifndef FMAP_LAYERS_STEM_H
#define FMAP_LAYERS_STEM_H

#include "runtime/layers/tiles.h"

/* Whether the layer has few channels. Depends on nothing but its shape and
 * whether its weights are finite: the choice changes the order of the sum. */
bool fmap_stem_wanted(const struct fmap_tiles_problem *problem);

/* Whether it takes the pool from the rows that it has just computed. */
bool fmap_stem_can_pool(const struct fmap_tiles_problem *problem, const struct fmap_pooled *pool);

/* Packs the weights and adds the step. `x` is read in whatever form it is in; problem->src counts for nothing. */
fmap_status fmap_planning_stem(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               fmap_value x, const struct fmap_tiles_problem *problem);

#endif
