#include <criterion/criterion.h>

#include <math.h>

#include "tests/net_layer.h"

static struct net_layer cast(struct net_operand operand, fmap_type to) {
    struct net_layer layer = {.op = "Cast", .n_operands = 1, .operands = {operand}};
    net_layer_attribute(&layer, net_int("to", to));
    return layer;
}

static void assert_cast(fmap_type from, const void *elements, fmap_type to, const void *expected, int64_t n) {
    struct net_operand operands[] = {net_computed_of(from, 1, &n, elements),
                                     net_constant_of(from, 1, &n, elements),
                                     net_pending_of(from, 1, &n, elements)};
    for (int i = 0; i < 3; i++) {
        struct net_layer layer = cast(operands[i], to);
        layer.batch = i == 0;
        cr_assert(net_layer_gives(&layer, to, expected, (size_t)n));
    }
}

Test(cast, floats_lose_what_is_behind_the_point) {
    static const float x[6] = {-2.75f, -0.5f, 0.0f, 0.9f, 7.0f, 100.5f};
    assert_cast(FMAP_FLOAT32, x, FMAP_INT64, (int64_t[]){-2, 0, 0, 0, 7, 100}, 6);
    assert_cast(FMAP_FLOAT32, x, FMAP_INT32, (int32_t[]){-2, 0, 0, 0, 7, 100}, 6);
    assert_cast(FMAP_FLOAT32, x, FMAP_INT8, (int8_t[]){-2, 0, 0, 0, 7, 100}, 6);
    assert_cast(FMAP_FLOAT32, x + 2, FMAP_UINT8, (uint8_t[]){0, 0, 7, 100}, 4);
    assert_cast(FMAP_FLOAT32, x, FMAP_FLOAT32, x, 6);
}

Test(cast, bool_is_not_zero) {
    static const uint8_t expected[4] = {1, 0, 1, 1};
    assert_cast(FMAP_FLOAT32, (float[]){-1, 0, 0.25f, NAN}, FMAP_BOOL, expected, 4);
    assert_cast(FMAP_INT64, (int64_t[]){-1, 0, 256, INT64_MIN}, FMAP_BOOL, expected, 4);
    assert_cast(FMAP_BOOL, expected, FMAP_FLOAT32, (float[]){1, 0, 1, 1}, 4);
}

Test(cast, integers_keep_their_sign) {
    static const int8_t x[3] = {-128, -1, 127};
    assert_cast(FMAP_INT8, x, FMAP_INT64, (int64_t[]){-128, -1, 127}, 3);
    assert_cast(FMAP_INT8, x, FMAP_FLOAT32, (float[]){-128, -1, 127}, 3);
    assert_cast(FMAP_UINT8, (uint8_t[]){128, 255, 0}, FMAP_INT32, (int32_t[]){128, 255, 0}, 3);
    assert_cast(FMAP_INT32, (int32_t[]){-5, 5, INT32_MIN}, FMAP_INT64, (int64_t[]){-5, 5, INT32_MIN}, 3);
}

Test(cast, types_that_nobody_knows_are_refused) {
    static const float x[1] = {0};
    struct net_layer layer = cast(net_computed(1, (int64_t[]){1}, x), 11);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "expected float32 (1)"));
}

Test(cast, the_first_opsets_named_the_type) {
    static const float x[2] = {-2.75f, 7};
    struct net_layer layer = {.op = "Cast", .opset = 5, .n_operands = 1};
    layer.operands[0] = net_computed(1, (int64_t[]){2}, x);
    net_layer_attribute(&layer, net_string("to", "INT64"));
    cr_assert(net_layer_gives(&layer, FMAP_INT64, (int64_t[]){-2, 7}, 2));
    layer.attributes[0] = net_string("to", "DOUBLE");
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "attribute 'to' is 'DOUBLE'"));
    layer.attributes[0] = net_int("to", FMAP_INT64);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'to' is of type"));
}
