/* ReduceMean, ReduceSum and their relatives. */
#include "runtime/layers/reduction.h"

enum { OPSET_SUM_INPUT = 13, OPSET_INPUT = 18 }; /* since when the axes are an input */

struct reduce_parameters {
    bool keep;
    bool none_means_none; /* noop_with_empty_axes: no axes are no axes, and not all */
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct reduce_parameters parameters;
    bool sum = parsing->node->layer == &fmap_layer_reduce_sum;
    int64_t keep, none = 0;
    TRY(fmap_attribute_int(parsing, "keepdims", 1, &keep));
    if (parsing->opset >= (sum ? OPSET_SUM_INPUT : OPSET_INPUT))
        TRY(fmap_attribute_int(parsing, "noop_with_empty_axes", 0, &none));
    parameters.keep = keep != 0;
    parameters.none_means_none = none != 0;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* The axes as bits. */
static fmap_status axes_of(const struct fmap_graph *graph, const struct fmap_graph_node *node, unsigned *bits,
                           fmap_error *error) {
    const struct reduce_parameters *parameters = node->parameters;
    int rank = fmap_input_value(graph, node, 0)->shape.rank, axes[FMAP_MAX_RANK];
    size_t n;
    TRY(fmap_constant_axes(graph, node, 1, rank, axes, &n, error));
    *bits = 0;
    for (size_t i = 0; i < n; i++) *bits |= 1u << axes[i];
    if (n == 0 && !parameters->none_means_none) *bits = (1u << rank) - 1;
    return FMAP_OK;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct reduce_parameters *parameters = node->parameters;
    unsigned axes;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    if (fmap_input_pending(graph, node, 1)) return fmap_defer_outputs(graph, node);
    TRY(axes_of(graph, node, &axes, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    fmap_shape out = fmap_reduced_shape(&in->shape, axes, parameters->keep);
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

static fmap_status plan_as(struct fmap_planning *planning, const struct fmap_graph_node *node,
                           enum fmap_reduction reduction) {
    const struct reduce_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    unsigned axes;
    TRY(axes_of(planning->graph, node, &axes, planning->error));
    if (axes == 0 && parameters->none_means_none) {
        fmap_plan_same_elements(planning, node->outputs[0], in);
        return FMAP_OK;
    }
    if (planning->graph->values[in].type != FMAP_FLOAT32)
        return fmap_plan_integer_reduction(planning, node, reduction, axes);
    return fmap_plan_reduction(planning, node, reduction, axes);
}

#define REDUCE(name, operator, reduction) \
    static fmap_status plan_##name(struct fmap_planning *planning, const struct fmap_graph_node *node) { \
        return plan_as(planning, node, FMAP_REDUCTION_##reduction); \
    } \
    const struct fmap_layer fmap_layer_reduce_##name = {.op = operator, \
                                                        .min_inputs = 1, \
                                                        .max_inputs = 2, \
                                                        .max_outputs = 1, \
                                                        .parse = parse, \
                                                        .shape = shape, \
                                                        .plan = plan_##name};

REDUCE(sum, "ReduceSum", SUM)
REDUCE(mean, "ReduceMean", MEAN)
REDUCE(max, "ReduceMax", MAXIMUM)
REDUCE(min, "ReduceMin", MINIMUM)
REDUCE(prod, "ReduceProd", PRODUCT)
REDUCE(l1, "ReduceL1", L1)
REDUCE(l2, "ReduceL2", L2)
REDUCE(sum_square, "ReduceSumSquare", SQUARES)
REDUCE(log_sum, "ReduceLogSum", LOG_SUM)
REDUCE(log_sum_exp, "ReduceLogSumExp", LOG_SUM_EXP)
