#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_layer.h"
#include "tests/oracle.h"

static const struct {
    int rank;
    int64_t dims[FMAP_MAX_RANK];
} shapes[] = {
    {1, {7}},           {2, {3, 10}},          {2, {5, 37}},     {3, {2, 5, 18}},      {4, {3, 21, 4, 5}},
    {4, {2, 19, 1, 1}}, {4, {2, 100, 33, 35}}, {2, {300, 1000}}, {5, {2, 3, 4, 1, 6}},
};

/* n exponentials (each within 2 ulp, of a difference that was rounded), their sum, a division. */
static double bound(int n, double range, double value) {
    return check_bound(n + 2 * (2 + range) + 4, value) + (double)FLT_MIN;
}

static int product(const int64_t *dims, int first, int end) {
    int64_t n = 1;
    for (int i = first; i < end; i++) n *= dims[i];
    return (int)n;
}

/* Softmax over the axes [axis, end) of a shape. */
static void assert_softmax(struct net_layer layer, size_t s, int axis, int end) {
    const int64_t *dims = shapes[s].dims;
    int outer = product(dims, 0, axis), middle = product(dims, axis, end),
        inner = product(dims, end, shapes[s].rank);
    size_t n = (size_t)(outer * middle * inner);
    float *x = net_random(n, s);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    for (size_t i = 0; i < n; i++) x[i] *= 10.0f;
    oracle_softmax(x, outer, middle, inner, expected);
    for (size_t i = 0; i < n; i++) bounds[i] = bound(middle, 20, expected[i]);
    layer.op = "Softmax";
    layer.n_operands = 1;
    layer.operands[0] = net_computed(shapes[s].rank, dims, x);
    layer.batch = axis > 0;
    cr_assert(net_layer_agrees(&layer, expected, bounds, n), "shape %zu, axis %d", s, axis);
    free(x);
    free(expected);
    free(bounds);
}

Test(softmax, runs_along_one_axis_since_opset_13) {
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        for (int axis = 0; axis < shapes[s].rank; axis++) {
            struct net_layer layer = {.opset = 13};
            net_layer_attribute(&layer, net_int("axis", (axis + (int)s) % 2 ? axis : axis - shapes[s].rank));
            assert_softmax(layer, s, axis, axis + 1);
        }
    }
}

Test(softmax, runs_along_the_last_axis_unless_another_is_said) {
    for (size_t s = 0; s < 5; s++)
        assert_softmax((struct net_layer){0}, s, shapes[s].rank - 1, shapes[s].rank);
}

Test(softmax, runs_over_all_axes_from_the_one_on_before_opset_13) {
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        for (int axis = 0; axis < shapes[s].rank; axis++) {
            struct net_layer layer = {.opset = axis % 2 ? 12 : 7};
            net_layer_attribute(&layer, net_int("axis", axis));
            assert_softmax(layer, s, axis, shapes[s].rank);
        }
    }
}

Test(softmax, begins_at_axis_1_unless_another_is_said_before_opset_13) {
    for (size_t s = 1; s < 6; s++) assert_softmax((struct net_layer){.opset = 11}, s, 1, shapes[s].rank);
}

Test(softmax, of_unknown_sizes_has_unknown_sizes) {
    static const int64_t dims[2] = {FMAP_UNKNOWN, FMAP_UNKNOWN};
    struct net_layer layer = {.op = "Softmax", .n_operands = 1, .operands = {net_computed(2, dims, NULL)}};
    cr_assert(net_layer_has_shape(&layer, 2, dims));
}

Test(softmax, along_an_axis_that_is_not_there_is_refused) {
    static const int64_t dims[2] = {2, 3};
    for (int64_t axis = -4; axis <= 3; axis++) {
        if (axis >= -2 && axis < 2) continue;
        struct net_layer layer = {
            .op = "Softmax", .n_operands = 1, .operands = {net_computed(2, dims, NULL)}};
        net_layer_attribute(&layer, net_int("axis", axis));
        cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'x0' of shape 2x3 has no axis"));
    }
}
