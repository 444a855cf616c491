/* Equal, Greater, GreaterOrEqual, Less, LessOrEqual; And, Or, Xor, Not; IsNaN, IsInf: whatever answers with bools. */
#include <math.h>

#include "runtime/layer.h"
#include "runtime/layers/broadcast.h"
#include "runtime/layers/typed.h"

#define LOOPS(name, operator) \
    FMAP_TYPED_LOOP(name##_float, float, uint8_t, x operator y) \
    FMAP_TYPED_LOOP(name##_uint8, uint8_t, uint8_t, x operator y) \
    FMAP_TYPED_LOOP(name##_int8, int8_t, uint8_t, x operator y) \
    FMAP_TYPED_LOOP(name##_int32, int32_t, uint8_t, x operator y) \
    FMAP_TYPED_LOOP(name##_int64, int64_t, uint8_t, x operator y) \
    static fmap_typed_loop *const name##_loops[FMAP_TYPES_END] = { \
        [FMAP_FLOAT32] = name##_float, [FMAP_UINT8] = name##_uint8, [FMAP_INT8] = name##_int8, \
        [FMAP_INT32] = name##_int32,   [FMAP_INT64] = name##_int64, [FMAP_BOOL] = name##_uint8};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wfloat-equal" /* equal is what is asked for */
LOOPS(equal, ==)
#pragma GCC diagnostic pop
LOOPS(greater, >)
LOOPS(greater_or_equal, >=)
LOOPS(less, <)
LOOPS(less_or_equal, <=)

FMAP_TYPED_LOOP(and_bool, uint8_t, uint8_t, x != 0 && y != 0)
FMAP_TYPED_LOOP(or_bool, uint8_t, uint8_t, x != 0 || y != 0)
FMAP_TYPED_LOOP(xor_bool, uint8_t, uint8_t, (x != 0) != (y != 0))
FMAP_TYPED_LOOP(not_bool, uint8_t, uint8_t, x == 0)
static fmap_typed_loop *const and_loops[FMAP_TYPES_END] = {[FMAP_BOOL] = and_bool};
static fmap_typed_loop *const or_loops[FMAP_TYPES_END] = {[FMAP_BOOL] = or_bool};
static fmap_typed_loop *const xor_loops[FMAP_TYPES_END] = {[FMAP_BOOL] = xor_bool};
static fmap_typed_loop *const not_loops[FMAP_TYPES_END] = {[FMAP_BOOL] = not_bool};

FMAP_TYPED_LOOP(nan_float, float, uint8_t, isnan(x) != 0)
FMAP_TYPED_LOOP(infinite_float, float, uint8_t, isinf(x) != 0)
FMAP_TYPED_LOOP(high_float, float, uint8_t, isinf(x) && x > 0)
FMAP_TYPED_LOOP(low_float, float, uint8_t, isinf(x) && x < 0)
FMAP_TYPED_LOOP(never_float, float, uint8_t, x != x && x < 0)

/* What a node's parameters are: the loop for each type, NULL where there is none. */
struct compare_parameters {
    fmap_typed_loop *loops[FMAP_TYPES_END];
};

static fmap_status keep(struct fmap_parsing *parsing, fmap_typed_loop *const *loops) {
    struct compare_parameters parameters;
    for (int i = 0; i < FMAP_TYPES_END; i++) parameters.loops[i] = loops[i];
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status parse_is_nan(struct fmap_parsing *parsing) {
    return keep(parsing, (fmap_typed_loop *const[FMAP_TYPES_END]){[FMAP_FLOAT32] = nan_float});
}

static fmap_status parse_is_inf(struct fmap_parsing *parsing) {
    int64_t low, high;
    TRY(fmap_attribute_int(parsing, "detect_negative", 1, &low));
    TRY(fmap_attribute_int(parsing, "detect_positive", 1, &high));
    fmap_typed_loop *loop = low && high ? infinite_float : low ? low_float : high ? high_float : never_float;
    return keep(parsing, (fmap_typed_loop *const[FMAP_TYPES_END]){[FMAP_FLOAT32] = loop});
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct compare_parameters *parameters = node->parameters;
    unsigned types = 0;
    fmap_shape out;
    for (int i = 0; i < FMAP_TYPES_END; i++) types |= parameters->loops[i] ? FMAP_TYPES(i) : 0;
    TRY(fmap_expect_type(graph, node, 0, types, error));
    types = FMAP_TYPES(fmap_input_value(graph, node, 0)->type);
    for (size_t i = 1; i < node->n_inputs; i++) TRY(fmap_expect_type(graph, node, i, types, error));
    TRY(fmap_broadcast_shape(graph, node, &out, error));
    return fmap_set_output_type(graph, node, 0, FMAP_BOOL, &out);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct compare_parameters *parameters = node->parameters;
    fmap_value a = fmap_node_input(planning->graph, node, 0);
    fmap_value b = node->n_inputs > 1 ? fmap_node_input(planning->graph, node, 1) : a;
    return fmap_plan_typed(planning, node, parameters->loops[planning->graph->values[a].type], a, b);
}

#define COMPARISON(name, operator, n_inputs) \
    static fmap_status parse_##name(struct fmap_parsing *parsing) { return keep(parsing, name##_loops); } \
    COMPARED(name, operator, n_inputs)

#define COMPARED(name, operator, n_inputs) \
    const struct fmap_layer fmap_layer_##name = {.op = operator, \
                                                 .min_inputs = n_inputs, \
                                                 .max_inputs = n_inputs, \
                                                 .max_outputs = 1, \
                                                 .parse = parse_##name, \
                                                 .shape = shape, \
                                                 .plan = plan, \
                                                 .by_image = true};

COMPARISON(equal, "Equal", 2)
COMPARISON(greater, "Greater", 2)
COMPARISON(greater_or_equal, "GreaterOrEqual", 2)
COMPARISON(less, "Less", 2)
COMPARISON(less_or_equal, "LessOrEqual", 2)
COMPARISON(and, "And", 2)
COMPARISON(or, "Or", 2)
COMPARISON(xor, "Xor", 2)
COMPARISON(not, "Not", 1)
COMPARED(is_nan, "IsNaN", 1)
COMPARED(is_inf, "IsInf", 1)
