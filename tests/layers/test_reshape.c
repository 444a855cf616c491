#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/net_layer.h"

struct reshape {
    int rank;
    int64_t dims[FMAP_MAX_RANK];
    int64_t n_wanted;
    int64_t wanted[FMAP_MAX_RANK];
    int64_t expected[FMAP_MAX_RANK];
};

static struct net_layer layer_of(const struct reshape *reshape, const float *x) {
    struct net_layer layer = {.op = "Reshape", .n_operands = 2};
    layer.operands[0] = net_computed(reshape->rank, reshape->dims, x);
    layer.operands[1] = net_constant_ints(reshape->n_wanted, reshape->wanted);
    return layer;
}

Test(reshape, keeps_the_order_of_the_elements) {
    static const struct reshape cases[] = {
        {4, {2, 19, 3, 4}, 2, {2, -1}, {2, 228}},
        {4, {2, 19, 3, 4}, 3, {0, 0, -1}, {2, 19, 12}},
        {4, {2, 16, 3, 4}, 4, {2, 48, 2, 2}, {2, 48, 2, 2}},
        {4, {2, 33, 1, 1}, 2, {0, 33}, {2, 33}},
        {2, {2, 33}, 4, {0, 0, 1, 1}, {2, 33, 1, 1}},
        {3, {4, 2, 3}, 1, {-1}, {24}},
        {1, {12}, 8, {1, 2, 1, 3, 1, 2, 1, 1}, {1, 2, 1, 3, 1, 2, 1, 1}},
        {2, {1, 1}, 0, {0}, {0}},
        {4, {1, 5, 4, 4}, 4, {1, -1, 8, 2}, {1, 5, 8, 2}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = 1;
        for (int k = 0; k < cases[i].rank; k++) n *= (size_t)cases[i].dims[k];
        float *x = net_random(n, i);
        struct net_layer layer = layer_of(&cases[i], x);
        cr_assert(net_layer_has_shape(&layer, (int)cases[i].n_wanted, cases[i].expected), "case %zu", i);
        cr_assert(net_layer_moves(&layer, x, n), "case %zu", i);
        free(x);
    }
}

Test(reshape, an_image_alone_is_reshaped_as_in_a_batch) {
    static const struct reshape reshape = {4, {3, 5, 4, 2}, 3, {0, -1, 4}, {0}};
    float *x = net_random(120, 1);
    struct net_layer layer = layer_of(&reshape, x);
    layer.batch = true;
    cr_assert(net_layer_moves(&layer, x, 120));
    free(x);
}

Test(reshape, infers_what_it_can_of_unknown_sizes) {
    static const struct reshape cases[] = {
        {4, {FMAP_UNKNOWN, 256, 4, 4}, 2, {0, -1}, {FMAP_UNKNOWN, 4096}},
        {4, {FMAP_UNKNOWN, 256, 4, 4}, 2, {-1, 4096}, {FMAP_UNKNOWN, 4096}},
        {4, {FMAP_UNKNOWN, 256, FMAP_UNKNOWN, 4}, 4, {0, 2, -1, 4}, {FMAP_UNKNOWN, 2, FMAP_UNKNOWN, 4}},
        {3, {FMAP_UNKNOWN, 28, 28}, 2, {1, 784}, {1, 784}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_layer layer = layer_of(&cases[i], NULL);
        cr_assert(net_layer_has_shape(&layer, (int)cases[i].n_wanted, cases[i].expected), "case %zu", i);
    }
}

Test(reshape, what_does_not_fit_is_refused) {
    static const struct {
        struct reshape reshape;
        const char *words;
    } cases[] = {
        {{2, {2, 3}, 2, {2, 4}, {0}}, "of shape 2x3 cannot be reshaped to 2x4"},
        {{2, {2, 3}, 2, {4, -1}, {0}}, "cannot be reshaped to 4x?"},
        {{2, {2, 3}, 2, {-1, -1}, {0}}, "dimension 1 of the new shape is -1, which means nothing"},
        {{2, {2, 3}, 2, {-2, -3}, {0}}, "dimension 0 of the new shape is -2"},
        {{2, {2, 3}, 3, {2, 3, 0}, {0}}, "dimension 2 of the new shape is 0"},
        {{2, {2, 3}, 3, {INT64_MAX, INT64_MAX, -1}, {0}}, "cannot be reshaped to 9223372036854775807x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_layer layer = layer_of(&cases[i].reshape, NULL);
        cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, cases[i].words), "case %zu", i);
    }
}

Test(reshape, zero_may_be_a_size_and_then_nothing_fits_it) {
    static const struct reshape reshape = {2, {2, 3}, 2, {0, -1}, {0}};
    struct net_layer layer = layer_of(&reshape, NULL);
    net_layer_attribute(&layer, net_int("allowzero", 1));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "cannot be reshaped to 0x?"));
}

Test(reshape, to_a_shape_that_is_no_constant_list_of_at_most_8_integers_is_refused) {
    static const struct reshape reshape = {2, {2, 3}, 2, {0, -1}, {0}};
    static const int64_t two = 2, nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 6};
    static const float floats[2] = {3, 2};
    struct net_layer layer = layer_of(&reshape, NULL);
    layer.operands[1] = net_computed(1, &two, NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "is computed, expected a constant"));
    layer.operands[1] = net_constant(1, &two, floats);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "elements of type 1, expected 7"));
    layer.operands[1] = net_constant_ints(9, nine);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has 9 elements, expected at most 8"));
}
