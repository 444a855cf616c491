/* fold_batch_norm: a BatchNormalization behind a convolution scales and shifts its channels, so the
 * convolution's weights and bias can do it. They are computed in double and rounded once; the result differs
 * from two layers by roundings.
 *
 * When somebody outside looks at the convolution's own output, it stays, and the folded one takes the slot of
 * the BatchNormalization: so a tap does not change what comes behind it. */
#include "runtime/layer.h"
#include "runtime/layers/batch_normalization.h"
#include "runtime/layers/conv.h"
#include "runtime/passes/passes.h"

#include <math.h>

/* The new weights and bias. False when a number becomes too large: then the layers stay two. */
static bool scale_weights(const struct fmap_graph_value *weights, const struct fmap_graph_value *bias,
                          const double *scale, const double *shift, float *new_weights, float *new_bias) {
    int64_t outputs = weights->shape.dims[0];
    int64_t per_output = fmap_shape_product(&weights->shape, 1, weights->shape.rank);
    bool finite = true;
    for (int64_t o = 0; o < outputs; o++) {
        for (int64_t i = 0; i < per_output; i++) {
            float *scaled = &new_weights[o * per_output + i];
            *scaled = (float)(scale[o] * (double)fmap_float_at(weights->data, o * per_output + i));
            finite &= isfinite(*scaled) != 0;
        }
        new_bias[o] = (float)((bias ? scale[o] * (double)fmap_float_at(bias->data, o) : 0.0) + shift[o]);
        finite &= isfinite(new_bias[o]) != 0;
    }
    return finite;
}

/* Adds the folded constants as values. *folded: whether that was possible. */
static fmap_status fold_constants(struct fmap_graph *graph, const struct fmap_graph_node *conv,
                                  const struct fmap_graph_node *norm, fmap_value *weights, fmap_value *bias,
                                  bool *folded, fmap_error *error) {
    struct fmap_graph_value new_weights = *fmap_input_value(graph, conv, 1);
    struct fmap_graph_value new_bias = *fmap_input_value(graph, norm, 2);
    int64_t outputs = new_weights.shape.dims[0];
    int64_t n = fmap_shape_product(&new_weights.shape, 0, new_weights.shape.rank);
    struct fmap_storage scratch = {.allocator = graph->storage.allocator};
    double *scale = fmap_storage_take(&scratch, 2 * (size_t)outputs, sizeof *scale);
    float *weights_data = fmap_storage_take(&graph->storage, (size_t)n, sizeof *weights_data);
    float *bias_data = fmap_storage_take(&graph->storage, (size_t)outputs, sizeof *bias_data);
    bool memory = scale && weights_data && bias_data;
    *folded = false;
    if (memory) {
        fmap_batch_normalization_affine(graph, norm, outputs, scale, scale + outputs);
        *folded = scale_weights(&new_weights, fmap_input_value(graph, conv, 2), scale, scale + outputs,
                                weights_data, bias_data);
    }
    fmap_storage_release(&scratch);
    if (memory && *folded) {
        new_weights.data = weights_data;
        new_bias.data = bias_data;
        new_weights.kept = new_bias.kept = false;
        *weights = fmap_graph_add_value(graph, &new_weights);
        *bias = fmap_graph_add_value(graph, &new_bias);
        memory = *weights && *bias;
    }
    return memory ? FMAP_OK : fmap_fail_memory(error, (size_t)n * sizeof *weights_data);
}

/* Folds the node at `norm_index` into the convolution before it, whose output is `kept` or not. */
static fmap_status fold(struct fmap_graph *graph, size_t norm_index, bool kept, fmap_error *error) {
    struct fmap_graph_node *norm = &graph->nodes[norm_index];
    struct fmap_graph_node *conv = fmap_producer(graph, fmap_node_input(graph, norm, 0));
    fmap_value constants[2];
    bool folded;
    TRY(fold_constants(graph, conv, norm, &constants[0], &constants[1], &folded, error));
    if (!folded) return FMAP_OK;
    fmap_value *inputs = fmap_storage_take(&graph->storage, 3, sizeof *inputs);
    if (!inputs) return fmap_fail_memory(error, 3 * sizeof *inputs);
    inputs[0] = conv->inputs[0];
    inputs[1] = constants[0];
    inputs[2] = constants[1];
    struct fmap_graph_node *changed = kept ? norm : conv;
    changed->layer = conv->layer;
    changed->parameters = conv->parameters;
    changed->inputs = inputs;
    changed->n_inputs = 3;
    if (!kept) fmap_fuse_nodes(graph, conv, norm);
    return FMAP_OK;
}

/* A convolution without activation whose weights are constants, and that only this node reads. */
static bool can_fold(const struct fmap_graph *graph, const struct fmap_use *uses,
                     const struct fmap_graph_node *norm) {
    const struct fmap_batch_normalization_parameters *parameters = norm->parameters;
    fmap_value value = fmap_node_input(graph, norm, 0);
    const struct fmap_graph_node *conv = fmap_producer(graph, value);
    if (!conv || conv->layer != &fmap_layer_conv || parameters->activate.kind != FMAP_ACTIVATE_NONE)
        return false;
    const struct fmap_conv_parameters *conv_parameters = conv->parameters;
    const struct fmap_graph_value *weights = fmap_input_value(graph, conv, 1);
    const struct fmap_graph_value *bias = fmap_input_value(graph, conv, 2);
    return uses[value].n_readers == 1 && !uses[value].output &&
           conv_parameters->activate.kind == FMAP_ACTIVATE_NONE && weights->data && (!bias || bias->data);
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    (void)options;
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead || node->layer != &fmap_layer_batch_normalization || !can_fold(graph, uses, node))
            continue;
        TRY(fold(graph, i, graph->values[fmap_node_input(graph, node, 0)].kept, error));
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fold_batch_norm = {"fold_batch_norm", apply};
