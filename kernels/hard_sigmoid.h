/* min(max(a * x + b, 0), 1): by itself, or times x. */
#ifndef FMAP_HARD_SIGMOID_H
#define FMAP_HARD_SIGMOID_H

#include "template.h"

INLINE vf v_hard_sigmoid(vf x, vf a, vf b) {
    return v_min(v_splat(1.0f), v_max(v_splat(0.0f), v_fma(a, x, b)));
}

#endif
