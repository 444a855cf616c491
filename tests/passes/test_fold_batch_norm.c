#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_passes.h"
#include "tests/oracle.h"

enum { C = 5, F = 19, H = 7, W = 8 };

enum shape { PLAIN, A_SECOND_READER, AN_OUTPUT, COMPUTED_WEIGHTS };

struct folded {
    bool bias, depthwise;
    enum shape shape;
    float *weights, *numbers; /* bias of the convolution, gamma, beta, mean, variance */
};

static struct folded numbers_of(bool bias, bool depthwise, enum shape shape) {
    struct folded folded = {.bias = bias, .depthwise = depthwise, .shape = shape};
    folded.weights = net_random(F * F * 9, 3);
    folded.numbers = net_random(5 * F, 4);
    for (int i = 4 * F; i < 5 * F; i++) folded.numbers[i] += 1.25f;
    return folded;
}

static void free_numbers(struct folded *folded) {
    free(folded->weights);
    free(folded->numbers);
}

static int channels_of(const struct folded *folded) { return folded->depthwise ? F : C; }

static void build(fmap_model *model, const void *what) {
    const struct folded *folded = what;
    const int64_t channels = channels_of(folded), image[4] = {2, channels, H, W}, vector[1] = {F};
    const int64_t kernel[4] = {F, folded->depthwise ? 1 : C, 3, 3};
    fmap_value x = net_input(model, "x", 4, image), inputs[5] = {x};
    fmap_attribute group = net_int("group", folded->depthwise ? F : 1);
    inputs[1] = net_floats(model, folded->weights, 4, kernel);
    if (folded->shape == COMPUTED_WEIGHTS) inputs[1] = net_input(model, "w", 4, kernel);
    if (folded->bias) inputs[2] = net_floats(model, folded->numbers, 1, vector);
    fmap_value y = net_node(model, "Conv", "conv", inputs, folded->bias ? 3 : 2, &group, 1);
    fmap_value norm[5] = {y};
    for (int i = 1; i < 5; i++) norm[i] = net_floats(model, folded->numbers + i * F, 1, vector);
    fmap_value z = net_node(model, "BatchNormalization", "norm", norm, 5, NULL, 0);
    z = net_node(model, "Relu", "relu", &z, 1, NULL, 0);
    if (folded->shape == A_SECOND_READER) {
        fmap_value both[2] = {y, z};
        z = net_node(model, "Add", "sum", both, 2, NULL, 0);
    }
    fmap_model_output(model, z);
    if (folded->shape == AN_OUTPUT) fmap_model_output(model, y);
}

/* What the network should put out, and how far one that computes it with single roundings may be from it. */
static size_t oracle(const struct folded *folded, const float *x, double **expected, double **bounds) {
    struct oracle_conv_2d conv = {.n = 2,
                                  .channels = channels_of(folded),
                                  .in_h = H,
                                  .in_w = W,
                                  .filters = F,
                                  .groups = folded->depthwise ? F : 1,
                                  .out_h = H - 2,
                                  .out_w = W - 2,
                                  .window = oracle_window(),
                                  .src = x,
                                  .weights = folded->weights,
                                  .bias = folded->bias ? folded->numbers : NULL};
    conv.window.kernel_h = conv.window.kernel_w = 3;
    size_t pixels = (size_t)(conv.out_h * conv.out_w), n = 2 * F * pixels;
    int terms = 9 * conv.channels / conv.groups;
    *expected = calloc(n, sizeof **expected);
    *bounds = calloc(n, sizeof **bounds);
    oracle_conv_2d(&conv, *expected, *bounds);
    for (size_t i = 0; i < n; i++) {
        size_t c = i / pixels % F;
        const float *numbers = folded->numbers + c;
        double scale = (double)numbers[F] / sqrt((double)numbers[4 * F] + (double)1e-5f);
        double shift = (double)numbers[2 * F] - (double)numbers[3 * F] * scale;
        (*expected)[i] = fmax(0, (*expected)[i] * scale + shift);
        /* The sum's roundings, and one for each of weights, scale, bias and shift. */
        (*bounds)[i] = check_bound(terms + 4, (*bounds)[i] * fabs(scale) +
                                                  fabs((double)numbers[3 * F] * scale) +
                                                  fabs((double)numbers[2 * F]));
    }
    return n;
}

/* That the normalization and the activation are computed with the convolution, and right; the model and x are freed. */
static void expect_folded(fmap_model *model, const struct folded *folded, float *x) {
    double *expected, *bounds;
    size_t n = oracle(folded, x, &expected, &bounds);
    cr_assert(model && net_agrees(model, &(fmap_plan_options){.threads = 2}, x, expected, bounds, n));
    cr_assert(net_agrees(model, &(fmap_plan_options){.no_fusion = true}, x, expected, bounds, n));
    cr_assert_str_eq(net_passes_fused_into(model, "norm"), "conv");
    cr_assert_str_eq(net_passes_fused_into(model, "relu"), "conv");
    cr_assert(!net_passes_remove(model, "norm", &(struct net_passes){.without = "fold_batch_norm"}));
    fmap_model_destroy(model);
    free(x);
    free(expected);
    free(bounds);
}

Test(fold_batch_norm, the_folded_layer_is_as_near_to_the_truth_as_two_layers) {
    for (int i = 0; i < 4; i++) {
        struct folded folded = numbers_of(i & 1, i & 2, PLAIN);
        fmap_model *model = net_model(build, &folded);
        float *x = net_random((size_t)(2 * channels_of(&folded) * H * W), 7);
        expect_folded(model, &folded, x);
        free_numbers(&folded);
    }
}

/* The same with a transposed convolution: one with stride 1 and 2 pixels cut off on each side is a convolution without
 * padding whose kernel is turned around. */
static void build_transposed(fmap_model *model, const void *what) {
    static const int64_t image[4] = {2, C, H, W}, vector[1] = {F}, kernel[4] = {C, F, 3, 3},
                         pads[4] = {2, 2, 2, 2};
    const struct folded *folded = what;
    float *turned = net_random(C * F * 9, 1);
    for (int i = 0; i < C * F * 9; i++) {
        int tap = i % 9, o = i / 9 % F, c = i / 9 / F;
        turned[i] = folded->weights[(o * C + c) * 9 + 8 - tap];
    }
    fmap_value norm[5], inputs[3] = {net_input(model, "x", 4, image), net_floats(model, turned, 4, kernel)};
    inputs[2] = net_floats(model, folded->numbers, 1, vector);
    fmap_attribute pad = net_list("pads", pads, 4);
    norm[0] = net_node(model, "ConvTranspose", "conv", inputs, folded->bias ? 3 : 2, &pad, 1);
    for (int i = 1; i < 5; i++) norm[i] = net_floats(model, folded->numbers + i * F, 1, vector);
    fmap_value z = net_node(model, "BatchNormalization", "norm", norm, 5, NULL, 0);
    fmap_model_output(model, net_node(model, "Relu", "relu", &z, 1, NULL, 0));
    free(turned);
}

Test(fold_batch_norm, a_transposed_convolution_takes_the_layer_too) {
    for (int bias = 0; bias < 2; bias++) {
        struct folded folded = numbers_of(bias, false, PLAIN);
        fmap_model *model = net_model(build_transposed, &folded);
        float *x = net_random(2 * C * H * W, 7);
        expect_folded(model, &folded, x);
        free_numbers(&folded);
    }
}

Test(fold_batch_norm, a_tap_on_the_convolution_sees_its_own_output_and_changes_nothing_behind_it) {
    struct folded folded = numbers_of(true, false, PLAIN);
    fmap_model *model = net_model(build, &folded);
    enum { N = 2 * F * (H - 2) * (W - 2) };
    float *x = net_random(2 * C * H * W, 7), *y = net_random(N, 1), *tapped = net_random(N, 2);
    float *map = net_random(N, 3), *plain_map = net_random(N, 4);
    fmap_tap_request tap = {.layers = "conv"};
    cr_assert(net_once(model, NULL, x, y));
    for (int fusion = 0; fusion < 2; fusion++) {
        fmap_plan_options options = {.taps = &tap, .n_taps = 1, .no_fusion = fusion == 0};
        struct net net;
        cr_assert(net_open(&net, model, &options));
        fmap_context_set_tap(net.context, 0, fusion ? map : plain_map, NULL);
        cr_assert(net_run(&net, x, tapped));
        net_close(&net);
    }
    cr_assert(check_same_bits("output", tapped, y, N));
    cr_assert(check_same_bits("tap", map, plain_map, N));
    fmap_model_destroy(model);
    free_numbers(&folded);
    free(x);
    free(y);
    free(tapped);
    free(map);
    free(plain_map);
}

Test(fold_batch_norm, what_others_need_is_left_as_it_is) {
    for (int shape = A_SECOND_READER; shape <= AN_OUTPUT; shape++) {
        struct folded folded = numbers_of(true, false, (enum shape)shape);
        fmap_model *model = net_model(build, &folded);
        cr_assert(!net_passes_remove(model, "norm", NULL));
        cr_assert(!net_passes_remove(model, "conv", NULL));
        cr_assert(net_passes_change_no_bit(model));
        fmap_model_destroy(model);
        free_numbers(&folded);
    }
}

Test(fold_batch_norm, weights_that_are_computed_are_left_as_they_are) {
    struct folded folded = numbers_of(true, false, COMPUTED_WEIGHTS);
    fmap_model *model = net_model(build, &folded);
    cr_assert(!net_passes_remove(model, "norm", NULL));
    fmap_model_destroy(model);
    free_numbers(&folded);
}

Test(fold_batch_norm, a_scale_that_is_too_large_for_the_weights_is_left_as_it_is) {
    struct folded folded = numbers_of(true, false, PLAIN);
    for (int i = 0; i < F * C * 9; i++) folded.weights[i] = 1e-10f;
    folded.numbers[F] = FLT_MAX;
    folded.weights[0] = 2; /* times FLT_MAX is infinity, and not a number with the next weight */
    fmap_model *model = net_model(build, &folded);
    cr_assert(!net_passes_remove(model, "norm", NULL));
    cr_assert(net_passes_change_no_bit(model));
    fmap_model_destroy(model);
    free_numbers(&folded);
}
