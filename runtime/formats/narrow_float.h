/* Sixteen-bit floating point numbers as float32; every one of them has its exact equal there. */
#ifndef FMAP_FORMATS_NARROW_FLOAT_H
#define FMAP_FORMATS_NARROW_FLOAT_H

#include <stdint.h>

/* IEEE 754 binary16: 1 bit sign, 5 bits exponent, 10 bits fraction. */
float fmap_float_from_float16(uint16_t bits);

/* The upper half of a float32. */
float fmap_float_from_bfloat16(uint16_t bits);

#endif
