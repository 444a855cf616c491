#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_layer.h"

static const struct {
    int rank;
    int64_t dims[FMAP_MAX_RANK];
} shapes[] = {{1, {7}},           {2, {3, 10}},       {2, {70, 37}},        {3, {2, 5, 18}},
              {4, {3, 21, 4, 5}}, {4, {2, 19, 1, 1}}, {4, {2, 100, 33, 35}}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int product(const int64_t *dims, int first, int end) {
    int64_t n = 1;
    for (int i = first; i < end; i++) n *= dims[i];
    return (int)n;
}

/* Results over the axes [axis, end), and bounds: n exponentials, each within 2 ulp, their sum, whose logarithm is off by
 * its relative error, and the difference. */
static void oracle(const float *x, int outer, int n, int inner, double *log_softmax, double *bounds,
                   float *hardmax) {
    for (int row = 0; row < outer * inner; row++) {
        int at = row / inner * n * inner + row % inner, largest = 0;
        double sum = 0;
        for (int i = 1; i < n; i++) {
            if (x[at + i * inner] > x[at + largest * inner]) largest = i;
        }
        double maximum = (double)x[at + largest * inner];
        for (int i = 0; i < n; i++) sum += exp((double)x[at + i * inner] - maximum);
        for (int i = 0; i < n; i++) {
            double difference = (double)x[at + i * inner] - maximum;
            log_softmax[at + i * inner] = difference - log(sum);
            bounds[at + i * inner] = check_bound(n / 16.0 + 5 + 2 * (2 + 20), 1) +
                                     check_bound(1, fabs(difference)) +
                                     check_bound(3, fabs(difference) + log(sum));
            hardmax[at + i * inner] = i == largest;
        }
    }
}

static void assert_agrees(struct net_layer layer, size_t s, int axis, int end) {
    const int64_t *dims = shapes[s].dims;
    int outer = product(dims, 0, axis), n = product(dims, axis, end),
        inner = product(dims, end, shapes[s].rank);
    size_t total = (size_t)(outer * n * inner);
    float *x = net_random(total, s), *hardmax = calloc(total, sizeof *hardmax);
    double *expected = calloc(total, sizeof *expected), *bounds = calloc(total, sizeof *bounds);
    for (size_t i = 0; i < total; i++) x[i] *= 10.0f;
    oracle(x, outer, n, inner, expected, bounds, hardmax);
    layer.n_operands = 1;
    layer.operands[0] = net_computed(shapes[s].rank, dims, x);
    layer.batch = axis > 0;
    layer.op = "LogSoftmax";
    cr_assert(net_layer_agrees(&layer, expected, bounds, total), "shape %zu, axis %d", s, axis);
    layer.op = "Hardmax";
    cr_assert(net_layer_moves(&layer, hardmax, total), "shape %zu, axis %d", s, axis);
    free(x);
    free(hardmax);
    free(expected);
    free(bounds);
}

Test(log_softmax, runs_along_one_axis_since_opset_13) {
    for (size_t s = 0; s < SHAPES; s++) {
        for (int axis = 0; axis < shapes[s].rank; axis++) {
            struct net_layer layer = {.opset = 13};
            net_layer_attribute(&layer, net_int("axis", (axis + (int)s) % 2 ? axis : axis - shapes[s].rank));
            assert_agrees(layer, s, axis, axis + 1);
        }
    }
}

Test(log_softmax, runs_over_all_axes_from_one_on_before) {
    for (size_t s = 1; s < SHAPES; s++) assert_agrees((struct net_layer){.opset = 11}, s, 1, shapes[s].rank);
}

Test(log_softmax, large_numbers_do_not_overflow) {
    static const int64_t dims[2] = {1, 3};
    static const float x[3] = {1e4f, 1e4f, -1e4f};
    static const double expected[3] = {-0.69314718055994531, -0.69314718055994531, -20000.693147180559};
    static const double bounds[3] = {1e-6, 1e-6, 4e-3};
    struct net_layer layer = {.op = "LogSoftmax", .n_operands = 1, .operands = {net_computed(2, dims, x)}};
    cr_assert(net_layer_agrees(&layer, expected, bounds, 3));
}
