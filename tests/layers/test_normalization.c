#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_layer.h"

static const double UNIT = (double)FLT_EPSILON / 2;

/* n neighbouring elements, normalized in double: results, and how far floats may be off. gamma and beta are those of
 * element i / per. */
static void normalize(const float *x, int n, double epsilon, const float *gamma, const float *beta, int per,
                      double *y, double *bounds) {
    double mean = 0, magnitude = 0, variance = 0;
    for (int i = 0; i < n; i++) {
        mean += (double)x[i] / n;
        magnitude += fabs((double)x[i]) / n;
    }
    for (int i = 0; i < n; i++) variance += ((double)x[i] - mean) * ((double)x[i] - mean) / n;
    double scale = 1 / sqrt(variance + epsilon), roundings = (double)n / 16 + 6;
    /* The mean's error; by its square the variance is off, and by its own roundings. A root halves a relative error. */
    double shift = check_bound(roundings, magnitude);
    double relative = (shift * shift + check_bound(roundings + 3, variance + shift * shift)) /
                          (variance + epsilon) +
                      4 * UNIT;
    for (int i = 0; i < n; i++) {
        double product = ((double)x[i] - mean) * scale * (double)gamma[i / per];
        y[i] = product + (double)beta[i / per];
        bounds[i] = fabs(scale * (double)gamma[i / per]) * shift + (relative + 4 * UNIT) * fabs(product) +
                    2 * UNIT * (fabs(product) + fabs((double)beta[i / per]));
    }
}

struct norm {
    const char *op;
    int opset, rank, groups; /* of instances: none */
    int64_t dims[FMAP_MAX_RANK];
};

static bool agrees(const struct norm *norm, uint64_t seed) {
    int images = (int)norm->dims[0], channels = (int)norm->dims[1], pixels = 1;
    for (int i = 2; i < norm->rank; i++) pixels *= (int)norm->dims[i];
    int groups = norm->groups ? norm->groups : channels, per_group = channels / groups;
    bool of_groups = norm->groups && norm->opset < 21;
    int64_t n_affine = of_groups ? groups : channels;
    size_t n = (size_t)(images * channels * pixels);
    float *x = net_random(n, seed), *gamma = net_random((size_t)n_affine, seed + 1),
          *beta = net_random((size_t)n_affine, seed + 2);
    float *each_gamma = calloc((size_t)channels, sizeof *gamma),
          *each_beta = calloc((size_t)channels, sizeof *beta);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    for (int c = 0; c < channels; c++) {
        each_gamma[c] = gamma[of_groups ? c / per_group : c];
        each_beta[c] = beta[of_groups ? c / per_group : c];
    }
    for (size_t i = 0; i < n; i++) x[i] += 0.5f;
    for (int g = 0; g < images * groups; g++) {
        int at = g * per_group * pixels, c = g % groups * per_group;
        normalize(x + at, per_group * pixels, 1e-3, each_gamma + c, each_beta + c, pixels, expected + at,
                  bounds + at);
    }
    struct net_layer layer = {.op = norm->op, .opset = norm->opset, .n_operands = 3, .batch = true};
    layer.operands[0] = net_computed(norm->rank, norm->dims, x);
    layer.operands[1] = net_constant(1, &n_affine, gamma);
    layer.operands[2] = net_constant(1, &n_affine, beta);
    net_layer_attribute(&layer, net_float("epsilon", 1e-3f));
    if (norm->groups) net_layer_attribute(&layer, net_int("num_groups", norm->groups));
    bool good = net_layer_agrees(&layer, expected, bounds, n);
    free(x);
    free(gamma);
    free(beta);
    free(each_gamma);
    free(each_beta);
    free(expected);
    free(bounds);
    return good;
}

Test(normalization, instances_of_any_rank_agree_with_the_oracle) {
    static const struct norm norms[] = {
        {"InstanceNormalization", 0, 4, 0, {2, 19, 5, 7}},
        {"InstanceNormalization", 6, 3, 0, {3, 16, 9}},
        {"InstanceNormalization", 0, 5, 0, {2, 5, 2, 3, 4}},
        {"InstanceNormalization", 0, 4, 0, {2, 40, 61, 67}},
    };
    for (size_t i = 0; i < 4; i++) cr_assert(agrees(&norms[i], i), "norm %zu", i);
}

Test(normalization, groups_of_channels_agree_with_the_oracle) {
    static const struct norm norms[] = {
        {"GroupNormalization", 18, 4, 3, {2, 21, 5, 7}},   {"GroupNormalization", 18, 4, 2, {2, 64, 5, 7}},
        {"GroupNormalization", 21, 4, 3, {2, 21, 5, 7}},   {"GroupNormalization", 21, 4, 2, {2, 32, 5, 3}},
        {"GroupNormalization", 21, 3, 1, {2, 16, 11}},     {"GroupNormalization", 21, 4, 4, {2, 64, 31, 37}},
        {"GroupNormalization", 21, 5, 6, {1, 6, 2, 3, 4}},
    };
    for (size_t i = 0; i < 7; i++) cr_assert(agrees(&norms[i], i), "norm %zu", i);
}

Test(normalization, what_does_not_fit_is_refused) {
    static const int64_t dims[4] = {1, 6, 3, 3}, five = 5, six = 6;
    static float numbers[6];
    struct net_layer layer = {.op = "InstanceNormalization", .n_operands = 3};
    layer.operands[0] = net_computed(4, dims, NULL);
    layer.operands[1] = net_constant(1, &six, numbers);
    layer.operands[2] = net_constant(1, &five, numbers);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected the shape 6"));
    layer.op = "GroupNormalization";
    layer.operands[2] = net_constant(1, &six, numbers);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'num_groups' is 0"));
    net_layer_attribute(&layer, net_int("num_groups", 4));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected a multiple of 4 channels"));
    layer = (struct net_layer){.op = "InstanceNormalization", .n_operands = 3};
    layer.operands[0] = net_computed(2, dims, NULL);
    layer.operands[1] = layer.operands[2] = net_constant(1, &six, numbers);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected rank 3 or more"));
}

/* ---- LayerNormalization: all axes from one on, each element with a scale of its own --------------------------- */

static bool layer_agrees(int rank, const int64_t *dims, int axis, bool bias, size_t output) {
    int rows = 1, n = 1;
    for (int i = 0; i < rank; i++) *(i < axis ? &rows : &n) *= (int)dims[i];
    size_t total = (size_t)(rows * n), n_outputs = output ? (size_t)rows : total;
    float *x = net_random(total, 3), *gamma = net_random((size_t)n, 4), *beta = net_random((size_t)n, 5);
    double *expected = calloc(total, sizeof *expected), *bounds = calloc(total, sizeof *bounds);
    double *means = calloc((size_t)rows, sizeof *means), *mean_bounds = calloc((size_t)rows, sizeof *means);
    for (int i = 0; i < n && !bias; i++) beta[i] = 0;
    for (int r = 0; r < rows; r++) {
        normalize(x + r * n, n, (double)1e-5f, gamma, beta, 1, expected + r * n, bounds + r * n);
        if (!output) continue;
        double mean = 0, variance = 0, magnitude = 0;
        for (int i = 0; i < n; i++) mean += (double)x[r * n + i] / n;
        for (int i = 0; i < n; i++) {
            variance += pow((double)x[r * n + i] - mean, 2) / n;
            magnitude += fabs((double)x[r * n + i]) / n;
        }
        double shift = check_bound((double)n / 16 + 6, magnitude), total_variance = variance + (double)1e-5f;
        double inverse = 1 / sqrt(total_variance),
               relative = (shift * shift + check_bound((double)n / 16 + 9, variance + shift * shift)) /
                          total_variance;
        means[r] = output == 1 ? mean : inverse;
        mean_bounds[r] = output == 1 ? shift : inverse * (relative + 4 * UNIT);
    }
    struct net_layer layer = {.op = "LayerNormalization",
                              .opset = 17,
                              .n_operands = bias ? 3 : 2,
                              .n_outputs = 3,
                              .output = output,
                              .batch = axis > 0};
    layer.operands[0] = net_computed(rank, dims, x);
    layer.operands[1] = net_constant(rank - axis, dims + axis, gamma);
    layer.operands[2] = net_constant(rank - axis, dims + axis, beta);
    net_layer_attribute(&layer, net_int("axis", bias ? axis : axis - rank));
    bool good = net_layer_agrees(&layer, output ? means : expected, output ? mean_bounds : bounds, n_outputs);
    free(x);
    free(gamma);
    free(beta);
    free(expected);
    free(bounds);
    free(means);
    free(mean_bounds);
    return good;
}

Test(normalization, layers_over_any_trailing_axes_agree_with_the_oracle) {
    static const int64_t dims[4] = {2, 3, 5, 37}, rows[2] = {70, 100};
    for (int axis = 0; axis < 4; axis++) {
        cr_assert(layer_agrees(4, dims, axis, axis % 2 == 0, 0), "axis %d", axis);
        cr_assert(layer_agrees(4, dims, axis, true, 1), "mean, axis %d", axis);
        cr_assert(layer_agrees(4, dims, axis, true, 2), "deviation, axis %d", axis);
    }
    cr_assert(layer_agrees(2, rows, 1, true, 0));
}

Test(normalization, a_scale_of_another_size_is_refused) {
    static const int64_t dims[2] = {2, 6}, five = 5;
    static float numbers[5];
    struct net_layer layer = {.op = "LayerNormalization", .opset = 17, .n_operands = 2};
    layer.operands[0] = net_computed(2, dims, NULL);
    layer.operands[1] = net_constant(1, &five, numbers);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "expected 6 elements"));
    net_layer_attribute(&layer, net_int("axis", 2));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has no axis 2"));
}
