#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cases/case.h"
#include "tests/oracle.h"

/* Floats of every sign, exponent and fraction: one in 2003 of all 2^32, so NaN and infinities are among them. */
enum { STEP = 2003, N = (int)(UINT32_MAX / STEP) + 1 };

static float *all_floats(void) {
    float *x = malloc(N * sizeof *x);
    for (int i = 0; i < N; i++) {
        uint32_t bits = (uint32_t)i * STEP;
        memcpy(&x[i], &bits, sizeof bits);
    }
    return x;
}

/* The largest error as a part of what is allowed. */
static double worst_error(const struct fmap_kernels *kernels, const struct fmap_activate_job *activate,
                          const float *x, float *y) {
    kernels->unary(&(struct fmap_unary){x, y, N, *activate});
    double worst = 0.0;
    for (int i = 0; i < N; i++) {
        double exact = oracle_activate((double)x[i], activate), got = (double)y[i];
        double allowed = case_function_error(activate->kind, (double)x[i], exact);
        if (fabs(exact) >= (double)FLT_MAX && isinf(got) && (got > 0) == (exact > 0)) continue;
        double error = isnan(exact) && isnan(got) ? 0.0 : got == exact ? 0.0 : fabs(got - exact);
        if (error > 0.0 || isnan(error)) error /= allowed; /* infinite where nothing is allowed */
        if (error > worst || isnan(error)) worst = isnan(error) ? INFINITY : error;
    }
    return worst;
}

Test(activate, functions_are_within_their_errors_for_all_floats) {
    float *x = all_floats(), *y = malloc(N * sizeof *y), *scalar = malloc(N * sizeof *scalar);
    for (int kind = 0; kind < FMAP_N_FUNCTIONS; kind++) {
        struct fmap_activate_job activate = case_function((enum fmap_activate)kind);
        for (int i = fmap_kernels_count() - 1; i >= 0; i--) {
            const struct fmap_kernels *kernels = fmap_kernels_at(i);
            if (!kernels) continue;
            double worst = worst_error(kernels, &activate, x, y);
            cr_expect(worst <= 1.0, "%s of %s: %g of what is allowed", case_activation_name(activate.kind),
                      kernels->isa, worst);
            if (i == fmap_kernels_count() - 1) memcpy(scalar, y, N * sizeof *y);
            cr_expect(check_same_bits(kernels->isa, y, scalar, N), "%s", case_activation_name(activate.kind));
        }
    }
    free(scalar);
    free(y);
    free(x);
}

static float activate(const struct fmap_kernels *kernels, enum fmap_activate kind, float a, float b,
                      float x) {
    float y;
    kernels->unary(&(struct fmap_unary){&x, &y, 1, {kind, a, b}});
    return y;
}

#define FOR_EACH_ISA(kernels) \
    for (int isa = 0; isa < fmap_kernels_count(); isa++) \
        for (const struct fmap_kernels *kernels = fmap_kernels_at(isa); kernels; kernels = NULL)

Test(activate, limits_are_exact) {
    FOR_EACH_ISA(kernels) {
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_SIGMOID, 0, 0, INFINITY), 1.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_SIGMOID, 0, 0, -INFINITY), 0.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_SIGMOID, 0, 0, 0.0f), 0.5f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_SIGMOID, 0, 0, FLT_MAX), 1.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_SIGMOID, 0, 0, -FLT_MAX), 0.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_SIGMOID, 0, 0, 18.0f), 1.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_SILU, 0, 0, INFINITY), INFINITY);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_SILU, 0, 0, FLT_MAX), FLT_MAX);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_SILU, 0, 0, -FLT_MAX), 0.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_SILU, 0, 0, FLT_TRUE_MIN * 2), FLT_TRUE_MIN);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_GELU_TANH, 0, 0, FLT_MAX), FLT_MAX);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_GELU_TANH, 0, 0, -FLT_MAX), 0.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_TANH, 0, 0, INFINITY), 1.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_TANH, 0, 0, -INFINITY), -1.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_TANH, 0, 0, 0.0f), 0.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_TANH, 0, 0, 1e-30f), 1e-30f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_CLIP, 0, 6, INFINITY), 6.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_CLIP, 0, 6, -INFINITY), 0.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_CLIP, 0, INFINITY, INFINITY), INFINITY);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_LEAKY, 0.5f, 0, -INFINITY), -INFINITY);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_ERF, 0, 0, INFINITY), 1.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_ERF, 0, 0, -5.0f), -1.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_LOG, 0, 0, -0.0f), -INFINITY);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_LOG, 0, 0, 1.0f), 0.0f);
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_LOG, 0, 0, INFINITY), INFINITY);
        cr_expect(isnan(activate(kernels, FMAP_ACTIVATE_LOG, 0, 0, -1e-45f)));
        cr_expect_eq(activate(kernels, FMAP_ACTIVATE_ROUND, 0, 0, 2.5f), 2.0f);
        cr_expect_eq(1.0f / activate(kernels, FMAP_ACTIVATE_CEIL, 0, 0, -0.5f), -INFINITY);
        cr_expect_eq(1.0f / activate(kernels, FMAP_ACTIVATE_NEG, 0, 0, 0.0f), -INFINITY);
    }
}

Test(activate, nan_stays_nan) {
    FOR_EACH_ISA(kernels) {
        for (int kind = FMAP_ACTIVATE_NONE; kind < FMAP_N_FUNCTIONS; kind++) {
            if (kind == FMAP_ACTIVATE_THRESHOLD) continue; /* which is not larger than a */
            cr_expect(isnan(activate(kernels, (enum fmap_activate)kind, 0.0f, 6.0f, NAN)), "%s: %s",
                      kernels->isa, case_activation_name((enum fmap_activate)kind));
        }
    }
}

Test(activate, sigmoid_and_tanh_are_monotonic_within_their_error) {
    FOR_EACH_ISA(kernels) {
        float sigmoid = 0.0f, tangent = -1.0f;
        for (float x = -20.0f; x < 20.0f; x += 0.0078125f) {
            float s = activate(kernels, FMAP_ACTIVATE_SIGMOID, 0, 0, x),
                  t = activate(kernels, FMAP_ACTIVATE_TANH, 0, 0, x);
            cr_assert(s >= sigmoid * (1.0f - 3 * FLT_EPSILON) && s <= 1.0f);
            cr_assert(t >= tangent - 3 * FLT_EPSILON && fabsf(t) <= 1.0f);
            sigmoid = s;
            tangent = t;
        }
    }
}
