#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/net_layer.h"

enum { N = 2 * 18 * 5 };

static float *numbers(void) { return net_random(N, 3); }

static void assert_shape(const char *op, int opset, int rank, const int64_t *dims, size_t n_axes,
                         const int64_t *axes, int out_rank, const int64_t *out) {
    float *x = numbers();
    struct net_layer layer = {
        .op = op, .opset = opset, .n_operands = 1, .operands = {net_computed(rank, dims, x)}};
    if (n_axes > 0 && opset) net_layer_attribute(&layer, net_list("axes", axes, n_axes));
    if (n_axes > 0 && !opset) layer.operands[layer.n_operands++] = net_constant_ints((int64_t)n_axes, axes);
    cr_assert(net_layer_has_shape(&layer, out_rank, out));
    cr_assert(net_layer_moves(&layer, x, N));
    if (n_axes > 0 && !opset) {
        layer.operands[1] = net_pending_ints((int64_t)n_axes, axes);
        cr_assert(net_layer_moves(&layer, x, N));
    }
    layer.operands[0] = net_computed_of(FMAP_INT32, rank, dims, x);
    cr_assert(net_layer_gives(&layer, FMAP_INT32, x, N));
    free(x);
}

Test(squeeze, axes_of_one_element_go) {
    static const int64_t dims[5] = {2, 18, 1, 5, 1}, axes[2] = {-1, 2}, out[3] = {2, 18, 5};
    for (int opset = 0; opset <= 11; opset += 11) {
        assert_shape("Squeeze", opset, 5, dims, 2, axes, 3, out);
        assert_shape("Squeeze", opset, 5, dims, 0, NULL, 3, out);
        assert_shape("Squeeze", opset, 5, dims, 1, axes + 1, 4, (int64_t[]){2, 18, 5, 1});
    }
}

Test(squeeze, axes_of_one_element_come) {
    static const int64_t dims[3] = {2, 18, 5}, axes[2] = {3, 0}, end[2] = {-1, -2};
    for (int opset = 0; opset <= 11; opset += 11) {
        assert_shape("Unsqueeze", opset, 3, dims, 2, axes, 5, (int64_t[]){1, 2, 18, 1, 5});
        assert_shape("Unsqueeze", opset, 3, dims, 2, end, 5, (int64_t[]){2, 18, 5, 1, 1});
    }
}

Test(squeeze, what_has_another_size_is_refused) {
    float *x = numbers();
    static const int64_t dims[3] = {2, 18, 5}, axes[2] = {1, 1};
    struct net_layer layer = {.op = "Squeeze", .n_operands = 2, .operands = {net_computed(3, dims, x)}};
    layer.operands[1] = net_constant_ints(1, axes);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "axis 1 of"));
    layer.op = "Unsqueeze";
    layer.operands[1] = net_constant_ints(2, axes);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "names axis 1, expected different ones"));
    layer.operands[1] = net_constant_ints(6, (int64_t[]){0, 1, 2, 3, 4, 5});
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_LIMIT, "would have 9 dimensions"));
    free(x);
}
