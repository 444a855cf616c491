/* Functions of one number: how exact ours are, and what they make of errors in their argument. */
#include <float.h>
#include <math.h>

#include "case.h"
#include "tests/oracle.h"

#define FUNCTION(kind, name, cost) [FMAP_ACTIVATE_##kind] = #name,
static const char *const names[] = {FMAP_FUNCTIONS(FUNCTION)};
#undef FUNCTION

const char *case_activation_name(enum fmap_activate kind) { return names[kind]; }

/* Errors in FLT_EPSILON relative to the result. What is not here, and stands before the C library's functions, is exact.
 *
 * One rounding is 0.5. hard_swish, cube: two. softsign: its sum and its quotient. elu is expm1 and a product, selu one more;
 * celu's quotient counts no more than once, because |x expm1'(x) / expm1(x)| <= 1 for x < 0. silu: sigmoid and a product.
 * mish: n = E (E + 2) has twice exp's error and two roundings, 5; n / (n + 2) is at most as wrong as n, and sum, quotient
 * and product follow. softplus: exp, and log1p is at most as wrong as its argument, its own 1.5 and a sum. The C library's
 * are those of glibc's manual, rounded up. */
static const double relative_errors[FMAP_N_FUNCTIONS] = {
    [FMAP_ACTIVATE_LEAKY] = 0.5,    [FMAP_ACTIVATE_SIGMOID] = 3.0,    [FMAP_ACTIVATE_TANH] = 3.0,
    [FMAP_ACTIVATE_SILU] = 3.5,     [FMAP_ACTIVATE_HARD_SWISH] = 0.5, [FMAP_ACTIVATE_ELU] = 2.5,
    [FMAP_ACTIVATE_SELU] = 3.0,     [FMAP_ACTIVATE_CELU] = 3.0,       [FMAP_ACTIVATE_MISH] = 6.5,
    [FMAP_ACTIVATE_SOFTPLUS] = 4.0, [FMAP_ACTIVATE_SOFTSIGN] = 1.0,   [FMAP_ACTIVATE_SQRT] = 0.5,
    [FMAP_ACTIVATE_SQUARE] = 0.5,   [FMAP_ACTIVATE_CUBE] = 1.0,       [FMAP_ACTIVATE_RECIPROCAL] = 0.5,
    [FMAP_ACTIVATE_EXP] = 2.0,      [FMAP_ACTIVATE_LOG] = 1.0,        [FMAP_ACTIVATE_ERF] = 1.5,
};
enum { LIBRARY_ERROR = 3 };

/* gelu adds to 1 what may nearly cancel it: its error is relative to x. erf has at most 6 * 2^-24, from its argument comes less
 * than 2, two roundings: 10, times half of x. Its approximation is a quotient like sigmoid, of an argument of three roundings. */
#define GELU_ERROR 2.5

/* The fused multiply-add in hard_sigmoid is wrong by 0.5 of its result, but not by more where that is cut to 1. */
double case_function_error(enum fmap_activate kind, double x, double y) {
    double relative = kind >= FMAP_ACTIVATE_SIN ? LIBRARY_ERROR : relative_errors[kind];
    double size = fabs(y);
    if (kind == FMAP_ACTIVATE_GELU || kind == FMAP_ACTIVATE_GELU_TANH) {
        relative = GELU_ERROR;
        size = fabs(x);
    }
    if (kind == FMAP_ACTIVATE_HARD_SIGMOID || kind == FMAP_ACTIVATE_HARD_SWISH) relative += 0.5;
    if (relative == 0.0 || !isfinite(y)) return 0.0;
    double lost = kind == FMAP_ACTIVATE_SILU ? fmax(1.0, fabs(x)) : 1.0; /* times what sigmoid has lost */
    return relative * (double)FLT_EPSILON * size + lost * (double)FLT_MIN;
}

/* The largest slope. */
static double steepness(const struct fmap_activate_job *activate) {
    double a = fabs((double)activate->a), b = fabs((double)activate->b);
    switch (activate->kind) {
    case FMAP_ACTIVATE_LEAKY:
    case FMAP_ACTIVATE_ELU: return fmax(1.0, a);
    case FMAP_ACTIVATE_SELU: return b * fmax(1.0, a);
    case FMAP_ACTIVATE_SIGMOID: return 0.25;
    case FMAP_ACTIVATE_HARD_SIGMOID: return a;
    case FMAP_ACTIVATE_HARD_SWISH: return 1.0 + fabs(1.0 - b) + b; /* 2 a x + b where 0 <= a x + b <= 1 */
    case FMAP_ACTIVATE_SILU:
    case FMAP_ACTIVATE_GELU:
    case FMAP_ACTIVATE_GELU_TANH:
    case FMAP_ACTIVATE_MISH: return 1.13;
    default: return 1.0;
    }
}

void case_activate(struct kernel_case *c, const struct fmap_activate_job *activate) {
    double slope = steepness(activate);
    for (size_t i = 0; i < c->dst.n; i++) {
        double x = c->expected[i];
        if (isinf(x)) c->bounds[i] = 0.0;
        double y = oracle_activate(x, activate);
        if (fabs(y) > (double)FLT_MAX) y = copysign((double)INFINITY, y);
        c->expected[i] = y;
        c->bounds[i] = slope * c->bounds[i] + case_function_error(activate->kind, x, y);
    }
}

const struct fmap_activate_job case_activations[] = {
    {FMAP_ACTIVATE_NONE, 0.0f, 0.0f},    {FMAP_ACTIVATE_CLIP, 0.0f, INFINITY},
    {FMAP_ACTIVATE_CLIP, 0.0f, 6.0f},    {FMAP_ACTIVATE_CLIP, -0.3f, 0.25f},
    {FMAP_ACTIVATE_LEAKY, 0.1f, 0.0f},   {FMAP_ACTIVATE_LEAKY, -1.5f, 0.0f},
    {FMAP_ACTIVATE_SIGMOID, 0.0f, 0.0f}, {FMAP_ACTIVATE_TANH, 0.0f, 0.0f},
    {FMAP_ACTIVATE_SILU, 0.0f, 0.0f},    {FMAP_ACTIVATE_HARD_SWISH, 1.0f / 6, 0.5f},
    {FMAP_ACTIVATE_ELU, 0.7f, 0.0f},     {FMAP_ACTIVATE_MISH, 0.0f, 0.0f},
};
const int n_case_activations = (int)(sizeof case_activations / sizeof *case_activations);

struct fmap_activate_job case_function(enum fmap_activate kind) {
    switch (kind) {
    case FMAP_ACTIVATE_CLIP: return (struct fmap_activate_job){kind, -0.3f, 0.25f};
    case FMAP_ACTIVATE_HARD_SIGMOID: return (struct fmap_activate_job){kind, 0.2f, 0.5f};
    case FMAP_ACTIVATE_HARD_SWISH: return (struct fmap_activate_job){kind, 1.0f / 6, 0.5f};
    case FMAP_ACTIVATE_SELU: return (struct fmap_activate_job){kind, 1.67326319f, 1.05070102f};
    case FMAP_ACTIVATE_CELU: return (struct fmap_activate_job){kind, 1.5f, 0.0f};
    default: return (struct fmap_activate_job){kind, 0.3f, 0.0f};
    }
}
