#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/net_layer.h"

struct slice {
    int rank;
    int64_t dims[4];
    size_t n; /* of what is cut */
    int64_t axes[4], starts[4], ends[4], steps[4];
    /* What that means: of every axis of the input. */
    int64_t first[4], count[4], step[4];
};

static size_t elements_of(int rank, const int64_t *dims) {
    size_t n = 1;
    for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
    return n;
}

/* Where the element of the output comes from. */
static size_t source_of(const struct slice *slice, size_t i) {
    size_t from = 0, stride = 1;
    for (int axis = slice->rank - 1; axis >= 0; axis--) {
        int64_t at = (int64_t)(i % (size_t)slice->count[axis]);
        i /= (size_t)slice->count[axis];
        from += (size_t)(slice->first[axis] + at * slice->step[axis]) * stride;
        stride *= (size_t)slice->dims[axis];
    }
    return from;
}

static struct net_layer layer_of(const struct slice *slice, struct net_operand x) {
    struct net_layer layer = {.op = "Slice", .n_operands = 5, .operands = {x}};
    layer.operands[1] = net_constant_ints((int64_t)slice->n, slice->starts);
    layer.operands[2] = net_pending_ints((int64_t)slice->n, slice->ends);
    layer.operands[3] = net_constant_ints((int64_t)slice->n, slice->axes);
    layer.operands[4] = net_constant_ints((int64_t)slice->n, slice->steps);
    layer.batch = slice->rank > 1 && slice->count[0] == slice->dims[0] && slice->step[0] == 1;
    return layer;
}

static void assert_sliced(const struct slice *slice) {
    size_t n = elements_of(slice->rank, slice->dims), n_out = elements_of(slice->rank, slice->count);
    float *x = net_random(n, n), *y = net_random(n_out, 1);
    int64_t *ints = calloc(n, sizeof *ints), *picked = calloc(n_out ? n_out : 1, sizeof *picked);
    uint8_t *bytes = calloc(n, 1), *picked_bytes = calloc(n_out ? n_out : 1, 1);
    for (size_t i = 0; i < n; i++) {
        ints[i] = (int64_t)i - ((int64_t)1 << 40);
        bytes[i] = (uint8_t)(7 * i);
    }
    for (size_t i = 0; i < n_out; i++) {
        y[i] = x[source_of(slice, i)];
        picked[i] = ints[source_of(slice, i)];
        picked_bytes[i] = bytes[source_of(slice, i)];
    }
    struct net_layer floats = layer_of(slice, net_computed(slice->rank, slice->dims, x));
    cr_assert(net_layer_moves(&floats, y, n_out));
    struct net_layer long_ints = layer_of(slice, net_computed_of(FMAP_INT64, slice->rank, slice->dims, ints));
    cr_assert(net_layer_gives(&long_ints, FMAP_INT64, picked, n_out));
    struct net_layer short_ints = layer_of(slice,
                                           net_constant_of(FMAP_UINT8, slice->rank, slice->dims, bytes));
    short_ints.batch = false;
    cr_assert(net_layer_gives(&short_ints, FMAP_UINT8, picked_bytes, n_out));
    free(x);
    free(y);
    free(ints);
    free(picked);
    free(bytes);
    free(picked_bytes);
}

/* Cuts one axis of an image. */
static void assert_cut(const int64_t dims[4], int axis, int64_t start, int64_t end, int64_t step,
                       int64_t first, int64_t count) {
    struct slice slice = {
        .rank = 4, .n = 1, .axes = {axis}, .starts = {start}, .ends = {end}, .steps = {step}};
    for (int i = 0; i < 4; i++) {
        slice.dims[i] = slice.count[i] = dims[i];
        slice.step[i] = 1;
    }
    slice.first[axis] = first;
    slice.count[axis] = count;
    slice.step[axis] = step;
    assert_sliced(&slice);
}

Test(slice, ranges_of_channels_wherever_their_blocks_begin) {
    for (int64_t n = 1; n <= 2; n++) {
        const int64_t dims[4] = {n, 53, 3, 5};
        assert_cut(dims, 1, 16, 48, 1, 16, 32);
        assert_cut(dims, 1, 32, INT64_MAX, 1, 32, 21);
        assert_cut(dims, 1, 0, 24, 1, 0, 24);
        assert_cut(dims, 1, 5, 42, 1, 5, 37);
        assert_cut(dims, 1, 30, 31, 1, 30, 1);
        assert_cut(dims, 1, 1, 50, 7, 1, 7);
        assert_cut(dims, 1, -1, INT64_MIN, -1, 52, 53);
    }
}

Test(slice, ranges_of_rows_and_columns) {
    const int64_t dims[4] = {2, 18, 7, 9};
    assert_cut(dims, 2, 1, 5, 1, 1, 4);
    assert_cut(dims, 2, 0, 7, 2, 0, 4);
    assert_cut(dims, 2, 6, 0, -2, 6, 3);
    assert_cut(dims, 3, 1, -1, 1, 1, 7);
    assert_cut(dims, 3, -3, 100, 2, 6, 2);
    assert_cut(dims, 3, 100, -100, -3, 8, 3);
    assert_cut(dims, 0, 1, 2, 1, 1, 1);
}

Test(slice, several_axes_at_once) {
    assert_sliced(&(struct slice){.rank = 4,
                                  .dims = {1, 40, 6, 7},
                                  .n = 3,
                                  .axes = {-1, 1, 2},
                                  .starts = {-5, 16, 4},
                                  .ends = {7, 32, 1},
                                  .steps = {2, 1, -1},
                                  .first = {0, 16, 4, 2},
                                  .count = {1, 16, 3, 3},
                                  .step = {1, 1, -1, 2}});
    assert_sliced(&(struct slice){.rank = 2,
                                  .dims = {5, 20},
                                  .n = 2,
                                  .axes = {0, 1},
                                  .starts = {1, 3},
                                  .ends = {4, 20},
                                  .steps = {1, 4},
                                  .first = {1, 3},
                                  .count = {3, 5},
                                  .step = {1, 4}});
    assert_sliced(&(struct slice){.rank = 1,
                                  .dims = {9},
                                  .n = 1,
                                  .starts = {2},
                                  .ends = {6},
                                  .steps = {1},
                                  .first = {2},
                                  .count = {4},
                                  .step = {1}});
}

Test(slice, nothing_may_be_left) {
    const int64_t dims[4] = {1, 18, 3, 4};
    assert_cut(dims, 1, 5, 5, 1, 5, 0);
    assert_cut(dims, 3, 7, 9, 1, 4, 0);
}

Test(slice, attributes_of_old_opsets) {
    static const float x[6] = {0, 1, 2, 3, 4, 5}, expected[2] = {1, 2};
    static const int64_t dims[2] = {2, 3}, starts[2] = {0, 1}, ends[2] = {1, 1000};
    struct net_layer layer = {
        .op = "Slice", .opset = 9, .n_operands = 1, .operands = {net_computed(2, dims, x)}};
    net_layer_attribute(&layer, net_list("starts", starts, 2));
    net_layer_attribute(&layer, net_list("ends", ends, 2));
    cr_assert(net_layer_moves(&layer, expected, 2));
    cr_assert(net_layer_has_shape(&layer, 2, (int64_t[]){1, 2}));
}

Test(slice, sizes_that_nobody_knows_yet) {
    const int64_t dims[3] = {2, FMAP_UNKNOWN, 5};
    struct slice slice = {
        .rank = 3, .n = 2, .axes = {1, 2}, .starts = {0, 1}, .ends = {INT64_MAX, 3}, .steps = {1, 1}};
    struct net_layer layer = layer_of(&slice, net_computed(3, dims, NULL));
    layer.operands[2] = net_constant_ints(2, slice.ends);
    cr_assert(net_layer_has_shape(&layer, 3, (int64_t[]){2, FMAP_UNKNOWN, 2}));
    layer.operands[2] = net_pending_ints(2, slice.ends);
    cr_assert(net_layer_has_shape(&layer, 3, (int64_t[]){FMAP_UNKNOWN, FMAP_UNKNOWN, FMAP_UNKNOWN}));
}

Test(slice, lists_that_do_not_fit_are_refused) {
    static const float x[6] = {0};
    static const int64_t dims[2] = {2, 3};
    struct slice slice = {.rank = 2, .n = 1, .axes = {2}, .ends = {1}, .steps = {1}};
    struct net_layer layer = layer_of(&slice, net_computed(2, dims, x));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "names axis 2"));
    slice.axes[0] = 1;
    slice.steps[0] = 0;
    layer = layer_of(&slice, net_computed(2, dims, x));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "step 0 is 0"));
    layer.operands[4] = net_constant_ints(2, (int64_t[]){1, 1});
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "1 starts, 1 ends, 1 axes and 2 steps"));
    layer.operands[4] = net_computed_of(FMAP_INT64, 1, (int64_t[]){1}, slice.axes);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "is computed, expected a constant"));
}
