#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_passes.h"

enum { C = 19, SIZE = 5, N = 2 * C * SIZE * SIZE };

enum follow { NOTHING, GATE_IS_OUTPUT, ANOTHER_INPUT };

struct gated {
    const char *gate;
    bool convolution, swapped;
    enum follow follow;
};

static fmap_value gate_of(fmap_model *model, const char *gate, fmap_value x) {
    if (strcmp(gate, "Mish") != 0) return net_node(model, gate, "gate", &x, 1, NULL, 0);
    x = net_node(model, "Softplus", "softplus", &x, 1, NULL, 0);
    return net_node(model, "Tanh", "gate", &x, 1, NULL, 0);
}

static void build(fmap_model *model, const void *what) {
    static const int64_t image[4] = {2, C, SIZE, SIZE}, kernel[4] = {C, C, 1, 1};
    const struct gated *gated = what;
    fmap_value inputs[2] = {net_input(model, "x", 4, image)}, x = inputs[0];
    float *weights = net_random(C * C, 3);
    inputs[1] = net_floats(model, weights, 4, kernel);
    if (gated->convolution) x = net_node(model, "Conv", "conv", inputs, 2, NULL, 0);
    free(weights);
    fmap_value gate = gate_of(model, gated->gate, x), y = x;
    if (gated->follow == ANOTHER_INPUT) y = net_node(model, "Neg", "other", &x, 1, NULL, 0);
    fmap_value both[2] = {gated->swapped ? gate : y, gated->swapped ? y : gate};
    fmap_model_output(model, net_node(model, "Mul", "mul", both, 2, NULL, 0));
    if (gated->follow == GATE_IS_OUTPUT) fmap_model_output(model, gate);
}

Test(find_gate, silu_and_hard_swish_join_the_convolution_and_change_no_bit) {
    static const char *const gates[] = {"Sigmoid", "HardSigmoid"};
    for (int i = 0; i < 8; i++) {
        struct gated gated = {gates[i % 2], i & 2, i & 4, NOTHING};
        fmap_model *model = net_model(build, &gated);
        cr_assert(model && net_passes_change_no_bit(model), "%s", gated.gate);
        cr_assert(net_passes_remove(model, "gate", NULL));
        cr_assert(!net_passes_remove(model, "gate", &(struct net_passes){.without = "find_gate"}));
        cr_assert_str_eq(net_passes_fused_into(model, "gate"), gated.convolution ? "conv" : "mul");
        if (gated.convolution) cr_assert_str_eq(net_passes_fused_into(model, "mul"), "conv");
        fmap_model_destroy(model);
    }
}

Test(find_gate, mish_is_as_near_to_the_truth_as_three_layers) {
    struct gated gated = {"Mish", false, false, NOTHING};
    fmap_model *model = net_model(build, &gated);
    double expected[N], bounds[N];
    float *x = net_random(N, 1);
    for (int i = 0; i < N; i++) {
        x[i] *= 6;
        expected[i] = (double)x[i] * tanh(log1p(exp((double)x[i])));
        /* softplus 4, tanh 3 and half an ulp of the product; tanh is at most as wrong as its argument. */
        bounds[i] = 7.5 * (double)FLT_EPSILON * fabs(expected[i]) + (double)FLT_MIN;
    }
    cr_assert(net_agrees(model, &(fmap_plan_options){.threads = 2}, x, expected, bounds, N));
    cr_assert(net_agrees(model, &(fmap_plan_options){.no_fusion = true}, x, expected, bounds, N));
    cr_assert(net_passes_remove(model, "softplus", NULL));
    cr_assert_str_eq(net_passes_fused_into(model, "softplus"), "mul");
    fmap_model_destroy(model);
    free(x);
}

Test(find_gate, a_gate_that_others_see_or_of_another_value_stays) {
    for (int follow = GATE_IS_OUTPUT; follow <= ANOTHER_INPUT; follow++) {
        fmap_model *model = net_model(build, &(struct gated){"Sigmoid", true, false, (enum follow)follow});
        cr_assert(!net_passes_remove(model, "mul", NULL));
        cr_assert(net_passes_change_no_bit(model));
        fmap_model_destroy(model);
    }
    fmap_model *model = net_model(build, &(struct gated){"Sigmoid", true, false, NOTHING});
    cr_assert(!net_passes_remove(model, "gate", &(struct net_passes){.kept = "gate"}));
    fmap_model_destroy(model);
}

static void build_prelu(fmap_model *model, const void *what) {
    static const int64_t image[4] = {2, C, SIZE, SIZE}, kernel[4] = {C, C, 1, 1}, slopes[3] = {C, 1, 1};
    float *weights = net_random(C * C, 3);
    fmap_value inputs[2] = {net_input(model, "x", 4, image), net_floats(model, weights, 4, kernel)};
    fmap_value y[2] = {net_node(model, "Conv", "conv", inputs, 2, NULL, 0)};
    y[1] = net_floats(model, weights, what ? 3 : 0, slopes);
    free(weights);
    fmap_model_output(model, net_node(model, "PRelu", "prelu", y, 2, NULL, 0));
}

Test(find_gate, a_prelu_of_one_slope_is_a_leaky_relu) {
    fmap_model *one = net_model(build_prelu, NULL), *many = net_model(build_prelu, "many");
    cr_assert_str_eq(net_passes_fused_into(one, "prelu"), "conv");
    cr_assert(net_passes_change_no_bit(one));
    cr_assert_null(net_passes_fused_into(many, "prelu"));
    cr_assert(net_passes_change_no_bit(many));
    fmap_model_destroy(one);
    fmap_model_destroy(many);
}
