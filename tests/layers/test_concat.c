#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_layer.h"

struct concat {
    int rank, axis, n_inputs;
    int64_t dims[FMAP_MAX_RANK];     /* but for the axis */
    int64_t sizes[NET_MAX_OPERANDS]; /* along the axis */
    bool constant[NET_MAX_OPERANDS];
};

static size_t product(const int64_t *dims, int first, int end) {
    size_t n = 1;
    for (int i = first; i < end; i++) n *= (size_t)dims[i];
    return n;
}

static bool agrees(const struct concat *concat, bool from_behind) {
    size_t outer = product(concat->dims, 0, concat->axis), along = 0, place = 0;
    size_t inner = product(concat->dims, concat->axis + 1, concat->rank);
    float *x[NET_MAX_OPERANDS];
    struct net_layer layer = {.op = "Concat", .n_operands = (size_t)concat->n_inputs};
    for (int i = 0; i < concat->n_inputs; i++) along += (size_t)concat->sizes[i];
    size_t n = outer * along * inner;
    float *expected = net_random(n, 0);
    for (int i = 0; i < concat->n_inputs; i++) {
        int64_t dims[FMAP_MAX_RANK];
        size_t run = (size_t)concat->sizes[i] * inner;
        memcpy(dims, concat->dims, sizeof dims);
        dims[concat->axis] = concat->sizes[i];
        x[i] = net_random(outer * run, (uint64_t)i + 1);
        layer.operands[i] = concat->constant[i] ? net_constant(concat->rank, dims, x[i])
                                                : net_computed(concat->rank, dims, x[i]);
        for (size_t o = 0; o < outer; o++) {
            memcpy(expected + o * along * inner + place, x[i] + o * run, run * sizeof *expected);
        }
        place += run;
    }
    net_layer_attribute(&layer, net_int("axis", from_behind ? concat->axis - concat->rank : concat->axis));
    bool good = net_layer_moves(&layer, expected, n);
    for (int i = 0; i < concat->n_inputs; i++) free(x[i]);
    free(expected);
    return good;
}

Test(concat, along_every_axis_of_every_rank) {
    uint64_t seed = 1;
    for (int rank = 1; rank <= 6; rank++) {
        for (int axis = 0; axis < rank; axis++) {
            for (int i = 0; i < 4; i++) {
                struct concat concat = {.rank = rank, .axis = axis, .n_inputs = check_between(&seed, 1, 5)};
                for (int k = 0; k < rank; k++) concat.dims[k] = check_between(&seed, 1, k == 1 ? 33 : 4);
                for (int k = 0; k < concat.n_inputs; k++) {
                    concat.sizes[k] = check_between(&seed, 1, 5);
                    concat.constant[k] = k > 0 && check_between(&seed, 0, 3) == 0;
                }
                cr_assert(agrees(&concat, i % 2), "rank %d, axis %d, case %d", rank, axis, i);
            }
        }
    }
}

Test(concat, channels_that_fill_blocks_and_that_do_not) {
    static const struct concat cases[] = {
        {.rank = 4, .axis = 1, .n_inputs = 3, .dims = {2, 0, 3, 5}, .sizes = {16, 32, 5}},
        {.rank = 4, .axis = 1, .n_inputs = 3, .dims = {2, 0, 3, 5}, .sizes = {16, 5, 16}},
        {.rank = 4,
         .axis = 1,
         .n_inputs = 2,
         .dims = {2, 0, 3, 5},
         .sizes = {16, 16},
         .constant = {false, true}},
        {.rank = 4, .axis = 1, .n_inputs = 2, .dims = {1, 0, 61, 67}, .sizes = {32, 17}},
        {.rank = 2, .axis = 1, .n_inputs = 2, .dims = {3, 0}, .sizes = {32, 7}},
        {.rank = 3, .axis = 1, .n_inputs = 2, .dims = {2, 0, 6}, .sizes = {48, 16}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert(agrees(&cases[i], false), "case %zu", i);
}

Test(concat, an_image_alone_gives_the_bits_that_it_gives_in_a_batch) {
    static const int64_t dims[4] = {3, 16, 2, 2};
    enum { N = 3 * 16 * 4 };
    float *x = net_random(N, 1), expected[2 * N];
    for (size_t i = 0; i < 3; i++) {
        memcpy(expected + 128 * i, x + 64 * i, 64 * sizeof *x);
        memcpy(expected + 128 * i + 64, x + 64 * i, 64 * sizeof *x);
    }
    struct net_layer layer = {.op = "Concat", .n_operands = 2, .batch = true};
    layer.operands[0] = layer.operands[1] = net_computed(4, dims, x);
    net_layer_attribute(&layer, net_int("axis", 1));
    cr_assert(net_layer_moves(&layer, expected, 2 * N));
    free(x);
}

Test(concat, unknown_sizes_take_the_other_inputs) {
    static const int64_t a[3] = {FMAP_UNKNOWN, 3, 5}, b[3] = {2, FMAP_UNKNOWN, FMAP_UNKNOWN},
                         c[3] = {2, FMAP_UNKNOWN, 5};
    struct net_layer layer = {.op = "Concat", .n_operands = 2};
    layer.operands[0] = net_computed(3, a, NULL);
    layer.operands[1] = net_computed(3, b, NULL);
    net_layer_attribute(&layer, net_int("axis", 1));
    cr_assert(net_layer_has_shape(&layer, 3, c));
}

Test(concat, what_does_not_fit_is_refused) {
    static const int64_t a[2] = {2, 3}, b[2] = {3, 3}, c[3] = {2, 3, 1}, large[2] = {2, INT64_MAX};
    struct net_layer layer = {.op = "Concat", .n_operands = 2};
    layer.operands[0] = net_computed(2, a, NULL);
    layer.operands[1] = net_computed(2, b, NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "there is no attribute 'axis'"));
    net_layer_attribute(&layer, net_int("axis", 1));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL,
                                "'x1' of shape 3x3 does not fit to input 0 'x0' of shape 2x3, expected "
                                "shapes that differ only along axis 1"));
    layer.operands[1] = net_computed(3, c, NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "does not fit"));
    layer.operands[1] = net_computed(2, large, NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "does not fit"));
    layer.operands[1] = layer.operands[0];
    layer.attributes[0] = net_int("axis", 2);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has no axis 2"));
    layer.attributes[0] = net_int("axis", -3);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has no axis -3"));
}
