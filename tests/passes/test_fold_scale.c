#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_passes.h"
#include "tests/oracle.h"

enum { C = 5, F = 19, SIZE = 6, ROWS = 3 };

/* A layer, and one or two operations with constants behind it. */
struct scaled {
    const char *layer; /* Conv, Gemm, MatMul */
    const char *first, *second;
    bool constant_first, single, bias, transposed;
    float *weights, *numbers; /* the bias and the constants of both operations, F each */
};

static bool is_conv(const struct scaled *scaled) { return scaled->layer[0] == 'C'; }

static fmap_value operation(fmap_model *model, const struct scaled *scaled, const char *op, const char *name,
                            fmap_value x, const float *constant) {
    static const int64_t channels[3] = {F, 1, 1}, row[1] = {F};
    fmap_value c = scaled->single    ? net_floats(model, constant, 0, NULL)
                   : is_conv(scaled) ? net_floats(model, constant, 3, channels)
                                     : net_floats(model, constant, 1, row);
    fmap_value inputs[2] = {scaled->constant_first ? c : x, scaled->constant_first ? x : c};
    return net_node(model, op, name, inputs, 2, NULL, 0);
}

static void build(fmap_model *model, const void *what) {
    static const int64_t image[4] = {2, C, SIZE, SIZE}, kernel[4] = {F, C, 3, 3}, rows[2] = {ROWS, C},
                         matrix[2] = {C, F}, transposed[2] = {F, C}, vector[1] = {F};
    const struct scaled *scaled = what;
    fmap_value inputs[3] = {net_input(model, "x", is_conv(scaled) ? 4 : 2, is_conv(scaled) ? image : rows)};
    if (is_conv(scaled))
        inputs[1] = net_floats(model, scaled->weights, 4, kernel);
    else
        inputs[1] = net_floats(model, scaled->weights, 2, scaled->transposed ? transposed : matrix);
    inputs[2] = scaled->bias ? net_floats(model, scaled->numbers, 1, vector) : FMAP_NO_VALUE;
    fmap_attribute attributes[2] = {net_int("transB", scaled->transposed), net_float("beta", 0.5f)};
    fmap_value y = net_node(model, scaled->layer, "layer", inputs, scaled->bias ? 3 : 2, attributes,
                            scaled->layer[0] == 'G' ? 2 : 0);
    y = operation(model, scaled, scaled->first, "first", y, scaled->numbers + F);
    if (scaled->second) y = operation(model, scaled, scaled->second, "second", y, scaled->numbers + 2 * F);
    fmap_model_output(model, net_node(model, "Relu", "relu", &y, 1, NULL, 0));
}

/* The sums and their magnitudes. */
static size_t sums_of(const struct scaled *scaled, const float *x, double **sums, double **magnitudes) {
    size_t n = is_conv(scaled) ? 2 * F * (SIZE - 2) * (SIZE - 2) : ROWS * F;
    float bias[F];
    for (int i = 0; i < F; i++) bias[i] = scaled->numbers[i] * (scaled->layer[0] == 'G' ? 0.5f : 1);
    *sums = calloc(n, sizeof **sums);
    *magnitudes = calloc(n, sizeof **magnitudes);
    struct oracle_conv_2d conv = {.n = 2,
                                  .channels = C,
                                  .in_h = SIZE,
                                  .in_w = SIZE,
                                  .filters = F,
                                  .groups = 1,
                                  .out_h = SIZE - 2,
                                  .out_w = SIZE - 2,
                                  .window = oracle_window(),
                                  .src = x,
                                  .weights = scaled->weights,
                                  .bias = scaled->bias ? bias : NULL};
    conv.window.kernel_h = conv.window.kernel_w = 3;
    struct oracle_dense dense = {.n = ROWS,
                                 .features = C,
                                 .units = F,
                                 .unit_stride = scaled->transposed ? C : 1,
                                 .feature_stride = scaled->transposed ? 1 : F,
                                 .src = x,
                                 .weights = scaled->weights,
                                 .bias = scaled->bias ? bias : NULL};
    if (is_conv(scaled))
        oracle_conv_2d(&conv, *sums, *magnitudes);
    else
        oracle_dense(&dense, *sums, *magnitudes);
    return n;
}

static void apply(const struct scaled *scaled, const char *op, double c, double *x, double *magnitude) {
    bool swapped = scaled->constant_first;
    if (op[0] == 'A' || op[0] == 'S') *magnitude += fabs(c);
    if (op[0] == 'A') *x += c;
    if (op[0] == 'S') *x = swapped ? c - *x : *x - c;
    if (op[0] == 'M') *magnitude *= fabs(c);
    if (op[0] == 'M') *x *= c;
    if (op[0] == 'D') *magnitude /= fabs(c);
    if (op[0] == 'D') *x /= c;
}

static void assert_folds(struct scaled scaled) {
    scaled.weights = net_random(F * C * 9, 3);
    scaled.numbers = net_random(3 * F, 4);
    for (int i = F; i < 3 * F; i++) scaled.numbers[i] += 1.25f; /* so that quotients stay small */
    float *x = net_random(2 * C * SIZE * SIZE, 5);
    double *expected, *bounds;
    size_t n = sums_of(&scaled, x, &expected, &bounds),
           pixels = is_conv(&scaled) ? (SIZE - 2) * (SIZE - 2) : 1;
    for (size_t i = 0; i < n; i++) {
        size_t o = scaled.single ? 0 : i / pixels % F;
        apply(&scaled, scaled.first, (double)scaled.numbers[F + o], &expected[i], &bounds[i]);
        if (scaled.second)
            apply(&scaled, scaled.second, (double)scaled.numbers[2 * F + o], &expected[i], &bounds[i]);
        expected[i] = fmax(0, expected[i]);
        /* Each term's multiply-add, the bias, and two roundings for each operation: of weights, or of its own. */
        bounds[i] = check_bound(9 * C + 6, bounds[i]);
    }
    fmap_model *model = net_model(build, &scaled);
    cr_assert(model && net_agrees(model, &(fmap_plan_options){.threads = 2}, x, expected, bounds, n), "%s %s",
              scaled.layer, scaled.first);
    cr_assert(net_agrees(model, &(fmap_plan_options){.no_fusion = true}, x, expected, bounds, n));
    cr_assert_str_eq(net_passes_fused_into(model, "first"), "layer");
    cr_assert_str_eq(net_passes_fused_into(model, "relu"), "layer");
    if (scaled.second) cr_assert_str_eq(net_passes_fused_into(model, "second"), "layer");
    cr_assert(!net_passes_remove(model, "first", &(struct net_passes){.without = "fold_scale"}));
    fmap_model_destroy(model);
    free(scaled.weights);
    free(scaled.numbers);
    free(x);
    free(expected);
    free(bounds);
}

Test(fold_scale, constants_of_every_operation_and_layer_are_folded) {
    static const char *const layers[] = {"Conv", "Gemm", "MatMul"}, *const ops[] = {"Add", "Sub", "Mul",
                                                                                    "Div"};
    for (int i = 0; i < 3 * 4 * 4; i++) {
        const char *layer = layers[i / 16], *op = ops[i / 4 % 4];
        bool single = i & 1, bias = (i & 2) && layer[0] != 'M';
        assert_folds((struct scaled){.layer = layer, .first = op, .single = single, .bias = bias});
        if (op[0] != 'D')
            assert_folds((struct scaled){
                .layer = layer, .first = op, .single = single, .bias = bias, .constant_first = true});
    }
}

Test(fold_scale, one_after_the_other) {
    static const char *const layers[] = {"Conv", "Gemm", "MatMul"};
    for (int i = 0; i < 3; i++) {
        assert_folds((struct scaled){.layer = layers[i], .first = "Mul", .second = "Add"});
        assert_folds((struct scaled){.layer = layers[i], .first = "Add", .second = "Mul"});
        assert_folds((struct scaled){.layer = layers[i], .first = "Mul", .second = "Div"});
    }
    assert_folds(
        (struct scaled){.layer = "Gemm", .first = "Mul", .second = "Add", .bias = true, .transposed = true});
}

/* ---- what stays ------------------------------------------------------------------------------------------ */

enum other { PIXELS_DIFFER, A_SECOND_READER, OVERFLOWS, N_OTHERS };

static void build_other(fmap_model *model, const void *what) {
    static const int64_t image[4] = {2, C, SIZE, SIZE}, kernel[4] = {F, C, 1, 1}, row[1] = {SIZE};
    const enum other *other = what;
    float *weights = net_random(F * C, 3), large = 3e38f;
    fmap_value inputs[2] = {net_input(model, "x", 4, image)}, both[2];
    for (int i = 0; i < F * C; i++) weights[i] += *other == OVERFLOWS ? 4 : 0;
    inputs[1] = net_floats(model, weights, 4, kernel);
    both[0] = net_node(model, "Conv", "layer", inputs, 2, NULL, 0);
    both[1] = *other == PIXELS_DIFFER ? net_floats(model, weights, 1, row)
                                      : net_floats(model, *other == OVERFLOWS ? &large : weights, 0, NULL);
    free(weights);
    fmap_model_output(model, net_node(model, "Mul", "first", both, 2, NULL, 0));
    if (*other == A_SECOND_READER) fmap_model_output(model, net_node(model, "Relu", NULL, both, 1, NULL, 0));
}

Test(fold_scale, what_does_not_fit_stays) {
    for (int other = 0; other < N_OTHERS; other++) {
        fmap_model *model = net_model(build_other, &other);
        cr_assert(!net_passes_remove(model, "first", NULL), "%d", other);
        cr_assert(net_passes_change_no_bit(model));
        fmap_model_destroy(model);
    }
}

Test(fold_scale, a_tap_on_the_layer_changes_nothing_behind_it) {
    struct scaled scaled = {.layer = "Conv", .first = "Mul"};
    scaled.weights = net_random(F * C * 9, 3);
    scaled.numbers = net_random(3 * F, 4);
    enum { N = 2 * F * (SIZE - 2) * (SIZE - 2) };
    float *x = net_random(2 * C * SIZE * SIZE, 5), *y = net_random(N, 1), *tapped = net_random(N, 2);
    fmap_tap_request tap = {.layers = "layer"};
    fmap_model *model = net_model(build, &scaled);
    cr_assert(net_once(model, NULL, x, y));
    cr_assert(net_once(model, &(fmap_plan_options){.taps = &tap, .n_taps = 1}, x, tapped));
    cr_assert(check_same_bits("behind a tap", tapped, y, N));
    fmap_model_destroy(model);
    free(scaled.weights);
    free(scaled.numbers);
    free(x);
    free(y);
    free(tapped);
}
