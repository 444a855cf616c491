#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "tests/net_layer.h"

struct top {
    int rank, axis;
    int64_t dims[FMAP_MAX_RANK];
    int64_t k;
    bool smallest;
};

/* One after the other, the best of those that are left. */
static void oracle(const float *x, int64_t n, int64_t inner, const struct top *top, float *values,
                   int64_t *indices) {
    bool *taken = calloc((size_t)n, sizeof *taken);
    for (int64_t i = 0; i < top->k; i++) {
        int64_t best = -1;
        for (int64_t j = 0; j < n; j++) {
            if (taken[j]) continue;
            float next = x[j * inner], so_far = best < 0 ? 0 : x[best * inner];
            if (best < 0 || (top->smallest ? next < so_far : next > so_far)) best = j;
        }
        taken[best] = true;
        values[i * inner] = x[best * inner];
        indices[i * inner] = best;
    }
    free(taken);
}

static bool agrees(const struct top *top, int opset, bool integers) {
    int64_t outer = 1, n = top->dims[top->axis], inner = 1;
    for (int i = 0; i < top->axis; i++) outer *= top->dims[i];
    for (int i = top->axis + 1; i < top->rank; i++) inner *= top->dims[i];
    size_t total = (size_t)(outer * n * inner), n_outputs = (size_t)(outer * top->k * inner);
    float *x = net_random(total, 9), *values = calloc(n_outputs, sizeof *values);
    int64_t *ints = calloc(total, sizeof *ints), *int_values = calloc(n_outputs, sizeof *ints);
    int64_t *indices = calloc(n_outputs, sizeof *indices);
    for (size_t i = 0; i < total; i++) ints[i] = (int64_t)(x[i] = floorf(20 * x[i])); /* some are equal */
    for (int64_t row = 0; row < outer * inner; row++) {
        int64_t from = row / inner * n * inner + row % inner, to = row / inner * top->k * inner + row % inner;
        oracle(x + from, n, inner, top, values + to, indices + to);
    }
    for (size_t i = 0; i < n_outputs; i++) int_values[i] = (int64_t)values[i];
    struct net_layer layer = {.op = "TopK",
                              .opset = opset,
                              .n_operands = opset < 10 ? 1 : 2,
                              .n_outputs = 2,
                              .batch = top->axis > 0};
    layer.operands[0] = integers ? net_computed_of(FMAP_INT64, top->rank, top->dims, ints)
                                 : net_computed(top->rank, top->dims, x);
    if (opset < 10)
        net_layer_attribute(&layer, net_int("k", top->k));
    else
        layer.operands[1] = top->k % 2 ? net_constant_ints(1, &top->k) : net_pending_ints(1, &top->k);
    net_layer_attribute(&layer, net_int("axis", top->axis));
    if (top->smallest) net_layer_attribute(&layer, net_int("largest", 0));
    bool good = integers ? net_layer_gives(&layer, FMAP_INT64, int_values, n_outputs)
                         : net_layer_moves(&layer, values, n_outputs);
    layer.output = 1;
    good = good && net_layer_gives(&layer, FMAP_INT64, indices, n_outputs);
    free(x);
    free(values);
    free(ints);
    free(int_values);
    free(indices);
    return good;
}

Test(top_k, the_largest_and_the_smallest_along_any_axis) {
    for (int axis = 0; axis < 3; axis++) {
        static const int64_t dims[3] = {5, 17, 9};
        for (int64_t k = 1; k <= dims[axis]; k += 1 + k / 3) {
            struct top top = {.rank = 3, .axis = axis, .dims = {5, 17, 9}, .k = k};
            cr_assert(agrees(&top, 10, false), "axis %d, k %d", axis, (int)k);
            cr_assert(agrees(&top, 11, true), "integers, axis %d, k %d", axis, (int)k);
            top.smallest = true;
            cr_assert(agrees(&top, 11, false), "smallest, axis %d, k %d", axis, (int)k);
        }
    }
    struct top classes = {.rank = 2, .axis = 1, .dims = {40, 1000}, .k = 5};
    cr_assert(agrees(&classes, 11, false));
}

Test(top_k, k_was_an_attribute_in_opset_1) {
    struct top top = {.rank = 2, .axis = 1, .dims = {3, 10}, .k = 4};
    cr_assert(agrees(&top, 1, false));
}

Test(top_k, nan_is_larger_than_all_and_zeros_are_equal) {
    static const int64_t dims[1] = {5}, k = 5, order[5] = {1, 3, 0, 2, 4};
    static const float x[5] = {-0.0f, NAN, 0.0f, 1, -1};
    struct net_layer layer = {.op = "TopK", .opset = 11, .n_operands = 2, .n_outputs = 2, .output = 1};
    layer.operands[0] = net_computed(1, dims, x);
    layer.operands[1] = net_constant_ints(1, &k);
    cr_assert(net_layer_gives(&layer, FMAP_INT64, order, 5));
}

Test(top_k, more_than_there_are_is_refused) {
    static const int64_t dims[2] = {2, 3}, four = 4, none = 0;
    struct net_layer layer = {.op = "TopK", .opset = 11, .n_operands = 2, .n_outputs = 2};
    layer.operands[0] = net_computed(2, dims, NULL);
    layer.operands[1] = net_constant_ints(1, &four);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "k is 4, expected 1 to the size of axis 1"));
    layer.operands[1] = net_constant_ints(1, &none);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "k is 0, expected 1"));
}
