/* Reshape: the same elements in the same order under another shape. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"

struct reshape_parameters {
    bool zero_is_a_size; /* and does not mean "as in the input" */
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct reshape_parameters parameters;
    int64_t allow_zero;
    TRY(fmap_attribute_int(parsing, "allowzero", 0, &allow_zero));
    parameters.zero_is_a_size = allow_zero != 0;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status fail(const struct fmap_graph *graph, const struct fmap_graph_node *node, fmap_error *error,
                        const fmap_shape *wanted) {
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s cannot be reshaped to %s",
                          fmap_input_text(graph, node, 0).text, fmap_shape_text(wanted).text);
}

/* Reads the wanted shape: sizes that are copied from the input are filled in, and marked. *inferred is the
 * axis whose size follows from the others, or -1. */
static fmap_status read_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                              fmap_shape *out, bool *copied, int *inferred, fmap_error *error) {
    const struct reshape_parameters *parameters = node->parameters;
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    size_t rank;
    TRY(fmap_constant_ints(graph, node, 1, out->dims, FMAP_MAX_RANK, &rank, error));
    out->rank = (int)rank;
    *inferred = -1;
    for (int i = 0; i < out->rank; i++) {
        copied[i] = out->dims[i] == 0 && !parameters->zero_is_a_size;
        if (out->dims[i] < -1 || (out->dims[i] == -1 && *inferred >= 0) || (copied[i] && i >= in->rank)) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "dimension %d of the new shape is %lld, which means nothing for %s", i,
                                  (long long)out->dims[i], fmap_input_text(graph, node, 0).text);
        }
        if (out->dims[i] == -1) *inferred = i;
        if (copied[i]) out->dims[i] = in->dims[i];
    }
    return FMAP_OK;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    fmap_shape out = {.rank = 0};
    bool copied[FMAP_MAX_RANK] = {false};
    int inferred;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    if (fmap_input_pending(graph, node, 1)) return fmap_defer_outputs(graph, node);
    TRY(read_shape(graph, node, &out, copied, &inferred, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    /* Copied sizes, which may be unknown, cancel out. */
    int64_t available = 1, used = 1;
    for (int i = 0; i < in->rank; i++) {
        if (i >= out.rank || !copied[i]) available = fmap_dim_product(available, in->dims[i]);
    }
    for (int i = 0; i < out.rank; i++) {
        if (i != inferred && !copied[i]) used = fmap_dim_product(used, out.dims[i]);
    }
    if (used == FMAP_UNKNOWN) return fail(graph, node, error, &out); /* too large */
    if (available == FMAP_UNKNOWN) {
        if (fmap_shape_known(in)) return fail(graph, node, error, &out);
    } else if (inferred >= 0) {
        if (used == 0 || available % used != 0) return fail(graph, node, error, &out);
        out.dims[inferred] = available / used;
    } else if (available != used) {
        return fail(graph, node, error, &out);
    }
    return fmap_set_output_type(graph, node, 0, fmap_input_value(graph, node, 0)->type, &out);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_plan_same_elements(planning, node->outputs[0], fmap_node_input(planning->graph, node, 0));
    return FMAP_OK;
}

const struct fmap_layer fmap_layer_reshape = {.op = "Reshape",
                                              .min_inputs = 2,
                                              .max_inputs = 2,
                                              .max_outputs = 1,
                                              .parse = parse,
                                              .shape = shape,
                                              .view = fmap_always_view,
                                              .plan = plan};
