/* Convolutions whose sums are not the tiles': narrow groups, and few outputs. One block of outputs, all rows. */
#include <stdio.h>
#include <stdlib.h>

#include "case.h"
#include "tests/oracle.h"

static int out_size(const struct grouped_shape *shape, int in, int kernel) {
    return oracle_out_size(in, kernel, shape->stride, shape->dilation, shape->pad, shape->pad, false);
}

bool grouped_shape_has_output(const struct grouped_shape *shape) {
    return out_size(shape, shape->in_h, shape->kernel_h) > 0 &&
           out_size(shape, shape->in_w, shape->kernel_w) > 0;
}

static int blocks_of(const struct grouped_shape *shape) {
    return (shape->channels + FMAP_BLOCK - 1) / FMAP_BLOCK;
}

static struct fmap_window window_of(const struct grouped_shape *shape, const struct kernel_case *c) {
    return (struct fmap_window){.src = c->sources[0].data,
                                .dst = c->dst.data,
                                .n_rows = out_size(shape, shape->in_h, shape->kernel_h),
                                .src_size = {shape->in_h, shape->in_w},
                                .dst_width = out_size(shape, shape->in_w, shape->kernel_w),
                                .kernel = {shape->kernel_h, shape->kernel_w},
                                .strides = {shape->stride, shape->stride},
                                .dilations = {shape->dilation, shape->dilation},
                                .pads = {shape->pad, shape->pad}};
}

/* What the oracle computes, for weights in its own order, into the blocked destination. */
static void expect(struct kernel_case *c, const struct grouped_shape *shape, const float *weights,
                   const float *bias) {
    int pixels = shape->in_h * shape->in_w, out_pixels = (int)c->dst.n / FMAP_BLOCK;
    float *src = malloc((size_t)(pixels * shape->channels) * sizeof *src);
    for (int i = 0; i < shape->channels; i++) {
        const float *block = c->sources[0].data + i / FMAP_BLOCK * FMAP_BLOCK * pixels;
        for (int p = 0; p < pixels; p++) src[i * pixels + p] = block[p * FMAP_BLOCK + i % FMAP_BLOCK];
    }
    double *values = malloc(2 * c->dst.n * sizeof *values), *magnitudes = values + c->dst.n;
    struct oracle_window window = {shape->kernel_h, shape->kernel_w, shape->stride, shape->stride,
                                   shape->dilation, shape->dilation, shape->pad,    shape->pad,
                                   shape->pad,      shape->pad};
    oracle_conv_2d(&(struct oracle_conv_2d){.n = 1,
                                            .channels = shape->channels,
                                            .in_h = shape->in_h,
                                            .in_w = shape->in_w,
                                            .filters = shape->outputs,
                                            .groups = shape->groups,
                                            .out_h = out_size(shape, shape->in_h, shape->kernel_h),
                                            .out_w = out_size(shape, shape->in_w, shape->kernel_w),
                                            .window = window,
                                            .src = src,
                                            .weights = weights,
                                            .bias = bias},
                   values, magnitudes);
    double roundings = shape->kernel_h * shape->kernel_w * shape->channels / shape->groups + 5;
    for (int o = 0; o < shape->outputs; o++) {
        for (int p = 0; p < out_pixels; p++) {
            c->expected[p * FMAP_BLOCK + o] = values[o * out_pixels + p];
            c->bounds[p * FMAP_BLOCK + o] = check_bound(roundings, magnitudes[o * out_pixels + p]);
        }
    }
    free(values);
    free(src);
}

static struct kernel_case *create(const struct grouped_shape *shape, const char *kernel, size_t job_bytes) {
    int out_pixels = out_size(shape, shape->in_h, shape->kernel_h) *
                     out_size(shape, shape->in_w, shape->kernel_w);
    struct kernel_case *c = case_create((size_t)(out_pixels * FMAP_BLOCK), 1, job_bytes);
    snprintf(c->name, sizeof c->name,
             "%s/%dx%d/kernel:%dx%d/stride:%d/dilation:%d/pad:%d/%dto%d/groups:%d/%s", kernel, shape->in_h,
             shape->in_w, shape->kernel_h, shape->kernel_w, shape->stride, shape->dilation, shape->pad,
             shape->channels, shape->outputs, shape->groups, case_activation_name(shape->activate.kind));
    size_t n_src = (size_t)(shape->in_h * shape->in_w * blocks_of(shape) * FMAP_BLOCK);
    (void)case_source(c, n_src, 64, shape->fill);
    c->flops = 2.0 * out_pixels * shape->outputs * shape->kernel_h * shape->kernel_w * shape->channels /
               shape->groups;
    c->bytes = (double)(c->dst.n + c->sources[0].n) * sizeof(float);
    return c;
}

/* ---- narrow groups ---------------------------------------------------------------------------------------- */

static void grouped_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->grouped(c->jobs);
}

struct kernel_case *grouped_case(const struct grouped_shape *shape) {
    struct kernel_case *c = create(shape, "grouped", sizeof(struct fmap_grouped));
    int group_channels = shape->channels / shape->groups, group_outputs = shape->outputs / shape->groups;
    int n_lanes = group_channels < FMAP_BLOCK ? group_channels : FMAP_BLOCK;
    int n_weights = shape->kernel_h * shape->kernel_w * group_channels * FMAP_BLOCK;
    float *weights = case_source(c, (size_t)n_weights, 64, CASE_FILL_UNIFORM);
    const float *bias = case_source(c, FMAP_BLOCK, 64, CASE_FILL_UNIFORM);
    int32_t *lanes = (int32_t *)(void *)case_source(c, FMAP_BLOCK, 64, CASE_FILL_UNIFORM);
    for (int o = 0; o < FMAP_BLOCK; o++) lanes[o] = o / group_outputs * group_channels % FMAP_BLOCK;
    *(struct fmap_grouped *)c->jobs = (struct fmap_grouped){.window = window_of(shape, c),
                                                            .n_blocks = group_channels / n_lanes,
                                                            .n_lanes = n_lanes,
                                                            .src_block_stride = (ptrdiff_t)shape->in_h *
                                                                                shape->in_w * FMAP_BLOCK,
                                                            .weights = weights,
                                                            .bias = bias,
                                                            .lanes = lanes,
                                                            .activate = shape->activate};
    c->run = grouped_run;
    float *plain = malloc((size_t)n_weights * sizeof *plain), *to = plain;
    for (int o = 0; o < FMAP_BLOCK; o++) {
        for (int i = 0; i < group_channels; i++) {
            for (int r = 0; r < shape->kernel_h; r++) {
                for (int k = 0; k < shape->kernel_w; k++) {
                    int row = (i / n_lanes * shape->kernel_h + r) * n_lanes + i % n_lanes;
                    *to++ = weights[(row * shape->kernel_w + k) * FMAP_BLOCK + o];
                }
            }
        }
    }
    expect(c, shape, plain, bias);
    case_activate(c, &shape->activate);
    free(plain);
    return c;
}

/* ---- few outputs ---------------------------------------------------------------------------------------------- */

static void dot_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->dot(c->jobs);
}

struct kernel_case *dot_case(const struct grouped_shape *shape) {
    struct kernel_case *c = create(shape, "dot", sizeof(struct fmap_dot));
    int kernel_size = shape->kernel_h * shape->kernel_w, n_blocks = blocks_of(shape);
    float *weights = case_source(c, (size_t)(n_blocks * kernel_size * shape->outputs * FMAP_BLOCK), 64,
                                 CASE_FILL_UNIFORM);
    float *bias = case_source(c, FMAP_BLOCK, 64, CASE_FILL_UNIFORM);
    for (int i = shape->outputs; i < FMAP_BLOCK; i++) bias[i] = bias[i - shape->outputs];
    *(struct fmap_dot *)c->jobs = (struct fmap_dot){.window = window_of(shape, c),
                                                    .n_outputs = shape->outputs,
                                                    .n_blocks = n_blocks,
                                                    .last_lanes = (shape->channels - 1) % FMAP_BLOCK + 1,
                                                    .src_block_stride = (ptrdiff_t)shape->in_h * shape->in_w *
                                                                        FMAP_BLOCK,
                                                    .weights = weights,
                                                    .bias = bias,
                                                    .activate = shape->activate};
    c->run = dot_run;
    float *plain = malloc((size_t)(shape->outputs * shape->channels * kernel_size) * sizeof *plain);
    for (int i = 0; i < shape->outputs * shape->channels * kernel_size; i++) {
        int position = i % kernel_size, channel = i / kernel_size % shape->channels;
        int row = (channel / FMAP_BLOCK * kernel_size + position) * shape->outputs +
                  i / kernel_size / shape->channels;
        plain[i] = weights[row * FMAP_BLOCK + channel % FMAP_BLOCK];
    }
    expect(c, shape, plain, bias);
    case_activate(c, &shape->activate);
    check_fenced_clear(&c->dst); /* Lanes beyond the outputs stay as they are. */
    for (size_t i = 0; i < c->dst.n; i++) {
        if ((int)(i % FMAP_BLOCK) >= shape->outputs) c->expected[i] = c->dst.data[i];
    }
    free(plain);
    return c;
}

/* ---- from channels side by side to blocks ------------------------------------------------------------------- */

static void restack_run(const struct kernel_case *c, const struct fmap_kernels *kernels) {
    kernels->restack(c->jobs);
}

struct kernel_case *restack_case(const struct restack_shape *shape) {
    struct kernel_case *c = case_create((size_t)(shape->n_blocks * shape->n_pixels * FMAP_BLOCK), 1,
                                        sizeof(struct fmap_restack));
    snprintf(c->name, sizeof c->name, "restack/blocks:%d/pixels:%d/distance:%d", shape->n_blocks,
             shape->n_pixels, (int)shape->src_pixel_stride);
    size_t n_src = (size_t)((shape->n_pixels - 1) * shape->src_pixel_stride + shape->n_blocks * FMAP_BLOCK);
    const float *src = case_source(c, n_src, 64, CASE_FILL_UNIFORM);
    *(struct fmap_restack *)c->jobs = (struct fmap_restack){.src = src,
                                                            .dst = c->dst.data,
                                                            .n_blocks = shape->n_blocks,
                                                            .n_pixels = shape->n_pixels,
                                                            .src_pixel_stride = shape->src_pixel_stride,
                                                            .dst_block_stride = (ptrdiff_t)shape->n_pixels *
                                                                                FMAP_BLOCK};
    for (int i = 0; i < (int)c->dst.n; i++) {
        int pixel = i / FMAP_BLOCK % shape->n_pixels, block = i / FMAP_BLOCK / shape->n_pixels;
        c->expected[i] = src[pixel * shape->src_pixel_stride + block * FMAP_BLOCK + i % FMAP_BLOCK];
    }
    c->bytes = 2.0 * (double)c->dst.n * sizeof(float);
    c->run = restack_run;
    return c;
}
