/* fold_constants: another shape or another order of a constant is a constant. */
#include "runtime/layer.h"
#include "runtime/layers/flatten.h"
#include "runtime/layers/transpose.h"
#include "runtime/passes/passes.h"

#include <string.h>

/* The elements in the order of the node's output. */
static void transpose(const struct fmap_graph_node *node, const fmap_shape *in, const float *src, float *dst,
                      int64_t n) {
    int permutation[FMAP_MAX_RANK];
    int64_t strides[FMAP_MAX_RANK], index[FMAP_MAX_RANK] = {0}, stride = 1, from = 0;
    fmap_transpose_permutation(node, in->rank, permutation);
    for (int i = in->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= in->dims[i];
    }
    for (int64_t i = 0; i < n; i++) {
        memcpy(&dst[i], (const char *)src + from * (int64_t)sizeof *src,
               sizeof *src); /* src may be unaligned */
        for (int axis = in->rank - 1; axis >= 0; axis--) {
            from += strides[permutation[axis]];
            if (++index[axis] < in->dims[permutation[axis]]) break;
            from -= index[axis] * strides[permutation[axis]];
            index[axis] = 0;
        }
    }
}

static fmap_status fold(struct fmap_graph *graph, struct fmap_graph_node *node,
                        const struct fmap_graph_value *in, fmap_error *error) {
    struct fmap_graph_value *out = fmap_output_value(graph, node, 0);
    const void *data = in->data;
    if (node->layer == &fmap_layer_transpose) {
        int64_t n = fmap_shape_product(&in->shape, 0, in->shape.rank);
        float *copy = fmap_storage_take(&graph->storage, (size_t)n, sizeof *copy);
        if (!copy) return fmap_fail_memory(error, (size_t)n * sizeof *copy);
        transpose(node, &in->shape, in->data, copy, n);
        data = copy;
    }
    out->data = data;
    out->producer = -1;
    node->dead = true;
    return FMAP_OK;
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    (void)options;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        const struct fmap_layer *layer = node->layer;
        bool known = layer == &fmap_layer_reshape || layer == &fmap_layer_transpose ||
                     layer == &fmap_layer_identity ||
                     (layer == &fmap_layer_flatten && fmap_flatten_keeps_order(node));
        const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
        if (known && !node->dead && in->data) TRY(fold(graph, node, in, error));
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fold_constants = {"fold_constants", apply};
