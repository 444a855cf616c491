/* log(x) and log(1 + x) of a vector.
 *
 * log(x) = n ln 2 + log(1 + f) with x = 2^n (1 + f), sqrt(1/2) < 1 + f < sqrt(2). log(1 + f) = f - f^2 / 2 + f^3 p(f) where
 * the polynomial makes the largest relative error of the whole least: 0.1 ulp (a weighted least squares fit whose
 * weights grow where the error is largest, Lawson 1961). Within 1 ulp of the exact value. */
#ifndef FMAP_LOGARITHM_H
#define FMAP_LOGARITHM_H

#include <float.h>

#include "template.h"

/* Of 0 < x <= FLT_MAX; of any other x anything. */
INLINE vf v_log_finite(vf x) {
    vf one = v_splat(1.0f);
    vmask denormal = v_less(x, v_splat(FLT_MIN));
    x = v_select(denormal, v_mul(x, v_splat(8388608.0f)), x);
    vf n = v_exponent(x), m = v_fraction(x);
    n = v_select(denormal, v_sub(n, v_splat(23.0f)), n);
    vmask upper = v_less(v_splat(1.41421356f), m);
    n = v_select(upper, v_add(n, one), n);
    m = v_select(upper, v_mul(m, v_splat(0.5f)), m);
    vf f = v_sub(m, one), square = v_mul(f, f);
    vf p = v_splat(-0.0763442963f);
    p = v_fma(p, f, v_splat(0.127615497f));
    p = v_fma(p, f, v_splat(-0.131601945f));
    p = v_fma(p, f, v_splat(0.142017618f));
    p = v_fma(p, f, v_splat(-0.166233569f));
    p = v_fma(p, f, v_splat(0.200012267f));
    p = v_fma(p, f, v_splat(-0.250008225f));
    p = v_fma(p, f, v_splat(0.333333313f));
    p = v_mul(v_mul(square, f), p);
    p = v_fma(n, v_splat(-2.12194440e-4f), p); /* ln 2 in two parts, the first exact in few bits */
    p = v_fma(square, v_splat(-0.5f), p);
    return v_fma(n, v_splat(0.693359375f), v_add(f, p));
}

/* -infinity at 0, NaN below. */
INLINE vf v_log(vf x) {
    vf y = v_select(v_less(x, v_splat(__builtin_inff())), v_log_finite(x), x); /* infinity and NaN stay */
    y = v_select(v_less(x, v_splat(FLT_TRUE_MIN)), v_splat(-__builtin_inff()), y);
    return v_select(v_less(x, v_splat(0.0f)), v_splat(__builtin_nanf("")), y);
}

/* log(1 + x) for 0 <= x <= 1: what 1 + x has rounded away is added afterwards. Within 1.5 ulp. */
INLINE vf v_log1p_of_fraction(vf x) {
    vf one = v_splat(1.0f), sum = v_add(one, x);
    vf lost = v_sub(x, v_sub(sum, one));
    return v_add(v_log_finite(sum), v_div(lost, sum));
}

#endif
