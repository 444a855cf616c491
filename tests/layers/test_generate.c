#include <criterion/criterion.h>

#include "tests/net_layer.h"

static struct net_layer constant(const struct net_operand shape, fmap_type type, const void *element) {
    struct net_layer layer = {.op = "ConstantOfShape", .n_operands = 1, .operands = {shape}};
    fmap_attribute value = {.name = "value",
                            .type = FMAP_ATTRIBUTE_TENSOR,
                            .tensor = {.type = type, .shape = {.rank = 1, .dims = {1}}, .data = element}};
    if (element) net_layer_attribute(&layer, value);
    return layer;
}

Test(generate, constants_of_every_type) {
    static const int64_t shape[2] = {2, 3}, seven = 7, sevens[6] = {7, 7, 7, 7, 7, 7};
    static const float zeros[6] = {0}, half = 0.5f, halves[6] = {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f};
    static const uint8_t yes = 1, all[6] = {1, 1, 1, 1, 1, 1};
    struct net_layer layer = constant(net_constant_ints(2, shape), FMAP_FLOAT32, NULL);
    cr_assert(net_layer_gives(&layer, FMAP_FLOAT32, zeros, 6));
    cr_assert(net_layer_has_shape(&layer, 2, shape));
    layer = constant(net_pending_ints(2, shape), FMAP_FLOAT32, &half);
    cr_assert(net_layer_gives(&layer, FMAP_FLOAT32, halves, 6));
    layer = constant(net_constant_ints(2, shape), FMAP_INT64, &seven);
    cr_assert(net_layer_gives(&layer, FMAP_INT64, sevens, 6));
    layer = constant(net_constant_ints(2, shape), FMAP_BOOL, &yes);
    cr_assert(net_layer_gives(&layer, FMAP_BOOL, all, 6));
    layer = constant(net_constant_ints(0, shape), FMAP_FLOAT32, &half);
    cr_assert(net_layer_gives(&layer, FMAP_FLOAT32, halves, 1));
}

Test(generate, shapes_that_cannot_be_are_refused) {
    struct net_layer layer = constant(net_constant_ints(2, (int64_t[]){2, -3}), FMAP_FLOAT32, NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "dimension 1 is -3"));
    layer = constant(net_computed_of(FMAP_INT64, 1, (int64_t[]){2}, (int64_t[]){2, 3}), FMAP_FLOAT32, NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "is computed"));
}

static struct net_layer range_of(fmap_type type, const void *start, const void *limit, const void *delta) {
    struct net_layer layer = {.op = "Range", .n_operands = 3};
    layer.operands[0] = net_constant_of(type, 0, NULL, start);
    layer.operands[1] = net_pending_of(type, 0, NULL, limit);
    layer.operands[2] = net_constant_of(type, 0, NULL, delta);
    return layer;
}

Test(range, up_and_down) {
    static const int64_t numbers[3] = {10, 4, -2}, down[3] = {10, 8, 6};
    static const float reals[3] = {0.5f, 2, 0.5f}, up[3] = {0.5f, 1, 1.5f};
    static const int32_t small[3] = {1, 6, 2}, odd[3] = {1, 3, 5};
    struct net_layer layer = range_of(FMAP_INT64, &numbers[0], &numbers[1], &numbers[2]);
    cr_assert(net_layer_gives(&layer, FMAP_INT64, down, 3));
    layer = range_of(FMAP_FLOAT32, &reals[0], &reals[1], &reals[2]);
    cr_assert(net_layer_gives(&layer, FMAP_FLOAT32, up, 3));
    layer = range_of(FMAP_INT32, &small[0], &small[1], &small[2]);
    cr_assert(net_layer_gives(&layer, FMAP_INT32, odd, 3));
    layer = range_of(FMAP_INT64, &numbers[1], &numbers[0], &numbers[2]);
    cr_assert(net_layer_gives(&layer, FMAP_INT64, down, 0));
}

Test(range, without_an_end_it_is_refused) {
    static const int64_t numbers[3] = {0, 4, 0};
    struct net_layer layer = range_of(FMAP_INT64, &numbers[0], &numbers[1], &numbers[2]);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_LIMIT, "too many numbers"));
}
