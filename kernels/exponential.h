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

/* What is done to several vectors at once. Each step of an exponential waits for the one before it: the vectors' steps take
 * turns, so that a processor need not look far ahead for one that it can begin. */
#define FOR_VECTORS UNROLL for (int k = 0; k < n; k++)

/* With m of sign * x, sign being 1 or -1: sum is shift + m, shift being V_SHIFT and a little more, r is sign * r, and q that of r.
 * Of |x| < 2^20, or NaN, in n vectors, a constant. */
INLINE void v_exps_reduced(const vf *x, float sign, float shift, vf *sum, vf *r, vf *q, int n) {
    FOR_VECTORS sum[k] = v_fma(x[k], v_splat(sign * 1.44269504f), v_splat(shift));
    FOR_VECTORS {
        vf m = v_sub(sum[k], v_splat(shift));
        /* ln 2 in two parts, the first exact in few bits */
        r[k] = v_fma(m, v_splat(sign * -0.693359375f), x[k]);
        r[k] = v_fma(m, v_splat(sign * 2.12194440e-4f), r[k]);
    }
    FOR_VECTORS q[k] = v_fma(v_splat(0.00138145848f), r[k], v_splat(sign * 0.00836872309f));
    FOR_VECTORS q[k] = v_fma(q[k], r[k], v_splat(0.041668389f));
    FOR_VECTORS q[k] = v_fma(q[k], r[k], v_splat(sign * 0.166665211f));
    FOR_VECTORS q[k] = v_fma(q[k], r[k], v_splat(0.49999994f));
}

/* rest = e^r, of the n of sum again. */
INLINE void v_exps_rest(const vf *x, float sign, float shift, vf *sum, vf *rest, int n) {
    vf r[EXPONENTIALS];
    v_exps_reduced(x, sign, shift, sum, r, rest, n);
    FOR_VECTORS rest[k] = v_fma(rest[k], r[k], v_splat(sign));
    FOR_VECTORS rest[k] = v_fma(rest[k], r[k], v_splat(1.0f));
}

INLINE vf v_exp_rest(vf x, float sign, float shift, vf *sum) {
    vf rest;
    v_exps_rest(&x, sign, shift, sum, &rest, 1);
    return rest;
}

/* exp(sign * x) of -104 <= sign * x <= 89: n is in v_scale's range. */
INLINE vf v_exp_within(vf x, float sign) {
    float shift = V_SHIFT + 254; /* AVX2's and NEON's v_scale has it too */
    vf sum, rest = v_exp_rest(x, sign, shift, &sum);
    return v_scale(rest, v_sub(sum, v_splat(shift)));
}

/* Overflows to infinity, underflows through the denormals to 0. Clamped in this order of operands because it lets NaN
 * through. */
INLINE vf v_exp(vf x) { return v_exp_within(v_min(v_splat(89.0f), v_max(v_splat(-104.0f), x)), 1.0f); }

/* x becomes exp(x), of x <= 0, in n vectors */
INLINE void v_exps_at_most_0(vf *x, int n) {
    float shift = V_SHIFT + 127 + 64;
    vf sum[EXPONENTIALS], rest[EXPONENTIALS];
    FOR_VECTORS x[k] = v_max(v_splat(-104.0f), x[k]);
    v_exps_rest(x, 1.0f, shift, sum, rest, n);
    FOR_VECTORS x[k] = v_scale_down(rest[k], v_sub(sum[k], v_splat(shift)), v_power(sum[k]));
}

INLINE vf v_exp_at_most_0(vf x) {
    v_exps_at_most_0(&x, 1);
    return x;
}

/* exp(-x) */
INLINE vf v_exp_negative(vf x) {
    return v_exp_within(v_min(v_splat(104.0f), v_max(v_splat(-89.0f), x)), -1.0f);
}

/* x becomes 1 + exp(-x), in n vectors: infinite of x < -88.4, where the power is. */
INLINE void v_one_and_exps_negative(vf *x, int n) {
    vf sum[EXPONENTIALS], rest[EXPONENTIALS];
    FOR_VECTORS x[k] = v_min(v_splat(87.0f), v_max(v_splat(-89.0f), x[k]));
    v_exps_rest(x, -1.0f, V_SHIFT + 127, sum, rest, n);
    FOR_VECTORS x[k] = v_fma(rest[k], v_power(sum[k]), v_splat(1.0f));
}

/* exp(x) - 1 = 2^n (e^r - 1) + (2^n - 1), of -87 <= x <= 88: no cancellation, so small arguments need no case of their
 * own. e^r - 1 begins at r, so that they keep their relative precision. */
INLINE vf v_expm1_within(vf x) {
    vf sum, r, q;
    v_exps_reduced(&x, 1.0f, V_SHIFT + 127, &sum, &r, &q, 1);
    vf power = v_power(sum);
    return v_fma(v_fma(v_mul(q, r), r, r), power, v_sub(power, v_splat(1.0f)));
}

/* Numbers beyond 88 count as 88. */
INLINE vf v_expm1(vf x) { return v_expm1_within(v_min(v_splat(88.0f), v_max(v_splat(-87.0f), x))); }

#endif
