#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/net_layer.h"

enum { N = 6 };

static bool compare(const char *op, double a, double b) {
    if (strcmp(op, "Equal") == 0) return a == b;
    if (strcmp(op, "Greater") == 0) return a > b;
    if (strcmp(op, "GreaterOrEqual") == 0) return a >= b;
    if (strcmp(op, "Less") == 0) return a < b;
    return a <= b;
}

static const char *const comparisons[] = {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"};

/* Each element of a against each of b. */
#define ASSERT_COMPARISONS(type, a, b) \
    for (size_t op = 0; op < 5; op++) { \
        static const int64_t rows[2] = {N, 1}, columns[1] = {N}; \
        uint8_t expected[N * N]; \
        for (size_t i = 0; i < N * N; i++) \
            expected[i] = compare(comparisons[op], (double)(a)[i / N], (double)(b)[i % N]); \
        struct net_layer layer = {.op = comparisons[op], .n_operands = 2}; \
        layer.operands[0] = net_computed_of(type, 2, rows, a); \
        layer.operands[1] = net_computed_of(type, 1, columns, b); \
        cr_assert(net_layer_gives(&layer, FMAP_BOOL, expected, N *N), "%s", comparisons[op]); \
        layer.operands[1] = net_constant_of(type, 1, columns, b); \
        cr_assert(net_layer_gives(&layer, FMAP_BOOL, expected, N *N), "%s", comparisons[op]); \
    }

Test(compare, numbers_of_every_type) {
    static const float floats[N] = {0, -0.0f, 1.5f, INFINITY, NAN, -2},
                       others[N] = {NAN, 0, 1.5f, -INFINITY, 1, 9};
    static const uint8_t bytes[N] = {0, 255, 3, 4, 200, 1};
    static const int8_t signed_bytes[N] = {0, -128, 127, 4, -1, 1};
    static const int32_t ints[N] = {0, INT32_MIN, INT32_MAX, 4, -1, 1};
    static const int64_t longs[N] = {0, -5, 1 << 30, 4, -1, 1};
    ASSERT_COMPARISONS(FMAP_FLOAT32, floats, others)
    ASSERT_COMPARISONS(FMAP_UINT8, bytes, bytes)
    ASSERT_COMPARISONS(FMAP_INT8, signed_bytes, signed_bytes)
    ASSERT_COMPARISONS(FMAP_INT32, ints, ints)
    ASSERT_COMPARISONS(FMAP_INT64, longs, longs)
}

Test(compare, what_blocked_maps_hold) {
    static const int64_t image[4] = {2, 19, 3, 3};
    enum { ELEMENTS = 2 * 19 * 9 };
    float *x = net_random(ELEMENTS, 1), *y = net_random(ELEMENTS, 2);
    uint8_t expected[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++) expected[i] = x[i] < y[i];
    struct net_layer layer = {.op = "Less", .n_operands = 2, .batch = true};
    layer.operands[0] = net_computed(4, image, x);
    layer.operands[1] = net_computed(4, image, y);
    cr_assert(net_layer_gives(&layer, FMAP_BOOL, expected, ELEMENTS));
    free(x);
    free(y);
}

Test(compare, and_or_xor_and_not) {
    static const int64_t column[2] = {2, 1}, row[1] = {2};
    static const uint8_t truths[2] = {0, 1};
    static const uint8_t and[4] = {0, 0, 0, 1}, or [4] = {0, 1, 1, 1},
                         xor[4] =
                             {
                                 0, 1, 1, 0},
                         not [2] = {1, 0};
    static const struct {
        const char *op;
        const uint8_t *expected;
    } all[] = {{"And", and}, {"Or", or }, {"Xor", xor}};
    struct net_layer layer = {.n_operands = 2};
    layer.operands[0] = net_computed_of(FMAP_BOOL, 2, column, truths);
    layer.operands[1] = net_computed_of(FMAP_BOOL, 1, row, truths);
    for (int i = 0; i < 3; i++) {
        layer.op = all[i].op;
        cr_assert(net_layer_gives(&layer, FMAP_BOOL, all[i].expected, 4), "%s", all[i].op);
    }
    layer.op = "Not";
    layer.n_operands = 1;
    cr_assert(net_layer_gives(&layer, FMAP_BOOL, not, 2));
}

Test(compare, nan_and_infinity_are_found) {
    static const int64_t four[1] = {4};
    static const float x[4] = {NAN, INFINITY, -INFINITY, 3};
    static const uint8_t nan[4] = {1, 0, 0, 0}, infinite[4] = {0, 1, 1, 0}, high[4] = {0, 1, 0, 0},
                         low[4] = {0, 0, 1, 0}, none[4] = {0};
    struct net_layer layer = {.op = "IsNaN", .n_operands = 1};
    layer.operands[0] = net_computed(1, four, x);
    cr_assert(net_layer_gives(&layer, FMAP_BOOL, nan, 4));
    layer.op = "IsInf";
    cr_assert(net_layer_gives(&layer, FMAP_BOOL, infinite, 4));
    net_layer_attribute(&layer, net_int("detect_negative", 0));
    cr_assert(net_layer_gives(&layer, FMAP_BOOL, high, 4));
    net_layer_attribute(&layer, net_int("detect_positive", 0));
    cr_assert(net_layer_gives(&layer, FMAP_BOOL, none, 4));
    layer.attributes[0] = layer.attributes[1];
    layer.n_attributes = 1;
    cr_assert(net_layer_gives(&layer, FMAP_BOOL, low, 4));
}

Test(compare, what_does_not_fit_is_refused) {
    static const int64_t four[1] = {4};
    static const float x[4] = {0};
    static const int64_t ints[4] = {0};
    struct net_layer layer = {.op = "Less", .n_operands = 2};
    layer.operands[0] = net_computed(1, four, x);
    layer.operands[1] = net_computed_of(FMAP_INT64, 1, four, ints);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has elements of type 7"));
    layer.op = "And";
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has elements of type 1"));
}
