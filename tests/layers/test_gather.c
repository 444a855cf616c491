#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/net_layer.h"

static size_t elements_of(int rank, const int64_t *dims) {
    size_t n = 1;
    for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
    return n;
}

static struct net_layer layer_of(const char *op, int64_t axis, struct net_operand x,
                                 struct net_operand indices) {
    struct net_layer layer = {.op = op, .n_operands = 2, .operands = {x, indices}};
    net_layer_attribute(&layer, net_int("axis", axis));
    return layer;
}

/* Slices `picked` of an axis, by indices that are counted from either end. */
static void assert_gathered(const int64_t dims[4], int axis, int rank, const int64_t *index_dims,
                            const int64_t *indices, const int64_t *picked) {
    size_t before = elements_of(axis, dims), inner = elements_of(3 - axis, dims + axis + 1),
           n = elements_of(4, dims);
    size_t n_picked = elements_of(rank, index_dims), n_out = before * n_picked * inner;
    float *x = net_random(n, n), *y = net_random(n_out, 0);
    int32_t *narrow = calloc(n_picked, sizeof *narrow);
    for (size_t i = 0; i < n_out; i++) {
        size_t slice = (size_t)picked[i / inner % n_picked];
        y[i] = x[(i / inner / n_picked * (size_t)dims[axis] + slice) * inner + i % inner];
    }
    for (size_t i = 0; i < n_picked; i++) narrow[i] = (int32_t)indices[i];
    const struct net_operand kinds[] = {net_computed_of(FMAP_INT64, rank, index_dims, indices),
                                        net_computed_of(FMAP_INT32, rank, index_dims, narrow),
                                        net_constant_of(FMAP_INT64, rank, index_dims, indices),
                                        net_pending_of(FMAP_INT32, rank, index_dims, narrow)};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct net_layer floats = layer_of("Gather", axis - 4, net_computed(4, dims, x), kinds[i]);
        cr_assert(net_layer_moves(&floats, y, n_out));
        struct net_layer ints = layer_of("Gather", axis, net_computed_of(FMAP_INT32, 4, dims, x), kinds[i]);
        cr_assert(net_layer_gives(&ints, FMAP_INT32, y, n_out));
    }
    free(x);
    free(y);
    free(narrow);
}

Test(gather, slices_of_every_axis) {
    static const int64_t dims[4] = {3, 18, 4, 5}, indices[6] = {2, 0, -1, -3, 1, 1},
                         picked[6] = {2, 0, 2, 0, 1, 1};
    static const int64_t last[6] = {2, 0, 3, 1, 1, 1}, first[6] = {2, 0, 4, 2, 1, 1},
                         channels[6] = {2, 0, 17, 15, 1, 1};
    assert_gathered(dims, 0, 2, (int64_t[]){3, 2}, indices, picked);
    assert_gathered(dims, 1, 1, (int64_t[]){6}, indices, channels);
    assert_gathered(dims, 2, 2, (int64_t[]){1, 6}, indices, last);
    assert_gathered(dims, 3, 3, (int64_t[]){2, 1, 3}, indices, first);
    assert_gathered(dims, 1, 0, NULL, indices + 2, channels + 2);
}

Test(gather, indices_that_are_out_of_range_read_the_nearest_element) {
    static const float x[4] = {10, 11, 12, 13}, y[4] = {13, 10, 13, 10};
    static const int64_t four = 4, indices[4] = {4, -5, INT64_MAX, INT64_MIN};
    struct net_layer layer = layer_of("Gather", 0, net_computed(1, &four, x),
                                      net_computed_of(FMAP_INT64, 1, &four, indices));
    cr_assert(net_layer_moves(&layer, y, 4));
    layer.op = "GatherElements";
    cr_assert(net_layer_moves(&layer, y, 4));
    layer = (struct net_layer){.op = "GatherND", .n_operands = 2, .operands = {net_computed(1, &four, x)}};
    layer.operands[1] = net_computed_of(FMAP_INT64, 2, (int64_t[]){4, 1}, indices);
    cr_assert(net_layer_moves(&layer, y, 4));
}

Test(gather, constant_indices_that_are_out_of_range_are_refused) {
    static const float x[4] = {0};
    static const int64_t four = 4, indices[4] = {0, -4, 3, 4};
    struct net_layer layer = layer_of("Gather", 0, net_computed(1, &four, x), net_constant_ints(4, indices));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has the index 4, expected -4 to 3"));
    layer.op = "GatherElements";
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has the index 4, expected -4 to 3"));
    layer.operands[1] = net_constant(1, &four, x);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has elements of type 1"));
    layer = layer_of("Gather", 1, net_computed(1, &four, x), net_constant_ints(3, indices));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has no axis 1"));
}

Test(gather, one_size_of_a_shape) {
    static const int64_t x[4] = {7, 8, 9, 1}, two = 2, y = 9;
    struct net_layer layer = layer_of("Gather", 0, net_pending_ints(4, x),
                                      net_constant_of(FMAP_INT64, 0, NULL, &two));
    cr_assert(net_layer_gives(&layer, FMAP_INT64, &y, 1));
    cr_assert(net_layer_has_shape(&layer, 0, NULL));
}

Test(gather, every_element_from_another_place_of_the_axis) {
    static const int64_t dims[2] = {3, 3}, indices[6] = {1, 2, 0, 2, 0, -3}, index_dims[2] = {2, 3};
    static const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, rows[6] = {4, 8, 3, 7, 2, 3},
                       columns[6] = {2, 3, 1, 6, 4, 4};
    struct net_operand index = net_computed_of(FMAP_INT64, 2, index_dims, indices);
    struct net_layer layer = layer_of("GatherElements", 0, net_computed(2, dims, x), index);
    cr_assert(net_layer_moves(&layer, rows, 6));
    layer = layer_of("GatherElements", -1, net_computed(2, dims, x), index);
    cr_assert(net_layer_moves(&layer, columns, 6));
    layer.operands[1] = net_computed_of(FMAP_INT64, 1, (int64_t[]){6}, indices);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "does not fit to axis -1"));
}

Test(gather, places_of_one_or_more_axes) {
    static const int64_t dims[3] = {2, 2, 2}, places[4] = {0, 1, 1, 0};
    static const float x[8] = {0, 1, 2, 3, 4, 5, 6, 7}, slices[4] = {2, 3, 4, 5}, batch[4] = {2, 3, 4, 5};
    struct net_layer layer = {.op = "GatherND", .n_operands = 2, .operands = {net_computed(3, dims, x)}};
    layer.operands[1] = net_computed_of(FMAP_INT64, 2, (int64_t[]){2, 2}, places);
    cr_assert(net_layer_moves(&layer, slices, 4));
    layer.operands[1] = net_constant_of(FMAP_INT64, 3, (int64_t[]){1, 2, 2}, places);
    cr_assert(net_layer_has_shape(&layer, 3, (int64_t[]){1, 2, 2}));
    layer.operands[1] = net_computed_of(FMAP_INT64, 2, (int64_t[]){2, 1}, places + 1 + 1);
    net_layer_attribute(&layer, net_int("batch_dims", 1));
    layer.operands[1] = net_constant_of(FMAP_INT64, 2, (int64_t[]){2, 1}, (int64_t[]){1, 0});
    cr_assert(net_layer_moves(&layer, batch, 4));
    layer.attributes[0] = net_int("batch_dims", 2);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "holds no places"));
}
