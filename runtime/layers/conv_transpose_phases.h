/* A transposed convolution as ordinary ones. */
#ifndef FMAP_LAYERS_CONV_TRANSPOSE_PHASES_H
#define FMAP_LAYERS_CONV_TRANSPOSE_PHASES_H

#include "runtime/layers/tiles.h"
#include "runtime/layers/window.h"

/* Adds the steps that compute the node, one for each phase or one for all of them. Of the problem all is said but what
 * depends on the phase: outputs of a phase, kernel, weights, dilations and padding. */
fmap_status fmap_plan_transposed_phases(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                        const struct fmap_window_size *size,
                                        const struct fmap_tiles_problem *problem);

#endif
