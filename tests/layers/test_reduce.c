#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cases/case.h"
#include "tests/net_layer.h"
#include "tests/oracle.h"

/* ---- the oracle: the reduced elements of every output, gathered by their coordinates ----------------------- */

struct reduction {
    const char *op;
    int rank;
    int64_t dims[FMAP_MAX_RANK];
    unsigned axes;
    bool keep;
};

static enum fmap_reduce_op sum_of(const char *op) {
    if (strcmp(op, "ReduceMax") == 0) return FMAP_REDUCE_MAXIMUM;
    if (strcmp(op, "ReduceMin") == 0) return FMAP_REDUCE_MINIMUM;
    if (strcmp(op, "ReduceProd") == 0) return FMAP_REDUCE_PRODUCT;
    if (strcmp(op, "ReduceL1") == 0) return FMAP_REDUCE_ABSOLUTES;
    if (strcmp(op, "ReduceL2") == 0 || strcmp(op, "ReduceSumSquare") == 0) return FMAP_REDUCE_SQUARES;
    if (strcmp(op, "ReduceLogSumExp") == 0) return FMAP_REDUCE_EXPONENTIALS;
    return FMAP_REDUCE_SUM;
}

/* From the sum and its bound to the result and its own. */
static void finish(const char *op, int64_t n, double *value, double *bound) {
    double exact = *value, relative = *bound / fabs(exact), ulp = (double)FLT_EPSILON;
    if (strcmp(op, "ReduceMean") == 0) {
        *value = exact / (double)n;
        *bound = *bound / (double)n + check_bound(1, fabs(*value));
    } else if (strcmp(op, "ReduceL2") == 0) {
        *value = sqrt(exact);
        *bound = relative * *value + ulp * *value;
    } else if (strncmp(op, "ReduceLogSum", 12) == 0) {
        *value = log(exact);
        /* The derivative of the logarithm, and roundings of its own, of the largest element and of their sum. */
        *bound = 1.1 * relative + ulp * (fabs(*value) + 1.0);
    }
}

static void oracle(const struct reduction *reduction, const float *x, size_t n_outputs, double *expected,
                   double *bounds) {
    int64_t n = 1, total = 1;
    for (int i = 0; i < reduction->rank; i++) {
        total *= reduction->dims[i];
        if (reduction->axes >> i & 1u) n *= reduction->dims[i];
    }
    float *rows = calloc((size_t)total + 1, sizeof *rows);
    size_t *filled = calloc(n_outputs + 1, sizeof *filled);
    for (int64_t e = 0; e < total; e++) {
        int64_t rest = e, output = 0, stride = 1;
        for (int i = reduction->rank - 1; i >= 0; i--) {
            if (!(reduction->axes >> i & 1u)) {
                output += rest % reduction->dims[i] * stride;
                stride *= reduction->dims[i];
            }
            rest /= reduction->dims[i];
        }
        rows[(size_t)(output * n) + filled[output]++] = x[e];
    }
    enum fmap_reduce_op op = sum_of(reduction->op);
    for (size_t i = 0; i < n_outputs; i++) {
        double magnitude;
        expected[i] = oracle_reduce(op, rows + (int64_t)i * n, n, 0.0, &magnitude);
        bounds[i] = case_reduce_bound(op, n, 4, magnitude);
        finish(reduction->op, n, &expected[i], &bounds[i]);
    }
    free(rows);
    free(filled);
}

/* ---- layers ---------------------------------------------------------------------------------------------------- */

enum axes_form { AXES_ATTRIBUTE, AXES_INPUT };

static bool agrees(const struct reduction *reduction, enum axes_form form, uint64_t seed) {
    size_t total = 1, n_outputs = 1, n_axes = 0;
    int64_t axes[FMAP_MAX_RANK];
    for (int i = 0; i < reduction->rank; i++) {
        bool reduced = reduction->axes >> i & 1u;
        total *= (size_t)reduction->dims[i];
        if (!reduced) n_outputs *= (size_t)reduction->dims[i];
        if (reduced) axes[n_axes++] = seed % 2 ? i : i - reduction->rank;
    }
    float *x = net_random(total, seed);
    /* A logarithm of a sum needs positive elements, and far enough from 1 for a derived bound to mean something. */
    if (strcmp(reduction->op, "ReduceLogSum") == 0) {
        for (size_t i = 0; i < total; i++) x[i] = x[i] + 2.0f;
    }
    double *expected = calloc(n_outputs, sizeof *expected), *bounds = calloc(n_outputs, sizeof *bounds);
    oracle(reduction, x, n_outputs, expected, bounds);
    struct net_layer layer = {.op = reduction->op,
                              .opset = form == AXES_INPUT ? 18 : 11,
                              .n_operands = form == AXES_INPUT ? 2 : 1,
                              .batch = !(reduction->axes & 1u)};
    layer.operands[0] = net_computed(reduction->rank, reduction->dims, x);
    if (form == AXES_INPUT)
        layer.operands[1] = net_constant_ints((int64_t)n_axes, axes);
    else
        net_layer_attribute(&layer, net_list("axes", axes, n_axes));
    net_layer_attribute(&layer, net_int("keepdims", reduction->keep));
    bool good = net_layer_agrees(&layer, expected, bounds, n_outputs);
    free(x);
    free(expected);
    free(bounds);
    return good;
}

static const char *const ops[] = {"ReduceSum",    "ReduceMean",     "ReduceMax", "ReduceMin",
                                  "ReduceProd",   "ReduceL1",       "ReduceL2",  "ReduceSumSquare",
                                  "ReduceLogSum", "ReduceLogSumExp"};
enum { OPS = sizeof ops / sizeof *ops };

static void every_op(int rank, const int64_t *dims, unsigned axes) {
    for (int i = 0; i < OPS; i++) {
        struct reduction reduction = {.op = ops[i], .rank = rank, .axes = axes, .keep = i % 2 == 0};
        memcpy(reduction.dims, dims, (size_t)rank * sizeof *dims);
        enum axes_form form = (i / 2 + (int)axes) % 2 ? AXES_INPUT : AXES_ATTRIBUTE;
        cr_assert(agrees(&reduction, form, (uint64_t)(i + rank)), "%s of rank %d, axes %x", ops[i], rank,
                  axes);
    }
}

Test(reduce, whole_maps_in_every_form) {
    every_op(4, (int64_t[]){2, 19, 5, 7}, 12);
    every_op(3, (int64_t[]){2, 35, 9}, 4);
    every_op(5, (int64_t[]){2, 17, 2, 3, 4}, 28);
}

Test(reduce, the_channels_of_every_pixel_in_every_form) {
    every_op(4, (int64_t[]){2, 37, 5, 3}, 2);
    every_op(4, (int64_t[]){1, 16, 4, 3}, 2);
    every_op(3, (int64_t[]){3, 5, 6}, 2);
    every_op(2, (int64_t[]){3, 40}, 2);
}

Test(reduce, any_other_axes) {
    for (unsigned axes = 1; axes < 16; axes++) {
        if (axes != 2 && axes != 12) every_op(4, (int64_t[]){3, 6, 5, 4}, axes);
    }
    every_op(5, (int64_t[]){2, 3, 4, 3, 2}, 5);
    every_op(1, (int64_t[]){40}, 1);
}

Test(reduce, large_maps_are_shared_between_threads_without_a_difference) {
    every_op(4, (int64_t[]){2, 40, 61, 67}, 12);
    every_op(4, (int64_t[]){2, 40, 61, 67}, 2);
    every_op(4, (int64_t[]){2, 40, 61, 67}, 8);
}

Test(reduce, without_axes_all_are_reduced_unless_none_means_none) {
    static const int64_t dims[3] = {2, 3, 4}, ones[3] = {1, 1, 1};
    float *x = net_random(24, 3);
    double sum = 0, magnitude = 0;
    for (int i = 0; i < 24; i++) {
        sum += (double)x[i];
        magnitude += fabs((double)x[i]);
    }
    double bound = check_bound(6, magnitude);
    struct net_layer layer = {.op = "ReduceSum", .n_operands = 1, .operands = {net_computed(3, dims, x)}};
    cr_assert(net_layer_has_shape(&layer, 3, ones));
    cr_assert(net_layer_agrees(&layer, &sum, &bound, 1));
    net_layer_attribute(&layer, net_int("noop_with_empty_axes", 1));
    cr_assert(net_layer_moves(&layer, x, 24));
    layer.n_operands = 2;
    layer.operands[1] = net_constant_ints(0, (const int64_t[1]){0});
    cr_assert(net_layer_moves(&layer, x, 24));
    free(x);
}

Test(reduce, nan_wins_an_extreme_and_infinity_is_no_obstacle_to_log_sum_exp) {
    static const int64_t dims[2] = {3, 2}, axis[1] = {1};
    static const float x[6] = {1, NAN, INFINITY, 2, -INFINITY, -INFINITY};
    static const float maxima[3] = {NAN, INFINITY, -INFINITY}, minima[3] = {NAN, 2, -INFINITY};
    struct net_layer layer = {
        .op = "ReduceMax", .opset = 13, .n_operands = 1, .operands = {net_computed(2, dims, x)}};
    net_layer_attribute(&layer, net_list("axes", axis, 1));
    cr_assert(net_layer_moves(&layer, maxima, 3));
    layer.op = "ReduceMin";
    cr_assert(net_layer_moves(&layer, minima, 3));
    layer.op = "ReduceLogSumExp";
    cr_assert(net_layer_moves(&layer, maxima, 3));
}

/* The bits of a mean do not depend on which operator asks for it. */
Test(reduce, the_mean_of_a_map_is_its_global_average) {
    static const int64_t dims[4] = {2, 21, 9, 11}, axes[2] = {2, 3};
    float *x = net_random(2 * 21 * 99, 5), pooled[42], reduced[42];
    for (int k = 0; k < 2; k++) {
        fmap_model *model;
        cr_assert_eq(fmap_model_create(NULL, &model, NULL), FMAP_OK);
        fmap_value inputs[2] = {net_input(model, "x", 4, dims), net_ints(model, axes, 2)};
        fmap_model_output(
            model, net_node(model, k ? "ReduceMean" : "GlobalAveragePool", "y", inputs, k ? 2 : 1, NULL, 0));
        cr_assert_eq(fmap_model_finish(model, NULL), FMAP_OK);
        cr_assert(net_once(model, NULL, x, k ? reduced : pooled));
        fmap_model_destroy(model);
    }
    cr_assert(check_same_bits("mean", reduced, pooled, 42));
    free(x);
}

/* ReduceMean with axes that only a plan knows. */
Test(reduce, axes_may_be_computed_from_shapes) {
    static const int64_t dims[3] = {2, 3, 5}, axes[1] = {1};
    float *x = net_random(30, 5);
    double expected[10], bounds[10];
    for (int i = 0; i < 10; i++) {
        double sum = 0, magnitude = 0;
        for (int k = 0; k < 3; k++) {
            double term = (double)x[i / 5 * 15 + k * 5 + i % 5];
            sum += term;
            magnitude += fabs(term);
        }
        expected[i] = sum / 3;
        bounds[i] = check_bound(6, magnitude);
    }
    struct net_layer layer = {.op = "ReduceMean", .opset = 18, .n_operands = 2};
    layer.operands[0] = net_computed(3, dims, x);
    layer.operands[1] = net_pending_ints(1, axes);
    cr_assert(net_layer_agrees(&layer, expected, bounds, 10));
    free(x);
}

/* ---- integers ----------------------------------------------------------------------------------------------------- */

/* Sizes of a network's own: as many as Shape finds, reduced. */
static int64_t reduced_shape(const char *op, int rank, const int64_t *dims) {
    static float x[24], y[24];
    int64_t result = 0;
    fmap_model *model;
    struct net net;
    cr_assert_eq(fmap_model_create(NULL, &model, NULL), FMAP_OK);
    fmap_value input = net_input(model, "x", rank, dims),
               sizes = net_node(model, "Shape", "s", &input, 1, NULL, 0);
    fmap_model_output(model, net_node(model, op, "y", &sizes, 1, NULL, 0));
    fmap_model_output(model, net_node(model, "Relu", "z", &input, 1, NULL, 0));
    cr_assert_eq(fmap_model_finish(model, NULL), FMAP_OK);
    cr_assert(net_open(&net, model, NULL));
    cr_assert_eq(fmap_plan_output_type(net.plan, 0), FMAP_INT64);
    cr_assert_eq(fmap_context_run(net.context, (const void *[]){x}, (void *[]){&result, y}, NULL), FMAP_OK);
    net_close(&net);
    fmap_model_destroy(model);
    return result;
}

Test(reduce, integers_are_reduced_as_integers) {
    static const int64_t dims[3] = {2, 3, 4};
    cr_assert_eq(reduced_shape("ReduceProd", 3, dims), 24);
    cr_assert_eq(reduced_shape("ReduceSum", 3, dims), 9);
    cr_assert_eq(reduced_shape("ReduceMean", 3, dims), 3);
    cr_assert_eq(reduced_shape("ReduceMax", 3, dims), 4);
    cr_assert_eq(reduced_shape("ReduceMin", 3, dims), 2);
    cr_assert_eq(reduced_shape("ReduceL1", 3, dims), 9);
    cr_assert_eq(reduced_shape("ReduceSumSquare", 3, dims), 29);
    cr_assert_eq(reduced_shape("ReduceL2", 3, dims), 5);
    cr_assert_eq(reduced_shape("ReduceLogSum", 3, dims), 2);
    cr_assert_eq(reduced_shape("ReduceLogSumExp", 3, dims), 4);
}

/* ---- shapes and refusals ------------------------------------------------------------------------------------------- */

Test(reduce, shapes_lose_their_axes_or_keep_a_one) {
    static const int64_t dims[4] = {FMAP_UNKNOWN, 3, FMAP_UNKNOWN, 5}, axes[2] = {-1, 1};
    struct net_layer layer = {
        .op = "ReduceMax", .opset = 13, .n_operands = 1, .operands = {net_computed(4, dims, NULL)}};
    net_layer_attribute(&layer, net_list("axes", axes, 2));
    cr_assert(net_layer_has_shape(&layer, 4, (int64_t[]){FMAP_UNKNOWN, 1, FMAP_UNKNOWN, 1}));
    net_layer_attribute(&layer, net_int("keepdims", 0));
    cr_assert(net_layer_has_shape(&layer, 2, (int64_t[]){FMAP_UNKNOWN, FMAP_UNKNOWN}));
}

Test(reduce, what_is_not_there_is_refused) {
    static const int64_t dims[2] = {2, 3}, axes[1] = {2};
    struct net_layer layer = {
        .op = "ReduceMean", .opset = 13, .n_operands = 1, .operands = {net_computed(2, dims, NULL)}};
    net_layer_attribute(&layer, net_list("axes", axes, 1));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "names axis 2, expected different ones of 2"));
    layer.opset = 18;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "'axes' is not known in opset 18"));
    layer.op = "ReduceSum";
    layer.opset = 13;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "'axes' is not known in opset 13"));
}
