#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_sample.h"

/* The statistics of n numbers, in two passes over doubles. NaN is left out of minimum and maximum. */
static fmap_statistics oracle(const float *x, size_t n) {
    fmap_statistics result = {.minimum = INFINITY, .maximum = -INFINITY};
    double sum = 0, squares = 0, zeros = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i];
        if (x[i] < result.minimum) result.minimum = x[i];
        if (x[i] > result.maximum) result.maximum = x[i];
        if (x[i] == 0) zeros++;
    }
    result.mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += ((double)x[i] - result.mean) * ((double)x[i] - result.mean);
    result.standard_deviation = sqrt(squares / (double)n);
    result.zeros = zeros / (double)n;
    return result;
}

/* The mean: a sum of n doubles of at most `largest`. The variance: a mean of squares of at most `spread`, less the
 * square of the mean's distance from the first element, in which the mean's error counts twice. */
static void check_statistics(const char *what, const fmap_statistics *got, const float *x, size_t n) {
    fmap_statistics expected = oracle(x, n);
    double largest = fmax(fabs((double)expected.minimum), fabs((double)expected.maximum));
    double spread = (double)expected.maximum - (double)expected.minimum;
    double rounding = ((double)n + 8) * DBL_EPSILON;
    cr_assert_eq(got->minimum, expected.minimum, "%s", what);
    cr_assert_eq(got->maximum, expected.maximum, "%s", what);
    cr_assert_eq(got->zeros, expected.zeros, "%s", what);
    cr_assert(fabs(got->mean - expected.mean) <= rounding * largest, "%s: mean %.17g not %.17g", what,
              got->mean, expected.mean);
    double variance = got->standard_deviation * got->standard_deviation;
    double exact = expected.standard_deviation * expected.standard_deviation;
    cr_assert(fabs(variance - exact) <= 4 * rounding * spread * (spread + largest) + 4 * DBL_EPSILON * exact,
              "%s: deviation %.17g not %.17g", what, got->standard_deviation, expected.standard_deviation);
}

enum { BATCH = 3 };

/* Statistics with and without the values must be those of the map. */
static void check_request(fmap_tap_request request, const fmap_plan_options *given) {
    fmap_model *model = net_model(net_sample_build, NULL);
    cr_assert(model);
    float *x = net_sample_images(BATCH, 1), y[BATCH * NET_SAMPLE_OUTPUTS];
    fmap_tap_request requests[2] = {request, request};
    requests[0].values = true;
    requests[0].layout = FMAP_NCHW;
    requests[1].statistics = true;
    fmap_plan_options options = *given;
    options.batch = BATCH;
    options.taps = requests;
    options.n_taps = 2;
    struct net net;
    cr_assert(net_open(&net, model, &options));
    size_t n = fmap_plan_tap_count(net.plan) / 2;
    float *map[64];
    for (size_t i = 0; i < n; i++) {
        fmap_tap_info info;
        int64_t elements = 0;
        cr_assert_eq(fmap_plan_tap(net.plan, i, &info), FMAP_OK);
        cr_assert_eq(info.n_statistics, 0);
        cr_assert(fmap_shape_elements(&info.shape, &elements));
        map[i] = net_random((size_t)elements, 1);
        fmap_context_set_tap(net.context, i, map[i], NULL);
        cr_assert_null(fmap_context_tap_statistics(net.context, n + i));
    }
    cr_assert(net_run(&net, x, y));
    for (size_t i = 0; i < n; i++) {
        fmap_tap_info info;
        int64_t elements = 0;
        cr_assert_eq(fmap_plan_tap(net.plan, n + i, &info), FMAP_OK);
        cr_assert(fmap_shape_elements(&info.shape, &elements));
        cr_assert_eq(info.n_statistics, info.shape.rank == 4 ? BATCH * info.shape.dims[1] : BATCH, "%s",
                     info.layer);
        cr_assert_null(fmap_context_tap_statistics(net.context, i));
        const fmap_statistics *statistics = fmap_context_tap_statistics(net.context, n + i);
        cr_assert_not_null(statistics);
        size_t each = (size_t)(elements / info.n_statistics);
        for (size_t k = 0; k < (size_t)info.n_statistics; k++) {
            check_statistics(info.layer, &statistics[k], map[i] + k * each, each);
        }
        free(map[i]);
    }
    net_close(&net);
    fmap_model_destroy(model);
    free(x);
}

Test(tap_statistics, of_every_layer_are_those_of_its_map) {
    check_request((fmap_tap_request){.layers = "*"}, &(fmap_plan_options){.threads = 2});
    check_request((fmap_tap_request){.layers = "*", .layout = FMAP_NHWC},
                  &(fmap_plan_options){.no_fusion = true});
    check_request((fmap_tap_request){.layers = "*", .point = FMAP_TAP_POST_ACTIVATION},
                  &(fmap_plan_options){.max_isa = FMAP_ISA_SCALAR});
    check_request((fmap_tap_request){.layers = "*", .point = FMAP_TAP_DROPOUT_MASK},
                  &(fmap_plan_options){.training = true, .seed = 3});
}

/* ---- numbers that are hard ---------------------------------------------------------------------------------------- */

enum { C = 18, H = 5, W = 7, PIXELS = H * W, ELEMENTS = C * PIXELS };

static void build_identity(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = fmap_model_image_input(model, "x", H, W, C);
    fmap_model_output(model, fmap_model_leaky_relu(model, "l", x, 1));
}

/* Of each channel of x, on every instruction set. */
static void check_numbers(const float *x, void (*check)(const fmap_statistics *statistics, const float *x)) {
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    fmap_tap_request request = {.layers = "l", .statistics = true};
    fmap_model *model = net_model(build_identity, NULL);
    for (int i = 0; i < n_isas; i++) {
        struct net net;
        float y[ELEMENTS];
        cr_assert(
            net_open(&net, model, &(fmap_plan_options){.taps = &request, .n_taps = 1, .max_isa = isas[i]}));
        cr_assert(net_run(&net, x, y));
        check(fmap_context_tap_statistics(net.context, 0), x);
        net_close(&net);
    }
    fmap_model_destroy(model);
}

static void all_exact(const fmap_statistics *statistics, const float *x) {
    for (int c = 0; c < C; c++) check_statistics("numbers", &statistics[c], x + c * PIXELS, PIXELS);
}

/* A mean far from zero: the variance must not drown in its square. */
Test(tap_statistics, of_numbers_far_from_zero) {
    float x[ELEMENTS];
    check_fill(x, ELEMENTS, 1e6f, 1e6f + 1, 1);
    check_numbers(x, all_exact);
}

Test(tap_statistics, of_constants_and_zeros) {
    float x[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        x[i] = i / PIXELS % 3 == 0 ? 0.0f : i / PIXELS % 3 == 1 ? -0.0f : 3.25f;
    check_numbers(x, all_exact);
}

static void with_nan(const fmap_statistics *statistics, const float *x) {
    fmap_statistics rest = oracle(x, PIXELS);
    cr_assert(isnan(statistics[0].mean) && isnan(statistics[0].standard_deviation));
    cr_assert_eq(statistics[0].minimum, rest.minimum);
    cr_assert_eq(statistics[0].maximum, rest.maximum);
    for (int c = 1; c < C; c++) check_statistics("others", &statistics[c], x + c * PIXELS, PIXELS);
}

Test(tap_statistics, nan_reaches_mean_and_deviation_only) {
    float x[ELEMENTS];
    for (int at = 0; at < PIXELS; at += PIXELS - 1) { /* the first, and the last */
        check_fill(x, ELEMENTS, -1, 1, 1);
        x[at] = NAN;
        check_numbers(x, with_nan);
    }
}

Test(tap_statistics, of_nothing_that_was_asked_for) {
    fmap_model *model = net_model(build_identity, NULL);
    struct net net;
    cr_assert(net_open(&net, model, NULL));
    cr_assert_null(fmap_context_tap_statistics(net.context, 0));
    cr_assert_null(fmap_context_tap_statistics(NULL, 0));
    net_close(&net);
    fmap_model_destroy(model);
}
