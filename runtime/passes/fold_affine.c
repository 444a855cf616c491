#include "runtime/passes/fold_affine.h"

#include "runtime/layer.h"
#include "runtime/layers/conv.h"
#include "runtime/layers/dense.h"

#include <math.h>

static bool is_dense(const struct fmap_graph_node *node) {
    return node->layer == &fmap_layer_gemm || node->layer == &fmap_layer_matmul;
}

/* The same number for every row of the output, or one for each column. */
static bool is_row(const fmap_shape *shape, int64_t columns) {
    int64_t n = fmap_shape_product(shape, 0, shape->rank);
    return n == 1 || (n == columns && shape->dims[shape->rank - 1] == columns);
}

static int64_t dense_columns(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    const struct fmap_dense_parameters *parameters = node->parameters;
    const struct fmap_graph_value *weights = fmap_input_value(graph, node, 1),
                                  *c = fmap_input_value(graph, node, 2);
    if (parameters->activate.kind != FMAP_ACTIVATE_NONE || !weights->data || weights->shape.rank != 2)
        return 0;
    int64_t columns = weights->shape.dims[parameters->transpose_b ? 0 : 1];
    return !c || (c->data && is_row(&c->shape, columns)) ? columns : 0;
}

struct fmap_affine_channels fmap_affine_channels_of(const struct fmap_graph *graph,
                                                    const struct fmap_use *uses, fmap_value value) {
    struct fmap_affine_channels none = {0};
    const struct fmap_graph_node *node = fmap_producer(graph, value);
    if (!node || uses[value].n_readers != 1 || uses[value].output) return none;
    if (is_dense(node)) {
        return (struct fmap_affine_channels){dense_columns(graph, node), graph->values[value].shape.rank - 1};
    }
    if (node->layer != &fmap_layer_conv) return none;
    const struct fmap_conv_parameters *parameters = node->parameters;
    const struct fmap_graph_value *weights = fmap_input_value(graph, node, 1),
                                  *bias = fmap_input_value(graph, node, 2);
    if (parameters->activate.kind != FMAP_ACTIVATE_NONE || !weights->data || (bias && !bias->data) ||
        fmap_node_input(graph, node, FMAP_CONV_RESIDUAL))
        return none;
    return (struct fmap_affine_channels){weights->shape.dims[0], 1};
}

/* What the layer computes with afterwards. */
struct folded {
    fmap_value weights, bias;
    bool possible;
};

static fmap_status add_floats(struct fmap_graph *graph, const struct fmap_graph_value *like,
                              const fmap_shape *shape, const float *floats, fmap_value *value,
                              fmap_error *error) {
    struct fmap_graph_value constant = {
        .name = like->name, .type = FMAP_FLOAT32, .shape = *shape, .data = floats, .producer = -1};
    *value = fmap_graph_add_value(graph, &constant);
    return *value ? FMAP_OK : fmap_fail_memory(error, sizeof constant);
}

/* bias_scale * scale * bias + shift. */
static fmap_status fold_bias(struct fmap_graph *graph, const struct fmap_graph_node *node, int64_t n,
                             const double *scale, const double *shift, double bias_scale,
                             struct folded *folded, fmap_error *error) {
    const struct fmap_graph_value *bias = fmap_input_value(graph, node, 2);
    float *floats = fmap_storage_take(&graph->storage, (size_t)n, sizeof *floats);
    if (!floats) return fmap_fail_memory(error, (size_t)n * sizeof *floats);
    bool single = bias && fmap_shape_product(&bias->shape, 0, bias->shape.rank) == 1;
    for (int64_t o = 0; o < n; o++) {
        double old = bias ? bias_scale * (double)fmap_float_at(bias->data, single ? 0 : o) : 0.0;
        floats[o] = (float)(scale[o] * old + shift[o]);
        folded->possible &= isfinite(floats[o]) != 0;
    }
    fmap_shape shape = {.rank = 1, .dims = {n}};
    return add_floats(graph, bias ? bias : fmap_input_value(graph, node, 1), &shape, floats, &folded->bias,
                      error);
}

/* ---- convolution ----------------------------------------------------------------------------------------- */

static bool all_ones(const double *scale, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (scale[i] < 1.0 || scale[i] > 1.0) return false;
    }
    return true;
}

/* Factors of 1 leave the weights as they were; others are multiplied with those that there are. */
static fmap_status fold_conv(struct fmap_graph *graph, const struct fmap_graph_node *conv, int64_t n,
                             const double *scale, const double *shift, struct folded *folded,
                             struct fmap_conv_parameters *parameters, fmap_error *error) {
    folded->weights = fmap_node_input(graph, conv, 1);
    folded->possible = true;
    if (!all_ones(scale, n)) {
        const struct fmap_graph_value *weights = &graph->values[folded->weights];
        int64_t total = fmap_shape_product(&weights->shape, 0, weights->shape.rank);
        double *factors = fmap_storage_take(&graph->storage, (size_t)n, sizeof *factors);
        if (!factors) return fmap_fail_memory(error, (size_t)n * sizeof *factors);
        for (int64_t o = 0; o < n; o++)
            factors[o] = scale[o] * (parameters->scale ? parameters->scale[o] : 1.0);
        for (int64_t i = 0; i < total; i++) {
            float scaled = (float)(factors[i / (total / n)] * (double)fmap_float_at(weights->data, i));
            folded->possible &= isfinite(scaled) != 0;
        }
        parameters->scale = factors;
    }
    return fold_bias(graph, conv, n, scale, shift, 1.0, folded, error);
}

/* ---- dense layers ---------------------------------------------------------------------------------------- */

static fmap_status fold_dense(struct fmap_graph *graph, const struct fmap_graph_node *dense, int64_t n,
                              const double *scale, const double *shift, struct folded *folded,
                              struct fmap_dense_parameters *parameters, fmap_error *error) {
    folded->weights = fmap_node_input(graph, dense, 1);
    folded->possible = true;
    if (!all_ones(scale, n)) {
        struct fmap_graph_value old = graph->values[folded->weights];
        int64_t total = old.shape.dims[0] * old.shape.dims[1];
        float *floats = fmap_storage_take(&graph->storage, (size_t)total, sizeof *floats);
        if (!floats) return fmap_fail_memory(error, (size_t)total * sizeof *floats);
        for (int64_t i = 0; i < total; i++) {
            double factor = scale[parameters->transpose_b ? i / old.shape.dims[1] : i % n];
            floats[i] = (float)(factor * (double)fmap_float_at(old.data, i));
            folded->possible &= isfinite(floats[i]) != 0;
        }
        TRY(add_floats(graph, &old, &old.shape, floats, &folded->weights, error));
    }
    double beta = (double)parameters->beta;
    parameters->beta = 1.0f;
    return fold_bias(graph, dense, n, scale, shift, beta, folded, error);
}

/* ---- both ------------------------------------------------------------------------------------------------ */

static fmap_status replace(struct fmap_graph *graph, struct fmap_graph_node *changed,
                           const struct fmap_graph_node *layer, const struct folded *folded,
                           const void *parameters, size_t bytes, fmap_error *error) {
    fmap_value *inputs = fmap_storage_take(&graph->storage, 3, sizeof *inputs);
    if (!inputs) return fmap_fail_memory(error, 3 * sizeof *inputs);
    inputs[0] = layer->inputs[0];
    inputs[1] = folded->weights;
    inputs[2] = folded->bias;
    changed->layer = layer->layer;
    changed->inputs = inputs;
    changed->n_inputs = 3;
    return fmap_replace_parameters(graph, changed, parameters, bytes, error);
}

fmap_status fmap_fold_affine(struct fmap_graph *graph, size_t index, fmap_value x, const double *scale,
                             const double *shift, fmap_error *error) {
    struct fmap_graph_node *node = &graph->nodes[index], *layer = fmap_producer(graph, x);
    bool kept = graph->values[x].kept;
    struct fmap_graph_node *changed = kept ? node : layer;
    struct folded folded = {0};
    if (is_dense(layer)) {
        struct fmap_dense_parameters parameters = *(const struct fmap_dense_parameters *)layer->parameters;
        TRY(fold_dense(graph, layer, dense_columns(graph, layer), scale, shift, &folded, &parameters, error));
        if (!folded.possible) return FMAP_OK;
        TRY(replace(graph, changed, layer, &folded, &parameters, sizeof parameters, error));
    } else {
        struct fmap_conv_parameters parameters = *(const struct fmap_conv_parameters *)layer->parameters;
        int64_t outputs = fmap_input_value(graph, layer, 1)->shape.dims[0];
        TRY(fold_conv(graph, layer, outputs, scale, shift, &folded, &parameters, error));
        if (!folded.possible) return FMAP_OK;
        TRY(replace(graph, changed, layer, &folded, &parameters, sizeof parameters, error));
    }
    if (!kept) fmap_fuse_nodes(graph, layer, node);
    return FMAP_OK;
}
