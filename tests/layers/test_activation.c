#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/cases/case.h"
#include "tests/net_layer.h"
#include "tests/oracle.h"

static const struct {
    int rank;
    int64_t dims[FMAP_MAX_RANK];
} shapes[] = {
    {0, {0}},
    {1, {13}},
    {2, {3, 21}},
    {3, {2, 5, 7}},
    {4, {3, 19, 4, 5}},
    {4, {2, 33, 41, 43}},
    {5, {2, 17, 3, 2, 2}},
    {8, {1, 2, 1, 3, 1, 2, 2, 1}},
};

/* Numbers of all sizes, with those where activations bend or end in between. */
static float *numbers(size_t n) {
    static const float special[] = {0.0f,     -0.0f,  INFINITY, -INFINITY, NAN,   FLT_MAX,
                                    -FLT_MAX, 1e-30f, -1e-30f,  6.0f,      89.0f, -104.0f};
    float *x = net_random(n, n);
    for (size_t i = 0; i < n; i++) {
        x[i] *= 12.0f;
        if (i % 5 == 3) x[i] = special[i / 5 % (sizeof special / sizeof special[0])];
    }
    return x;
}

/* The layer over all shapes against the function of the job. */
static void assert_function(struct net_layer layer, struct fmap_activate_job job) {
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        layer.operands[0] = net_computed(shapes[s].rank, shapes[s].dims, NULL);
        int64_t elements = 1;
        for (int i = 0; i < shapes[s].rank; i++) elements *= shapes[s].dims[i];
        size_t n = (size_t)elements;
        float *x = numbers(n);
        double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
        for (size_t i = 0; i < n; i++) {
            expected[i] = oracle_activate((double)x[i], &job);
            if (fabs(expected[i]) > (double)FLT_MAX) expected[i] = copysign((double)INFINITY, expected[i]);
            bounds[i] = case_function_error(job.kind, (double)x[i], expected[i]);
        }
        layer.operands[0].floats = x;
        layer.batch = shapes[s].rank > 1;
        cr_assert(net_layer_agrees(&layer, expected, bounds, n), "shape %zu", s);
        free(x);
        free(expected);
        free(bounds);
    }
}

static struct net_layer layer_of(const char *op) { return (struct net_layer){.op = op, .n_operands = 1}; }

static const int64_t no_dims[1] = {0};

Test(activation, relu_is_the_larger_of_the_element_and_zero) {
    assert_function(layer_of("Relu"), (struct fmap_activate_job){FMAP_ACTIVATE_CLIP, 0, INFINITY});
}

Test(activation, leaky_relu_has_the_slope_of_onnx_unless_another_is_said) {
    struct net_layer layer = layer_of("LeakyRelu");
    assert_function(layer, (struct fmap_activate_job){FMAP_ACTIVATE_LEAKY, 0.01f, 0});
    net_layer_attribute(&layer, net_float("alpha", 0.3f));
    assert_function(layer, (struct fmap_activate_job){FMAP_ACTIVATE_LEAKY, 0.3f, 0});
}

Test(activation, sigmoid_is_within_its_ulps) {
    assert_function(layer_of("Sigmoid"), (struct fmap_activate_job){FMAP_ACTIVATE_SIGMOID, 0, 0});
}

Test(activation, tanh_is_within_its_ulps) {
    assert_function(layer_of("Tanh"), (struct fmap_activate_job){FMAP_ACTIVATE_TANH, 0, 0});
}

Test(activation, clip_takes_its_bounds_from_attributes_before_opset_11) {
    struct net_layer layer = layer_of("Clip");
    layer.opset = 10;
    assert_function(layer, (struct fmap_activate_job){FMAP_ACTIVATE_CLIP, -FLT_MAX, FLT_MAX});
    net_layer_attribute(&layer, net_float("max", 6));
    net_layer_attribute(&layer, net_float("min", -1));
    assert_function(layer, (struct fmap_activate_job){FMAP_ACTIVATE_CLIP, -1, 6});
}

Test(activation, clip_takes_its_bounds_from_inputs_since_opset_11) {
    static const float low = -2, high = 3;
    static const int64_t one = 1;
    struct net_layer layer = layer_of("Clip");
    layer.n_operands = 3;
    layer.opset = 11;
    layer.operands[1] = net_constant(0, no_dims, &low);
    layer.operands[2] = net_constant(1, &one, &high);
    assert_function(layer, (struct fmap_activate_job){FMAP_ACTIVATE_CLIP, low, high});
    layer.operands[1] = net_left_out();
    assert_function(layer, (struct fmap_activate_job){FMAP_ACTIVATE_CLIP, -FLT_MAX, high});
}

Test(activation, clip_with_bounds_in_the_wrong_order_gives_the_upper_one) {
    static const float low = 2, high = -3, x[3] = {-9, 0, 9}, expected[3] = {-3, -3, -3};
    static const int64_t three = 3;
    struct net_layer layer = layer_of("Clip");
    layer.n_operands = 3;
    layer.operands[0] = net_computed(1, &three, x);
    layer.operands[1] = net_constant(0, no_dims, &low);
    layer.operands[2] = net_constant(0, no_dims, &high);
    cr_assert(net_layer_moves(&layer, expected, 3));
}

Test(activation, unknown_dimensions_pass) {
    static const int64_t dims[3] = {FMAP_UNKNOWN, 4, FMAP_UNKNOWN};
    struct net_layer layer = layer_of("Relu");
    layer.operands[0] = net_computed(3, dims, NULL);
    cr_assert(net_layer_has_shape(&layer, 3, dims));
}

Test(activation, what_does_not_fit_is_refused) {
    static const float nan_bound = NAN, two[2] = {1, 2};
    static const int64_t dims[2] = {1, 2}, pair = 2, int_bound = 1;
    struct net_layer clip = layer_of("Clip"), relu = layer_of("Relu");
    clip.operands[0] = relu.operands[0] = net_computed(2, dims, NULL);
    clip.n_operands = 2;
    clip.operands[1] = net_constant(0, no_dims, &nan_bound);
    cr_assert(net_layer_refused(&clip, FMAP_ERROR_MODEL, "not a number"));
    clip.operands[1] = net_constant(1, &pair, two);
    cr_assert(net_layer_refused(&clip, FMAP_ERROR_MODEL, "has 2 elements, expected 1"));
    clip.operands[1] = net_constant_ints(1, &int_bound);
    cr_assert(net_layer_refused(&clip, FMAP_ERROR_MODEL, "elements of type 7, which this operator"));
    clip.opset = 10;
    cr_assert(net_layer_refused(&clip, FMAP_ERROR_MODEL, "attribute 'min' is no input yet in opset 10"));
    net_layer_attribute(&relu, net_float("alpha", 1));
    cr_assert(net_layer_refused(&relu, FMAP_ERROR_UNSUPPORTED, "attribute 'alpha' is not known"));
    relu.operands[0] = net_constant_ints(1, &int_bound);
    relu.n_attributes = 0;
    relu.op = "Sigmoid";
    cr_assert(net_layer_refused(&relu, FMAP_ERROR_MODEL, "type 7, which this operator does not take"));
    relu.op = "Swish";
    relu.operands[0] = net_computed(2, dims, NULL);
    net_layer_attribute(&relu, net_float("alpha", 2));
    cr_assert(net_layer_refused(&relu, FMAP_ERROR_UNSUPPORTED, "attribute 'alpha' is 2, expected 1"));
    struct net_layer gelu = layer_of("Gelu");
    gelu.operands[0] = net_computed(2, dims, NULL);
    net_layer_attribute(&gelu, net_string("approximate", "roughly"));
    cr_assert(net_layer_refused(&gelu, FMAP_ERROR_MODEL, "'roughly', expected 'none' or 'tanh'"));
}

/* ---- all functions ---------------------------------------------------------------------------------------- */

static const struct {
    const char *op;
    struct fmap_activate_job job; /* with the defaults of ONNX */
} functions[] = {
    {"Elu", {FMAP_ACTIVATE_ELU, 1, 0}},
    {"Selu", {FMAP_ACTIVATE_SELU, 1.67326319f, 1.05070102f}},
    {"Celu", {FMAP_ACTIVATE_CELU, 1, 0}},
    {"ThresholdedRelu", {FMAP_ACTIVATE_THRESHOLD, 1, 0}},
    {"HardSigmoid", {FMAP_ACTIVATE_HARD_SIGMOID, 0.2f, 0.5f}},
    {"HardSwish", {FMAP_ACTIVATE_HARD_SWISH, 1.0f / 6, 0.5f}},
    {"Gelu", {FMAP_ACTIVATE_GELU, 0, 0}},
    {"Swish", {FMAP_ACTIVATE_SILU, 0, 0}},
    {"Mish", {FMAP_ACTIVATE_MISH, 0, 0}},
    {"Softplus", {FMAP_ACTIVATE_SOFTPLUS, 0, 0}},
    {"Softsign", {FMAP_ACTIVATE_SOFTSIGN, 0, 0}},
    {"Neg", {FMAP_ACTIVATE_NEG, 0, 0}},
    {"Abs", {FMAP_ACTIVATE_ABS, 0, 0}},
    {"Sign", {FMAP_ACTIVATE_SIGN, 0, 0}},
    {"Floor", {FMAP_ACTIVATE_FLOOR, 0, 0}},
    {"Ceil", {FMAP_ACTIVATE_CEIL, 0, 0}},
    {"Round", {FMAP_ACTIVATE_ROUND, 0, 0}},
    {"Sqrt", {FMAP_ACTIVATE_SQRT, 0, 0}},
    {"Reciprocal", {FMAP_ACTIVATE_RECIPROCAL, 0, 0}},
    {"Exp", {FMAP_ACTIVATE_EXP, 0, 0}},
    {"Log", {FMAP_ACTIVATE_LOG, 0, 0}},
    {"Erf", {FMAP_ACTIVATE_ERF, 0, 0}},
    {"Sin", {FMAP_ACTIVATE_SIN, 0, 0}},
    {"Cos", {FMAP_ACTIVATE_COS, 0, 0}},
    {"Tan", {FMAP_ACTIVATE_TAN, 0, 0}},
    {"Asin", {FMAP_ACTIVATE_ASIN, 0, 0}},
    {"Acos", {FMAP_ACTIVATE_ACOS, 0, 0}},
    {"Atan", {FMAP_ACTIVATE_ATAN, 0, 0}},
    {"Sinh", {FMAP_ACTIVATE_SINH, 0, 0}},
    {"Cosh", {FMAP_ACTIVATE_COSH, 0, 0}},
    {"Asinh", {FMAP_ACTIVATE_ASINH, 0, 0}},
    {"Acosh", {FMAP_ACTIVATE_ACOSH, 0, 0}},
    {"Atanh", {FMAP_ACTIVATE_ATANH, 0, 0}},
};

Test(activation, every_function_is_the_one_that_its_name_says) {
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        assert_function(layer_of(functions[i].op), functions[i].job);
}

Test(activation, parameters_are_read_from_attributes) {
    struct net_layer layer = layer_of("HardSigmoid");
    net_layer_attribute(&layer, net_float("alpha", 0.3f));
    net_layer_attribute(&layer, net_float("beta", 0.7f));
    assert_function(layer, (struct fmap_activate_job){FMAP_ACTIVATE_HARD_SIGMOID, 0.3f, 0.7f});
    layer = layer_of("Selu");
    net_layer_attribute(&layer, net_float("alpha", 2));
    net_layer_attribute(&layer, net_float("gamma", 3));
    assert_function(layer, (struct fmap_activate_job){FMAP_ACTIVATE_SELU, 2, 3});
    layer = layer_of("Selu");
    layer.opset = 1;
    assert_function(layer, (struct fmap_activate_job){FMAP_ACTIVATE_SELU, 1.6732f, 1.0507f});
    layer = layer_of("Gelu");
    net_layer_attribute(&layer, net_string("approximate", "tanh"));
    assert_function(layer, (struct fmap_activate_job){FMAP_ACTIVATE_GELU_TANH, 0, 0});
}

Test(activation, bounds_of_clip_may_be_computed) {
    static const int64_t image[4] = {2, 19, 3, 3}, one[1] = {1};
    static const float low = -0.25f, high = 0.5f;
    enum { N = 2 * 19 * 9 };
    float *x = net_random(N, 1), expected[N];
    for (int i = 0; i < N; i++) expected[i] = fminf(fmaxf(x[i], low), high);
    struct net_layer layer = layer_of("Clip");
    layer.n_operands = 3;
    layer.operands[0] = net_computed(4, image, x);
    layer.operands[1] = net_computed(0, no_dims, &low);
    layer.operands[2] = net_computed(1, one, &high);
    cr_assert(net_layer_moves(&layer, expected, N));
    layer.operands[1] = net_constant(0, no_dims, &low);
    cr_assert(net_layer_moves(&layer, expected, N));
    for (int i = 0; i < N; i++) expected[i] = fminf(x[i], high);
    layer.operands[1] = net_left_out();
    cr_assert(net_layer_moves(&layer, expected, N));
    free(x);
}

Test(activation, some_functions_take_integers) {
    static const int64_t five[1] = {5};
    static const int32_t x[5] = {INT32_MIN, -3, 0, 7, INT32_MAX}, low = -1, high = 5;
    static const int32_t results[5][5] = {{INT32_MIN, 3, 0, -7, -INT32_MAX},
                                          {INT32_MIN, 3, 0, 7, INT32_MAX},
                                          {-1, -1, 0, 1, 1},
                                          {0, 0, 0, 7, INT32_MAX},
                                          {-1, -1, 0, 5, 5}};
    static const char *const ops[] = {"Neg", "Abs", "Sign", "Relu", "Clip"};
    for (int i = 0; i < 5; i++) {
        struct net_layer layer = layer_of(ops[i]);
        layer.operands[0] = net_computed_of(FMAP_INT32, 1, five, x);
        if (i == 4) layer.n_operands = 3;
        layer.operands[1] = net_constant_of(FMAP_INT32, 0, no_dims, &low);
        layer.operands[2] = net_computed_of(FMAP_INT32, 0, no_dims, &high);
        cr_assert(net_layer_gives(&layer, FMAP_INT32, results[i], 5), "%s", ops[i]);
    }
}
