/* A dense layer for several images, as many as one tile has rows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "tests/oracle.h"

enum { SOURCE_INPUT, SOURCE_WEIGHTS, SOURCE_BIAS, SOURCE_PACKED };
enum { MOST_CALLS = 256, BETWEEN_ROWS = 5 };

struct dense_call {
    fmap_dense_function *function;
    struct fmap_dense_tile tile;
};

struct dense_plan {
    struct dense_shape shape;
    int n_outputs, n_terms, row_floats;
    struct dense_call calls[MOST_CALLS];
    int n_calls;
};

static int least(int a, int b) { return a < b ? a : b; }

/* Packs the weights of the outputs from `output` on; returns where they lie. */
static char *pack(struct kernel_case *c, int output, int width) {
    const struct dense_plan *plan = c->jobs;
    int bytes = plan->shape.bf16 ? 2 : 4;
    char *packed = (char *)c->sources[SOURCE_PACKED].data + output * plan->n_terms * bytes;
    for (int term = 0; term < plan->n_terms; term++) {
        const float *weights = c->sources[SOURCE_WEIGHTS].data + term * plan->n_outputs + output;
        char *to = packed + term * width * bytes;
        if (plan->shape.bf16)
            case_narrow(weights, width, to);
        else
            memcpy(to, weights, (size_t)width * sizeof *weights);
    }
    return packed;
}

/* One tile, in one piece or in two. */
static void add_calls(struct kernel_case *c, const struct fmap_kernels *kernels, int row, int rows,
                      int output, int vectors, const char *weights) {
    struct dense_plan *plan = c->jobs;
    const struct dense_shape *shape = &plan->shape;
    struct dense_call call = {.function = (shape->bf16 ? kernels->dense_bf16 : kernels->dense)[vectors][rows],
                              .tile = {.src = c->sources[SOURCE_INPUT].data + row * plan->row_floats,
                                       .src_row_stride = plan->row_floats,
                                       .weights = weights,
                                       .bias = c->sources[SOURCE_BIAS].data + output,
                                       .dst = c->dst.data + row * (plan->n_outputs + BETWEEN_ROWS) + output,
                                       .dst_row_stride = plan->n_outputs + BETWEEN_ROWS,
                                       .terms = {.n_blocks = shape->n_blocks,
                                                 .n_rests = shape->n_rests,
                                                 .rest_lanes = shape->rest_lanes},
                                       .prefetch = c->sources[SOURCE_BIAS].data,
                                       .activate = shape->activate}};
    if (shape->first_blocks > 0) {
        struct dense_call first = call;
        int terms = shape->first_blocks * FMAP_BLOCK, bytes = shape->bf16 ? 2 : 4;
        first.tile.terms = (struct fmap_terms){.n_blocks = shape->first_blocks};
        first.tile.activate = (struct fmap_activate_job){.kind = FMAP_ACTIVATE_NONE};
        plan->calls[plan->n_calls++] = first;
        call.tile.bias = NULL;
        call.tile.src += terms;
        call.tile.weights = weights + terms * vectors * kernels->lanes * bytes;
        call.tile.terms.n_blocks -= shape->first_blocks;
    }
    plan->calls[plan->n_calls++] = call;
}

static void dense_prepare(struct kernel_case *c, const struct fmap_kernels *kernels) {
    struct dense_plan *plan = c->jobs;
    const struct dense_shape *shape = &plan->shape;
    check_fenced_destroy(&c->sources[SOURCE_PACKED]);
    c->sources[SOURCE_PACKED] = check_fenced_create(c->sources[SOURCE_WEIGHTS].n / (shape->bf16 ? 2 : 1), 64);
    plan->n_calls = 0;
    int wanted = shape->vectors;
    while (kernels->tile_pixels[wanted] == 0) wanted--;
    for (int output = 0, vectors; output < plan->n_outputs; output += vectors * kernels->lanes) {
        vectors = least((plan->n_outputs - output) / kernels->lanes, wanted);
        const char *weights = pack(c, output, vectors * kernels->lanes);
        for (int row = 0, rows; row < shape->rows; row += rows) {
            rows = least(shape->rows - row, kernels->tile_pixels[vectors]);
            add_calls(c, kernels, row, rows, output, vectors, weights);
        }
    }
}

static void dense_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    (void)kernels;
    const struct dense_plan *plan = c->jobs;
    for (int i = 0; i < plan->n_calls; i++) plan->calls[i].function(&plan->calls[i].tile);
}

/* The terms of a row side by side, and NaN for all else that it holds. */
static void take_terms(const struct dense_plan *plan, float *row, float *terms) {
    for (int term = 0; term < plan->n_terms; term++)
        terms[term] = row[case_place(plan->shape.n_blocks, plan->shape.rest_lanes, term)];
    for (int i = 0; i < plan->row_floats; i++) row[i] = NAN;
    for (int term = 0; term < plan->n_terms; term++)
        row[case_place(plan->shape.n_blocks, plan->shape.rest_lanes, term)] = terms[term];
}

static void expect(struct kernel_case *c) {
    const struct dense_plan *plan = c->jobs;
    float *terms = calloc((size_t)plan->n_terms + 1, sizeof *terms);
    for (size_t i = 0; i < c->dst.n; i++) c->expected[i] = (double)NAN; /* between the rows: untouched */
    for (int row = 0; row < plan->shape.rows; row++) {
        int at = row * (plan->n_outputs + BETWEEN_ROWS);
        take_terms(plan, c->sources[SOURCE_INPUT].data + row * plan->row_floats, terms);
        oracle_dense(&(struct oracle_dense){.n = 1,
                                            .features = plan->n_terms,
                                            .units = plan->n_outputs,
                                            .unit_stride = 1,
                                            .feature_stride = plan->n_outputs,
                                            .src = terms,
                                            .weights = c->sources[SOURCE_WEIGHTS].data,
                                            .bias = c->sources[SOURCE_BIAS].data},
                     c->expected + at, c->bounds + at);
        for (int o = at; o < at + plan->n_outputs; o++)
            c->bounds[o] = check_bound(plan->n_terms, c->bounds[o]);
    }
    case_activate(c, &plan->shape.activate);
    c->flops = 2.0 * plan->shape.rows * plan->n_terms * plan->n_outputs;
    c->bytes = (double)c->sources[SOURCE_WEIGHTS].n * (plan->shape.bf16 ? 2 : 4) + 4.0 * (double)c->dst.n;
    free(terms);
}

struct kernel_case *dense_case(const struct dense_shape *shape) {
    int n_outputs = shape->vectors * FMAP_BLOCK;
    size_t n_dst = (size_t)(shape->rows * (n_outputs + BETWEEN_ROWS) - BETWEEN_ROWS);
    struct kernel_case *c = case_create(n_dst, 1, sizeof(struct dense_plan));
    struct dense_plan *plan = c->jobs;
    snprintf(c->name, sizeof c->name, "dense%s/%dx%d/blocks:%d+%d/rests:%dx%d/%s", shape->bf16 ? "_bf16" : "",
             shape->rows, shape->vectors, shape->first_blocks, shape->n_blocks - shape->first_blocks,
             shape->n_rests, shape->rest_lanes, case_activation_name(shape->activate.kind));
    plan->shape = *shape;
    plan->n_outputs = n_outputs;
    plan->n_terms = shape->n_blocks * FMAP_BLOCK + shape->n_rests * shape->rest_lanes;
    plan->row_floats = (shape->n_blocks + shape->n_rests) * FMAP_BLOCK;
    (void)case_source(c, (size_t)(shape->rows * plan->row_floats), 64, shape->fill);
    float *weights = case_source(c, (size_t)(plan->n_terms * n_outputs), 64, CASE_FILL_UNIFORM);
    for (int i = 0; shape->bf16 && i < plan->n_terms * n_outputs; i++) weights[i] = check_bf16(weights[i]);
    (void)case_source(c, (size_t)n_outputs, 64, CASE_FILL_UNIFORM);
    (void)case_source(c, 1, 64, CASE_FILL_UNIFORM); /* dense_prepare replaces it. */
    c->prepare = dense_prepare;
    c->run = dense_run;
    expect(c);
    return c;
}

/* ---- bfloat16 as floats ---------------------------------------------------------------------------------- */

static void widen_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->widen(c->jobs);
}

struct kernel_case *widen_case(int n) {
    struct kernel_case *c = case_create((size_t)n, 1, sizeof(struct fmap_widen));
    snprintf(c->name, sizeof c->name, "widen/n:%d", n);
    float *floats = case_source(c, (size_t)n, 64, CASE_FILL_SPECIAL);
    void *halves = case_source(c, (size_t)n / 2, 64, CASE_FILL_UNIFORM);
    for (int i = 0; i < n; i++) c->expected[i] = (double)check_bf16(floats[i]);
    for (int i = 0; i < n; i++) floats[i] = check_bf16(floats[i]);
    case_narrow(floats, n, halves);
    *(struct fmap_widen *)c->jobs = (struct fmap_widen){.src = halves, .dst = c->dst.data, .n = n};
    c->bytes = 6.0 * n;
    c->run = widen_run;
    return c;
}
