/* Two operands of floats, element by element, with numpy's broadcasting and a function behind it. */
#ifndef FMAP_LAYERS_PAIR_H
#define FMAP_LAYERS_PAIR_H

#include "runtime/planning.h"

struct fmap_pair {
    enum fmap_binary_op op;
    fmap_value a, b;     /* a may be output 0 of the node: what a step before has put there */
    const float *number; /* instead of b, a constant that lives as long as the plan; NULL: b */
    bool plain;          /* in the plain form, whatever is at hand */
    struct fmap_activate_job activate;
};

/* Adds the step that computes output 0 of the node. */
fmap_status fmap_plan_pair(struct fmap_planning *planning, const struct fmap_graph_node *node,
                           const struct fmap_pair *pair);

#endif
