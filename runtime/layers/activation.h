/* What passes may know of the activations. */
#ifndef FMAP_LAYERS_ACTIVATION_H
#define FMAP_LAYERS_ACTIVATION_H

#include "kernels/kernels.h"
#include "runtime/graph.h"

/* What a node whose layer is an activation computes. Errors: MODEL, UNSUPPORTED: bounds of a Clip that are
 * not constant numbers. */
fmap_status fmap_activation_of(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               struct fmap_activate_job *activate, fmap_error *error);

#endif
