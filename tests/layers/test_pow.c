#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_layer.h"

static const int64_t none[1] = {0};

/* Two roundings are the C library's; x^3 by products has two, the others one. */
static void assert_power(struct net_operand exponent, double number, bool positive) {
    static const int64_t image[4] = {2, 19, 4, 5};
    enum { N = 2 * 19 * 20 };
    double expected[N], bounds[N];
    float *x = net_random(N, 1);
    for (int i = 0; i < N; i++) {
        if (positive) x[i] = fabsf(x[i]) + 0.01f;
        expected[i] = pow((double)x[i], number);
        bounds[i] = check_bound(2.0, fabs(expected[i])) + (double)FLT_MIN;
    }
    struct net_layer layer = {.op = "Pow", .n_operands = 2, .batch = true};
    layer.operands[0] = net_computed(4, image, x);
    layer.operands[1] = exponent;
    cr_assert(net_layer_agrees(&layer, expected, bounds, N), "exponent %g", number);
    free(x);
}

Test(pow, constant_exponents) {
    static const float exponents[] = {0, 1, 2, 3, 0.5f, -1, -2, 0.75f, 1.7f, -0.5f};
    for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
        bool whole = nearbyintf(exponents[i]) == exponents[i];
        assert_power(net_constant(0, none, &exponents[i]), (double)exponents[i], !whole);
    }
}

Test(pow, exponents_of_other_types) {
    static const int64_t two[1] = {2}, four[1] = {4};
    static const int32_t three[1] = {3};
    assert_power(net_constant_of(FMAP_INT64, 0, none, two), 2, false);
    assert_power(net_constant_of(FMAP_INT32, 0, none, three), 3, false);
    assert_power(net_constant_of(FMAP_INT64, 0, none, four), 4, false);
}

Test(pow, operands_are_broadcast_in_both_directions) {
    static const int64_t column[2] = {3, 1}, row[1] = {4};
    static const float base[3] = {0.5f, 2, 3}, exponent[4] = {-1.5f, 0, 0.3f, 2};
    double expected[12], bounds[12];
    for (int i = 0; i < 12; i++) {
        expected[i] = pow((double)base[i / 4], (double)exponent[i % 4]);
        bounds[i] = check_bound(2.0, expected[i]);
    }
    struct net_layer layer = {.op = "Pow", .n_operands = 2};
    layer.operands[0] = net_computed(2, column, base);
    layer.operands[1] = net_computed(1, row, exponent);
    cr_assert(net_layer_agrees(&layer, expected, bounds, 12));
}

Test(pow, of_integers) {
    static const int64_t six[1] = {6};
    static const int64_t base[6] = {2, -3, 10, -1, 0, 7}, exponent[6] = {10, 3, 0, -3, -1, -2};
    static const int64_t expected[6] = {1024, -27, 1, -1, 0, 0};
    static const int32_t bases[6] = {2, 9, 10, 1, 4, 7}, powers[6] = {1024, 3, 1, 1, 2, 0};
    static const float exponents[6] = {10, 0.5f, 0, -3, 0.5f, -2};
    struct net_layer layer = {.op = "Pow", .n_operands = 2};
    layer.operands[0] = net_computed_of(FMAP_INT64, 1, six, base);
    layer.operands[1] = net_computed_of(FMAP_INT64, 1, six, exponent);
    cr_assert(net_layer_gives(&layer, FMAP_INT64, expected, 6));
    layer.operands[0] = net_computed_of(FMAP_INT32, 1, six, bases);
    layer.operands[1] = net_computed(1, six, exponents);
    cr_assert(net_layer_gives(&layer, FMAP_INT32, powers, 6));
}

Test(pow, bools_are_refused) {
    static const int64_t two[1] = {2};
    static const uint8_t truths[2] = {0, 1};
    struct net_layer layer = {.op = "Pow", .n_operands = 2};
    layer.operands[0] = net_computed_of(FMAP_BOOL, 1, two, truths);
    layer.operands[1] = net_computed_of(FMAP_BOOL, 1, two, truths);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has elements of type 9"));
}
