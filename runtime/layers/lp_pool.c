/* LpPool: the sum of |x|, or the root of the sum of x^2, over a window, by plain loops. */
#include "runtime/layer.h"
#include "runtime/layers/volume.h"

enum { OPSET_INTEGER_EXPONENT = 2 };

struct lp_parameters {
    struct fmap_window_parameters window;
    int64_t exponent;
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct lp_parameters parameters;
    float exponent = 2;
    TRY(fmap_window_parse(parsing, &parameters.window));
    if (parsing->opset < OPSET_INTEGER_EXPONENT) {
        TRY(fmap_attribute_float(parsing, "p", 2, &exponent));
        parameters.exponent = exponent == 1.0f ? 1 : exponent == 2.0f ? 2 : 0;
    } else {
        TRY(fmap_attribute_int(parsing, "p", 2, &parameters.exponent));
    }
    if (parameters.exponent != 1 && parameters.exponent != 2) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                              "attribute 'p' is neither 1 nor 2");
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status resolve(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                           struct fmap_volume *volume, fmap_error *error) {
    const struct lp_parameters *parameters = node->parameters;
    return fmap_volume_resolve(graph, node, &parameters->window, &fmap_input_value(graph, node, 0)->shape,
                               NULL, volume, error);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    struct fmap_volume volume;
    TRY(fmap_expect_floats(graph, node, 0, error));
    TRY(resolve(graph, node, &volume, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    fmap_shape out = fmap_volume_output(&volume, in, in->dims[1]);
    return fmap_set_output(graph, node, &out);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct lp_parameters *parameters = node->parameters;
    struct fmap_volume volume;
    TRY(resolve(planning->graph, node, &volume, planning->error));
    struct fmap_volume_pooling pooling = {.pool = parameters->exponent == 1 ? FMAP_VOLUME_L1
                                                                            : FMAP_VOLUME_L2};
    return fmap_planning_volume_pool(planning, node, &volume, &pooling);
}

const struct fmap_layer fmap_layer_lp_pool = {.op = "LpPool",
                                              .min_inputs = 1,
                                              .max_inputs = 1,
                                              .max_outputs = 1,
                                              .parse = parse,
                                              .shape = shape,
                                              .plan = plan,
                                              .by_image = true,
                                              .pool = true};
