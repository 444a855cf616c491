#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_layer.h"

enum { MEAN_VARIANCE = 0 }; /* else the exponent */

struct axes {
    int rank, exponent;
    int64_t dims[FMAP_MAX_RANK];
    unsigned axes;
};

/* Which row an element belongs to. */
static size_t row_of(const struct axes *a, int64_t element) {
    size_t row = 0, stride = 1;
    for (int i = a->rank - 1; i >= 0; i--) {
        if (!(a->axes >> i & 1u)) {
            row += (size_t)(element % a->dims[i]) * stride;
            stride *= (size_t)a->dims[i];
        }
        element /= a->dims[i];
    }
    return row;
}

/* Sums of every row, and from them every element and its bound: the mean's error, by which a variance is off by a square,
 * the sum's roundings, of which a root halves the relative error, and single ones. */
static void oracle(const struct axes *a, const float *x, int64_t n, double *y, double *bounds) {
    double *mean = calloc((size_t)n, sizeof *mean), *sizes = calloc((size_t)n, sizeof *sizes),
           *sums = calloc((size_t)n, sizeof *sums), count = 1;
    for (int i = 0; i < a->rank; i++) count *= a->axes >> i & 1u ? (double)a->dims[i] : 1.0;
    for (int64_t i = 0; i < n && a->exponent == MEAN_VARIANCE; i++) {
        mean[row_of(a, i)] += (double)x[i] / count;
        sizes[row_of(a, i)] += fabs((double)x[i]) / count;
    }
    for (int64_t i = 0; i < n; i++) {
        double difference = (double)x[i] - mean[row_of(a, i)];
        sums[row_of(a, i)] += a->exponent == 1 ? fabs(difference) : difference * difference;
    }
    for (int64_t i = 0; i < n; i++) {
        size_t row = row_of(a, i);
        double sum = a->exponent ? sums[row] : sums[row] / count;
        double norm = a->exponent == 1 ? sum : sqrt(sum), shift = check_bound(count / 16 + 6, sizes[row]);
        double relative = (shift * shift + check_bound(count / 16 + 7, sum + shift * shift)) / sum;
        y[i] = ((double)x[i] - mean[row]) / (norm + (a->exponent ? 0 : 1e-9));
        bounds[i] = shift / norm + (relative + 4 * (double)FLT_EPSILON) * fabs(y[i]);
    }
    free(mean);
    free(sizes);
    free(sums);
}

static bool agrees(const struct axes *a, bool says_axes) {
    int64_t n = 1, list[FMAP_MAX_RANK];
    size_t n_axes = 0;
    for (int i = 0; i < a->rank; i++) {
        n *= a->dims[i];
        if (a->axes >> i & 1u) list[n_axes++] = n % 2 ? i : i - a->rank;
    }
    float *x = net_random((size_t)n, 3);
    double *expected = calloc((size_t)n, sizeof *expected), *bounds = calloc((size_t)n, sizeof *bounds);
    oracle(a, x, n, expected, bounds);
    struct net_layer layer = {.op = a->exponent ? "LpNormalization" : "MeanVarianceNormalization",
                              .n_operands = 1,
                              .operands = {net_computed(a->rank, a->dims, x)},
                              .batch = !(a->axes & 1u)};
    if (a->exponent == 1) net_layer_attribute(&layer, net_int("p", 1));
    if (says_axes && a->exponent) net_layer_attribute(&layer, net_int("axis", list[0]));
    if (says_axes && !a->exponent) net_layer_attribute(&layer, net_list("axes", list, n_axes));
    bool good = net_layer_agrees(&layer, expected, bounds, (size_t)n);
    free(x);
    free(expected);
    free(bounds);
    return good;
}

Test(axes_normalization, mean_and_variance_over_any_axes) {
    for (unsigned axes = 1; axes < 16; axes++) {
        struct axes a = {.rank = 4, .dims = {3, 19, 5, 4}, .axes = axes};
        cr_assert(agrees(&a, true), "axes %x", axes);
    }
    cr_assert(agrees(&(struct axes){.rank = 4, .dims = {3, 19, 5, 4}, .axes = 13}, false));
    cr_assert(agrees(&(struct axes){.rank = 4, .dims = {2, 40, 31, 37}, .axes = 12}, true));
}

Test(axes_normalization, norms_along_any_axis) {
    for (int exponent = 1; exponent <= 2; exponent++) {
        for (int axis = 0; axis < 4; axis++) {
            struct axes a = {.rank = 4, .exponent = exponent, .dims = {3, 19, 5, 4}, .axes = 1u << axis};
            cr_assert(agrees(&a, true), "axis %d", axis);
        }
        cr_assert(
            agrees(&(struct axes){.rank = 2, .exponent = exponent, .dims = {70, 100}, .axes = 2}, false));
    }
}

Test(axes_normalization, zeros_have_no_norm_and_stay_zeros) {
    static const int64_t dims[2] = {2, 3};
    static const float x[6] = {0, 0, 0, 0, -2, 0}, y[6] = {0, 0, 0, 0, -1, 0};
    struct net_layer layer = {
        .op = "LpNormalization", .n_operands = 1, .operands = {net_computed(2, dims, x)}};
    cr_assert(net_layer_moves(&layer, y, 6));
}

Test(axes_normalization, axes_and_exponents_that_are_not_there_are_refused) {
    static const int64_t dims[2] = {2, 3};
    struct net_layer layer = {
        .op = "MeanVarianceNormalization", .n_operands = 1, .operands = {net_computed(2, dims, NULL)}};
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has not the axes to normalize along"));
    layer.op = "LpNormalization";
    net_layer_attribute(&layer, net_int("p", 3));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'p' is 3, expected 1 or 2"));
}
