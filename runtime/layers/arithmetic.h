/* Arithmetic of integers. */
#ifndef FMAP_LAYERS_ARITHMETIC_H
#define FMAP_LAYERS_ARITHMETIC_H

#include "runtime/layers/typed.h"

enum fmap_arithmetic {
    FMAP_ARITHMETIC_ADD, /* sums, differences and products wrap around */
    FMAP_ARITHMETIC_SUB,
    FMAP_ARITHMETIC_MUL,
    FMAP_ARITHMETIC_DIV, /* towards 0; by 0 it is 0 */
    FMAP_ARITHMETIC_MIN,
    FMAP_ARITHMETIC_MAX,
    FMAP_ARITHMETIC_REMAINDER, /* with the sign of the dividend; by 0 it is 0 */
    FMAP_ARITHMETIC_MODULO,    /* with the sign of the divisor */
    FMAP_ARITHMETIC_NEG,       /* of the first operand alone, as all that follow */
    FMAP_ARITHMETIC_ABS,
    FMAP_ARITHMETIC_SIGN,
    FMAP_ARITHMETIC_RELU,
    FMAP_ARITHMETIC_OPS
};

/* Of uint8, int8, int32 or int64. */
fmap_typed_loop *fmap_arithmetic_loop(enum fmap_arithmetic operation, fmap_type type);

#endif
