/* Flatten: the axes before and from `axis` on become one each.
 *
 * channels_last is an attribute of our own: a tensor n, c, h, w is walked in the order h, w, c, as Keras
 * does. */
#include "runtime/layers/flatten.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

struct flatten_parameters {
    int64_t axis;
    bool channels_last;
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct flatten_parameters parameters;
    int64_t channels_last;
    TRY(fmap_attribute_int(parsing, "axis", 1, &parameters.axis));
    TRY(fmap_attribute_int(parsing, "channels_last", 0, &channels_last));
    parameters.channels_last = channels_last != 0;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

bool fmap_flatten_keeps_order(const struct fmap_graph_node *node) {
    const struct flatten_parameters *parameters = node->parameters;
    return !parameters->channels_last;
}

/* The axis; the rank itself is allowed too. -1 when it is out of range. */
static int axis_of(const struct flatten_parameters *parameters, int rank) {
    return parameters->axis == rank ? rank : fmap_axis_of(parameters->axis, rank);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct flatten_parameters *parameters = node->parameters;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    int axis = axis_of(parameters, in->rank);
    if (axis < 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has no axis %lld",
                              fmap_input_text(graph, node, 0).text, (long long)parameters->axis);
    }
    if (parameters->channels_last && (in->rank != 4 || axis != 1)) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s with axis %d, expected rank 4 and axis 1 for 'channels_last'",
                              fmap_input_text(graph, node, 0).text, axis);
    }
    fmap_shape out = {.rank = 2,
                      .dims = {fmap_shape_product(in, 0, axis), fmap_shape_product(in, axis, in->rank)}};
    if (fmap_shape_known(in) && !fmap_shape_known(&out)) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT, "%s is too large",
                              fmap_input_text(graph, node, 0).text);
    }
    return fmap_set_output_type(graph, node, 0, fmap_input_value(graph, node, 0)->type, &out);
}

/* Of one pixel or of one channel both orders are the same. */
static bool view(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    return fmap_flatten_keeps_order(node) || in->dims[1] == 1 || in->dims[2] * in->dims[3] == 1;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    if (view(planning->graph, node))
        fmap_plan_same_elements(planning, node->outputs[0], in);
    else
        fmap_planning_view(planning, node->outputs[0], in, FMAP_FORM_PIXELS);
    return FMAP_OK;
}

const struct fmap_layer fmap_layer_flatten = {.op = "Flatten",
                                              .min_inputs = 1,
                                              .max_inputs = 1,
                                              .max_outputs = 1,
                                              .parse = parse,
                                              .shape = shape,
                                              .view = view,
                                              .plan = plan};
