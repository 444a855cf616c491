/* What passes and other layers may know of functions of one number, first of all activations. */
#ifndef FMAP_LAYERS_ACTIVATION_H
#define FMAP_LAYERS_ACTIVATION_H

#include "kernels/kernels.h"
#include "runtime/graph.h"

struct fmap_planning;

/* Whether the node is a function of floats whose parameters are known, and which. */
bool fmap_function_of(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                      struct fmap_activate_job *function);

/* The same of a Clip (clip.c). */
bool fmap_clip_of(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                  struct fmap_activate_job *function);

/* Adds the step that computes output 0 of the node from a value of its shape. */
fmap_status fmap_plan_function(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               fmap_value in, const struct fmap_activate_job *function);

/* Output 0 is the value: nothing has to be done, or it is copied where its memory does not live as long. */
fmap_status fmap_plan_unchanged(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                fmap_value in);

#endif
