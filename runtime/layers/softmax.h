/* What Softmax, LogSoftmax and Hardmax share: one axis, or before opset 13 all axes from one on. */
#ifndef FMAP_LAYERS_SOFTMAX_H
#define FMAP_LAYERS_SOFTMAX_H

#include "runtime/layer.h"

struct fmap_softmax_parameters {
    int64_t axis;
    bool to_the_end; /* "coerced to 2-D": the axes [axis, rank) count as one */
};

fmap_status fmap_softmax_parse(struct fmap_parsing *parsing);
fmap_status fmap_softmax_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               fmap_error *error);

#endif
