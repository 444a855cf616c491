#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/net_layer.h"
#include "tests/oracle.h"

static size_t elements_of(int rank, const int64_t *dims) {
    size_t n = 1;
    for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
    return n;
}

Test(flatten, keeps_the_order_of_the_elements) {
    static const int64_t shapes[][5] = {
        {2, 19, 3, 4, 0}, {3, 1, 5, 5, 0}, {2, 35, 1, 1, 0}, {1, 16, 2, 2, 0}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        size_t n = elements_of(4, shapes[s]);
        float *x = net_random(n, s);
        struct net_layer layer = {.op = "Flatten", .n_operands = 1, .batch = true};
        layer.operands[0] = net_computed(4, shapes[s], x);
        cr_assert(net_layer_moves(&layer, x, n));
        free(x);
    }
}

Test(flatten, walks_rows_columns_and_channels_when_they_come_last) {
    static const int64_t shapes[][4] = {
        {2, 19, 3, 4}, {3, 1, 5, 5}, {2, 35, 1, 1}, {1, 16, 2, 2}, {2, 3, 1, 4}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        const int64_t *d = shapes[s];
        size_t n = elements_of(4, d);
        float *x = net_random(n, s), *expected = net_random(n, 0);
        oracle_channels_last(x, (int)d[0], (int)d[1], (int)(d[2] * d[3]), expected);
        struct net_layer layer = {.op = "Flatten", .n_operands = 1, .batch = true};
        layer.operands[0] = net_computed(4, d, x);
        net_layer_attribute(&layer, net_int("channels_last", 1));
        cr_assert(net_layer_moves(&layer, expected, n));
        free(x);
        free(expected);
    }
}

Test(flatten, divides_the_axes_anywhere) {
    static const int64_t dims[4] = {2, 3, 4, 5};
    static const int64_t expected[][2] = {{1, 120}, {2, 60}, {6, 20}, {24, 5}, {120, 1}};
    float *x = net_random(120, 1);
    for (int axis = -4; axis <= 4; axis++) {
        struct net_layer layer = {.op = "Flatten", .n_operands = 1};
        layer.operands[0] = net_computed(4, dims, x);
        net_layer_attribute(&layer, net_int("axis", axis));
        cr_assert(net_layer_has_shape(&layer, 2, expected[axis < 0 ? axis + 4 : axis]));
        cr_assert(net_layer_moves(&layer, x, 120));
    }
    free(x);
}

Test(flatten, any_rank_becomes_rank_2) {
    static const int64_t dims[5] = {2, 3, 2, 2, 2},
                         expected[][2] = {{1, 1}, {2, 1}, {2, 3}, {2, 6}, {2, 12}, {2, 24}};
    float *x = net_random(48, 1);
    for (int rank = 0; rank <= 5; rank++) {
        struct net_layer layer = {.op = "Flatten", .n_operands = 1};
        layer.operands[0] = net_computed(rank, dims, x);
        if (rank == 0) net_layer_attribute(&layer, net_int("axis", 0));
        cr_assert(net_layer_has_shape(&layer, 2, expected[rank]));
        cr_assert(net_layer_moves(&layer, x, elements_of(rank, dims)));
    }
    free(x);
}

Test(flatten, unknown_sizes_stay_unknown_until_a_plan) {
    static const int64_t dims[4] = {FMAP_UNKNOWN, 3, 4, 5}, more[4] = {2, 3, FMAP_UNKNOWN, 5};
    static const int64_t expected[2] = {FMAP_UNKNOWN, 60}, more_expected[2] = {2, FMAP_UNKNOWN};
    struct net_layer layer = {.op = "Flatten", .n_operands = 1, .operands = {net_computed(4, dims, NULL)}};
    cr_assert(net_layer_has_shape(&layer, 2, expected));
    layer.operands[0] = net_computed(4, more, NULL);
    cr_assert(net_layer_has_shape(&layer, 2, more_expected));
}

Test(flatten, what_does_not_fit_is_refused) {
    static const int64_t dims[4] = {1, 2, 3, 4}, large[3] = {1, INT64_MAX, 2};
    struct net_layer layer = {.op = "Flatten", .n_operands = 1, .operands = {net_computed(4, dims, NULL)}};
    net_layer_attribute(&layer, net_int("axis", 5));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has no axis 5"));
    layer.attributes[0] = net_int("axis", -5);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has no axis -5"));
    layer.attributes[0] = net_int("axis", 2);
    net_layer_attribute(&layer, net_int("channels_last", 1));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected rank 4 and axis 1 for 'channels_last'"));
    layer.n_attributes = 0;
    layer.operands[0] = net_computed(3, large, NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_LIMIT, "is too large"));
}
