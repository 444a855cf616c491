/* What passes may know of a transposed convolution. */
#ifndef FMAP_LAYERS_CONV_TRANSPOSE_H
#define FMAP_LAYERS_CONV_TRANSPOSE_H

#include "kernels/kernels.h"
#include "runtime/layers/window.h"

struct fmap_conv_transpose_parameters {
    struct fmap_window_parameters window;
    int64_t group;
    int64_t output_padding[2];
    int64_t output_shape[2]; /* 0: not said */
    struct fmap_activate_job activate;
};

#endif
