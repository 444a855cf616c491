/* Dense layers: what Gemm and MatMul share, and what passes may know of them. */
#ifndef FMAP_LAYERS_DENSE_H
#define FMAP_LAYERS_DENSE_H

#include "runtime/layers/tiles.h"

/* Y = activate(alpha * A * B + beta * C), A and B transposed where it says so. MatMul: alpha 1, and no C but a constant row
 * that a pass has put there. */
struct fmap_dense_parameters {
    float alpha, beta;
    bool transpose_a, transpose_b;
    struct fmap_activate_job activate; /* computed with the layer; none when a node is parsed */
};

/* One product of matrices: [rows, depth] x [depth, columns]. */
struct fmap_dense_problem {
    int64_t rows, depth, columns;
    struct fmap_operand src; /* rows src_stride elements apart */
    int64_t src_stride;
    int64_t map[3];          /* not 0: the source is the blocked map c, h, w, flattened */
    bool map_pixels;         /* flattened in the order h, w, c */
    struct fmap_operand dst; /* rows dst_stride elements apart, with room for whole vectors */
    int64_t dst_stride;
    const void *weights; /* floats of a constant, perhaps unaligned; NULL: computed_weights */
    struct fmap_operand computed_weights;
    bool transposed; /* the weights are [columns, depth] */
    float weight_scale;
    const void *bias; /* [columns] floats, perhaps unaligned; NULL: zeros */
    float bias_scale;
    struct fmap_activate_job activate;
};

fmap_status fmap_planning_dense(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const struct fmap_dense_problem *problem);

/* The source of a product whose left side is the value of rank 2: a flattened map where it is one, else its rows. */
fmap_status fmap_dense_source(struct fmap_planning *planning, fmap_value value,
                              struct fmap_dense_problem *problem);

/* The right side: a constant, or plain memory that is computed. */
fmap_status fmap_dense_weights(struct fmap_planning *planning, fmap_value value,
                               struct fmap_dense_problem *problem);

#endif
