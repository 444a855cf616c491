/* Depthwise convolution and pooling: all rows of one block of channels. */
#include <stdio.h>
#include <stdlib.h>

#include "case.h"
#include "tests/oracle.h"

enum { CHANNELS = FMAP_BLOCK };

static int out_size(const struct window_shape *shape, int in, int kernel) {
    return oracle_out_size(in, kernel, shape->stride, shape->dilation, shape->pad_before, shape->pad_after,
                           shape->ceil_mode);
}

static int out_h_of(const struct window_shape *shape) {
    return out_size(shape, shape->in_h, shape->kernel_h);
}
static int out_w_of(const struct window_shape *shape) {
    return out_size(shape, shape->in_w, shape->kernel_w);
}

bool window_shape_has_output(const struct window_shape *shape) {
    return out_h_of(shape) > 0 && out_w_of(shape) > 0;
}

static struct oracle_window oracle_window_of(const struct window_shape *shape) {
    return (struct oracle_window){.kernel_h = shape->kernel_h,
                                  .kernel_w = shape->kernel_w,
                                  .stride_h = shape->stride,
                                  .stride_w = shape->stride,
                                  .dilation_h = shape->dilation,
                                  .dilation_w = shape->dilation,
                                  .pad_top = shape->pad_before,
                                  .pad_left = shape->pad_before,
                                  .pad_bottom = shape->pad_after,
                                  .pad_right = shape->pad_after};
}

/* Job i: all rows, or the next rows_per_call of them. */
static struct fmap_window window_of(const struct window_shape *shape, const struct kernel_case *c, int i) {
    int out_h = out_h_of(shape), rows = shape->rows_per_call ? shape->rows_per_call : out_h;
    return (struct fmap_window){.src = c->sources[0].data,
                                .dst = c->dst.data,
                                .first_row = i * rows,
                                .n_rows = out_h - i * rows < rows ? out_h - i * rows : rows,
                                .src_size = {shape->in_h, shape->in_w},
                                .dst_width = out_w_of(shape),
                                .kernel = {shape->kernel_h, shape->kernel_w},
                                .strides = {shape->stride, shape->stride},
                                .dilations = {shape->dilation, shape->dilation},
                                .pads = {shape->pad_before, shape->pad_before}};
}

/* From [pixel][channel] to [channel][pixel], where channel c is lanes[c] of the block; NULL: c itself. */
static float *planar(const float *blocked, int n_pixels, const int32_t *lanes) {
    float *result = malloc((size_t)n_pixels * CHANNELS * sizeof *result);
    for (int i = 0; i < n_pixels; i++) {
        for (int c = 0; c < CHANNELS; c++) {
            result[c * n_pixels + i] = blocked[i * CHANNELS + (lanes ? lanes[c] : c)];
        }
    }
    return result;
}

static void expect_planar(struct kernel_case *c, const double *values, const double *magnitudes,
                          double n_roundings) {
    int n_pixels = (int)c->dst.n / CHANNELS;
    for (int i = 0; i < n_pixels; i++) {
        for (int channel = 0; channel < CHANNELS; channel++) {
            int from = channel * n_pixels + i, to = i * CHANNELS + channel;
            c->expected[to] = values[from];
            c->bounds[to] = magnitudes ? check_bound(n_roundings, magnitudes[from]) : 0.0;
        }
    }
}

static struct kernel_case *window_case(const struct window_shape *shape, const char *kernel,
                                       size_t job_bytes) {
    int out_h = out_h_of(shape), out_w = out_w_of(shape), rows = shape->rows_per_call;
    struct kernel_case *c = case_create((size_t)(out_h * out_w * CHANNELS),
                                        rows ? (out_h + rows - 1) / rows : 1, job_bytes);
    int n = snprintf(c->name, sizeof c->name, "%s/in:%dx%d/kernel:%dx%d/stride:%d/dilation:%d/pad:%d,%d/%s",
                     kernel, shape->in_h, shape->in_w, shape->kernel_h, shape->kernel_w, shape->stride,
                     shape->dilation, shape->pad_before, shape->pad_after,
                     case_activation_name(shape->activate.kind));
    if (shape->multiplier > 1 && n < (int)sizeof c->name) {
        snprintf(c->name + n, sizeof c->name - (size_t)n, "/multiplier:%d", shape->multiplier);
    }
    (void)case_source(c, (size_t)(shape->in_h * shape->in_w * CHANNELS), 64, shape->fill);
    c->flops = (double)c->dst.n * shape->kernel_h * shape->kernel_w;
    c->bytes = (double)(c->dst.n + c->sources[0].n) * sizeof(float);
    return c;
}

/* ---- depthwise ---------------------------------------------------------------------------------------- */

/* The channels of the block's outputs, in the memory of one more source; NULL when each has its own. */
static const int32_t *lanes_of(const struct window_shape *shape, struct kernel_case *c) {
    if (shape->multiplier <= 1) return NULL;
    int32_t *lanes = (int32_t *)(void *)case_source(c, CHANNELS, 64, CASE_FILL_UNIFORM);
    for (int i = 0; i < CHANNELS; i++) {
        lanes[i] = (shape->multiplied_block * CHANNELS + i) / shape->multiplier;
    }
    return lanes;
}

static void depthwise_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct fmap_depthwise *jobs = c->jobs;
    for (int i = 0; i < c->n_jobs; i++) kernels->depthwise(&jobs[i]);
}

struct kernel_case *depthwise_case(const struct window_shape *shape) {
    struct kernel_case *c = window_case(shape, "depthwise", sizeof(struct fmap_depthwise));
    int kernel_size = shape->kernel_h * shape->kernel_w;
    const float *weights = case_source(c, (size_t)(kernel_size * CHANNELS), 64, CASE_FILL_UNIFORM);
    const float *bias = case_source(c, CHANNELS, 64, CASE_FILL_UNIFORM);
    const int32_t *lanes = lanes_of(shape, c);
    struct fmap_depthwise *jobs = c->jobs;
    for (int i = 0; i < c->n_jobs; i++) {
        jobs[i] = (struct fmap_depthwise){.window = window_of(shape, c, i),
                                          .weights = weights,
                                          .bias = bias,
                                          .lanes = lanes,
                                          .activate = shape->activate};
    }
    c->run = depthwise_run;
    c->flops *= 2.0;

    float *plain_src = planar(c->sources[0].data, shape->in_h * shape->in_w, lanes);
    float *plain_weights = planar(weights, kernel_size, NULL);
    double *values = malloc(2 * c->dst.n * sizeof *values);
    oracle_conv_2d(&(struct oracle_conv_2d){.n = 1,
                                            .channels = CHANNELS,
                                            .in_h = shape->in_h,
                                            .in_w = shape->in_w,
                                            .filters = CHANNELS,
                                            .groups = CHANNELS,
                                            .out_h = out_h_of(shape),
                                            .out_w = out_w_of(shape),
                                            .window = oracle_window_of(shape),
                                            .src = plain_src,
                                            .weights = plain_weights,
                                            .bias = bias},
                   values, values + c->dst.n);
    expect_planar(c, values, values + c->dst.n, kernel_size);
    case_activate(c, &shape->activate);
    free(values);
    free(plain_weights);
    free(plain_src);
    return c;
}

/* ---- pooling -------------------------------------------------------------------------------------------- */

static void max_pool_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct fmap_max_pool *jobs = c->jobs;
    for (int i = 0; i < c->n_jobs; i++) kernels->max_pool(&jobs[i]);
}

static void average_pool_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct fmap_average_pool *jobs = c->jobs;
    for (int i = 0; i < c->n_jobs; i++) kernels->average_pool(&jobs[i]);
}

static struct oracle_pool_2d oracle_pool_of(const struct window_shape *shape, const float *plain_src) {
    return (struct oracle_pool_2d){.n = 1,
                                   .channels = CHANNELS,
                                   .in_h = shape->in_h,
                                   .in_w = shape->in_w,
                                   .out_h = out_h_of(shape),
                                   .out_w = out_w_of(shape),
                                   .window = oracle_window_of(shape),
                                   .count_padding = shape->count_padding,
                                   .src = plain_src};
}

struct kernel_case *max_pool_case(const struct window_shape *shape) {
    struct kernel_case *c = window_case(shape, "max_pool", sizeof(struct fmap_max_pool));
    struct fmap_max_pool *jobs = c->jobs;
    for (int i = 0; i < c->n_jobs; i++) jobs[i].window = window_of(shape, c, i);
    c->run = max_pool_run;

    float *plain_src = planar(c->sources[0].data, shape->in_h * shape->in_w, NULL);
    double *values = malloc(c->dst.n * sizeof *values);
    const struct oracle_pool_2d pool = oracle_pool_of(shape, plain_src);
    oracle_max_pool_2d(&pool, values);
    expect_planar(c, values, NULL, 0.0);
    free(values);
    free(plain_src);
    return c;
}

/* Along one axis, the elements that an average is divided by. */
static int counted(const struct window_shape *shape, int in, int kernel, int at) {
    int n = 0;
    for (int k = 0; k < kernel; k++) {
        int i = at * shape->stride - shape->pad_before + k * shape->dilation;
        n += shape->count_padding ? i < in + shape->pad_after : i >= 0 && i < in;
    }
    return n;
}

static const float *counts_of(const struct window_shape *shape, struct kernel_case *c, int in, int kernel,
                              int out) {
    float *counts = case_source(c, (size_t)out, sizeof(float), CASE_FILL_UNIFORM);
    for (int i = 0; i < out; i++) counts[i] = (float)counted(shape, in, kernel, i);
    return counts;
}

struct kernel_case *average_pool_case(const struct window_shape *shape) {
    struct kernel_case *c = window_case(shape, "average_pool", sizeof(struct fmap_average_pool));
    struct fmap_average_pool *jobs = c->jobs;
    const float *row_counts = counts_of(shape, c, shape->in_h, shape->kernel_h, out_h_of(shape));
    const float *column_counts = counts_of(shape, c, shape->in_w, shape->kernel_w, out_w_of(shape));
    for (int i = 0; i < c->n_jobs; i++) {
        jobs[i] = (struct fmap_average_pool){window_of(shape, c, i), row_counts, column_counts};
    }
    c->run = average_pool_run;

    float *plain_src = planar(c->sources[0].data, shape->in_h * shape->in_w, NULL);
    double *values = malloc(2 * c->dst.n * sizeof *values);
    const struct oracle_pool_2d pool = oracle_pool_of(shape, plain_src);
    oracle_average_pool_2d(&pool, values, values + c->dst.n);
    expect_planar(c, values, values + c->dst.n, shape->kernel_h * shape->kernel_w);
    free(values);
    free(plain_src);
    return c;
}
