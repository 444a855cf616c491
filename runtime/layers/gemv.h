/* Dense layers with constant weights: packed once, streamed once for one image, in chunks for many. */
#ifndef FMAP_LAYERS_GEMV_H
#define FMAP_LAYERS_GEMV_H

#include "runtime/layers/dense.h"

/* How the outputs are cut: panels of panel_vectors vectors, the last one perhaps of fewer, one behind the other. */
struct fmap_dense_panels {
    int64_t n_vectors, panel_vectors, n_panels;
    int64_t n_terms; /* of a sum */
    int64_t lanes;   /* of a vector */
    bool bf16;       /* weights are kept as bfloat16 */
};

static inline int64_t fmap_weight_bytes(const struct fmap_dense_panels *panels) {
    return panels->bf16 ? 2 : 4;
}

static inline int64_t fmap_panel_vectors(const struct fmap_dense_panels *panels, int64_t i) {
    return i < panels->n_panels - 1 ? panels->panel_vectors : panels->n_vectors - i * panels->panel_vectors;
}

/* The terms of the problem's sums, in the order in which its source lies in memory. */
struct fmap_terms fmap_dense_terms(const struct fmap_dense_problem *problem);

/* Weights, floats or bfloat16, as [panel][term][vectors of the panel * lanes] and the bias as [vectors * lanes], with zeros
 * for outputs that there are not. */
fmap_status fmap_dense_pack(struct fmap_planning *planning, const struct fmap_dense_problem *problem,
                            const struct fmap_dense_panels *panels, struct fmap_operand *weights,
                            const float **bias);

/* The layer for one image. */
fmap_status fmap_planning_gemv(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               const struct fmap_dense_problem *problem);

/* The layer for several images. */
fmap_status fmap_planning_dense_rows(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                     const struct fmap_dense_problem *problem);

/* ---- the parts that tests look into ---------------------------------------------------------------- */

/* How one image's outputs are cut for so many threads: so that the last of them is ready first, in the widest panels
 * that allow it. */
struct fmap_dense_panels fmap_gemv_panels(int64_t n_vectors, int64_t most_vectors, int64_t threads);

#endif
