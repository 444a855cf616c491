/* Convolution by Winograd's F(4x4, 3x3). */
#ifndef FMAP_LAYERS_WINOGRAD_H
#define FMAP_LAYERS_WINOGRAD_H

#include "runtime/layers/tiles.h"

/* Whether to use it: can it compute the layer, and was it asked for or do the transforms pay? Depends on nothing but
 * the layer's shape and the option: the choice changes bits. */
bool fmap_winograd_wanted(const struct fmap_tiles_problem *problem, fmap_algorithm algorithm);

/* Transforms and packs the weights and adds the step. */
fmap_status fmap_planning_winograd(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                   const struct fmap_tiles_problem *problem);

#endif
