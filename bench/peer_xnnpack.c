/* XNNPACK, in its own layout (channels last) and on its own threads: https://github.com/google/XNNPACK . Weights are
 * packed when an operator is created; the clamp that follows a layer is ReLU. */
#include "bench/engine.h"

#include <xnnpack.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_STAGES = 2, SPARE = XNN_EXTRA_BYTES / sizeof(float) + 1 /* It may read past the end. */ };

struct bench_prepared {
    const struct bench_problem *problem;
    pthreadpool_t pool; /* NULL: the calling thread alone */
    int n_stages;
    xnn_operator_t stages[MAX_STAGES];
    float *floats[MAX_STAGES + 1]; /* the input, and what each stage puts out */
};

static bool accepts(const struct bench_engine *engine, const struct bench_layer *layer) {
    (void)engine;
    return layer->kind != BENCH_ELEMENTS && layer->kind != BENCH_INVERTED;
}

static void release(bench_prepared *p) {
    for (int i = 0; i < MAX_STAGES; i++)
        if (p->stages[i]) xnn_delete_operator(p->stages[i]);
    for (int i = 0; i <= MAX_STAGES; i++) free(p->floats[i]);
    if (p->pool) pthreadpool_destroy(p->pool);
    free(p);
}

/* [kernel h][kernel w][inputs][filters] to [filters][kernel h][kernel w][inputs]. */
static float *weights_by_filter(const struct bench_problem *problem) {
    size_t filters = (size_t)problem->layer->filters, taps = problem->n_weights / filters;
    float *weights = bench_floats(problem->n_weights);
    if (weights) bench_to_nhwc(weights, problem->weights, 1, taps, filters);
    return weights;
}

static enum xnn_status add_conv(bench_prepared *p) {
    const struct bench_problem *problem = p->problem;
    const struct bench_layer *l = problem->layer;
    uint32_t top = (uint32_t)l->pads[0], left = (uint32_t)l->pads[1], stride = (uint32_t)l->stride;
    uint32_t dilation = (uint32_t)l->dilation;
    size_t channels = (size_t)l->channels, filters = (size_t)l->filters, groups = (size_t)l->groups;
    float *weights = weights_by_filter(problem);
    xnn_operator_t *stage = &p->stages[p->n_stages++];
    if (!weights) return xnn_status_out_of_memory;
    enum xnn_status status = xnn_create_convolution2d_nhwc_f32(
        top, left, top, left, (uint32_t)l->kernel[0], (uint32_t)l->kernel[1], stride, stride, dilation,
        dilation, (uint32_t)groups, channels / groups, filters / groups, channels, filters, weights,
        problem->bias, 0, INFINITY, 0, stage);
    free(weights);
    if (status != xnn_status_success) return status;
    return xnn_setup_convolution2d_nhwc_f32(*stage, (size_t)problem->batch, (size_t)l->height,
                                            (size_t)l->width, p->floats[0], p->floats[p->n_stages], p->pool);
}

static enum xnn_status add_dense(bench_prepared *p) {
    const struct bench_problem *problem = p->problem;
    size_t inputs = (size_t)problem->layer->channels, units = (size_t)problem->layer->filters;
    xnn_operator_t *stage = &p->stages[p->n_stages++];
    enum xnn_status status = xnn_create_fully_connected_nc_f32(inputs, units, inputs, units, problem->weights,
                                                               problem->bias, 0, INFINITY,
                                                               XNN_FLAG_TRANSPOSE_WEIGHTS, stage);
    if (status != xnn_status_success) return status;
    return xnn_setup_fully_connected_nc_f32(*stage, (size_t)problem->batch, p->floats[0], p->floats[1],
                                            p->pool);
}

static enum xnn_status add_max_pool(bench_prepared *p) {
    const struct bench_problem *problem = p->problem;
    const struct bench_layer *l = problem->layer;
    uint32_t pad = (uint32_t)l->pool_pad, size = (uint32_t)l->pool, stride = (uint32_t)l->pool_stride;
    size_t channels = (size_t)problem->out_channels;
    const float *in = p->floats[p->n_stages];
    xnn_operator_t *stage = &p->stages[p->n_stages++];
    enum xnn_status status = xnn_create_max_pooling2d_nhwc_f32(pad, pad, pad, pad, size, size, stride, stride,
                                                               1, 1, channels, channels, channels, -INFINITY,
                                                               INFINITY, 0, stage);
    if (status != xnn_status_success) return status;
    return xnn_setup_max_pooling2d_nhwc_f32(*stage, (size_t)problem->batch, (size_t)problem->conv_height,
                                            (size_t)problem->conv_width, in, p->floats[p->n_stages], p->pool);
}

static enum xnn_status add_average_pool(bench_prepared *p) {
    const struct bench_problem *problem = p->problem;
    const struct bench_layer *l = problem->layer;
    uint32_t pad = (uint32_t)l->pool_pad, size = (uint32_t)l->pool, stride = (uint32_t)l->pool_stride;
    size_t channels = (size_t)problem->out_channels;
    const float *in = p->floats[p->n_stages];
    xnn_operator_t *stage = &p->stages[p->n_stages++];
    enum xnn_status status = xnn_create_average_pooling2d_nhwc_f32(pad, pad, pad, pad, size, size, stride,
                                                                   stride, channels, channels, channels,
                                                                   -INFINITY, INFINITY, 0, stage);
    if (status != xnn_status_success) return status;
    return xnn_setup_average_pooling2d_nhwc_f32(*stage, (size_t)problem->batch, (size_t)problem->conv_height,
                                                (size_t)problem->conv_width, in, p->floats[p->n_stages],
                                                p->pool);
}

static enum xnn_status add_global_pool(bench_prepared *p) {
    const struct bench_problem *problem = p->problem;
    size_t channels = (size_t)problem->layer->channels;
    xnn_operator_t *stage = &p->stages[p->n_stages++];
    enum xnn_status status = xnn_create_global_average_pooling_nwc_f32(channels, channels, channels,
                                                                       -INFINITY, INFINITY, 0, stage);
    if (status != xnn_status_success) return status;
    return xnn_setup_global_average_pooling_nwc_f32(*stage, (size_t)problem->batch,
                                                    (size_t)(problem->layer->height * problem->layer->width),
                                                    p->floats[0], p->floats[1], p->pool);
}

static enum xnn_status add_stages(bench_prepared *p) {
    enum xnn_status status;
    switch (p->problem->layer->kind) {
    case BENCH_CONV: return add_conv(p);
    case BENCH_CONV_POOL:
        status = add_conv(p);
        return status == xnn_status_success ? add_max_pool(p) : status;
    case BENCH_CONV_AVERAGE_POOL:
        status = add_conv(p);
        return status == xnn_status_success ? add_average_pool(p) : status;
    case BENCH_DENSE: return add_dense(p);
    case BENCH_MAX_POOL: return add_max_pool(p);
    case BENCH_AVERAGE_POOL: return add_average_pool(p);
    case BENCH_ELEMENTS:
    case BENCH_INVERTED: break;
    case BENCH_GLOBAL_POOL: return add_global_pool(p);
    }
    return xnn_status_unsupported_parameter;
}

static bench_prepared *prepare(const struct bench_engine *engine, const struct bench_problem *problem,
                               int threads, char reason[BENCH_REASON_BYTES]) {
    bench_prepared *p = calloc(1, sizeof *p);
    const struct bench_layer *l = problem->layer;
    size_t n_conv = (size_t)problem->batch * (size_t)problem->out_channels * (size_t)problem->conv_height *
                    (size_t)problem->conv_width;
    (void)engine;
    snprintf(reason, BENCH_REASON_BYTES, "XNNPACK does not have this layer");
    if (!p) return NULL;
    p->problem = problem;
    p->floats[0] = bench_floats(problem->n_input + SPARE);
    p->floats[1] = bench_floats((bench_convolves(l) && l->pool ? n_conv : problem->n_output) + SPARE);
    p->floats[2] = bench_floats(problem->n_output + SPARE);
    if (threads > 1) p->pool = pthreadpool_create((size_t)threads);
    if (p->floats[0] && p->floats[1] && p->floats[2] && (threads == 1 || p->pool)) {
        bench_to_nhwc(p->floats[0], problem->input, (size_t)problem->batch, (size_t)l->channels,
                      (size_t)l->height * (size_t)l->width);
        if (add_stages(p) == xnn_status_success) return p;
    }
    release(p);
    return NULL;
}

static double run(bench_prepared *p) {
    double begin = bench_seconds();
    for (int i = 0; i < p->n_stages; i++) xnn_run_operator(p->stages[i], p->pool);
    return bench_seconds() - begin;
}

static void read_output(bench_prepared *p, float *output) {
    const struct bench_problem *problem = p->problem;
    bench_to_nchw(output, p->floats[p->n_stages], (size_t)problem->batch, (size_t)problem->out_channels,
                  (size_t)problem->out_height * (size_t)problem->out_width);
}

static const struct bench_engine engines[] = {{.name = "xnnpack",
                                               .accepts = accepts,
                                               .prepare = prepare,
                                               .run = run,
                                               .read = read_output,
                                               .release = release,
                                               .tolerance = 1e-4},
                                              {0}};

static void *allocate(void *context, size_t bytes) {
    (void)context;
    return malloc(bytes);
}

static void *reallocate(void *context, void *memory, size_t bytes) {
    (void)context;
    return realloc(memory, bytes);
}

/* Its packed weights. */
static void *allocate_aligned(void *context, size_t alignment, size_t bytes) {
    (void)context;
    return bench_allocate(bytes, alignment);
}

static void deallocate(void *context, void *memory) {
    (void)context;
    free(memory);
}

static const struct xnn_allocator allocator = {.allocate = allocate,
                                               .reallocate = reallocate,
                                               .deallocate = deallocate,
                                               .aligned_allocate = allocate_aligned,
                                               .aligned_deallocate = deallocate};

const struct bench_engine *bench_xnnpack(fmap_isa cap, const char **version) {
    if (cap != FMAP_ISA_BEST && cap != fmap_isa_select(FMAP_ISA_AVX512)) return NULL;
    if (xnn_initialize(&allocator) != xnn_status_success) return NULL;
    *version = "as packaged by the system"; /* It has no version numbers. */
    return engines;
}
