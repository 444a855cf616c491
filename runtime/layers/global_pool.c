/* GlobalAveragePool, GlobalMaxPool, GlobalLpPool: reductions of whole maps, of any rank. */
#include "runtime/layers/reduction.h"

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    TRY(fmap_expect_floats(graph, node, 0, error));
    fmap_shape out = fmap_input_value(graph, node, 0)->shape;
    if (out.rank < 3) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected rank 3 or more",
                              fmap_input_text(graph, node, 0).text);
    }
    for (int i = 2; i < out.rank; i++) out.dims[i] = 1;
    return fmap_set_output(graph, node, &out);
}

static fmap_status plan_as(struct fmap_planning *planning, const struct fmap_graph_node *node,
                           enum fmap_reduction reduction) {
    int rank = planning->graph->values[fmap_node_input(planning->graph, node, 0)].shape.rank;
    return fmap_plan_reduction(planning, node, reduction, ((1u << rank) - 1u) - 3u);
}

static fmap_status plan_average(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    return plan_as(planning, node, FMAP_REDUCTION_MEAN);
}

const struct fmap_layer fmap_layer_global_average_pool = {.op = "GlobalAveragePool",
                                                          .min_inputs = 1,
                                                          .max_inputs = 1,
                                                          .max_outputs = 1,
                                                          .shape = shape,
                                                          .plan = plan_average,
                                                          .by_image = true};

static fmap_status plan_max(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    return plan_as(planning, node, FMAP_REDUCTION_MAXIMUM);
}

const struct fmap_layer fmap_layer_global_max_pool = {.op = "GlobalMaxPool",
                                                      .min_inputs = 1,
                                                      .max_inputs = 1,
                                                      .max_outputs = 1,
                                                      .shape = shape,
                                                      .plan = plan_max,
                                                      .by_image = true};

/* The exponent is 1 or 2: sums of absolute values, or roots of sums of squares. */
struct lp_parameters {
    int64_t exponent;
};

static fmap_status parse_lp(struct fmap_parsing *parsing) {
    struct lp_parameters parameters;
    TRY(fmap_attribute_int(parsing, "p", 2, &parameters.exponent));
    if (parameters.exponent != 1 && parameters.exponent != 2) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                              "attribute 'p' is %lld, expected 1 or 2", (long long)parameters.exponent);
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status plan_lp(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct lp_parameters *parameters = node->parameters;
    return plan_as(planning, node, parameters->exponent == 1 ? FMAP_REDUCTION_L1 : FMAP_REDUCTION_L2);
}

const struct fmap_layer fmap_layer_global_lp_pool = {.op = "GlobalLpPool",
                                                     .min_inputs = 1,
                                                     .max_inputs = 1,
                                                     .max_outputs = 1,
                                                     .parse = parse_lp,
                                                     .shape = shape,
                                                     .plan = plan_lp,
                                                     .by_image = true};
