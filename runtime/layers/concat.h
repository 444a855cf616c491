/* What passes may know of a Concat. */
#ifndef FMAP_LAYERS_CONCAT_H
#define FMAP_LAYERS_CONCAT_H

#include <stdint.h>

struct fmap_concat_parameters {
    int64_t axis;
};

#endif
