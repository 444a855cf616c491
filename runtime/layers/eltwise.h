/* What passes may know of Add and Mul. */
#ifndef FMAP_LAYERS_ELTWISE_H
#define FMAP_LAYERS_ELTWISE_H

#include "kernels/kernels.h"

struct fmap_eltwise_parameters {
    struct fmap_activate_job activate; /* computed with the layer; none when a node is parsed */
};

#endif
