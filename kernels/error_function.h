/* erf(x) of a vector: x + x p(x^2) near 0, else 1 - exp(-q(|x|)) with its sign, where q approximates -log(1 - erf).
 *
 * Both polynomials make the largest relative error of erf least, as the one in logarithm.h does: 0.01 and 0.02 ulp. Within
 * 1.5 ulp of the exact value. From 4 on erf is 1. */
#ifndef FMAP_ERROR_FUNCTION_H
#define FMAP_ERROR_FUNCTION_H

#include "exponential.h"

INLINE vf v_erf(vf x) {
    vf square = v_mul(x, x), size = v_copy_sign(x, v_splat(0.0f));
    vf p = v_splat(8.26745891e-05f);
    p = v_fma(p, square, v_splat(-0.000811807462f));
    p = v_fma(p, square, v_splat(0.00519882981f));
    p = v_fma(p, square, v_splat(-0.0268584974f));
    p = v_fma(p, square, v_splat(0.112836793f));
    p = v_fma(p, square, v_splat(-0.376126319f));
    p = v_fma(p, square, v_splat(0.128379166f));
    vf near = v_fma(p, x, x);
    vf t = v_min(v_splat(4.0f), size); /* in this order NaN stays */
    vf q = v_splat(-0.000193901462f);
    q = v_fma(q, t, v_splat(0.0030231704f));
    q = v_fma(q, t, v_splat(-0.022146672f));
    q = v_fma(q, t, v_splat(0.103764363f));
    q = v_fma(q, t, v_splat(0.637373745f));
    q = v_fma(q, t, v_splat(1.12756133f));
    q = v_fma(q, t, v_splat(0.000223494309f));
    vf sum, rest = v_exp_rest(q, -1.0f, V_SHIFT + 127 + 256, &sum);
    vf far = v_fma(rest, v_power(sum), v_splat(1.0f)); /* the 256 is the sign above the exponent */
    return v_select(v_less(size, v_splat(0.9375f)), near, v_copy_sign(far, x));
}

#endif
