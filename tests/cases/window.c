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

/* The kernel's window of output row y; `first_row` is the first window row inside of the image. */
static struct fmap_window window_of(const struct window_shape *shape, const struct kernel_case *c, int y,
                                    int *first_row) {
    int top = y * shape->stride - shape->pad_before;
    int first = 0, last = shape->kernel_h;
    while (first < last && top + first * shape->dilation < 0) first++;
    while (last > first && top + (last - 1) * shape->dilation >= shape->in_h) last--;
    int in_y = last > first ? top + first * shape->dilation : 0;
    *first_row = first;
    return (struct fmap_window){.src = c->sources[0].data + (ptrdiff_t)in_y * shape->in_w * CHANNELS,
                                .dst = c->dst.data + (ptrdiff_t)y * out_w_of(shape) * CHANNELS,
                                .n_pixels = out_w_of(shape),
                                .src_width = shape->in_w,
                                .n_rows = last - first,
                                .kernel_width = shape->kernel_w,
                                .stride = shape->stride,
                                .dilation = shape->dilation,
                                .pad_left = shape->pad_before,
                                .src_row_stride = (ptrdiff_t)shape->dilation * shape->in_w * CHANNELS};
}

/* Between [channel][pixel] and [pixel][channel]. */
static float *planar(const float *blocked, int n_pixels) {
    float *result = malloc((size_t)n_pixels * CHANNELS * sizeof *result);
    for (int i = 0; i < n_pixels; i++) {
        for (int c = 0; c < CHANNELS; c++) result[c * n_pixels + i] = blocked[i * CHANNELS + c];
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
    int out_h = out_h_of(shape), out_w = out_w_of(shape);
    struct kernel_case *c = case_create((size_t)(out_h * out_w * CHANNELS), out_h, job_bytes);
    snprintf(c->name, sizeof c->name, "%s/in:%dx%d/kernel:%dx%d/stride:%d/dilation:%d/pad:%d,%d/%s", kernel,
             shape->in_h, shape->in_w, shape->kernel_h, shape->kernel_w, shape->stride, shape->dilation,
             shape->pad_before, shape->pad_after, case_activation_name(shape->activate.kind));
    (void)case_source(c, (size_t)(shape->in_h * shape->in_w * CHANNELS), 64, shape->fill);
    c->flops = (double)c->dst.n * shape->kernel_h * shape->kernel_w;
    c->bytes = (double)(c->dst.n + c->sources[0].n) * sizeof(float);
    return c;
}

/* ---- depthwise ---------------------------------------------------------------------------------------- */

static void depthwise_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct fmap_depthwise *jobs = c->jobs;
    for (int y = 0; y < c->n_jobs; y++) kernels->depthwise(&jobs[y]);
}

struct kernel_case *depthwise_case(const struct window_shape *shape) {
    struct kernel_case *c = window_case(shape, "depthwise", sizeof(struct fmap_depthwise));
    int kernel_size = shape->kernel_h * shape->kernel_w;
    const float *weights = case_source(c, (size_t)(kernel_size * CHANNELS), 64, CASE_FILL_UNIFORM);
    const float *bias = case_source(c, CHANNELS, 64, CASE_FILL_UNIFORM);
    struct fmap_depthwise *jobs = c->jobs;
    for (int y = 0; y < c->n_jobs; y++) {
        int first_row;
        jobs[y].window = window_of(shape, c, y, &first_row);
        jobs[y].weights = weights + first_row * shape->kernel_w * CHANNELS;
        jobs[y].bias = bias;
        jobs[y].activate = shape->activate;
    }
    c->run = depthwise_run;
    c->flops *= 2.0;

    float *plain_src = planar(c->sources[0].data, shape->in_h * shape->in_w);
    float *plain_weights = planar(weights, kernel_size);
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
    for (int y = 0; y < c->n_jobs; y++) kernels->max_pool(&jobs[y]);
}

static void average_pool_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    const struct fmap_average_pool *jobs = c->jobs;
    for (int y = 0; y < c->n_jobs; y++) kernels->average_pool(&jobs[y]);
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
    int first_row;
    for (int y = 0; y < c->n_jobs; y++) jobs[y].window = window_of(shape, c, y, &first_row);
    c->run = max_pool_run;

    float *plain_src = planar(c->sources[0].data, shape->in_h * shape->in_w);
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

struct kernel_case *average_pool_case(const struct window_shape *shape) {
    struct kernel_case *c = window_case(shape, "average_pool", sizeof(struct fmap_average_pool));
    struct fmap_average_pool *jobs = c->jobs;
    int out_w = out_w_of(shape), first_row;
    float *divisors = case_source(c, (size_t)(c->n_jobs * out_w), sizeof(float), CASE_FILL_UNIFORM);
    for (int y = 0; y < c->n_jobs; y++) {
        jobs[y].window = window_of(shape, c, y, &first_row);
        jobs[y].divisors = divisors + y * out_w;
        int rows = counted(shape, shape->in_h, shape->kernel_h, y);
        for (int x = 0; x < out_w; x++) {
            divisors[y * out_w + x] = (float)(rows * counted(shape, shape->in_w, shape->kernel_w, x));
        }
    }
    c->run = average_pool_run;

    float *plain_src = planar(c->sources[0].data, shape->in_h * shape->in_w);
    double *values = malloc(2 * c->dst.n * sizeof *values);
    const struct oracle_pool_2d pool = oracle_pool_of(shape, plain_src);
    oracle_average_pool_2d(&pool, values, values + c->dst.n);
    expect_planar(c, values, values + c->dst.n, shape->kernel_h * shape->kernel_w);
    free(values);
    free(plain_src);
    return c;
}

static void global_average_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->global_average(c->jobs);
}

struct kernel_case *global_average_case(int64_t n_pixels, enum case_fill fill) {
    struct kernel_case *c = case_create(CHANNELS, 1, sizeof(struct fmap_global_average));
    snprintf(c->name, sizeof c->name, "global_average/pixels:%d", (int)n_pixels);
    const float *src = case_source(c, (size_t)n_pixels * CHANNELS, 64, fill);
    *(struct fmap_global_average *)c->jobs = (struct fmap_global_average){src, c->dst.data, n_pixels};
    c->run = global_average_run;
    c->flops = (double)n_pixels * CHANNELS;
    c->bytes = c->flops * sizeof(float);

    float *plain_src = planar(src, (int)n_pixels);
    double values[2 * CHANNELS];
    oracle_global_average(plain_src, CHANNELS, n_pixels, values, values + CHANNELS);
    expect_planar(c, values, values + CHANNELS, (double)n_pixels + 2.0);
    free(plain_src);
    return c;
}
