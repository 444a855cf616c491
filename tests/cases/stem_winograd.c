/* Winograd along the rows of a stem: matrices multiplied in double. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "winograd_matrices.h"

enum { OUTPUT = FMAP_STEM_WINOGRAD_OUTPUT, MAX_PATCH = CASE_WINOGRAD_MAX_PATCH };

struct stem_plan {
    struct stem_winograd_shape shape;
    const float *src, *bias;
    float *dst;
    int patch, n_tiles;
    ptrdiff_t point_stride, phase_stride;
};

static struct stem_plan plan_of(const struct stem_winograd_shape *shape, int n_tiles) {
    return (struct stem_plan){.shape = *shape, .patch = shape->taps + OUTPUT - 1, .n_tiles = n_tiles};
}

static void *name(struct kernel_case *c, const char *kernel, const struct stem_plan *plan) {
    snprintf(c->name, sizeof c->name, "stem_winograd%d_%s/%d/stride%d/%s", plan->shape.taps, kernel,
             plan->shape.width, plan->shape.stride, case_activation_name(plan->shape.activate.kind));
    return c->jobs;
}

static double dot(const double *row, const double *values, int n, double *magnitude) {
    double sum = 0;
    *magnitude = 0;
    for (int i = 0; i < n; i++) {
        sum += row[i] * values[i];
        *magnitude += fabs(row[i] * values[i]);
    }
    return sum;
}

static void input_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct stem_plan *plan = c->jobs;
    const struct fmap_stem_winograd_input job = {.src = plan->src,
                                                 .dst = plan->dst,
                                                 .point_stride = plan->point_stride,
                                                 .phase_stride = plan->phase_stride,
                                                 .n_tiles = plan->n_tiles,
                                                 .stride = plan->shape.stride};
    switch (plan->shape.taps) {
    case 3: kernels->stem_winograd3_input(&job); break;
    case 4: kernels->stem_winograd4_input(&job); break;
    default: kernels->stem_winograd5_input(&job);
    }
}

struct kernel_case *stem_winograd_input_case(const struct stem_winograd_shape *shape) {
    int stride = shape->stride, tiles = (shape->width + OUTPUT - 1) / OUTPUT;
    struct stem_plan plan = plan_of(shape, (tiles + FMAP_BLOCK - 1) / FMAP_BLOCK * FMAP_BLOCK);
    plan.point_stride = plan.n_tiles + 3;
    plan.phase_stride = plan.patch * plan.point_stride + 5;
    struct kernel_case *c = case_create((size_t)(stride * plan.phase_stride), 1, sizeof plan);
    plan.src = case_source(c, (size_t)((plan.n_tiles * OUTPUT + plan.patch) * stride + FMAP_BLOCK), 4,
                           CASE_FILL_UNIFORM);
    plan.dst = c->dst.data;
    c->bytes = (double)c->dst.n * sizeof(float);
    c->run = input_run;
    double b[MAX_PATCH][MAX_PATCH], d[MAX_PATCH], magnitude;
    case_winograd_input_matrix(plan.patch, b);
    for (size_t i = 0; i < c->dst.n; i++) c->expected[i] = (double)NAN; /* what must not be written */
    for (int i = 0; i < stride * plan.n_tiles; i++) {
        int tile = i / stride, phase = i % stride;
        for (int k = 0; k < plan.patch; k++) d[k] = (double)plan.src[(OUTPUT * tile + k) * stride + phase];
        for (int p = 0; p < plan.patch; p++) {
            ptrdiff_t at = phase * plan.phase_stride + p * plan.point_stride + tile;
            c->expected[at] = dot(b[p], d, plan.patch, &magnitude);
            c->bounds[at] = check_bound(5, magnitude);
        }
    }
    memcpy(name(c, "input", &plan), &plan, sizeof plan);
    return c;
}

static void output_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct stem_plan *plan = c->jobs;
    for (int lane = 0; lane < FMAP_BLOCK; lane += kernels->lanes) {
        const struct fmap_stem_winograd_output job = {.src = plan->src + lane,
                                                      .dst = plan->dst + lane,
                                                      .bias = plan->bias + lane,
                                                      .point_stride = plan->point_stride,
                                                      .width = plan->shape.width,
                                                      .activate = plan->shape.activate};
        switch (plan->shape.taps) {
        case 3: kernels->stem_winograd3_output(&job); break;
        case 4: kernels->stem_winograd4_output(&job); break;
        default: kernels->stem_winograd5_output(&job);
        }
    }
}

struct kernel_case *stem_winograd_output_case(const struct stem_winograd_shape *shape) {
    struct stem_plan plan = plan_of(shape, (shape->width + OUTPUT - 1) / OUTPUT);
    plan.point_stride = (plan.n_tiles + 1) * FMAP_BLOCK;
    struct kernel_case *c = case_create((size_t)shape->width * FMAP_BLOCK, 1, sizeof plan);
    plan.src = case_source(c, (size_t)(plan.patch * plan.point_stride), 64, CASE_FILL_UNIFORM);
    plan.bias = case_source(c, FMAP_BLOCK, 64, CASE_FILL_UNIFORM);
    plan.dst = c->dst.data;
    c->bytes = (double)(plan.n_tiles * plan.patch + shape->width) * FMAP_BLOCK * sizeof(float);
    c->run = output_run;
    double a[CASE_WINOGRAD_MAX_OUTPUT][MAX_PATCH], m[MAX_PATCH], magnitude;
    case_winograd_output_matrix(OUTPUT, plan.patch, a);
    for (int i = 0; i < shape->width * FMAP_BLOCK; i++) {
        int lane = i % FMAP_BLOCK, x = i / FMAP_BLOCK;
        for (int p = 0; p < plan.patch; p++)
            m[p] = (double)plan.src[p * plan.point_stride + x / OUTPUT * FMAP_BLOCK + lane];
        double bias = (double)plan.bias[lane];
        c->expected[i] = dot(a[x % OUTPUT], m, plan.patch, &magnitude) + bias;
        c->bounds[i] = check_bound(7, magnitude + fabs(bias));
    }
    case_activate(c, &shape->activate);
    memcpy(name(c, "output", &plan), &plan, sizeof plan);
    return c;
}
