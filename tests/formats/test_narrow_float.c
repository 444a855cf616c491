/* All 65,536 numbers of each sixteen-bit type. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "runtime/formats/narrow_float.h"

/* The value as the standard defines it, from sign, exponent and fraction. */
static double value_of(uint16_t bits, int exponent_bits, int fraction_bits) {
    int bias = (1 << (exponent_bits - 1)) - 1;
    int exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
    double fraction = ldexp(bits & ((1 << fraction_bits) - 1), -fraction_bits);
    double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == (1 << exponent_bits) - 1) return fraction > 0 ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(1 + fraction, exponent - bias) : ldexp(fraction, 1 - bias));
}

static void expect_equal(float got, double expected, unsigned bits) {
    if (isnan(expected)) {
        cr_assert(isnan(got), "%#06x", bits);
    } else {
        cr_assert_eq((double)got, expected, "%#06x is %a, not %a", bits, (double)got, expected);
        cr_assert_eq(!signbit(got), !signbit(expected), "%#06x", bits);
    }
}

Test(narrow_float, every_float16) {
    for (unsigned bits = 0; bits <= UINT16_MAX; bits++) {
        expect_equal(fmap_float_from_float16((uint16_t)bits), value_of((uint16_t)bits, 5, 10), bits);
    }
}

Test(narrow_float, every_bfloat16) {
    for (unsigned bits = 0; bits <= UINT16_MAX; bits++) {
        expect_equal(fmap_float_from_bfloat16((uint16_t)bits), value_of((uint16_t)bits, 8, 7), bits);
    }
}
