/* What passes may know of pooling. */
#ifndef FMAP_LAYERS_POOL_H
#define FMAP_LAYERS_POOL_H

#include "runtime/layers/window.h"
#include "runtime/planning.h"

struct fmap_pool_parameters {
    struct fmap_window_parameters window;
    bool count_padding; /* AveragePool: padding counts as zeros, and not only the image's elements */
    bool
        by_columns; /* MaxPool's second output counts elements down the columns of a plane, not along its rows */
};

/* How many elements of each window along an axis count: those inside of the image, or of its padding too. */
fmap_status fmap_pool_counts(struct fmap_planning *planning, const struct fmap_window_size *size, int axis,
                             bool count_padding, const float **counts);

/* Whether a MaxPool or an AveragePool is one that the kernel can do: of floats of one or two dimensions, and nobody asks where
 * the maxima were. */
bool fmap_pool_has_kernel(const struct fmap_graph *graph, const struct fmap_graph_node *node);

#endif
