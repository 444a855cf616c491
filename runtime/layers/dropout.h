/* The mask of a Dropout layer. */
#ifndef FMAP_LAYERS_DROPOUT_H
#define FMAP_LAYERS_DROPOUT_H

#include "runtime/planning.h"

/* Adds the step that computes the mask of a Dropout node, 0 or 1 for each element of its input in plain form,
 * and says where it will be; in inference all ones. The node's second output is that memory when it has one.
 * Done once per node that has one. */
fmap_status fmap_dropout_mask_step(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                   struct fmap_operand *mask);

#endif
