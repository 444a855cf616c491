#include "runtime/layer.h"

#include <string.h>

static const struct fmap_layer *const layers[] = {
#define LAYER(op, name) &fmap_layer_##name,
#include "runtime/layers.inc"
#undef LAYER
};

const struct fmap_layer *fmap_layer_find(const char *op) {
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        if (strcmp(layers[i]->op, op) == 0) return layers[i];
    }
    return NULL;
}

fmap_status fmap_set_output(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                            const fmap_shape *shape) {
    return fmap_set_output_type(graph, node, 0, FMAP_FLOAT32, shape);
}

fmap_status fmap_set_output_type(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                                 fmap_type type, const fmap_shape *shape) {
    if (i >= node->n_outputs || !node->outputs[i]) return FMAP_OK;
    struct fmap_graph_value *output = fmap_output_value(graph, node, i);
    output->type = type;
    output->shape = *shape;
    return FMAP_OK;
}

static fmap_status expect_input(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                                fmap_error *error) {
    if (fmap_input_value(graph, node, i)) return FMAP_OK;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                          "input %zu is left out, but it is not optional", i);
}

fmap_status fmap_expect_floats(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                               fmap_error *error) {
    TRY(expect_input(graph, node, i, error));
    const struct fmap_graph_value *value = fmap_input_value(graph, node, i);
    if (value->type != FMAP_FLOAT32) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_UNSUPPORTED,
                              "%s has elements of type %d, expected float32 (1)",
                              fmap_input_text(graph, node, i).text, (int)value->type);
    }
    for (int d = 0; d < value->shape.rank; d++) {
        if (value->shape.dims[d] == 0) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_UNSUPPORTED, "%s has no elements",
                                  fmap_input_text(graph, node, i).text);
        }
    }
    return FMAP_OK;
}

fmap_status fmap_expect_type(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                             unsigned types, fmap_error *error) {
    TRY(expect_input(graph, node, i, error));
    fmap_type type = fmap_input_value(graph, node, i)->type;
    if (types & FMAP_TYPES(type)) return FMAP_OK;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                          "%s has elements of type %d, which this operator does not take",
                          fmap_input_text(graph, node, i).text, (int)type);
}

bool fmap_input_pending(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i) {
    const struct fmap_graph_value *value = fmap_input_value(graph, node, i);
    return value && !value->data && !graph->settled;
}

fmap_status fmap_defer_outputs(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    fmap_shape unknown = {.rank = FMAP_UNKNOWN};
    for (size_t i = 0; i < node->n_outputs; i++)
        TRY(fmap_set_output_type(graph, node, i, FMAP_TYPE_UNKNOWN, &unknown));
    return FMAP_OK;
}

fmap_status fmap_infer_outputs(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               fmap_error *error) {
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct fmap_graph_value *input = fmap_input_value(graph, node, i);
        if (input && (input->type == FMAP_TYPE_UNKNOWN || input->shape.rank < 0))
            return fmap_defer_outputs(graph, node);
    }
    return node->layer->shape(graph, node, error);
}
