/* What passes may know of a dense layer: Gemm and MatMul. */
#ifndef FMAP_LAYERS_DENSE_H
#define FMAP_LAYERS_DENSE_H

#include "kernels/kernels.h"
#include "runtime/attributes.h"

/* Y = activate(alpha * A * B + beta * C), A and B transposed where it says so. MatMul: alpha 1, no C. */
struct fmap_dense_parameters {
    float alpha, beta;
    bool transpose_a, transpose_b;
    struct fmap_activate_job activate; /* computed with the layer; none when a node is parsed */
};

#endif
