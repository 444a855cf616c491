/* Functions of one number, computed for each element in whatever form the input lies: Relu, LeakyRelu and the
 * other activations, and Neg, Sqrt, Exp and the like. Some take integers too. Clip's bounds are inputs: clip.c. */
#include "runtime/layers/activation.h"

#include "runtime/layer.h"
#include "runtime/layers/arithmetic.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/moves.h"

#include <math.h>
#include <string.h>

/* A parameter: an attribute that may be left out; NULL: the number. */
struct parameter {
    const char *attribute;
    float number;
};

/* FMAP_ARITHMETIC_OPS: not of integers. */
static const struct function {
    const struct fmap_layer *layer;
    enum fmap_activate kind;
    struct parameter a, b;
    enum fmap_arithmetic integers;
} functions[] = {
    {&fmap_layer_relu, FMAP_ACTIVATE_CLIP, {NULL, 0}, {NULL, INFINITY}, FMAP_ARITHMETIC_RELU},
    {&fmap_layer_neg, FMAP_ACTIVATE_NEG, {NULL, 0}, {NULL, 0}, FMAP_ARITHMETIC_NEG},
    {&fmap_layer_abs, FMAP_ACTIVATE_ABS, {NULL, 0}, {NULL, 0}, FMAP_ARITHMETIC_ABS},
    {&fmap_layer_sign, FMAP_ACTIVATE_SIGN, {NULL, 0}, {NULL, 0}, FMAP_ARITHMETIC_SIGN},
#define FLOATS(layer, kind, ...) \
    { &fmap_layer_##layer, FMAP_ACTIVATE_##kind, __VA_ARGS__, FMAP_ARITHMETIC_OPS }
#define PLAIN(layer, kind) FLOATS(layer, kind, {NULL, 0}, {NULL, 0})
    FLOATS(leaky_relu, LEAKY, {"alpha", 0.01f}, {NULL, 0}),
    FLOATS(elu, ELU, {"alpha", 1}, {NULL, 0}),
    FLOATS(selu, SELU, {"alpha", 1.67326319f}, {"gamma", 1.05070102f}),
    FLOATS(celu, CELU, {"alpha", 1}, {NULL, 0}),
    FLOATS(thresholded_relu, THRESHOLD, {"alpha", 1}, {NULL, 0}),
    FLOATS(hard_sigmoid, HARD_SIGMOID, {"alpha", 0.2f}, {"beta", 0.5f}),
    FLOATS(hard_swish, HARD_SWISH, {NULL, 1.0f / 6}, {NULL, 0.5f}),
    PLAIN(sigmoid, SIGMOID),
    PLAIN(tanh, TANH),
    PLAIN(swish, SILU),
    PLAIN(gelu, GELU),
    PLAIN(mish, MISH),
    PLAIN(softplus, SOFTPLUS),
    PLAIN(softsign, SOFTSIGN),
    PLAIN(floor, FLOOR),
    PLAIN(ceil, CEIL),
    PLAIN(round, ROUND),
    PLAIN(sqrt, SQRT),
    PLAIN(reciprocal, RECIPROCAL),
    PLAIN(exp, EXP),
    PLAIN(log, LOG),
    PLAIN(erf, ERF),
    PLAIN(sin, SIN),
    PLAIN(cos, COS),
    PLAIN(tan, TAN),
    PLAIN(asin, ASIN),
    PLAIN(acos, ACOS),
    PLAIN(atan, ATAN),
    PLAIN(sinh, SINH),
    PLAIN(cosh, COSH),
    PLAIN(asinh, ASINH),
    PLAIN(acosh, ACOSH),
    PLAIN(atanh, ATANH),
};

static const struct function *function_of(const struct fmap_layer *layer) {
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (functions[i].layer == layer) return &functions[i];
    }
    return NULL;
}

static fmap_status read_parameter(struct fmap_parsing *parsing, const struct parameter *parameter,
                                  float *number) {
    *number = parameter->number;
    return parameter->attribute ? fmap_attribute_float(parsing, parameter->attribute, *number, number)
                                : FMAP_OK;
}

static fmap_status parse(struct fmap_parsing *parsing) {
    const struct function *function = function_of(parsing->node->layer);
    struct fmap_activate_job job = {.kind = function->kind};
    TRY(read_parameter(parsing, &function->a, &job.a));
    TRY(read_parameter(parsing, &function->b, &job.b));
    return fmap_set_parameters(parsing, &job, sizeof job);
}

/* The defaults of opset 1 had fewer digits. */
static fmap_status parse_selu(struct fmap_parsing *parsing) {
    struct fmap_activate_job job = {.kind = FMAP_ACTIVATE_SELU};
    bool rounded = parsing->opset < 6;
    TRY(fmap_attribute_float(parsing, "alpha", rounded ? 1.6732f : 1.67326319f, &job.a));
    TRY(fmap_attribute_float(parsing, "gamma", rounded ? 1.0507f : 1.05070102f, &job.b));
    return fmap_set_parameters(parsing, &job, sizeof job);
}

static fmap_status parse_swish(struct fmap_parsing *parsing) {
    float alpha;
    TRY(fmap_attribute_float(parsing, "alpha", 1.0f, &alpha));
    if (alpha < 1.0f || alpha > 1.0f || isnan(alpha)) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                              "attribute 'alpha' is %g, expected 1", (double)alpha);
    }
    return parse(parsing);
}

static fmap_status parse_gelu(struct fmap_parsing *parsing) {
    struct fmap_activate_job job = {.kind = FMAP_ACTIVATE_GELU};
    const char *approximate;
    TRY(fmap_attribute_string(parsing, "approximate", "none", &approximate));
    if (strcmp(approximate, "tanh") == 0) {
        job.kind = FMAP_ACTIVATE_GELU_TANH;
    } else if (strcmp(approximate, "none") != 0) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute 'approximate' is '%.40s', expected 'none' or 'tanh'", approximate);
    }
    return fmap_set_parameters(parsing, &job, sizeof job);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    bool integers = function_of(node->layer)->integers != FMAP_ARITHMETIC_OPS;
    TRY(fmap_expect_type(graph, node, 0, integers ? FMAP_NUMBER_TYPES : FMAP_TYPES(FMAP_FLOAT32), error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    return fmap_set_output_type(graph, node, 0, in->type, &in->shape);
}

bool fmap_function_of(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                      struct fmap_activate_job *function) {
    if (node->layer == &fmap_layer_clip) return fmap_clip_of(graph, node, function);
    if (!function_of(node->layer) || fmap_input_value(graph, node, 0)->type != FMAP_FLOAT32) return false;
    *function = *(const struct fmap_activate_job *)node->parameters;
    return true;
}

/* ---- planning -------------------------------------------------------------------------------------------- */

struct function_job {
    struct fmap_activate_job function;
    struct fmap_cut cut;
};

static void function_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct function_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    run->kernels->unary(&(struct fmap_unary){.src = fmap_at(run, &step->operands[0]) + range.first,
                                             .dst = fmap_at(run, &step->operands[1]) + range.first,
                                             .n = range.end - range.first,
                                             .activate = job->function});
}

fmap_status fmap_plan_function(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               fmap_value in, const struct fmap_activate_job *function) {
#define FUNCTION(kind, name, cost) {#name, cost},
    static const struct {
        const char *name;
        int64_t cost;
    } known[] = {FMAP_FUNCTIONS(FUNCTION)};
#undef FUNCTION
    enum fmap_form form = fmap_form_at_hand(planning, in);
    struct function_job job = {.function = *function};
    int64_t n = fmap_form_elements(&planning->graph->values[in].shape, form);
    job.cut = fmap_cut_of(planning, n, known[function->kind].cost, FMAP_BLOCK);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, form, &operands[0]));
    TRY(fmap_planning_write(planning, node->outputs[0], form, &operands[1]));
    return fmap_planning_step(
        planning,
        &(struct fmap_step_definition){.part = function_part,
                                       .job = &job,
                                       .job_bytes = sizeof job,
                                       .operands = operands,
                                       .n_operands = 2,
                                       .in_place = 1,
                                       .parts = job.cut.parts,
                                       .kernel = fmap_kernel_text(planning, known[function->kind].name).text,
                                       .node = node});
}

fmap_status fmap_plan_unchanged(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                fmap_value in) {
    static const struct fmap_activate_job none = {.kind = FMAP_ACTIVATE_NONE};
    fmap_type type = planning->graph->values[in].type;
    if (fmap_can_view(planning, node->outputs[0])) {
        fmap_plan_same_elements(planning, node->outputs[0], in);
        return FMAP_OK;
    }
    if (type == FMAP_FLOAT32) return fmap_plan_function(planning, node, in, &none);
    return fmap_plan_typed(planning, node, fmap_arithmetic_loop(FMAP_ARITHMETIC_MAX, type), in, in);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    struct fmap_activate_job function;
    if (fmap_function_of(planning->graph, node, &function))
        return fmap_plan_function(planning, node, in, &function);
    enum fmap_arithmetic operation = function_of(node->layer)->integers;
    fmap_type type = planning->graph->values[in].type;
    return fmap_plan_typed(planning, node, fmap_arithmetic_loop(operation, type), in, in);
}

#define FUNCTION_LAYER(name, operator, parses, activates) \
    const struct fmap_layer fmap_layer_##name = {.op = operator, \
                                                 .min_inputs = 1, \
                                                 .max_inputs = 1, \
                                                 .max_outputs = 1, \
                                                 .parse = parses, \
                                                 .shape = shape, \
                                                 .plan = plan, \
                                                 .by_image = true, \
                                                 .activation = activates};

FUNCTION_LAYER(relu, "Relu", parse, true)
FUNCTION_LAYER(leaky_relu, "LeakyRelu", parse, true)
FUNCTION_LAYER(elu, "Elu", parse, true)
FUNCTION_LAYER(selu, "Selu", parse_selu, true)
FUNCTION_LAYER(celu, "Celu", parse, true)
FUNCTION_LAYER(thresholded_relu, "ThresholdedRelu", parse, true)
FUNCTION_LAYER(hard_sigmoid, "HardSigmoid", parse, true)
FUNCTION_LAYER(hard_swish, "HardSwish", parse, true)
FUNCTION_LAYER(sigmoid, "Sigmoid", parse, true)
FUNCTION_LAYER(tanh, "Tanh", parse, true)
FUNCTION_LAYER(swish, "Swish", parse_swish, true)
FUNCTION_LAYER(gelu, "Gelu", parse_gelu, true)
FUNCTION_LAYER(mish, "Mish", parse, true)
FUNCTION_LAYER(softplus, "Softplus", parse, true)
FUNCTION_LAYER(softsign, "Softsign", parse, true)
FUNCTION_LAYER(neg, "Neg", parse, false)
FUNCTION_LAYER(abs, "Abs", parse, false)
FUNCTION_LAYER(sign, "Sign", parse, false)
FUNCTION_LAYER(floor, "Floor", parse, false)
FUNCTION_LAYER(ceil, "Ceil", parse, false)
FUNCTION_LAYER(round, "Round", parse, false)
FUNCTION_LAYER(sqrt, "Sqrt", parse, false)
FUNCTION_LAYER(reciprocal, "Reciprocal", parse, false)
FUNCTION_LAYER(exp, "Exp", parse, false)
FUNCTION_LAYER(log, "Log", parse, false)
FUNCTION_LAYER(erf, "Erf", parse, false)
FUNCTION_LAYER(sin, "Sin", parse, false)
FUNCTION_LAYER(cos, "Cos", parse, false)
FUNCTION_LAYER(tan, "Tan", parse, false)
FUNCTION_LAYER(asin, "Asin", parse, false)
FUNCTION_LAYER(acos, "Acos", parse, false)
FUNCTION_LAYER(atan, "Atan", parse, false)
FUNCTION_LAYER(sinh, "Sinh", parse, false)
FUNCTION_LAYER(cosh, "Cosh", parse, false)
FUNCTION_LAYER(asinh, "Asinh", parse, false)
FUNCTION_LAYER(acosh, "Acosh", parse, false)
FUNCTION_LAYER(atanh, "Atanh", parse, false)
