/* Add, Sub, Mul, Div, Mod, PRelu of two operands, Max, Min, Sum, Mean of any number, with numpy's broadcasting. */
#include "runtime/layers/eltwise.h"

#include "runtime/layer.h"
#include "runtime/layers/activation.h"
#include "runtime/layers/arithmetic.h"
#include "runtime/layers/broadcast.h"
#include "runtime/layers/pair.h"

#define FLOATS FMAP_TYPES(FMAP_FLOAT32)

static const struct operation {
    const struct fmap_layer *layer;
    unsigned types;
    enum fmap_binary_op op;
    enum fmap_arithmetic integers;
} operations[] = {
    {&fmap_layer_add, FMAP_NUMBER_TYPES, FMAP_BINARY_ADD, FMAP_ARITHMETIC_ADD},
    {&fmap_layer_sub, FMAP_NUMBER_TYPES, FMAP_BINARY_SUB, FMAP_ARITHMETIC_SUB},
    {&fmap_layer_mul, FMAP_NUMBER_TYPES, FMAP_BINARY_MUL, FMAP_ARITHMETIC_MUL},
    {&fmap_layer_div, FMAP_NUMBER_TYPES, FMAP_BINARY_DIV, FMAP_ARITHMETIC_DIV},
    {&fmap_layer_mod, FMAP_NUMBER_TYPES, FMAP_BINARY_MOD, FMAP_ARITHMETIC_MODULO},
    {&fmap_layer_max, FMAP_NUMBER_TYPES, FMAP_BINARY_MAX, FMAP_ARITHMETIC_MAX},
    {&fmap_layer_min, FMAP_NUMBER_TYPES, FMAP_BINARY_MIN, FMAP_ARITHMETIC_MIN},
    {&fmap_layer_sum, FLOATS, FMAP_BINARY_ADD, FMAP_ARITHMETIC_ADD},
    {&fmap_layer_mean, FLOATS, FMAP_BINARY_ADD, FMAP_ARITHMETIC_ADD},
    {&fmap_layer_prelu, FLOATS, FMAP_BINARY_PRELU, FMAP_ARITHMETIC_ADD},
};

static const struct operation *operation_of(const struct fmap_graph_node *node) {
    const struct operation *operation = operations;
    while (operation->layer != node->layer) operation++;
    return operation;
}

static fmap_status parse(struct fmap_parsing *parsing) {
    struct fmap_eltwise_parameters parameters = {.activate = {.kind = FMAP_ACTIVATE_NONE}};
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status parse_mod(struct fmap_parsing *parsing) {
    struct fmap_eltwise_parameters parameters = {.activate = {.kind = FMAP_ACTIVATE_NONE}};
    int64_t truncates;
    TRY(fmap_attribute_int(parsing, "fmod", 0, &truncates));
    parameters.truncates = truncates != 0;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* All inputs have the type of the first. */
static fmap_status check_types(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               fmap_type *type, fmap_error *error) {
    const struct fmap_eltwise_parameters *parameters = node->parameters;
    TRY(fmap_expect_type(graph, node, 0, operation_of(node)->types, error));
    *type = fmap_input_value(graph, node, 0)->type;
    for (size_t i = 1; i < node->n_inputs; i++)
        TRY(fmap_expect_type(graph, node, i, FMAP_TYPES(*type), error));
    if (node->layer == &fmap_layer_mod && *type == FMAP_FLOAT32 && !parameters->truncates)
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "attribute 'fmod' is 0, expected 1 for floats");
    return FMAP_OK;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    fmap_type type;
    fmap_shape out;
    TRY(check_types(graph, node, &type, error));
    TRY(fmap_broadcast_shape(graph, node, &out, error));
    const fmap_shape *first = &fmap_input_value(graph, node, 0)->shape;
    if (node->layer == &fmap_layer_prelu && graph->settled && !fmap_shape_equal(first, &out)) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s cannot be broadcast to %s",
                              fmap_input_text(graph, node, 1).text, fmap_input_text(graph, node, 0).text);
    }
    return fmap_set_output_type(graph, node, 0, type, &out);
}

/* Input by input, the result so far in the output. */
static fmap_status plan_integers(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_eltwise_parameters *parameters = node->parameters;
    enum fmap_arithmetic operation = operation_of(node)->integers;
    if (parameters->truncates) operation = FMAP_ARITHMETIC_REMAINDER;
    fmap_type type = fmap_input_value(planning->graph, node, 0)->type;
    fmap_value so_far = fmap_node_input(planning->graph, node, 0);
    for (size_t i = 1; i < node->n_inputs; i++) {
        TRY(fmap_plan_typed(planning, node, fmap_arithmetic_loop(operation, type), so_far,
                            fmap_node_input(planning->graph, node, i)));
        so_far = node->outputs[0];
    }
    return FMAP_OK;
}

static bool shapes_differ(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    for (size_t i = 0; i < node->n_inputs; i++) {
        if (!fmap_shape_equal(&fmap_input_value(graph, node, i)->shape,
                              &fmap_output_value(graph, node, 0)->shape))
            return true;
    }
    return false;
}

static fmap_status divide(struct fmap_planning *planning, const struct fmap_graph_node *node,
                          struct fmap_pair *pair) {
    float *number;
    TRY(fmap_planning_weights(planning, 1, &number));
    *number = (float)node->n_inputs;
    pair->op = FMAP_BINARY_DIV;
    pair->number = number;
    return fmap_plan_pair(planning, node, pair);
}

static fmap_status plan_floats(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_eltwise_parameters *parameters = node->parameters;
    size_t n = node->n_inputs;
    bool is_mean = node->layer == &fmap_layer_mean;
    struct fmap_pair pair = {.op = operation_of(node)->op,
                             .a = fmap_node_input(planning->graph, node, 0),
                             .plain = n > 2 && shapes_differ(planning->graph, node)};
    for (size_t i = 1; i < n; i++) {
        pair.b = fmap_node_input(planning->graph, node, i);
        if (i == n - 1 && !is_mean) pair.activate = parameters->activate;
        TRY(fmap_plan_pair(planning, node, &pair));
        pair.a = node->outputs[0];
    }
    pair.activate = parameters->activate;
    pair.plain = false;
    return is_mean ? divide(planning, node, &pair) : FMAP_OK;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value first = fmap_node_input(planning->graph, node, 0);
    const struct fmap_eltwise_parameters *parameters = node->parameters;
    if (node->n_inputs == 1 && parameters->activate.kind != FMAP_ACTIVATE_NONE)
        return fmap_plan_function(planning, node, first, &parameters->activate);
    if (node->n_inputs == 1) return fmap_plan_unchanged(planning, node, first);
    return planning->graph->values[first].type == FMAP_FLOAT32 ? plan_floats(planning, node)
                                                               : plan_integers(planning, node);
}

#define ELTWISE(name, operator, parses, fewest, most) \
    const struct fmap_layer fmap_layer_##name = {.op = operator, \
                                                 .min_inputs = fewest, \
                                                 .max_inputs = most, \
                                                 .max_outputs = 1, \
                                                 .parse = parses, \
                                                 .shape = shape, \
                                                 .plan = plan, \
                                                 .by_image = true};

ELTWISE(add, "Add", parse, 2, 2)
ELTWISE(sub, "Sub", parse, 2, 2)
ELTWISE(mul, "Mul", parse, 2, 2)
ELTWISE(div, "Div", parse, 2, 2)
ELTWISE(mod, "Mod", parse_mod, 2, 2)
ELTWISE(prelu, "PRelu", parse, 2, 2)
ELTWISE(max, "Max", parse, 1, INT32_MAX)
ELTWISE(min, "Min", parse, 1, INT32_MAX)
ELTWISE(sum, "Sum", parse, 1, INT32_MAX)
ELTWISE(mean, "Mean", parse, 1, INT32_MAX)
