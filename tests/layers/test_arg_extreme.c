#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/net_layer.h"

struct arg {
    const char *op;
    int rank, axis;
    int64_t dims[FMAP_MAX_RANK];
    bool last;
};

/* Small whole numbers, so that many are equal, as elements of a type. */
static bool agrees(const struct arg *arg, fmap_type type) {
    int64_t outer = 1, n = arg->dims[arg->axis], inner = 1;
    for (int i = 0; i < arg->axis; i++) outer *= arg->dims[i];
    for (int i = arg->axis + 1; i < arg->rank; i++) inner *= arg->dims[i];
    size_t total = (size_t)(outer * n * inner);
    float *x = net_random(total, 9);
    int32_t *ints = calloc(total, sizeof *ints);
    int64_t *expected = calloc((size_t)(outer * inner), sizeof *expected);
    for (size_t i = 0; i < total; i++) ints[i] = (int32_t)(x[i] = floorf(3 * x[i]));
    for (int64_t row = 0; row < outer * inner; row++) {
        const int32_t *first = ints + row / inner * n * inner + row % inner;
        for (int64_t i = 1; i < n; i++) {
            int32_t next = first[i * inner], best = first[expected[row] * inner];
            bool better = arg->op[4] == 'a' ? next > best : next < best;
            if (better || (arg->last && next == best)) expected[row] = i;
        }
    }
    struct net_layer layer = {.op = arg->op, .opset = 13, .n_operands = 1, .batch = arg->axis > 0};
    layer.operands[0] = type == FMAP_FLOAT32 ? net_computed(arg->rank, arg->dims, x)
                                             : net_computed_of(type, arg->rank, arg->dims, ints);
    net_layer_attribute(&layer, net_int("axis", arg->last ? arg->axis : arg->axis - arg->rank));
    net_layer_attribute(&layer, net_int("keepdims", arg->last));
    if (arg->last) net_layer_attribute(&layer, net_int("select_last_index", 1));
    bool good = net_layer_gives(&layer, FMAP_INT64, expected, (size_t)(outer * inner));
    free(x);
    free(ints);
    free(expected);
    return good;
}

Test(arg_extreme, the_first_or_the_last_of_equal_ones_along_any_axis) {
    static const struct arg shapes[] = {{.rank = 4, .dims = {2, 21, 5, 7}},
                                        {.rank = 2, .dims = {3, 40}},
                                        {.rank = 1, .dims = {9}},
                                        {.rank = 4, .dims = {2, 19, 41, 43}}};
    for (size_t s = 0; s < 4; s++) {
        for (int axis = 0; axis < shapes[s].rank; axis++) {
            for (int k = 0; k < 4; k++) {
                struct arg arg = shapes[s];
                arg.op = k % 2 ? "ArgMin" : "ArgMax";
                arg.axis = axis;
                arg.last = k > 1;
                cr_assert(agrees(&arg, FMAP_FLOAT32), "shape %zu, axis %d, %d", s, axis, k);
                if (s != 3) cr_assert(agrees(&arg, FMAP_INT32), "integers %zu, axis %d, %d", s, axis, k);
            }
        }
    }
}

Test(arg_extreme, nan_is_the_extreme) {
    static const int64_t dims[2] = {2, 3}, first[2] = {1, 0};
    static const float x[6] = {1, NAN, NAN, NAN, 5, INFINITY};
    struct net_layer layer = {.op = "ArgMax", .n_operands = 1, .operands = {net_computed(2, dims, x)}};
    net_layer_attribute(&layer, net_int("axis", 1));
    cr_assert(net_layer_gives(&layer, FMAP_INT64, first, 2));
    layer.op = "ArgMin";
    cr_assert(net_layer_gives(&layer, FMAP_INT64, first, 2));
}

Test(arg_extreme, begins_at_axis_0_and_keeps_it) {
    static const int64_t dims[3] = {4, FMAP_UNKNOWN, 3};
    struct net_layer layer = {.op = "ArgMax", .n_operands = 1, .operands = {net_computed(3, dims, NULL)}};
    cr_assert(net_layer_has_shape(&layer, 3, (int64_t[]){1, FMAP_UNKNOWN, 3}));
}

Test(arg_extreme, an_axis_that_is_not_there_is_refused) {
    static const int64_t dims[2] = {4, 3};
    struct net_layer layer = {.op = "ArgMin", .n_operands = 1, .operands = {net_computed(2, dims, NULL)}};
    net_layer_attribute(&layer, net_int("axis", -3));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has no axis -3"));
}
