#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/net_layer.h"

static size_t elements_of(int rank, const int64_t *dims) {
    size_t n = 1;
    for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
    return n;
}

static void assert_transposed(int rank, const int64_t *dims, const int64_t *permutation, bool say_it) {
    int64_t out[FMAP_MAX_RANK];
    size_t n = elements_of(rank, dims);
    float *x = net_random(n, n), *expected = net_random(n, 0);
    for (int i = 0; i < rank; i++) out[i] = dims[permutation[i]];
    for (size_t i = 0; i < n; i++) {
        size_t index[FMAP_MAX_RANK], rest = i, from = 0;
        for (int axis = rank - 1; axis >= 0; axis--) {
            index[permutation[axis]] = rest % (size_t)out[axis];
            rest /= (size_t)out[axis];
        }
        for (int axis = 0; axis < rank; axis++) from = from * (size_t)dims[axis] + index[axis];
        expected[i] = x[from];
    }
    struct net_layer layer = {.op = "Transpose", .n_operands = 1, .operands = {net_computed(rank, dims, x)}};
    if (say_it) net_layer_attribute(&layer, net_list("perm", permutation, (size_t)rank));
    layer.batch = rank > 1 && permutation[0] == 0;
    cr_assert(layer.batch || net_layer_has_shape(&layer, rank, out));
    cr_assert(net_layer_moves(&layer, expected, n));
    free(x);
    free(expected);
}

/* Calls back with every permutation of 0 .. n - 1. */
static void permute(int64_t *permutation, int n, int fixed, int rank, const int64_t *dims) {
    if (fixed == n) {
        assert_transposed(rank, dims, permutation, true);
        return;
    }
    for (int i = fixed; i < n; i++) {
        int64_t chosen = permutation[i];
        permutation[i] = permutation[fixed];
        permutation[fixed] = chosen;
        permute(permutation, n, fixed + 1, rank, dims);
        permutation[fixed] = permutation[i];
        permutation[i] = chosen;
    }
}

Test(transpose, every_permutation_of_up_to_four_axes) {
    for (int rank = 1; rank <= 4; rank++) {
        int64_t permutation[4] = {0, 1, 2, 3};
        permute(permutation, rank, 0, rank, (int64_t[]){3, 18, 4, 5});
    }
}

Test(transpose, axes_of_size_1_may_move_anywhere) {
    int64_t permutation[4] = {0, 1, 2, 3};
    permute(permutation, 4, 0, 4, (int64_t[]){2, 19, 1, 1});
    permute(permutation, 4, 0, 4, (int64_t[]){1, 1, 3, 4});
}

Test(transpose, reverses_the_axes_unless_another_order_is_said) {
    assert_transposed(2, (int64_t[]){3, 5}, (int64_t[]){1, 0}, false);
    assert_transposed(5, (int64_t[]){2, 3, 4, 1, 5}, (int64_t[]){4, 3, 2, 1, 0}, false);
    assert_transposed(0, NULL, NULL, false);
}

Test(transpose, large_tensors_are_shared_between_threads_without_a_difference) {
    assert_transposed(4, (int64_t[]){2, 35, 33, 31}, (int64_t[]){0, 2, 3, 1}, true);
    assert_transposed(4, (int64_t[]){2, 35, 33, 31}, (int64_t[]){0, 3, 1, 2}, true);
    assert_transposed(3, (int64_t[]){60, 50, 40}, (int64_t[]){2, 0, 1}, true);
}

/* tf2onnx' way: the network is fed n, h, w, c, turns it over, and back at the end. */
static void build_there_and_back(fmap_model *model, const void *what) {
    static const int64_t dims[4] = {2, 5, 6, 19}, to_planes[4] = {0, 3, 1, 2}, to_pixels[4] = {0, 2, 3, 1},
                         one[2] = {1, 1};
    (void)what;
    fmap_attribute there = net_list("perm", to_planes, 4), back = net_list("perm", to_pixels, 4);
    fmap_attribute kernel = net_list("kernel_shape", one, 2);
    fmap_value x = net_input(model, "x", 4, dims);
    x = net_node(model, "Transpose", NULL, &x, 1, &there, 1);
    x = net_node(model, "MaxPool", NULL, &x, 1, &kernel, 1);
    fmap_model_output(model, net_node(model, "Transpose", NULL, &x, 1, &back, 1));
}

Test(transpose, to_planes_and_back_to_pixels_changes_nothing) {
    enum { N = 2 * 5 * 6 * 19 };
    float *x = net_random(N, 1), *y = net_random(N, 2);
    fmap_model *model = net_model(build_there_and_back, NULL);
    cr_assert(model && net_once(model, NULL, x, y));
    cr_assert_arr_eq(x, y, N * sizeof *x);
    fmap_model_destroy(model);
    free(x);
    free(y);
}

Test(transpose, unknown_sizes_move_along) {
    static const int64_t dims[3] = {FMAP_UNKNOWN, 4, 5}, permutation[3] = {2, 0, 1},
                         out[3] = {5, FMAP_UNKNOWN, 4};
    struct net_layer layer = {.op = "Transpose", .n_operands = 1, .operands = {net_computed(3, dims, NULL)}};
    net_layer_attribute(&layer, net_list("perm", permutation, 3));
    cr_assert(net_layer_has_shape(&layer, 3, out));
}

Test(transpose, what_is_no_permutation_is_refused) {
    static const int64_t dims[3] = {2, 3, 4};
    static const int64_t wrong[][4] = {{0, 1, 1}, {0, 1, 3}, {0, -1, 2}, {0, 1}, {0, 1, 2, 3}};
    static const size_t sizes[] = {3, 3, 3, 2, 4};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct net_layer layer = {
            .op = "Transpose", .n_operands = 1, .operands = {net_computed(3, dims, NULL)}};
        net_layer_attribute(&layer, net_list("perm", wrong[i], sizes[i]));
        cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL,
                                    "is not a permutation of the 3 axes of input 0 'x0'"));
    }
}
