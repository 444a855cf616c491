/* What passes may know of the layers of two and more operands. */
#ifndef FMAP_LAYERS_ELTWISE_H
#define FMAP_LAYERS_ELTWISE_H

#include "kernels/kernels.h"

struct fmap_eltwise_parameters {
    struct fmap_activate_job activate; /* computed with the layer; none when a node is parsed */
    bool truncates;                    /* of Mod: the remainder has the sign of the dividend */
};

#endif
