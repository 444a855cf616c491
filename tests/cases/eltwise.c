/* Element-wise kernels, softmax, dropout masks. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "case.h"
#include "tests/oracle.h"

static void name_eltwise(struct kernel_case *c, const char *kernel, const struct eltwise_shape *shape) {
    snprintf(c->name, sizeof c->name, "%s/n:%d/%s%s", kernel, (int)shape->n,
             case_activation_name(shape->activate.kind), shape->in_place ? "/in_place" : "");
    c->flops = (double)shape->n;
    c->in_place = shape->in_place;
}

/* Where the kernel reads its first operand. */
static const float *first_operand(struct kernel_case *c, const struct eltwise_shape *shape) {
    const float *src = case_source(c, (size_t)shape->n, sizeof(float), shape->fill);
    return shape->in_place ? c->dst.data : src;
}

/* ---- unary, binary, affine ------------------------------------------------------------------------------ */

static void unary_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->unary(c->jobs);
}

struct kernel_case *unary_case(const struct eltwise_shape *shape) {
    struct kernel_case *c = case_create((size_t)shape->n, 1, sizeof(struct fmap_unary));
    name_eltwise(c, "unary", shape);
    *(struct fmap_unary *)c->jobs = (struct fmap_unary){
        .src = first_operand(c, shape), .dst = c->dst.data, .n = shape->n, .activate = shape->activate};
    c->run = unary_run;
    c->bytes = 2.0 * sizeof(float) * c->flops;
    for (size_t i = 0; i < c->dst.n; i++) c->expected[i] = (double)c->sources[0].data[i];
    case_activate(c, &shape->activate);
    return c;
}

static void binary_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->binary(c->jobs);
}

static double binary_oracle(enum fmap_binary_op op, double x, double y) {
    switch (op) {
    case FMAP_BINARY_ADD: return x + y;
    case FMAP_BINARY_MUL: return x * y;
    case FMAP_BINARY_SUB: return x - y;
    case FMAP_BINARY_DIV: return x / y;
    case FMAP_BINARY_MIN: return isnan(x) || isnan(y) ? (double)NAN : fmin(x, y);
    case FMAP_BINARY_MAX: return isnan(x) || isnan(y) ? (double)NAN : fmax(x, y);
    case FMAP_BINARY_PRELU: return x < 0 ? x * y : x;
    case FMAP_BINARY_POW: return pow(x, y);
    default: return fmod(x, y);
    }
}

/* The C library's pow is within 1 ulp, two roundings; minima, maxima and remainders are exact. */
static double binary_roundings(enum fmap_binary_op op) {
    if (op == FMAP_BINARY_MIN || op == FMAP_BINARY_MAX || op == FMAP_BINARY_MOD) return 0.0;
    return op == FMAP_BINARY_POW ? 2.0 : 1.0;
}

struct kernel_case *binary_case(const struct eltwise_shape *shape) {
    static const char *const ops[] = {"add", "mul", "sub", "div", "min", "max", "prelu", "pow", "mod"};
    static const char *const walks[] = {"same", "scalar", "block"};
    struct kernel_case *c = case_create((size_t)shape->n, 1, sizeof(struct fmap_binary));
    char kernel[40];
    snprintf(kernel, sizeof kernel, "binary/%s/%s%s", ops[shape->op], walks[shape->walk],
             shape->swapped ? "/swapped" : "");
    name_eltwise(c, kernel, shape);
    const float *a = first_operand(c, shape);
    size_t n_b = shape->walk == FMAP_WALK_SAME ? c->dst.n : shape->walk == FMAP_WALK_SCALAR ? 1 : FMAP_BLOCK;
    const float *b = case_source(c, n_b, shape->walk == FMAP_WALK_BLOCK ? 64 : sizeof(float), shape->fill);
    *(struct fmap_binary *)c->jobs = (struct fmap_binary){.a = a,
                                                          .b = b,
                                                          .dst = c->dst.data,
                                                          .n = shape->n,
                                                          .op = shape->op,
                                                          .swapped = shape->swapped,
                                                          .walk = shape->walk,
                                                          .activate = shape->activate};
    c->run = binary_run;
    c->bytes = (shape->walk == FMAP_WALK_SAME ? 3.0 : 2.0) * sizeof(float) * c->flops;
    for (size_t i = 0; i < c->dst.n; i++) {
        double x = (double)c->sources[0].data[i], y = (double)b[i % n_b];
        c->expected[i] = shape->swapped ? binary_oracle(shape->op, y, x) : binary_oracle(shape->op, x, y);
        if (fabs(c->expected[i]) > (double)FLT_MAX)
            c->expected[i] = copysign((double)INFINITY, c->expected[i]);
        c->bounds[i] = check_bound(binary_roundings(shape->op), fabs(c->expected[i]));
    }
    case_activate(c, &shape->activate);
    return c;
}

static void affine_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->affine(c->jobs);
}

struct kernel_case *affine_case(const struct eltwise_shape *shape) {
    struct kernel_case *c = case_create((size_t)shape->n, 1, sizeof(struct fmap_affine));
    name_eltwise(c, "affine", shape);
    const float *src = first_operand(c, shape);
    const float *scale = case_source(c, FMAP_BLOCK, 64, CASE_FILL_UNIFORM);
    const float *shift = case_source(c, FMAP_BLOCK, 64, CASE_FILL_UNIFORM);
    *(struct fmap_affine *)c->jobs = (struct fmap_affine){.src = src,
                                                          .dst = c->dst.data,
                                                          .scale = scale,
                                                          .shift = shift,
                                                          .n = shape->n,
                                                          .activate = shape->activate};
    c->run = affine_run;
    c->flops *= 2.0;
    c->bytes = sizeof(float) * c->flops;
    for (size_t i = 0; i < c->dst.n; i++) {
        double x = (double)c->sources[0].data[i];
        c->expected[i] = x * (double)scale[i % FMAP_BLOCK] + (double)shift[i % FMAP_BLOCK];
        c->bounds[i] = check_bound(1.0, fabs(c->expected[i]));
    }
    case_activate(c, &shape->activate);
    return c;
}

/* ---- softmax -------------------------------------------------------------------------------------------- */

static void softmax_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->softmax(c->jobs);
}

/* exp is off by 2 ulp, 4 roundings, and its argument by one rounding, which exp makes relative: |x - max| u;
 * both in the numerator and in the sum. The sum has n - 1 roundings of its own or fewer, the quotient one.
 * A term that vanishes costs less than FLT_MIN. */
static double softmax_bound(const struct softmax_shape *shape, double value) {
    double roundings = 2.0 * (4.0 + 2.0 * (double)shape->range) + (double)shape->n;
    return check_bound(roundings, value) + (double)FLT_MIN;
}

struct kernel_case *softmax_case(const struct softmax_shape *shape) {
    size_t n = (size_t)((shape->n - 1) * shape->stride + shape->n_rows);
    struct kernel_case *c = case_create(n, 1, sizeof(struct fmap_softmax));
    snprintf(c->name, sizeof c->name, "softmax/n:%d/stride:%d/rows:%d%s", (int)shape->n, (int)shape->stride,
             (int)shape->n_rows, shape->in_place ? "/in_place" : "");
    float *src = case_source(c, n, shape->aligned ? 64 : sizeof(float), CASE_FILL_UNIFORM);
    c->in_place = shape->in_place;
    for (size_t i = 0; i < n; i++) src[i] *= shape->range;
    *(struct fmap_softmax *)c->jobs = (struct fmap_softmax){.src = shape->in_place ? c->dst.data : src,
                                                            .dst = c->dst.data,
                                                            .n = shape->n,
                                                            .stride = shape->stride,
                                                            .n_rows = shape->n_rows};
    c->run = softmax_run;
    c->flops = (double)(shape->n * shape->n_rows);
    c->bytes = 2.0 * sizeof(float) * c->flops;

    float *row = malloc((size_t)shape->n * sizeof *row);
    double *expected = malloc((size_t)shape->n * sizeof *expected);
    float fence = c->dst.data[0];
    for (size_t i = 0; i < n; i++) c->expected[i] = shape->in_place ? (double)src[i] : (double)fence;
    for (int64_t r = 0; r < shape->n_rows; r++) {
        for (int64_t i = 0; i < shape->n; i++) row[i] = src[r + i * shape->stride];
        oracle_softmax(row, 1, (int)shape->n, 1, expected);
        for (int64_t i = 0; i < shape->n; i++) {
            c->expected[r + i * shape->stride] = expected[i];
            c->bounds[r + i * shape->stride] = softmax_bound(shape, expected[i]);
        }
    }
    free(expected);
    free(row);
    return c;
}

/* ---- dropout masks -------------------------------------------------------------------------------------- */

static void dropout_mask_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->dropout_mask(c->jobs);
}

struct kernel_case *dropout_mask_case(const struct dropout_shape *shape) {
    struct kernel_case *c = case_create((size_t)shape->n, 1, sizeof(struct fmap_dropout_mask));
    snprintf(c->name, sizeof c->name, "dropout_mask/first:%llu/n:%d/threshold:%llu",
             (unsigned long long)shape->first, (int)shape->n, (unsigned long long)shape->threshold);
    *(struct fmap_dropout_mask *)c->jobs = (struct fmap_dropout_mask){.mask = c->dst.data,
                                                                      .key = shape->key,
                                                                      .step = shape->step,
                                                                      .first = shape->first,
                                                                      .n = shape->n,
                                                                      .threshold = shape->threshold};
    c->run = dropout_mask_run;
    c->flops = (double)shape->n;
    c->bytes = sizeof(float) * c->flops;
    for (size_t i = 0; i < c->dst.n; i++) {
        c->expected[i] = (double)oracle_dropout_mask(shape->key, shape->step, shape->first + i,
                                                     shape->threshold);
    }
    return c;
}
