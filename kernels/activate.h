/* Activations on a vector, for the last step of every kernel.
 *
 * exp(x) = 2^n * e^r with n = round(x / ln 2), |r| <= ln(2) / 2, and a polynomial for e^r: relative error
 * below 2 ulp; arguments are clamped so that the result neither overflows nor becomes denormal. All
 * instruction sets run the same operations, so they agree to the bit. */
#ifndef FMAP_ACTIVATE_H
#define FMAP_ACTIVATE_H

#include "template.h"

INLINE vf v_exp(vf x) {
    x = v_min(v_splat(88.37f), v_max(v_splat(-87.3f), x)); /* this order of operands lets NaN through */
    vf n = v_round(v_mul(x, v_splat(1.44269504f)));
    vf r = v_fma(n, v_splat(-0.693359375f), x); /* ln 2 in two parts, the first exact in few bits */
    r = v_fma(n, v_splat(2.12194440e-4f), r);
    vf p = v_splat(1.0f / 5040);
    p = v_fma(p, r, v_splat(1.0f / 720));
    p = v_fma(p, r, v_splat(1.0f / 120));
    p = v_fma(p, r, v_splat(1.0f / 24));
    p = v_fma(p, r, v_splat(1.0f / 6));
    p = v_fma(p, r, v_splat(0.5f));
    p = v_fma(p, r, v_splat(1.0f));
    p = v_fma(p, r, v_splat(1.0f));
    return v_mul(p, v_power_of_two(n));
}

INLINE vf v_sigmoid(vf x) {
    vf one = v_splat(1.0f);
    return v_div(one, v_add(one, v_exp(v_sub(v_splat(0.0f), x))));
}

/* Near zero 1 - 2 / (e^2x + 1) cancels, so the Taylor series takes over (next term 1.4e-9 at 0.25). */
INLINE vf v_tanh(vf x) {
    vf far = v_sub(v_splat(1.0f), v_div(v_splat(2.0f), v_add(v_exp(v_add(x, x)), v_splat(1.0f))));
    vf x2 = v_mul(x, x);
    vf p = v_splat(-1382.0f / 155925);
    p = v_fma(p, x2, v_splat(62.0f / 2835));
    p = v_fma(p, x2, v_splat(-17.0f / 315));
    p = v_fma(p, x2, v_splat(2.0f / 15));
    p = v_fma(p, x2, v_splat(-1.0f / 3));
    vf near = v_fma(v_mul(p, x2), x, x);
    return v_select(v_less(x2, v_splat(0.0625f)), near, far);
}

/* `activate` is the same for a whole kernel call: the branch is predicted. */
INLINE vf v_activate(vf x, const struct fmap_activate_job *activate) {
    switch (activate->kind) {
    case FMAP_ACTIVATE_CLIP: return v_min(v_splat(activate->b), v_max(v_splat(activate->a), x));
    case FMAP_ACTIVATE_LEAKY: return v_select(v_less(x, v_splat(0.0f)), v_mul(v_splat(activate->a), x), x);
    case FMAP_ACTIVATE_SIGMOID: return v_sigmoid(x);
    case FMAP_ACTIVATE_TANH: return v_tanh(x);
    default: return x;
    }
}

#endif
