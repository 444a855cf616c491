#include "runtime/layers/arithmetic.h"

/* Sums, differences and products are those of 64-bit numbers without sign, cut to the type: no overflow is undefined.
 * The lowest number divided by -1 is itself, so it is negated and not divided. */
#define WIDE(x) (uint64_t)(x)

#define LOOPS(type) \
    FMAP_TYPED_LOOP(type##_add, type, type, WIDE(x) + WIDE(y)) \
    FMAP_TYPED_LOOP(type##_sub, type, type, WIDE(x) - WIDE(y)) \
    FMAP_TYPED_LOOP(type##_mul, type, type, WIDE(x) * WIDE(y)) \
    FMAP_TYPED_LOOP(type##_div, type, type, \
                    y == 0                          ? 0 \
                    : y == (type)-1 && (type)-1 < 0 ? 0 - WIDE(x) \
                                                    : WIDE(x / y)) \
    FMAP_TYPED_LOOP(type##_min, type, type, x < y ? x : y) \
    FMAP_TYPED_LOOP(type##_max, type, type, x > y ? x : y) \
    FMAP_TYPED_LOOP(type##_remainder, type, type, y == 0 || (y == (type)-1 && (type)-1 < 0) ? 0 : x % y) \
    FMAP_TYPED_LOOP(type##_modulo, type, type, \
                    y == 0 || (y == (type)-1 && (type)-1 < 0) ? 0 \
                    : x % y != 0 && (x % y < 0) != (y < 0)    ? x % y + y \
                                                              : x % y) \
    FMAP_TYPED_LOOP(type##_neg, type, type, 0 - WIDE(x)) \
    FMAP_TYPED_LOOP(type##_abs, type, type, x < 0 ? 0 - WIDE(x) : WIDE(x)) \
    FMAP_TYPED_LOOP(type##_sign, type, type, (x > 0) - (x < 0)) \
    FMAP_TYPED_LOOP(type##_relu, type, type, x > 0 ? x : 0) \
    static fmap_typed_loop *const type##_loops[FMAP_ARITHMETIC_OPS] = { \
        type##_add,       type##_sub,    type##_mul, type##_div, type##_min,  type##_max, \
        type##_remainder, type##_modulo, type##_neg, type##_abs, type##_sign, type##_relu};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtype-limits" /* numbers without sign are never below 0 */
LOOPS(uint8_t)
#pragma GCC diagnostic pop
LOOPS(int8_t)
LOOPS(int32_t)
LOOPS(int64_t)

fmap_typed_loop *fmap_arithmetic_loop(enum fmap_arithmetic operation, fmap_type type) {
    switch (type) {
    case FMAP_UINT8: return uint8_t_loops[operation];
    case FMAP_INT8: return int8_t_loops[operation];
    case FMAP_INT32: return int32_t_loops[operation];
    default: return int64_t_loops[operation];
    }
}
