/* Squeeze and Unsqueeze: axes of one element go or come; the elements stay where they are. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"

static fmap_status squeeze_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                 fmap_error *error) {
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    bool goes[FMAP_MAX_RANK] = {false}, named = fmap_input_value(graph, node, 1) != NULL;
    int axes[FMAP_MAX_RANK];
    size_t n;
    if (fmap_input_pending(graph, node, 1)) return fmap_defer_outputs(graph, node);
    if (!named && !fmap_shape_known(&in->shape)) return fmap_defer_outputs(graph, node);
    TRY(fmap_constant_axes(graph, node, 1, in->shape.rank, axes, &n, error));
    for (size_t k = 0; k < n; k++) {
        goes[axes[k]] = true;
        int64_t size = in->shape.dims[axes[k]];
        if (size != 1 && size != FMAP_UNKNOWN) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "axis %d of %s cannot be squeezed, expected the size 1", axes[k],
                                  fmap_input_text(graph, node, 0).text);
        }
    }
    fmap_shape out = {.rank = 0};
    for (int i = 0; i < in->shape.rank; i++) {
        if (named ? !goes[i] : in->shape.dims[i] != 1) out.dims[out.rank++] = in->shape.dims[i];
    }
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

static fmap_status unsqueeze_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                   fmap_error *error) {
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    bool comes[FMAP_MAX_RANK] = {false};
    int64_t numbers[FMAP_MAX_RANK];
    int axes[FMAP_MAX_RANK];
    size_t n;
    if (fmap_input_pending(graph, node, 1)) return fmap_defer_outputs(graph, node);
    TRY(fmap_constant_ints(graph, node, 1, numbers, FMAP_MAX_RANK, &n, error));
    fmap_shape out = {.rank = in->shape.rank + (int)n};
    if (out.rank > FMAP_MAX_RANK) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT,
                              "%s would have %d dimensions, expected at most %d",
                              fmap_input_text(graph, node, 0).text, out.rank, FMAP_MAX_RANK);
    }
    TRY(fmap_constant_axes(graph, node, 1, out.rank, axes, &n, error));
    for (size_t k = 0; k < n; k++) comes[axes[k]] = true;
    for (int i = 0, from = 0; i < out.rank; i++) out.dims[i] = comes[i] ? 1 : in->shape.dims[from++];
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_plan_same_elements(planning, node->outputs[0], fmap_node_input(planning->graph, node, 0));
    return FMAP_OK;
}

const struct fmap_layer fmap_layer_squeeze = {.op = "Squeeze",
                                              .min_inputs = 1,
                                              .max_inputs = 2,
                                              .max_outputs = 1,
                                              .shape = squeeze_shape,
                                              .view = fmap_always_view,
                                              .plan = plan};

const struct fmap_layer fmap_layer_unsqueeze = {.op = "Unsqueeze",
                                                .min_inputs = 2,
                                                .max_inputs = 2,
                                                .max_outputs = 1,
                                                .shape = unsqueeze_shape,
                                                .view = fmap_always_view,
                                                .plan = plan};
