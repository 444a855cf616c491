/* oneDNN, through its C interface (version 2): https://oneapi-src.github.io/oneDNN/v2.6/ . It chooses the layouts of
 * input, weights and output; reordering into them is not timed. It runs on the same OpenMP threads as we do. */
#include "bench/peer_onednn.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

static bool accepts_all(const struct bench_engine *engine, const struct bench_layer *layer) {
    (void)engine;
    return layer->kind != BENCH_ELEMENTS && layer->kind != BENCH_INVERTED;
}

static bool accepts_winograd(const struct bench_engine *engine, const struct bench_layer *layer) {
    (void)engine;
    return bench_convolves(layer) && layer->kernel[0] == 3 && layer->kernel[1] == 3 && layer->stride == 1 &&
           layer->dilation == 1 && layer->groups == 1;
}

/* ReLU in the same pass. */
static dnnl_primitive_attr_t with_relu(void) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t after = NULL;
    if (dnnl_primitive_attr_create(&attributes) == dnnl_success &&
        dnnl_post_ops_create(&after) == dnnl_success) {
        dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, 0, 0);
        dnnl_primitive_attr_set_post_ops(attributes, after);
    }
    if (after) dnnl_post_ops_destroy(after);
    return attributes;
}

static void describe_any(dnnl_memory_desc_t *description, int n_dims, const dnnl_dims_t dims) {
    dnnl_memory_desc_init_by_tag(description, n_dims, dims, dnnl_f32, dnnl_format_tag_any);
}

static bool add_conv(bench_prepared *p, dnnl_alg_kind_t algorithm) {
    const struct bench_problem *problem = p->problem;
    const struct bench_layer *l = problem->layer;
    struct onednn_stage *stage = &p->stages[p->n_stages++];
    int groups = l->groups, grouped = groups > 1;
    dnnl_dims_t in = {problem->batch, l->channels, l->height, l->width};
    dnnl_dims_t out = {problem->batch, l->filters, problem->conv_height, problem->conv_width};
    dnnl_dims_t plain = {l->filters, l->channels, l->kernel[0], l->kernel[1]}, bias_dims = {l->filters};
    dnnl_dims_t split = {groups, l->filters / groups, l->channels / groups, l->kernel[0], l->kernel[1]};
    dnnl_dims_t strides = {l->stride, l->stride}, pads = {l->pads[0], l->pads[1]};
    dnnl_dims_t dilates = {l->dilation - 1, l->dilation - 1};
    dnnl_memory_desc_t src, weights, bias, dst;
    dnnl_convolution_desc_t conv;
    describe_any(&src, 4, in);
    describe_any(&weights, 4 + grouped, grouped ? split : plain);
    describe_any(&bias, 1, bias_dims);
    describe_any(&dst, 4, out);
    dnnl_primitive_attr_t attributes = with_relu();
    bool made = dnnl_dilated_convolution_forward_desc_init(&conv, dnnl_forward_inference, algorithm, &src,
                                                           &weights, &bias, &dst, strides, dilates, pads,
                                                           pads) == dnnl_success &&
                dnnl_primitive_desc_create(&stage->description, &conv, attributes, p->engine, NULL) ==
                    dnnl_success;
    dnnl_primitive_attr_destroy(attributes);
    return made && onednn_feed(p, stage, DNNL_ARG_SRC, problem->input, dnnl_nchw, 4, in) &&
           onednn_feed(p, stage, DNNL_ARG_WEIGHTS, problem->weights, grouped ? dnnl_hwigo : dnnl_hwio,
                       4 + grouped, grouped ? split : plain) &&
           onednn_feed(p, stage, DNNL_ARG_BIAS, problem->bias, dnnl_x, 1, bias_dims) &&
           onednn_finish_stage(p, stage);
}

static bool add_dense(bench_prepared *p) {
    const struct bench_problem *problem = p->problem;
    const struct bench_layer *l = problem->layer;
    struct onednn_stage *stage = &p->stages[p->n_stages++];
    dnnl_dims_t in = {problem->batch, l->channels}, out = {problem->batch, l->filters};
    dnnl_dims_t matrix = {l->filters, l->channels}, bias_dims = {l->filters};
    dnnl_memory_desc_t src, weights, bias, dst;
    dnnl_inner_product_desc_t dense;
    describe_any(&src, 2, in);
    describe_any(&weights, 2, matrix);
    describe_any(&bias, 1, bias_dims);
    describe_any(&dst, 2, out);
    dnnl_primitive_attr_t attributes = with_relu();
    bool made = dnnl_inner_product_forward_desc_init(&dense, dnnl_forward_inference, &src, &weights, &bias,
                                                     &dst) == dnnl_success &&
                dnnl_primitive_desc_create(&stage->description, &dense, attributes, p->engine, NULL) ==
                    dnnl_success;
    dnnl_primitive_attr_destroy(attributes);
    return made && onednn_feed(p, stage, DNNL_ARG_SRC, problem->input, dnnl_nc, 2, in) &&
           onednn_feed(p, stage, DNNL_ARG_WEIGHTS, problem->weights, dnnl_io, 2, matrix) &&
           onednn_feed(p, stage, DNNL_ARG_BIAS, problem->bias, dnnl_x, 1, bias_dims) &&
           onednn_finish_stage(p, stage);
}

/* A pool, behind the stage before it or, if it is the first, of the input in blocks of channels, as oneDNN's
 * convolutions leave it. */
static bool add_pool(bench_prepared *p) {
    const struct bench_problem *problem = p->problem;
    const struct bench_layer *l = problem->layer;
    bool first = p->n_stages == 0, global = l->kind == BENCH_GLOBAL_POOL;
    bool average = global || l->kind == BENCH_AVERAGE_POOL || l->kind == BENCH_CONV_AVERAGE_POOL;
    dnnl_memory_t input = p->output;
    struct onednn_stage *stage = &p->stages[p->n_stages++];
    dnnl_dims_t in = {problem->batch, problem->out_channels, problem->conv_height, problem->conv_width};
    dnnl_dims_t out = {problem->batch, problem->out_channels, problem->out_height, problem->out_width};
    dnnl_dims_t window = {l->pool, l->pool}, strides = {l->pool_stride, l->pool_stride};
    dnnl_dims_t pads = {l->pool_pad, l->pool_pad}, whole = {l->height, l->width}, one = {1, 1}, none = {0, 0};
    dnnl_memory_desc_t src, dst;
    dnnl_pooling_desc_t pool;
    bool wide = dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core;
    if (first) {
        dnnl_memory_desc_init_by_tag(&src, 4, in, dnnl_f32, wide ? dnnl_nChw16c : dnnl_nChw8c);
    } else {
        const dnnl_memory_desc_t *description;
        dnnl_memory_get_memory_desc(input, &description);
        src = *description;
    }
    describe_any(&dst, 4, out);
    bool made = dnnl_pooling_forward_desc_init(&pool, dnnl_forward_inference,
                                               average ? dnnl_pooling_avg_exclude_padding : dnnl_pooling_max,
                                               &src, &dst, global ? one : strides, global ? whole : window,
                                               global ? none : pads, global ? none : pads) == dnnl_success &&
                dnnl_primitive_desc_create(&stage->description, &pool, NULL, p->engine, NULL) == dnnl_success;
    if (!made) return false;
    if (!first)
        onednn_attach(stage, DNNL_ARG_SRC, input);
    else if (!onednn_feed(p, stage, DNNL_ARG_SRC, problem->input, dnnl_nchw, 4, in))
        return false;
    return onednn_finish_stage(p, stage);
}

static bench_prepared *prepare_with(const struct bench_problem *problem, int threads, char *reason,
                                    dnnl_alg_kind_t algorithm) {
    bench_prepared *p = calloc(1, sizeof *p);
    enum bench_kind kind = problem->layer->kind;
    snprintf(reason, BENCH_REASON_BYTES, "oneDNN does not have this layer");
    if (!p) return NULL;
    p->problem = problem;
    p->threads = threads;
    omp_set_num_threads(threads); /* It plans for as many as OpenMP would use. */
    bool ready = dnnl_engine_create(&p->engine, dnnl_cpu, 0) == dnnl_success &&
                 dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags) == dnnl_success;
    if (ready && bench_convolves(problem->layer)) ready = add_conv(p, algorithm);
    if (ready && kind == BENCH_DENSE) ready = add_dense(p);
    if (ready && kind != BENCH_CONV && kind != BENCH_DENSE) ready = add_pool(p);
    if (ready) return p;
    onednn_release(p);
    return NULL;
}

static bench_prepared *prepare_direct(const struct bench_engine *engine, const struct bench_problem *problem,
                                      int threads, char reason[BENCH_REASON_BYTES]) {
    (void)engine;
    return prepare_with(problem, threads, reason, dnnl_convolution_direct);
}

static bench_prepared *prepare_winograd(const struct bench_engine *engine,
                                        const struct bench_problem *problem, int threads,
                                        char reason[BENCH_REASON_BYTES]) {
    (void)engine;
    return prepare_with(problem, threads, reason, dnnl_convolution_winograd);
}

static double run(bench_prepared *p) {
    omp_set_num_threads(p->threads);
    double begin = bench_seconds();
    for (int i = 0; i < p->n_stages; i++) {
        const struct onednn_stage *stage = &p->stages[i];
        dnnl_primitive_execute(stage->primitive, p->stream, stage->n_arguments, stage->arguments);
    }
    dnnl_stream_wait(p->stream);
    return bench_seconds() - begin;
}

static void read_output(bench_prepared *p, float *output) {
    const struct bench_problem *problem = p->problem;
    bool dense = problem->layer->kind == BENCH_DENSE;
    dnnl_dims_t dims = {problem->batch, problem->out_channels, problem->out_height, problem->out_width};
    dnnl_memory_desc_t plain;
    dnnl_memory_t to = NULL;
    dnnl_memory_desc_init_by_tag(&plain, dense ? 2 : 4, dims, dnnl_f32, dense ? dnnl_nc : dnnl_nchw);
    if (dnnl_memory_create(&to, &plain, p->engine, output) != dnnl_success) return;
    onednn_reorder(p, to, p->output);
    dnnl_memory_destroy(to);
}

/* The name that its own verbose mode prints, such as "jit:avx512_core". */
static const char *kernel(const bench_prepared *p) {
    const char *name = NULL;
    dnnl_primitive_desc_query(p->stages[0].description, dnnl_query_impl_info_str, 0, (void *)&name);
    return name;
}

#define VARIANT(text, takes, prepares, bound) \
    { \
        .name = text, .accepts = takes, .prepare = prepares, .run = run, .read = read_output, \
        .kernel = kernel, .release = onednn_release, .tolerance = bound \
    }
static const struct bench_engine engines[] = {
    VARIANT("onednn_direct", accepts_all, prepare_direct, 1e-4),
    VARIANT("onednn_winograd", accepts_winograd, prepare_winograd, 1e-3),
    {0}};

const struct bench_engine *bench_onednn(fmap_isa cap, const char **version) {
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    if (cap == FMAP_ISA_SCALAR || cap == FMAP_ISA_NEON) return NULL;
    if (cap == FMAP_ISA_AVX2) dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    *version = text;
    return engines;
}
