#include "narrow_float.h"

#include <string.h>

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float fmap_float_from_float16(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t exponent = (bits >> 10) & 0x1f;
    uint32_t fraction = bits & 0x3ff;
    if (exponent == 0) { /* zero and subnormals: the fraction in units of 2^-24 */
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    exponent = exponent == 0x1f ? 0xff : exponent + 127 - 15; /* infinities and NaN stay what they are */
    return float_of(sign | exponent << 23 | fraction << 13);
}

float fmap_float_from_bfloat16(uint16_t bits) { return float_of((uint32_t)bits << 16); }
