/* exp(x) and exp(x) - 1 of a vector.
 *
 * exp(x) = 2^n * e^r with n = round(x / ln 2), |r| <= ln(2) / 2, and a Taylor polynomial for e^r - 1, whose
 * next term is below 0.1 ulp. Both are within 2 ulp of the exact value. All instruction sets run the same operations, so
 * they agree to the bit. */
#ifndef FMAP_EXPONENTIAL_H
#define FMAP_EXPONENTIAL_H

#include "template.h"

/* e^r - 1, and n: the polynomial begins at r, so that small arguments keep their relative precision. */
INLINE vf v_exp_reduced(vf x, vf *n) {
    *n = v_round(v_mul(x, v_splat(1.44269504f)));
    vf r = v_fma(*n, v_splat(-0.693359375f), x); /* ln 2 in two parts, the first exact in few bits */
    r = v_fma(*n, v_splat(2.12194440e-4f), r);
    vf p = v_splat(1.0f / 5040);
    p = v_fma(p, r, v_splat(1.0f / 720));
    p = v_fma(p, r, v_splat(1.0f / 120));
    p = v_fma(p, r, v_splat(1.0f / 24));
    p = v_fma(p, r, v_splat(1.0f / 6));
    p = v_fma(p, r, v_splat(0.5f));
    return v_fma(v_mul(p, r), r, r);
}

/* Overflows to infinity, underflows through the denormals to 0. Clamped so that n stays in v_scale's range,
 * in this order of operands because it lets NaN through. */
INLINE vf v_exp(vf x) {
    vf n;
    x = v_min(v_splat(89.0f), v_max(v_splat(-104.0f), x));
    vf p = v_exp_reduced(x, &n);
    return v_scale(v_add(p, v_splat(1.0f)), n);
}

/* exp(x) - 1 = 2^n (e^r - 1) + (2^n - 1): no cancellation, so small arguments need no case of their own. Numbers
 * beyond 88 count as 88. */
INLINE vf v_expm1(vf x) {
    vf n;
    x = v_min(v_splat(88.0f), v_max(v_splat(-104.0f), x));
    vf p = v_exp_reduced(x, &n);
    vf power = v_scale(v_splat(1.0f), n);
    return v_fma(p, power, v_sub(power, v_splat(1.0f)));
}

#endif
