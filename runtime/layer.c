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
    struct fmap_graph_value *output = fmap_output_value(graph, node, 0);
    output->type = FMAP_FLOAT32;
    output->shape = *shape;
    return FMAP_OK;
}

fmap_status fmap_expect_floats(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                               fmap_error *error) {
    const struct fmap_graph_value *value = fmap_input_value(graph, node, i);
    if (!value) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "input %zu is left out, but it is not optional", i);
    }
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
