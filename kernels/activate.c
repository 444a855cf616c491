/* Functions of one number, on vectors. How far they may be from the exact value: sigmoid and tanh 3 ulp, silu 4, expm1
 * behind the family of elu 3, mish 7, softplus 4; gelu 5 * 2^-24 |x|, because what it adds to 1 may nearly cancel. All instruction
 * sets run the same operations, so they agree to the bit. */
#include "activate.h"

#include <math.h>

#include "error_function.h"
#include "exponential.h"
#include "hard_sigmoid.h"
#include "logarithm.h"

/* E / (E + 2) with E = e^2x - 1. Beyond 10 the quotient is 1. */
INLINE vf v_tanh(vf x) {
    x = v_min(v_splat(10.0f), v_max(v_splat(-10.0f), x));
    vf e = v_expm1_within(v_add(x, x));
    return v_div(e, v_add(e, v_splat(2.0f)));
}

INLINE vf v_abs(vf x) { return v_copy_sign(x, v_splat(0.0f)); }

INLINE vf v_elu(vf x, vf a) { return v_select(v_less(x, v_splat(0.0f)), v_mul(a, v_expm1(x)), x); }

INLINE vf v_celu(vf x, vf a) {
    vf zero = v_splat(0.0f);
    return v_add(v_max(zero, x), v_min(zero, v_mul(a, v_expm1(v_div(x, a)))));
}

INLINE vf v_gelu(vf x) {
    vf half = v_mul(x, v_splat(0.5f));
    return v_mul(half, v_add(v_splat(1.0f), v_erf(v_mul(x, v_splat(0.707106781f)))));
}

/* tanh(log(1 + E)) = E (E + 2) / (E (E + 2) + 2) with E = e^x. Beyond 20 the quotient is 1. */
INLINE vf v_mish(vf x) {
    vf two = v_splat(2.0f), e = v_exp_within(v_min(v_splat(20.0f), v_max(v_splat(-104.0f), x)), 1.0f);
    vf n = v_mul(e, v_add(e, two));
    return v_mul(x, v_div(n, v_add(n, two)));
}

INLINE vf v_softplus(vf x) {
    vf zero = v_splat(0.0f);
    return v_add(v_max(zero, x), v_log1p_of_fraction(v_exp_negative(v_abs(x))));
}

INLINE vf v_sign(vf x) {
    vf zero = v_splat(0.0f);
    return v_select(v_less(zero, x), v_splat(1.0f), v_select(v_less(x, zero), v_splat(-1.0f), x));
}

INLINE vf v_floor(vf x) {
    vf whole = v_round(x);
    return v_select(v_less(x, whole), v_sub(whole, v_splat(1.0f)), whole);
}

/* With the sign of x, so that what is rounded up to 0 is -0. */
INLINE vf v_ceil(vf x) {
    vf whole = v_round(x);
    return v_copy_sign(v_select(v_less(whole, x), v_add(whole, v_splat(1.0f)), whole), x);
}

/* Quotients by 1 + exp(-y), of n vectors at once, a constant: sigmoid(x) = 1 / (1 + e^-x) and silu(x) = x sigmoid(x), as two layers
 * would, since it may replace them; gelu's (1 + tanh(y)) / 2 = 1 / (1 + e^-2y), with twice sqrt(2 / pi) and 0.044715 times that.
 * An estimate of the reciprocal and the four steps that make the same bits of it as the processor's quotient take as long. */
INLINE void quotients(enum fmap_activate kind, const float *src, float *dst, ptrdiff_t step, int n) {
    vf divisor[EXPONENTIALS];
    FOR_VECTORS {
        vf x = v_load(src + k * step);
        vf inner = v_mul(x, v_fma(v_mul(x, x), v_splat(0.0713548163f), v_splat(1.59576912f)));
        divisor[k] = kind == FMAP_ACTIVATE_GELU_TANH ? inner : x;
    }
    v_one_and_exps_negative(divisor, n);
    FOR_VECTORS {
        vf x = v_load(src + k * step);
        vf sigmoid = v_div(kind == FMAP_ACTIVATE_GELU_TANH ? x : v_splat(1.0f), divisor[k]);
        v_store(dst + k * step, kind == FMAP_ACTIVATE_SILU ? v_mul(x, sigmoid) : sigmoid);
    }
}

static void by_library(float (*function)(float), const float *src, float *dst, ptrdiff_t step, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        for (int lane = 0; lane < LANES; lane++) dst[i * step + lane] = function(src[i * step + lane]);
    }
}

#define EACH(kind, y) \
    case FMAP_ACTIVATE_##kind: \
        for (int64_t i = 0; i < n; i++) { \
            vf x = v_load(src + i * step); \
            v_store(dst + i * step, y); \
        } \
        break

#define QUOTIENTS(kind) \
    case FMAP_ACTIVATE_##kind: { \
        int64_t i = 0; \
        for (; i + EXPONENTIALS <= n; i += EXPONENTIALS) \
            quotients(FMAP_ACTIVATE_##kind, src + i * step, dst + i * step, step, EXPONENTIALS); \
        for (; EXPONENTIALS > 1 && i < n; i++) \
            quotients(FMAP_ACTIVATE_##kind, src + i * step, dst + i * step, step, 1); \
    } break

#define LIBRARY(kind, function) \
    case FMAP_ACTIVATE_##kind: by_library(function, src, dst, step, n); break

void K(activate)(const float *src, float *dst, ptrdiff_t step, int64_t n,
                 const struct fmap_activate_job *activate) {
    vf a = v_splat(activate->a), b = v_splat(activate->b), zero = v_splat(0.0f);
    switch (activate->kind) {
        EACH(NONE, x);
        EACH(CLIP, v_min(b, v_max(a, x)));
        EACH(LEAKY, v_select(v_less(x, zero), v_mul(a, x), x));
        QUOTIENTS(SIGMOID);
        EACH(TANH, v_tanh(x));
        EACH(HARD_SIGMOID, v_hard_sigmoid(x, a, b));
        EACH(HARD_SWISH, v_mul(x, v_hard_sigmoid(x, a, b)));
        QUOTIENTS(SILU);
        EACH(ELU, v_elu(x, a));
        EACH(SELU, v_mul(b, v_elu(x, a)));
        EACH(CELU, v_celu(x, a));
        EACH(GELU, v_gelu(x));
        QUOTIENTS(GELU_TANH);
        EACH(MISH, v_mish(x));
        EACH(SOFTPLUS, v_softplus(x));
        EACH(SOFTSIGN, v_div(x, v_add(v_splat(1.0f), v_abs(x))));
        EACH(THRESHOLD, v_select(v_less(a, x), x, zero));
        EACH(NEG, v_sub(v_splat(-0.0f), x));
        EACH(ABS, v_abs(x));
        EACH(SIGN, v_sign(x));
        EACH(FLOOR, v_floor(x));
        EACH(CEIL, v_ceil(x));
        EACH(ROUND, v_round(x));
        EACH(SQRT, v_sqrt(x));
        EACH(SQUARE, v_mul(x, x));
        EACH(CUBE, v_mul(v_mul(x, x), x));
        EACH(RECIPROCAL, v_div(v_splat(1.0f), x));
        EACH(EXP, v_exp(x));
        EACH(LOG, v_log(x));
        EACH(ERF, v_erf(x));
        LIBRARY(SIN, sinf);
        LIBRARY(COS, cosf);
        LIBRARY(TAN, tanf);
        LIBRARY(ASIN, asinf);
        LIBRARY(ACOS, acosf);
        LIBRARY(ATAN, atanf);
        LIBRARY(SINH, sinhf);
        LIBRARY(COSH, coshf);
        LIBRARY(ASINH, asinhf);
        LIBRARY(ACOSH, acoshf);
        LIBRARY(ATANH, atanhf);
    case FMAP_N_FUNCTIONS: break;
    }
}
