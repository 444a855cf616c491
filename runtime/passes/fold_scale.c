/* fold_scale: what is added to the channels of a convolution or a dense layer, or what they are multiplied with, its bias
 * and its weights can do, when these are constants (fold_affine.h). So a MatMul gets a bias, too. */
#include "runtime/layer.h"
#include "runtime/layers/eltwise.h"
#include "runtime/passes/fold_affine.h"

/* The operation of the node as scale * x + shift for a constant c; false when it is none. */
static bool affine_of(const struct fmap_graph_node *node, bool constant_first, double c, double *scale,
                      double *shift) {
    *scale = 1.0;
    *shift = 0.0;
    if (node->layer == &fmap_layer_add) {
        *shift = c;
    } else if (node->layer == &fmap_layer_sub) {
        *scale = constant_first ? -1.0 : 1.0;
        *shift = constant_first ? c : -c;
    } else if (node->layer == &fmap_layer_mul) {
        *scale = c;
    } else if (node->layer == &fmap_layer_div && !constant_first) {
        *scale = 1.0 / c;
    } else {
        return false;
    }
    return true;
}

/* Whether the constant has one element, or one for each channel along that axis of the output. */
static bool fits(const fmap_shape *constant, const fmap_shape *out,
                 const struct fmap_affine_channels *channels) {
    if (constant->rank > out->rank) return false;
    for (int i = 0; i < constant->rank; i++) {
        bool along = out->rank - constant->rank + i == channels->axis;
        if (constant->dims[i] != 1 && !(along && constant->dims[i] == channels->n)) return false;
    }
    return true;
}

static fmap_status fold(struct fmap_graph *graph, const struct fmap_use *uses, size_t index,
                        size_t constant_input, fmap_error *error) {
    const struct fmap_graph_node *node = &graph->nodes[index];
    fmap_value x = fmap_node_input(graph, node, 1 - constant_input);
    const struct fmap_graph_value *constant = fmap_input_value(graph, node, constant_input);
    const fmap_shape *out = &fmap_output_value(graph, node, 0)->shape;
    struct fmap_affine_channels channels = fmap_affine_channels_of(graph, uses, x);
    if (channels.n == 0 || !fmap_shape_equal(&graph->values[x].shape, out) ||
        !fits(&constant->shape, out, &channels))
        return FMAP_OK;
    int64_t n = channels.n, n_constants = fmap_shape_product(&constant->shape, 0, constant->shape.rank);
    double *scale = fmap_storage_take(&graph->storage, 2 * (size_t)n, sizeof *scale);
    if (!scale) return fmap_fail_memory(error, 2 * (size_t)n * sizeof *scale);
    for (int64_t o = 0; o < n; o++) {
        double c = (double)fmap_float_at(constant->data, n_constants == 1 ? 0 : o);
        if (!affine_of(node, constant_input == 0, c, &scale[o], &scale[n + o])) return FMAP_OK;
    }
    return fmap_fold_affine(graph, index, x, scale, scale + n, error);
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    static const struct fmap_layer *const layers[] = {&fmap_layer_add, &fmap_layer_sub, &fmap_layer_mul,
                                                      &fmap_layer_div};
    (void)options;
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        bool known = false;
        for (size_t k = 0; k < sizeof layers / sizeof layers[0]; k++) known |= node->layer == layers[k];
        if (node->dead || !known || fmap_output_value(graph, node, 0)->type != FMAP_FLOAT32) continue;
        const struct fmap_eltwise_parameters *parameters = node->parameters;
        bool first = fmap_input_value(graph, node, 0)->data, second = fmap_input_value(graph, node, 1)->data;
        if (parameters->activate.kind != FMAP_ACTIVATE_NONE || first == second) continue;
        TRY(fold(graph, uses, i, first ? 0 : 1, error));
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fold_scale = {"fold_scale", apply};
