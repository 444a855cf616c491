/* What passes may know of pooling. */
#ifndef FMAP_LAYERS_POOL_H
#define FMAP_LAYERS_POOL_H

#include "runtime/layers/window.h"

struct fmap_pool_parameters {
    struct fmap_window_parameters window;
    bool count_padding; /* AveragePool: padding counts as zeros, and not only the image's elements */
    bool
        by_columns; /* MaxPool's second output counts elements down the columns of a plane, not along its rows */
};

struct fmap_planning;

/* Whether a MaxPool is none that the kernel can do: of bytes, or one that says where each maximum was; and the step for
 * it (pool_plain.c). */
bool fmap_max_pool_is_plain(const struct fmap_graph *graph, const struct fmap_graph_node *node);
fmap_status fmap_plan_max_pool_plain(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                     const struct fmap_window_size *size);

#endif
