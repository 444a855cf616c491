/* What passes may know of a convolution. */
#ifndef FMAP_LAYERS_CONV_H
#define FMAP_LAYERS_CONV_H

#include "kernels/kernels.h"
#include "runtime/layers/window.h"

struct fmap_conv_parameters {
    struct fmap_window_parameters window;
    int64_t group;
    struct fmap_activate_job activate; /* computed with the convolution; none when a node is parsed */
};

#endif
