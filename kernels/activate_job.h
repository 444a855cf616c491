/* Functions of one number, first of all activations: what happens to a value before it is stored.
 *
 * FUNCTION(KIND, name, about how many operations it costs): y is made of x and two parameters, a and b. How
 * exact they are is said where they are computed (exponential.h, logarithm.h, error_function.h, activate.h). */
#ifndef FMAP_KERNELS_ACTIVATE_JOB_H
#define FMAP_KERNELS_ACTIVATE_JOB_H

/* clang-format off */
#define FMAP_FUNCTIONS(FUNCTION) \
    FUNCTION(NONE, copy, 16) \
    FUNCTION(CLIP, clip, 16)                /* min(max(x, a), b); ReLU is a = 0, b = infinity */ \
    FUNCTION(LEAKY, leaky_relu, 16)         /* x < 0 ? a * x : x */ \
    FUNCTION(SIGMOID, sigmoid, 80)          /* 1 / (1 + exp(-x)) */ \
    FUNCTION(TANH, tanh, 80) \
    FUNCTION(HARD_SIGMOID, hard_sigmoid, 16) /* min(max(a * x + b, 0), 1) */ \
    FUNCTION(HARD_SWISH, hard_swish, 16)    /* x * min(max(a * x + b, 0), 1) */ \
    FUNCTION(SILU, silu, 80)                /* x * (1 / (1 + exp(-x))) */ \
    FUNCTION(ELU, elu, 80)                  /* x < 0 ? a * (exp(x) - 1) : x */ \
    FUNCTION(SELU, selu, 80)                /* b * (x < 0 ? a * (exp(x) - 1) : x) */ \
    FUNCTION(CELU, celu, 80)                /* max(x, 0) + min(a * (exp(x / a) - 1), 0) */ \
    FUNCTION(GELU, gelu, 120)               /* x / 2 * (1 + erf(x / sqrt(2))) */ \
    FUNCTION(GELU_TANH, gelu_tanh, 80)      /* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) */ \
    FUNCTION(MISH, mish, 80)                /* x * tanh(log(1 + exp(x))) */ \
    FUNCTION(SOFTPLUS, softplus, 150)       /* log(1 + exp(x)) */ \
    FUNCTION(SOFTSIGN, softsign, 30)        /* x / (1 + |x|) */ \
    FUNCTION(THRESHOLD, thresholded_relu, 16) /* x > a ? x : 0 */ \
    FUNCTION(NEG, neg, 16) \
    FUNCTION(ABS, abs, 16) \
    FUNCTION(SIGN, sign, 16)                /* -1, 1, or x where that is 0 */ \
    FUNCTION(FLOOR, floor, 16) \
    FUNCTION(CEIL, ceil, 16) \
    FUNCTION(ROUND, round, 16)              /* halves to the even neighbour */ \
    FUNCTION(SQRT, sqrt, 30) \
    FUNCTION(SQUARE, square, 16)            /* x * x */ \
    FUNCTION(CUBE, cube, 16)                /* x * x * x */ \
    FUNCTION(RECIPROCAL, reciprocal, 30)    /* 1 / x */ \
    FUNCTION(EXP, exp, 70) \
    FUNCTION(LOG, log, 90) \
    FUNCTION(ERF, erf, 100) \
    FUNCTION(SIN, sin, 400)                 /* from here on the C library's, one number at a time */ \
    FUNCTION(COS, cos, 400) \
    FUNCTION(TAN, tan, 400) \
    FUNCTION(ASIN, asin, 400) \
    FUNCTION(ACOS, acos, 400) \
    FUNCTION(ATAN, atan, 400) \
    FUNCTION(SINH, sinh, 400) \
    FUNCTION(COSH, cosh, 400) \
    FUNCTION(ASINH, asinh, 400) \
    FUNCTION(ACOSH, acosh, 400) \
    FUNCTION(ATANH, atanh, 400)
/* clang-format on */

enum fmap_activate {
#define FUNCTION(kind, name, cost) FMAP_ACTIVATE_##kind,
    FMAP_FUNCTIONS(FUNCTION)
#undef FUNCTION
        FMAP_N_FUNCTIONS
};

struct fmap_activate_job {
    enum fmap_activate kind;
    float a, b;
};

#endif
