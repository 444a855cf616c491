/* Pow: the first operand to the power of the second, whose type may be another. */
#include <math.h>

#include "runtime/layer.h"
#include "runtime/layers/activation.h"
#include "runtime/layers/broadcast.h"
#include "runtime/layers/cast.h"
#include "runtime/layers/pair.h"
#include "runtime/layers/typed.h"

/* Integers to the power of integers, modulo 2^64. Below 0 there is 1, -1, and 0 for all that would be a fraction. */
static int64_t power_of_integers(int64_t base, int64_t exponent) {
    uint64_t result = 1, factor = (uint64_t)base;
    if (exponent < 0) {
        if (base != 1 && base != -1) return 0;
        exponent = exponent % 2 == 0 ? 0 : 1;
    }
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1) result *= factor;
        factor *= factor;
    }
    return (int64_t)result;
}

/* Towards 0; the nearest of the type for what does not fit, 0 for NaN. */
static int64_t power_to_integer(double base, double exponent) {
    double power = pow(base, exponent);
    if (!(power > -9.2e18)) return power < 0 ? INT64_MIN : 0;
    return power < 9.2e18 ? (int64_t)power : INT64_MAX;
}

/* The loops of one type of base by the type of the exponent. */
#define INTEGER_BASE(base) \
    FMAP_MIXED_LOOP(base##_float, base, float, base, power_to_integer((double)x, (double)y)) \
    FMAP_MIXED_LOOP(base##_uint8, base, uint8_t, base, power_of_integers((int64_t)x, (int64_t)y)) \
    FMAP_MIXED_LOOP(base##_int8, base, int8_t, base, power_of_integers((int64_t)x, (int64_t)y)) \
    FMAP_MIXED_LOOP(base##_int32, base, int32_t, base, power_of_integers((int64_t)x, (int64_t)y)) \
    FMAP_MIXED_LOOP(base##_int64, base, int64_t, base, power_of_integers((int64_t)x, (int64_t)y)) \
    LOOPS_OF(base)
#define FLOAT_BASE(base) \
    FMAP_MIXED_LOOP(base##_float, base, float, base, powf(x, y)) \
    FMAP_MIXED_LOOP(base##_uint8, base, uint8_t, base, pow((double)x, (double)y)) \
    FMAP_MIXED_LOOP(base##_int8, base, int8_t, base, pow((double)x, (double)y)) \
    FMAP_MIXED_LOOP(base##_int32, base, int32_t, base, pow((double)x, (double)y)) \
    FMAP_MIXED_LOOP(base##_int64, base, int64_t, base, pow((double)x, (double)y)) \
    LOOPS_OF(base)
#define LOOPS_OF(base) \
    static fmap_typed_loop *const base##_loops[FMAP_TYPES_END] = {[FMAP_FLOAT32] = base##_float, \
                                                                  [FMAP_UINT8] = base##_uint8, \
                                                                  [FMAP_INT8] = base##_int8, \
                                                                  [FMAP_INT32] = base##_int32, \
                                                                  [FMAP_INT64] = base##_int64};

FLOAT_BASE(float)
INTEGER_BASE(uint8_t)
INTEGER_BASE(int8_t)
INTEGER_BASE(int32_t)
INTEGER_BASE(int64_t)

static fmap_typed_loop *const *const loops[FMAP_TYPES_END] = {[FMAP_FLOAT32] = float_loops,
                                                              [FMAP_UINT8] = uint8_t_loops,
                                                              [FMAP_INT8] = int8_t_loops,
                                                              [FMAP_INT32] = int32_t_loops,
                                                              [FMAP_INT64] = int64_t_loops};

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    fmap_shape out;
    TRY(fmap_expect_type(graph, node, 0, FMAP_NUMBER_TYPES, error));
    TRY(fmap_expect_type(graph, node, 1, FMAP_NUMBER_TYPES, error));
    TRY(fmap_broadcast_shape(graph, node, &out, error));
    return fmap_set_output_type(graph, node, 0, fmap_input_value(graph, node, 0)->type, &out);
}

/* An exponent for which a power is something simpler. */
static bool simpler(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                    struct fmap_activate_job *function) {
    static const struct {
        float exponent;
        enum fmap_activate kind;
    } known[] = {{1.0f, FMAP_ACTIVATE_NONE},
                 {2.0f, FMAP_ACTIVATE_SQUARE},
                 {3.0f, FMAP_ACTIVATE_CUBE},
                 {0.5f, FMAP_ACTIVATE_SQRT},
                 {-1.0f, FMAP_ACTIVATE_RECIPROCAL}};
    const struct fmap_graph_value *base = fmap_input_value(graph, node, 0),
                                  *exponent = fmap_input_value(graph, node, 1);
    float number;
    if (base->type != FMAP_FLOAT32 || !exponent->data ||
        fmap_shape_product(&exponent->shape, 0, exponent->shape.rank) != 1 ||
        !fmap_shape_equal(&base->shape, &fmap_output_value(graph, node, 0)->shape))
        return false;
    int64_t aligned[1];
    memcpy(aligned, exponent->data, fmap_type_bytes(exponent->type));
    fmap_cast_elements(exponent->type, aligned, FMAP_FLOAT32, &number, 1);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].exponent < number || known[i].exponent > number || isnan(number)) continue;
        *function = (struct fmap_activate_job){.kind = known[i].kind};
        return true;
    }
    return false;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_graph_value *values = planning->graph->values;
    fmap_value a = fmap_node_input(planning->graph, node, 0), b = fmap_node_input(planning->graph, node, 1);
    struct fmap_activate_job function;
    if (simpler(planning->graph, node, &function)) {
        return function.kind == FMAP_ACTIVATE_NONE ? fmap_plan_unchanged(planning, node, a)
                                                   : fmap_plan_function(planning, node, a, &function);
    }
    if (values[a].type == FMAP_FLOAT32 && values[b].type == FMAP_FLOAT32) {
        struct fmap_pair pair = {.op = FMAP_BINARY_POW, .a = a, .b = b};
        return fmap_plan_pair(planning, node, &pair);
    }
    return fmap_plan_typed(planning, node, loops[values[a].type][values[b].type], a, b);
}

const struct fmap_layer fmap_layer_pow = {.op = "Pow",
                                          .min_inputs = 2,
                                          .max_inputs = 2,
                                          .max_outputs = 1,
                                          .shape = shape,
                                          .plan = plan,
                                          .by_image = true};
