/* fold_batch_norm: a BatchNormalization behind a convolution scales and shifts its channels, so the
 * convolution's weights and bias can do it. They are computed in double and rounded once; the result differs
 * from two layers by roundings. The weights stay what they are and get factors, which packing multiplies them with: so
 * that nobody reads those that have been packed before.
 *
 * When somebody outside looks at the convolution's own output, it stays, and the folded one takes the slot of
 * the BatchNormalization: so a tap does not change what comes behind it. */
#include "runtime/layer.h"
#include "runtime/layers/batch_normalization.h"
#include "runtime/layers/conv.h"
#include "runtime/layers/conv_transpose.h"
#include "runtime/packing.h"
#include "runtime/passes/passes.h"

#include <math.h>

/* The new bias. False when a number becomes too large: then the layers stay two. */
static bool shift_bias(const struct fmap_graph_value *bias, int64_t outputs, const double *scale,
                       const double *shift, float *new_bias) {
    bool finite = true;
    for (int64_t o = 0; o < outputs; o++) {
        new_bias[o] = (float)((bias ? scale[o] * (double)fmap_float_at(bias->data, o) : 0.0) + shift[o]);
        finite &= isfinite(new_bias[o]) != 0;
    }
    return finite;
}

/* Weights that were scaled before, by another normalization, become a constant of their own. */
static fmap_status settle_weights(struct fmap_graph *graph, const struct fmap_graph_node *conv,
                                  fmap_value *weights, fmap_error *error) {
    const struct fmap_conv_parameters *parameters = conv->parameters;
    *weights = fmap_node_input(graph, conv, 1);
    if (!parameters->scale) return FMAP_OK;
    struct fmap_graph_value scaled = graph->values[*weights];
    int64_t per_output = fmap_shape_product(&scaled.shape, 1, scaled.shape.rank);
    int64_t n = scaled.shape.dims[0] * per_output;
    float *floats = fmap_storage_take(&graph->storage, (size_t)n, sizeof *floats);
    if (!floats) return fmap_fail_memory(error, (size_t)n * sizeof *floats);
    for (int64_t i = 0; i < n; i++)
        floats[i] = (float)(parameters->scale[i / per_output] * (double)fmap_float_at(scaled.data, i));
    scaled.data = floats;
    scaled.kept = false;
    *weights = fmap_graph_add_value(graph, &scaled);
    return *weights ? FMAP_OK : fmap_fail_memory(error, sizeof scaled);
}

/* A normalization that may be folded, and what the convolution computes with then. */
struct folding {
    bool begun;
    fmap_value weights, bias;
    double *scale, *shift;
    struct fmap_packing_look look;
};

static fmap_status begin(struct fmap_graph *graph, const struct fmap_graph_node *conv,
                         const struct fmap_graph_node *norm, struct folding *folding, fmap_error *error) {
    TRY(settle_weights(graph, conv, &folding->weights, error));
    const struct fmap_graph_value *weights = &graph->values[folding->weights];
    int64_t outputs = weights->shape.dims[0];
    folding->scale = fmap_storage_take(&graph->storage, 2 * (size_t)outputs, sizeof *folding->scale);
    if (!folding->scale) return fmap_fail_memory(error, 2 * (size_t)outputs * sizeof *folding->scale);
    folding->shift = folding->scale + outputs;
    fmap_batch_normalization_affine(graph, norm, outputs, folding->scale, folding->shift);
    folding->look.source = (struct fmap_packing_source){
        .floats = weights->data,
        .n = fmap_shape_product(&weights->shape, 0, weights->shape.rank),
        .scale = folding->scale,
        .n_scales = outputs};
    folding->begun = true;
    return FMAP_OK;
}

/* *possible: no number becomes too large. */
static fmap_status fold_bias(struct fmap_graph *graph, const struct fmap_graph_node *conv,
                             const struct fmap_graph_node *norm, struct folding *folding, bool *possible,
                             fmap_error *error) {
    struct fmap_graph_value new_bias = *fmap_input_value(graph, norm, 2);
    int64_t outputs = folding->look.source.n_scales;
    float *bias = fmap_storage_take(&graph->storage, (size_t)outputs, sizeof *bias);
    if (!bias) return fmap_fail_memory(error, (size_t)outputs * sizeof *bias);
    bool finite = shift_bias(fmap_input_value(graph, conv, 2), outputs, folding->scale, folding->shift, bias);
    *possible = finite && folding->look.finite;
    if (!*possible) return FMAP_OK;
    new_bias.data = bias;
    new_bias.kept = false;
    folding->bias = fmap_graph_add_value(graph, &new_bias);
    return folding->bias ? FMAP_OK : fmap_fail_memory(error, sizeof new_bias);
}

/* The convolution in the slot that stays, with the new constants. `kept`: somebody looks at its own output. */
static fmap_status replace(struct fmap_graph *graph, struct fmap_graph_node *conv,
                           struct fmap_graph_node *norm, const struct folding *folding, bool kept,
                           fmap_error *error) {
    fmap_value *inputs = fmap_storage_take(&graph->storage, 3, sizeof *inputs);
    if (!inputs) return fmap_fail_memory(error, 3 * sizeof *inputs);
    inputs[0] = conv->inputs[0];
    inputs[1] = folding->weights;
    inputs[2] = folding->bias;
    struct fmap_graph_node *changed = kept ? norm : conv;
    changed->layer = conv->layer;
    changed->parameters = conv->parameters;
    changed->inputs = inputs;
    changed->n_inputs = 3;
    if (!kept) fmap_fuse_nodes(graph, conv, norm);
    return FMAP_OK;
}

/* Of a transposed convolution, whose weights are [c][o / group][...], scaled ones are made at once: each of its phases is
 * packed from a part of them anyway. */
static fmap_status fold_transposed(struct fmap_graph *graph, struct fmap_graph_node *conv,
                                   struct fmap_graph_node *norm, bool kept, fmap_error *error) {
    const struct fmap_conv_transpose_parameters *parameters = conv->parameters;
    struct fmap_graph_value weights = *fmap_input_value(graph, conv, 1),
                            bias = *fmap_input_value(graph, norm, 2);
    int64_t per_group = weights.shape.dims[1], outputs = per_group * parameters->group,
            channels = weights.shape.dims[0] / parameters->group,
            kernel = fmap_shape_product(&weights.shape, 2, weights.shape.rank),
            n = fmap_shape_product(&weights.shape, 0, weights.shape.rank);
    struct fmap_storage scratch = {.allocator = graph->storage.allocator};
    double *scale = fmap_storage_take(&scratch, 2 * (size_t)outputs, sizeof *scale);
    float *scaled = fmap_storage_take(&graph->storage, (size_t)n, sizeof *scaled),
          *shifted = fmap_storage_take(&graph->storage, (size_t)outputs, sizeof *shifted);
    bool memory = scale && scaled && shifted, finite = memory;
    if (memory) {
        fmap_batch_normalization_affine(graph, norm, outputs, scale, scale + outputs);
        finite = shift_bias(fmap_input_value(graph, conv, 2), outputs, scale, scale + outputs, shifted);
        for (int64_t i = 0; i < n; i++) {
            int64_t o = i / kernel / per_group / channels * per_group + i / kernel % per_group;
            scaled[i] = (float)(scale[o] * (double)fmap_float_at(weights.data, i));
            finite = finite && isfinite(scaled[i]);
        }
    }
    fmap_storage_release(&scratch);
    if (!memory) return fmap_fail_memory(error, (size_t)n * sizeof *scaled);
    if (!finite) return FMAP_OK;
    weights.data = scaled;
    bias.data = shifted;
    weights.kept = bias.kept = false;
    struct folding folding = {.weights = fmap_graph_add_value(graph, &weights),
                              .bias = fmap_graph_add_value(graph, &bias)};
    if (!folding.weights || !folding.bias) return fmap_fail_memory(error, sizeof weights);
    return replace(graph, conv, norm, &folding, kept, error);
}

/* Folds the node at `norm_index` into the convolution before it, whose output is `kept` or not. */
static fmap_status fold(struct fmap_graph *graph, const struct fmap_pass_options *options, size_t norm_index,
                        bool kept, struct folding *folding, fmap_error *error) {
    struct fmap_graph_node *norm = &graph->nodes[norm_index];
    struct fmap_graph_node *conv = fmap_producer(graph, fmap_node_input(graph, norm, 0));
    if (conv->layer == &fmap_layer_conv_transpose) return fold_transposed(graph, conv, norm, kept, error);
    struct fmap_conv_parameters parameters = *(const struct fmap_conv_parameters *)conv->parameters;
    bool possible = false;
    if (!folding->begun) { /* Only now is there a convolution before it. */
        TRY(begin(graph, conv, norm, folding, error));
        TRY(fmap_packing_look_at(options->packings, options->original, &folding->look, 1, error));
    }
    TRY(fold_bias(graph, conv, norm, folding, &possible, error));
    if (!possible) return FMAP_OK;
    TRY(replace(graph, conv, norm, folding, kept, error));
    parameters.scale = folding->scale;
    return fmap_replace_parameters(graph, kept ? norm : conv, &parameters, sizeof parameters, error);
}

static bool activates(const struct fmap_graph_node *conv) {
    const struct fmap_conv_parameters *parameters = conv->parameters;
    const struct fmap_conv_transpose_parameters *transposed = conv->parameters;
    return (conv->layer == &fmap_layer_conv ? parameters->activate.kind : transposed->activate.kind) !=
           FMAP_ACTIVATE_NONE;
}

/* A convolution without activation whose weights are constants, and that only this node reads. */
static bool is_foldable(const struct fmap_graph *graph, const struct fmap_use *uses,
                        const struct fmap_graph_node *norm) {
    if (norm->dead || norm->layer != &fmap_layer_batch_normalization) return false;
    const struct fmap_batch_normalization_parameters *parameters = norm->parameters;
    fmap_value value = fmap_node_input(graph, norm, 0);
    const struct fmap_graph_node *conv = fmap_producer(graph, value);
    if (!conv || (conv->layer != &fmap_layer_conv && conv->layer != &fmap_layer_conv_transpose) ||
        parameters->activate.kind != FMAP_ACTIVATE_NONE || activates(conv))
        return false;
    const struct fmap_graph_value *weights = fmap_input_value(graph, conv, 1);
    const struct fmap_graph_value *bias = fmap_input_value(graph, conv, 2);
    return uses[value].n_readers == 1 && !uses[value].output && weights->data && (!bias || bias->data);
}

/* All weights are looked at together: there is one beginning and one end for the threads. */
static fmap_status begin_all(struct fmap_graph *graph, const struct fmap_pass_options *options,
                             const struct fmap_use *uses, struct folding *foldings, fmap_error *error) {
    struct fmap_packing_look *looks = fmap_storage_take(&graph->storage, graph->n_nodes, sizeof *looks);
    if (!looks) return fmap_fail_memory(error, graph->n_nodes * sizeof *looks);
    size_t n = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        if (!is_foldable(graph, uses, node)) continue;
        const struct fmap_graph_node *conv = fmap_producer(graph, fmap_node_input(graph, node, 0));
        if (conv->layer != &fmap_layer_conv) continue;
        TRY(begin(graph, conv, node, &foldings[i], error));
        looks[n++] = foldings[i].look;
    }
    TRY(fmap_packing_look_at(options->packings, options->original, looks, n, error));
    n = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (foldings[i].begun) foldings[i].look = looks[n++];
    }
    return FMAP_OK;
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    struct folding *foldings = fmap_storage_take(&graph->storage, graph->n_nodes, sizeof *foldings);
    if (!foldings) return fmap_fail_memory(error, graph->n_nodes * sizeof *foldings);
    TRY(begin_all(graph, options, uses, foldings, error));
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (!is_foldable(graph, uses, &graph->nodes[i])) continue;
        bool kept = graph->values[fmap_node_input(graph, &graph->nodes[i], 0)].kept;
        TRY(fold(graph, options, i, kept, &foldings[i], error));
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fold_batch_norm = {"fold_batch_norm", apply};
