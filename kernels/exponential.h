/* exp(x) and exp(x) - 1 of a vector.
 *
 * exp(x) = 2^n e^r with n = round(x / ln 2), |r| <= ln(2) / 2, and e^r = 1 + r + r^2 q(r), where the polynomial makes the
 * largest relative error of the whole least: 0.03 ulp. Both are within 2 ulp of the exact value. All instruction sets run
 * the same operations, so they agree to the bit. */
#ifndef FMAP_EXPONENTIAL_H
#define FMAP_EXPONENTIAL_H

#include "template.h"

/* Floats of 1.5 * 2^23 and more are integers: a sum with it is rounded to one, whose last bits are those of the integer. */
#define V_SHIFT 12582912.0f

/* With n of sign * x, sign being 1 or -1: *sum is shift + n, shift being V_SHIFT and a little more, and *r is sign * r; returns
 * q. Of |x| < 2^20, or NaN. */
INLINE vf v_exp_reduced(vf x, float sign, float shift, vf *sum, vf *r) {
    *sum = v_fma(x, v_splat(sign * 1.44269504f), v_splat(shift));
    vf n = v_sub(*sum, v_splat(shift));
    *r = v_fma(n, v_splat(sign * -0.693359375f), x); /* ln 2 in two parts, the first exact in few bits */
    *r = v_fma(n, v_splat(sign * 2.12194440e-4f), *r);
    vf q = v_splat(0.00138145848f);
    q = v_fma(q, *r, v_splat(sign * 0.00836872309f));
    q = v_fma(q, *r, v_splat(0.041668389f));
    q = v_fma(q, *r, v_splat(sign * 0.166665211f));
    return v_fma(q, *r, v_splat(0.49999994f));
}

/* e^r, the n of *sum again. */
INLINE vf v_exp_rest(vf x, float sign, float shift, vf *sum) {
    vf r, q = v_exp_reduced(x, sign, shift, sum, &r);
    return v_fma(v_fma(q, r, v_splat(sign)), r, v_splat(1.0f));
}

/* exp(sign * x) of -104 <= sign * x <= 89: n is in v_scale's range. */
INLINE vf v_exp_within(vf x, float sign) {
    float shift = V_SHIFT + 254; /* AVX2's and NEON's v_scale has it too */
    vf sum, rest = v_exp_rest(x, sign, shift, &sum);
    return v_scale(rest, v_sub(sum, v_splat(shift)));
}

/* exp(sign * x) = 2^n e^r of -87 <= sign * x < 89: returns e^r; the power is infinite where n is 128, from 88.4 on. Where another
 * sum follows, the product is free. */
INLINE vf v_exp_factors(vf x, float sign, vf *power) {
    vf sum, rest = v_exp_rest(x, sign, V_SHIFT + 127, &sum);
    *power = v_power(sum);
    return rest;
}

/* Overflows to infinity, underflows through the denormals to 0. Clamped in this order of operands because it lets NaN
 * through. */
INLINE vf v_exp(vf x) { return v_exp_within(v_min(v_splat(89.0f), v_max(v_splat(-104.0f), x)), 1.0f); }

/* exp(x) of x <= 0 */
INLINE vf v_exp_at_most_0(vf x) {
    float shift = V_SHIFT + 127 + 64;
    vf sum, rest = v_exp_rest(v_max(v_splat(-104.0f), x), 1.0f, shift, &sum);
    return v_scale_down(rest, v_sub(sum, v_splat(shift)), v_power(sum));
}

/* exp(-x) */
INLINE vf v_exp_negative(vf x) {
    return v_exp_within(v_min(v_splat(104.0f), v_max(v_splat(-89.0f), x)), -1.0f);
}

/* 1 + exp(-x): infinite of x < -88.4 */
INLINE vf v_one_and_exp_negative(vf x) {
    vf power, rest = v_exp_factors(v_min(v_splat(87.0f), v_max(v_splat(-89.0f), x)), -1.0f, &power);
    return v_fma(rest, power, v_splat(1.0f));
}

/* exp(x) - 1 = 2^n (e^r - 1) + (2^n - 1), of -87 <= x <= 88: no cancellation, so small arguments need no case of their
 * own. e^r - 1 begins at r, so that they keep their relative precision. */
INLINE vf v_expm1_within(vf x) {
    vf sum, r, q = v_exp_reduced(x, 1.0f, V_SHIFT + 127, &sum, &r), power = v_power(sum);
    return v_fma(v_fma(v_mul(q, r), r, r), power, v_sub(power, v_splat(1.0f)));
}

/* Numbers beyond 88 count as 88. */
INLINE vf v_expm1(vf x) { return v_expm1_within(v_min(v_splat(88.0f), v_max(v_splat(-87.0f), x))); }

#endif
