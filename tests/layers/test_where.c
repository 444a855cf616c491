#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/net_layer.h"

Test(where, chooses_element_by_element_with_broadcasting) {
    static const int64_t columns[2] = {3, 1}, row[1] = {2}, none[1] = {0};
    static const uint8_t condition[3] = {1, 0, 1};
    static const int64_t a[2] = {5, 6}, b[1] = {-1}, expected[6] = {5, 6, -1, -1, 5, 6};
    struct net_layer layer = {.op = "Where", .n_operands = 3};
    layer.operands[0] = net_computed_of(FMAP_BOOL, 2, columns, condition);
    layer.operands[1] = net_computed_of(FMAP_INT64, 1, row, a);
    layer.operands[2] = net_constant_of(FMAP_INT64, 0, none, b);
    cr_assert(net_layer_gives(&layer, FMAP_INT64, expected, 6));
    layer.operands[0] = net_constant_of(FMAP_BOOL, 2, columns, condition);
    layer.operands[1] = net_constant_of(FMAP_INT64, 1, row, a);
    cr_assert(net_layer_gives(&layer, FMAP_INT64, expected, 6));
}

Test(where, takes_every_size_of_elements) {
    static const int64_t four[1] = {4};
    static const uint8_t condition[4] = {1, 0, 0, 1}, a[4] = {1, 2, 3, 4}, b[4] = {5, 6, 7, 8},
                         expected[4] = {1, 6, 7, 4}, chosen[4] = {1, 0, 0, 1};
    struct net_layer layer = {.op = "Where", .n_operands = 3};
    layer.operands[0] = net_computed_of(FMAP_BOOL, 1, four, condition);
    layer.operands[1] = net_computed_of(FMAP_UINT8, 1, four, a);
    layer.operands[2] = net_computed_of(FMAP_UINT8, 1, four, b);
    cr_assert(net_layer_gives(&layer, FMAP_UINT8, expected, 4));
    layer.operands[1] = layer.operands[0];
    layer.operands[2] = net_computed_of(FMAP_BOOL, 1, four, (const uint8_t[4]){0, 0, 0, 1});
    cr_assert(net_layer_gives(&layer, FMAP_BOOL, chosen, 4));
}

Test(where, takes_maps_in_any_form) {
    static const int64_t image[4] = {2, 19, 4, 5}, channels[3] = {19, 1, 1}, mask[4] = {2, 1, 4, 5};
    enum { PIXELS = 20, N = 2 * 19 * PIXELS };
    uint8_t condition[2 * PIXELS];
    float *x = net_random(N, 1), *y = net_random(19, 2), *expected = net_random(N, 3);
    for (int i = 0; i < 2 * PIXELS; i++) condition[i] = i % 3 == 0;
    for (int i = 0; i < N; i++) {
        int channel = i / PIXELS % 19, n = i / PIXELS / 19;
        expected[i] = condition[n * PIXELS + i % PIXELS] ? x[i] : y[channel];
    }
    struct net_layer layer = {.op = "Where", .n_operands = 3};
    layer.operands[0] = net_computed_of(FMAP_BOOL, 4, mask, condition);
    layer.operands[1] = net_computed(4, image, x);
    layer.operands[2] = net_constant(3, channels, y);
    cr_assert(net_layer_moves(&layer, expected, N));
    free(x);
    free(y);
    free(expected);
}

Test(where, what_does_not_fit_is_refused) {
    static const int64_t two[1] = {2}, three[1] = {3};
    static const float x[3] = {0};
    static const uint8_t truths[3] = {0};
    struct net_layer layer = {.op = "Where", .n_operands = 3};
    layer.operands[0] = net_computed_of(FMAP_BOOL, 1, two, truths);
    layer.operands[1] = net_computed(1, three, x);
    layer.operands[2] = net_computed(1, three, x);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "cannot be broadcast together"));
    layer.operands[2] = net_computed_of(FMAP_BOOL, 1, three, truths);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has elements of type 9"));
    layer.operands[0] = layer.operands[1];
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has elements of type 1"));
}
