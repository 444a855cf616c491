#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/net_layer.h"

/* The output of a tensor of four axes that is repeated along them, one behind the other. */
static void assert_repeated(struct net_layer layer, const int64_t dims[4], const int64_t repeats[4]) {
    size_t n = 1, n_out = 1;
    int64_t out[4];
    for (int i = 0; i < 4; i++) {
        out[i] = dims[i] * repeats[i];
        n *= (size_t)dims[i];
        n_out *= (size_t)out[i];
    }
    float *x = net_random(n, 5), *y = net_random(n_out, 6);
    for (size_t i = 0; i < n_out; i++) {
        size_t rest = i, from = 0, stride = 1;
        for (int axis = 3; axis >= 0; axis--) {
            from += rest % (size_t)out[axis] % (size_t)dims[axis] * stride;
            rest /= (size_t)out[axis];
            stride *= (size_t)dims[axis];
        }
        y[i] = x[from];
    }
    layer.operands[0] = net_computed(4, dims, x);
    if (layer.operands[1].kind == NET_CONSTANT) cr_assert(net_layer_has_shape(&layer, 4, out));
    cr_assert(net_layer_moves(&layer, y, n_out));
    layer.operands[0] = net_computed_of(FMAP_INT32, 4, dims, x);
    cr_assert(net_layer_gives(&layer, FMAP_INT32, y, n_out));
    free(x);
    free(y);
}

Test(expand, axes_of_one_element_are_repeated) {
    static const int64_t dims[4] = {1, 18, 1, 5}, shape[4] = {2, 1, 3, 5}, repeats[4] = {2, 1, 3, 1};
    struct net_layer layer = {.op = "Expand", .n_operands = 2};
    layer.operands[1] = net_constant_ints(4, shape);
    assert_repeated(layer, dims, repeats);
    layer.operands[1] = net_pending_ints(4, shape);
    assert_repeated(layer, dims, repeats);
    layer.operands[1] = net_constant_ints(2, (int64_t[]){7, 1});
    assert_repeated(layer, dims, (int64_t[]){1, 1, 7, 1});
    layer.operands[1] = net_constant_ints(1, (int64_t[]){1});
    assert_repeated(layer, dims, (int64_t[]){1, 1, 1, 1});
}

Test(expand, more_axes_than_before) {
    static const float x[2] = {1, 2}, y[6] = {1, 1, 1, 2, 2, 2};
    struct net_layer layer = {
        .op = "Expand", .n_operands = 2, .operands = {net_computed(2, (int64_t[]){2, 1}, x)}};
    layer.operands[1] = net_constant_ints(3, (int64_t[]){1, 2, 3});
    cr_assert(net_layer_has_shape(&layer, 3, (int64_t[]){1, 2, 3}));
    cr_assert(net_layer_moves(&layer, y, 6));
    layer.operands[1] = net_constant_ints(2, (int64_t[]){3, 3});
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "cannot be expanded to 3x3"));
    layer.operands[1] = net_constant_ints(2, (int64_t[]){2, -1});
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "cannot be expanded"));
}

Test(tile, every_axis_may_be_repeated) {
    static const int64_t dims[4] = {2, 3, 4, 5}, repeats[3][4] = {{1, 2, 3, 2}, {3, 1, 1, 1}, {1, 1, 1, 4}};
    for (int i = 0; i < 3; i++) {
        struct net_layer layer = {.op = "Tile", .n_operands = 2};
        layer.operands[1] = net_constant_ints(4, repeats[i]);
        assert_repeated(layer, dims, repeats[i]);
        layer.operands[1] = net_pending_ints(4, repeats[i]);
        assert_repeated(layer, dims, repeats[i]);
    }
}

Test(tile, one_axis_in_old_opsets) {
    static const int64_t dims[4] = {2, 3, 4, 5}, three = 3, two = 2, repeats[4] = {1, 1, 3, 1};
    struct net_layer layer = {.op = "Tile", .opset = 5, .n_operands = 3};
    layer.operands[1] = net_constant_ints(1, &three);
    layer.operands[2] = net_constant_ints(1, &two);
    assert_repeated(layer, dims, repeats);
}

Test(tile, counts_that_do_not_fit_are_refused) {
    static const float x[2] = {0};
    struct net_layer layer = {
        .op = "Tile", .n_operands = 2, .operands = {net_computed(2, (int64_t[]){2, 1}, x)}};
    layer.operands[1] = net_constant_ints(1, (int64_t[]){2});
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "does not say how often"));
    layer.operands[1] = net_constant_ints(2, (int64_t[]){2, -1});
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "does not say how often"));
    layer.operands[1] = net_constant_ints(2, (int64_t[]){INT64_MAX, 1});
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_LIMIT, "is repeated"));
}
