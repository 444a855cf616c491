/* exp(x) and exp(x) - 1 of a vector.
 *
 * exp(x) = 2^n e^r with n = round(x / ln 2), |r| <= ln(2) / 2, and e^r = 1 + r + r^2 q(r), where the polynomial makes the
 * largest relative error of the whole least: 0.03 ulp. Both are within 2 ulp of the exact value. All instruction sets run
 * the same operations, so they agree to the bit. */
#ifndef FMAP_EXPONENTIAL_H
#define FMAP_EXPONENTIAL_H

#include "template.h"

/* n of sign * x, sign being 1 or -1, and sign * r; returns q. Of |x| < 2^20, or NaN. */
INLINE vf v_exp_reduced(vf x, float sign, vf *n, vf *r) {
    /* 1.5 * 2^23 + 254: so large floats are integers, and a sum is rounded to one. AVX2's and NEON's v_scale has it too. */
    vf shift = v_splat(12583166.0f);
    *n = v_sub(v_fma(x, v_splat(sign * 1.44269504f), shift), shift);
    *r = v_fma(*n, v_splat(sign * -0.693359375f), x); /* ln 2 in two parts, the first exact in few bits */
    *r = v_fma(*n, v_splat(sign * 2.12194440e-4f), *r);
    vf q = v_splat(0.00138145848f);
    q = v_fma(q, *r, v_splat(sign * 0.00836872309f));
    q = v_fma(q, *r, v_splat(0.041668389f));
    q = v_fma(q, *r, v_splat(sign * 0.166665211f));
    return v_fma(q, *r, v_splat(0.49999994f));
}

/* exp(sign * x) of -104 <= sign * x <= 89: n is in v_scale's range. */
INLINE vf v_exp_within(vf x, float sign) {
    vf n, r, one = v_splat(1.0f), q = v_exp_reduced(x, sign, &n, &r);
    return v_scale(v_fma(v_fma(q, r, v_splat(sign)), r, one), n);
}

/* Overflows to infinity, underflows through the denormals to 0. Clamped in this order of operands because it lets NaN
 * through. */
INLINE vf v_exp(vf x) { return v_exp_within(v_min(v_splat(89.0f), v_max(v_splat(-104.0f), x)), 1.0f); }

/* exp(x) of x <= 0 */
INLINE vf v_exp_at_most_0(vf x) { return v_exp_within(v_max(v_splat(-104.0f), x), 1.0f); }

/* exp(-x) */
INLINE vf v_exp_negative(vf x) {
    return v_exp_within(v_min(v_splat(104.0f), v_max(v_splat(-89.0f), x)), -1.0f);
}

/* exp(x) - 1 = 2^n (e^r - 1) + (2^n - 1), of -104 <= x <= 88: no cancellation, so small arguments need no case of their
 * own. e^r - 1 begins at r, so that they keep their relative precision. */
INLINE vf v_expm1_within(vf x) {
    vf n, r, q = v_exp_reduced(x, 1.0f, &n, &r);
    vf power = v_scale(v_splat(1.0f), n);
    return v_fma(v_fma(v_mul(q, r), r, r), power, v_sub(power, v_splat(1.0f)));
}

/* Numbers beyond 88 count as 88. */
INLINE vf v_expm1(vf x) { return v_expm1_within(v_min(v_splat(88.0f), v_max(v_splat(-104.0f), x))); }

#endif
