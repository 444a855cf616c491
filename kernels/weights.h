/* Weights of dense layers: floats, or with `bf16` bfloat16 that are widened when they are loaded. */
#ifndef FMAP_WEIGHTS_H
#define FMAP_WEIGHTS_H

#include "template.h"

/* Bytes of a vector of them. */
INLINE ptrdiff_t weights_vector(int bf16) { return LANES * (bf16 ? 2 : 4); }

INLINE vf weights_load(const char *w, int bf16) {
    return bf16 ? v_load_bf16((const void *)w) : v_load((const void *)w);
}

#endif
