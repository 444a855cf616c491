/* What passes may know of a BatchNormalization. */
#ifndef FMAP_LAYERS_BATCH_NORMALIZATION_H
#define FMAP_LAYERS_BATCH_NORMALIZATION_H

#include "kernels/kernels.h"
#include "runtime/graph.h"

struct fmap_batch_normalization_parameters {
    float epsilon;
    struct fmap_activate_job activate; /* computed with the layer; none when a node is parsed */
};

/* The layer as out = in * scale[c] + shift[c], for n_channels channels. */
void fmap_batch_normalization_affine(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                     int64_t n_channels, double *scale, double *shift);

#endif
