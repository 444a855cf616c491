/* A dense layer for one image. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "tests/oracle.h"

enum { SOURCE_INPUT, SOURCE_WEIGHTS, SOURCE_BIAS, SOURCE_PACKED };

struct gemv_plan {
    struct gemv_shape shape;
    int n_terms;
    struct fmap_gemv *calls; /* [n_outputs] */
    int n_calls;
};

int case_place(int n_blocks, int rest_lanes, int term) {
    int whole = n_blocks * FMAP_BLOCK;
    if (term < whole) return term;
    return whole + (term - whole) / rest_lanes * FMAP_BLOCK + (term - whole) % rest_lanes;
}

/* Weights of `streams` streams of `vectors` vectors from `output` on, and the call that takes them. */
static void add_call(struct kernel_case *c, const struct fmap_kernels *kernels, int output, int streams,
                     int vectors) {
    struct gemv_plan *plan = c->jobs;
    int n_outputs = plan->shape.n_outputs, width = vectors * kernels->lanes;
    int bytes = plan->shape.bf16 ? 2 : 4;
    char *packed = (char *)c->sources[SOURCE_PACKED].data + output * plan->n_terms * bytes;
    struct fmap_gemv *call = &plan->calls[plan->n_calls++];
    *call = (struct fmap_gemv){.src = c->sources[SOURCE_INPUT].data,
                               .weights = packed,
                               .stream_stride = (ptrdiff_t)width * plan->n_terms,
                               .bias = c->sources[SOURCE_BIAS].data + output,
                               .dst = c->dst.data + output,
                               .terms = {.n_blocks = plan->shape.n_blocks,
                                         .n_rests = plan->shape.n_rests,
                                         .rest_lanes = plan->shape.rest_lanes},
                               .n_streams = streams,
                               .n_vectors = vectors,
                               .far = plan->shape.far,
                               .activate = plan->shape.activate};
    for (int s = 0; s < streams; s++, output += width) {
        for (int term = 0; term < plan->n_terms; term++, packed += width * bytes) {
            const float *weights = c->sources[SOURCE_WEIGHTS].data + term * n_outputs + output;
            if (plan->shape.bf16)
                case_narrow(weights, width, packed);
            else
                memcpy(packed, weights, (size_t)width * sizeof *weights);
        }
    }
}

void case_narrow(const float *floats, int n, void *packed) {
    uint16_t *halves = packed;
    for (int i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &floats[i], sizeof bits);
        halves[i] = (uint16_t)(bits >> 16);
    }
}

static void gemv_prepare(struct kernel_case *c, const struct fmap_kernels *kernels) {
    struct gemv_plan *plan = c->jobs;
    const struct gemv_shape *shape = &plan->shape;
    check_fenced_destroy(&c->sources[SOURCE_PACKED]);
    c->sources[SOURCE_PACKED] = check_fenced_create(c->sources[SOURCE_WEIGHTS].n / (shape->bf16 ? 2 : 1), 64);
    plan->n_calls = 0;
    int vectors = shape->vectors < kernels->gemv_vectors ? shape->vectors : kernels->gemv_vectors;
    int streams = shape->streams < kernels->gemv_streams ? shape->streams : kernels->gemv_streams;
    for (int output = 0; output < shape->n_outputs;) {
        int left = (shape->n_outputs - output) / kernels->lanes, v = left < vectors ? left : vectors;
        int s = left / v < streams ? left / v : streams;
        add_call(c, kernels, output, s, v);
        output += s * v * kernels->lanes;
    }
}

static void gemv_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct gemv_plan *plan = c->jobs;
    for (int i = 0; i < plan->n_calls; i++)
        (plan->shape.bf16 ? kernels->gemv_bf16 : kernels->gemv)(&plan->calls[i]);
}

static void gemv_destroy(struct kernel_case *c) { free(((struct gemv_plan *)c->jobs)->calls); }

static void expect(struct kernel_case *c) {
    const struct gemv_plan *plan = c->jobs;
    float *values = calloc((size_t)plan->n_terms + 1, sizeof *values);
    struct check_fenced *input = &c->sources[SOURCE_INPUT];
    for (int term = 0; term < plan->n_terms; term++)
        values[term] = input->data[case_place(plan->shape.n_blocks, plan->shape.rest_lanes, term)];
    for (size_t i = 0; i < input->n; i++) input->data[i] = NAN;
    for (int term = 0; term < plan->n_terms; term++)
        input->data[case_place(plan->shape.n_blocks, plan->shape.rest_lanes, term)] = values[term];
    oracle_dense(&(struct oracle_dense){.n = 1,
                                        .features = plan->n_terms,
                                        .units = plan->shape.n_outputs,
                                        .unit_stride = 1,
                                        .feature_stride = plan->shape.n_outputs,
                                        .src = values,
                                        .weights = c->sources[SOURCE_WEIGHTS].data,
                                        .bias = c->sources[SOURCE_BIAS].data},
                 c->expected, c->bounds);
    for (size_t i = 0; i < c->dst.n; i++) c->bounds[i] = check_bound(plan->n_terms, c->bounds[i]);
    case_activate(c, &plan->shape.activate);
    c->flops = 2.0 * plan->n_terms * plan->shape.n_outputs;
    c->bytes = (double)c->sources[SOURCE_WEIGHTS].n * (plan->shape.bf16 ? 2 : 4) + 4.0 * (double)c->dst.n;
    free(values);
}

struct kernel_case *gemv_case(const struct gemv_shape *shape) {
    struct kernel_case *c = case_create((size_t)shape->n_outputs, 1, sizeof(struct gemv_plan));
    struct gemv_plan *plan = c->jobs;
    snprintf(c->name, sizeof c->name, "gemv%s%s/%dx%d/outputs:%d/blocks:%d/rests:%dx%d/%s",
             shape->bf16 ? "_bf16" : "", shape->far ? "_far" : "", shape->streams, shape->vectors,
             shape->n_outputs, shape->n_blocks, shape->n_rests, shape->rest_lanes,
             case_activation_name(shape->activate.kind));
    plan->shape = *shape;
    plan->calls = calloc((size_t)shape->n_outputs, sizeof *plan->calls);
    plan->n_terms = shape->n_blocks * FMAP_BLOCK + shape->n_rests * shape->rest_lanes;
    (void)case_source(c, (size_t)((shape->n_blocks + shape->n_rests) * FMAP_BLOCK), 64, shape->fill);
    float *weights = case_source(c, (size_t)(plan->n_terms * shape->n_outputs), 64, CASE_FILL_UNIFORM);
    for (int i = 0; shape->bf16 && i < plan->n_terms * shape->n_outputs; i++)
        weights[i] = check_bf16(weights[i]);
    (void)case_source(c, (size_t)shape->n_outputs, 64, CASE_FILL_UNIFORM);
    (void)case_source(c, 1, 64, CASE_FILL_UNIFORM); /* gemv_prepare replaces it. */
    c->prepare = gemv_prepare;
    c->run = gemv_run;
    c->destroy = gemv_destroy;
    expect(c);
    return c;
}
