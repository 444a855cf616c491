/* What passes may know of pooling. */
#ifndef FMAP_LAYERS_POOL_H
#define FMAP_LAYERS_POOL_H

#include "runtime/layers/window.h"

struct fmap_pool_parameters {
    struct fmap_window_parameters window;
    bool count_padding; /* AveragePool: padding counts as zeros, and not only the image's elements */
};

#endif
