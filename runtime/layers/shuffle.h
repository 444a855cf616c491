/* ShuffleNet's shuffle of channels: what fuse_shuffle makes of a Reshape, a Transpose and a Reshape. */
#ifndef FMAP_LAYERS_SHUFFLE_H
#define FMAP_LAYERS_SHUFFLE_H

#include "runtime/layer.h"

struct fmap_shuffle_parameters {
    int64_t groups; /* channel k * groups + j is channel j * (c / groups) + k of the input */
};

/* No operator of ONNX: in no list. */
extern const struct fmap_layer fmap_layer_shuffle;

#endif
