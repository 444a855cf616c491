#include "net_conv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

void net_conv_build(fmap_model *model, const void *what) {
    const struct net_conv *conv = what;
    const struct oracle_conv_2d *shape = &conv->shape;
    const struct oracle_window *window = &shape->window;
    bool line = conv->one_dimension;
    size_t n_dims = line ? 1 : 2, skip = line ? 1 : 0; /* of lists in the order height, width */
    const int64_t in[4] = {FMAP_UNKNOWN, shape->channels, shape->in_h, shape->in_w};
    const int64_t line_in[3] = {FMAP_UNKNOWN, shape->channels, shape->in_w};
    const int64_t kernel[4] = {shape->filters, shape->channels / shape->groups, window->kernel_h,
                               window->kernel_w};
    const int64_t line_kernel[3] = {kernel[0], kernel[1], kernel[3]};
    const int64_t strides[2] = {window->stride_h, window->stride_w};
    const int64_t dilations[2] = {window->dilation_h, window->dilation_w};
    const int64_t pads[4] = {window->pad_top, window->pad_left, window->pad_bottom, window->pad_right};
    const int64_t line_pads[2] = {pads[1], pads[3]};
    fmap_attribute attributes[5];
    size_t n = 0;
    attributes[n++] = net_int("group", shape->groups);
    attributes[n++] = net_list("strides", strides + skip, n_dims);
    attributes[n++] = net_list("dilations", dilations + skip, n_dims);
    if (conv->auto_pad)
        attributes[n++] = net_string("auto_pad", conv->auto_pad);
    else
        attributes[n++] = net_list("pads", line ? line_pads : pads, 2 * n_dims);
    if (conv->say_kernel_shape) attributes[n++] = net_list("kernel_shape", kernel + 2 + skip, n_dims);
    fmap_value inputs[3] = {net_input(model, "x", line ? 3 : 4, line ? line_in : in),
                            net_floats(model, shape->weights, line ? 3 : 4, line ? line_kernel : kernel),
                            FMAP_NO_VALUE};
    if (shape->bias) inputs[2] = net_floats(model, shape->bias, 1, kernel);
    fmap_model_output(model, net_node(model, "Conv", "y", inputs, shape->bias ? 3 : 2, attributes, n));
}

size_t net_conv_inputs(const struct net_conv *conv) {
    const struct oracle_conv_2d *shape = &conv->shape;
    return (size_t)(shape->n * shape->channels) * (size_t)(shape->in_h * shape->in_w);
}

size_t net_conv_outputs(const struct net_conv *conv) {
    const struct oracle_conv_2d *shape = &conv->shape;
    return (size_t)(shape->n * shape->filters) * (size_t)(shape->out_h * shape->out_w);
}

bool net_conv_complete(struct net_conv *conv, bool bias, uint64_t seed) {
    struct oracle_conv_2d *s = &conv->shape;
    const struct oracle_window *w = &s->window;
    s->out_h = oracle_out_size(s->in_h, w->kernel_h, w->stride_h, w->dilation_h, w->pad_top, w->pad_bottom,
                               false);
    s->out_w = oracle_out_size(s->in_w, w->kernel_w, w->stride_w, w->dilation_w, w->pad_left, w->pad_right,
                               false);
    if (s->out_h < 1 || s->out_w < 1) return false;
    size_t n_weights = (size_t)(s->filters * (s->channels / s->groups) * w->kernel_h * w->kernel_w);
    s->src = conv->src = net_random(net_conv_inputs(conv), seed + 1);
    s->weights = conv->weights = net_random(n_weights, seed + 2);
    s->bias = conv->bias = bias ? net_random((size_t)s->filters, seed + 3) : NULL;
    return true;
}

void net_conv_free(struct net_conv *conv) {
    free(conv->src);
    free(conv->weights);
    free(conv->bias);
    conv->src = conv->weights = conv->bias = NULL;
}

/* [n][channels][pixels] to [n][pixels][channels], or back: the same with the roles exchanged. */
static void change_layout(const float *src, int n, int channels, int pixels, bool back, float *dst) {
    if (back)
        oracle_channels_last(src, n, pixels, channels, dst);
    else
        oracle_channels_last(src, n, channels, pixels, dst);
}

bool net_conv_run(const struct net_conv *conv, fmap_isa isa, float *dst) {
    const struct oracle_conv_2d *shape = &conv->shape;
    const fmap_port ports[2] = {{.name = "x", .layout = conv->in}, {.name = "y", .layout = conv->out}};
    fmap_plan_options options = {.batch = shape->n,
                                 .threads = conv->threads,
                                 .max_isa = isa,
                                 .ports = ports,
                                 .n_ports = 2,
                                 .no_fusion = conv->no_fusion,
                                 .algorithm = conv->algorithm};
    struct check_fenced src = check_fenced_create(net_conv_inputs(conv), sizeof(float));
    struct check_fenced out = check_fenced_create(net_conv_outputs(conv), sizeof(float));
    bool images = !conv->one_dimension; /* lines are row-major whatever the layout says */
    if (images && conv->in == FMAP_NHWC) {
        change_layout(shape->src, shape->n, shape->channels, shape->in_h * shape->in_w, false, src.data);
    } else {
        memcpy(src.data, shape->src, src.n * sizeof(float));
    }
    fmap_model *model = net_model(net_conv_build, conv);
    bool good = model && net_once(model, &options, src.data, out.data);
    fmap_model_destroy(model);
    good = good && check_fence_intact("output", &out);
    if (images && conv->out == FMAP_NHWC) {
        change_layout(out.data, shape->n, shape->filters, shape->out_h * shape->out_w, true, dst);
    } else {
        memcpy(dst, out.data, out.n * sizeof(float));
    }
    check_fenced_destroy(&src);
    check_fenced_destroy(&out);
    return good;
}

bool net_conv_agrees(const struct net_conv *conv) {
    const struct oracle_conv_2d *shape = &conv->shape;
    const struct oracle_window *window = &shape->window;
    size_t n = net_conv_outputs(conv);
    int n_terms = shape->channels / shape->groups * window->kernel_h * window->kernel_w;
    float *first = net_random(n, 1), *got = net_random(n, 2);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    oracle_conv_2d(shape, expected, bounds);
    double largest = 0;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, bounds[i]);
    for (size_t i = 0; i < n; i++) {
        bounds[i] = conv->roundings ? check_bound(conv->roundings, largest)
                                    : check_bound(n_terms, bounds[i]); /* one chain of FMAs */
    }
    bool good = net_conv_run(conv, isas[0], first) &&
                check_near("against the oracle", first, expected, bounds, n);
    for (int i = 1; i < n_isas && good; i++) {
        good = net_conv_run(conv, isas[i], got) && check_same_bits(fmap_isa_name(isas[i]), got, first, n);
    }
    free(first);
    free(got);
    free(expected);
    free(bounds);
    return good;
}

double net_conv_largest_error(const struct net_conv *conv) {
    size_t n = net_conv_outputs(conv);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds), squares = 0,
           error = 0;
    float *got = net_random(n, 1);
    oracle_conv_2d(&conv->shape, expected, bounds);
    bool ran = net_conv_run(conv, FMAP_ISA_BEST, got);
    for (size_t i = 0; i < n; i++) {
        squares += expected[i] * expected[i];
        error = fmax(error, fabs((double)got[i] - expected[i]));
    }
    free(expected);
    free(bounds);
    free(got);
    return ran ? error / sqrt(squares / (double)n) : (double)NAN;
}

bool net_conv_same_for_threads_and_batch(const struct net_conv *conv) {
    static const int threads[] = {2, 3, 7, 64};
    struct net_conv varied = *conv;
    size_t n = net_conv_outputs(conv), n_images = (size_t)conv->shape.n, each = n / n_images;
    float *expected = net_random(n, 1), *got = net_random(n, 2);
    varied.threads = 1;
    bool good = net_conv_run(&varied, FMAP_ISA_BEST, expected);
    for (size_t i = 0; i < sizeof threads / sizeof *threads && good; i++) {
        varied.threads = threads[i];
        good = net_conv_run(&varied, FMAP_ISA_BEST, got) && check_same_bits("threads", got, expected, n);
    }
    varied.shape.n = 1;
    for (size_t image = 0; image < n_images && good; image++) {
        good = net_conv_run(&varied, FMAP_ISA_BEST, got) &&
               check_same_bits("alone", got, expected + image * each, each);
        varied.shape.src += net_conv_inputs(&varied);
    }
    free(expected);
    free(got);
    return good;
}

/* ONNX: SAME makes ceil(in / stride) outputs; the odd pixel goes to the end (UPPER) or the beginning. */
static void same_pads(int in, int kernel, int stride, int dilation, bool upper, int *before, int *after) {
    int out = (in + stride - 1) / stride, total = (out - 1) * stride + dilation * (kernel - 1) + 1 - in;
    if (total < 0) total = 0;
    *before = upper ? total / 2 : total - total / 2;
    *after = total - *before;
}

void net_conv_resolve_auto_pad(struct net_conv *conv) {
    struct oracle_window *w = &conv->shape.window;
    bool upper = strcmp(conv->auto_pad, "SAME_UPPER") == 0;
    if (strcmp(conv->auto_pad, "VALID") == 0) {
        w->pad_top = w->pad_bottom = w->pad_left = w->pad_right = 0;
        return;
    }
    same_pads(conv->shape.in_h, w->kernel_h, w->stride_h, w->dilation_h, upper, &w->pad_top, &w->pad_bottom);
    same_pads(conv->shape.in_w, w->kernel_w, w->stride_w, w->dilation_w, upper, &w->pad_left, &w->pad_right);
}

struct net_conv_text net_conv_text(const struct net_conv *conv) {
    const struct oracle_conv_2d *s = &conv->shape;
    const struct oracle_window *w = &s->window;
    struct net_conv_text result;
    snprintf(
        result.text, sizeof result.text,
        "%dx%dx%dx%d -> %d, groups %d, kernel %dx%d, strides %dx%d, dilations %dx%d, pads %d %d %d %d %s, "
        "%s to %s, %d threads%s%s",
        s->n, s->channels, s->in_h, s->in_w, s->filters, s->groups, w->kernel_h, w->kernel_w, w->stride_h,
        w->stride_w, w->dilation_h, w->dilation_w, w->pad_top, w->pad_left, w->pad_bottom, w->pad_right,
        conv->auto_pad ? conv->auto_pad : "", conv->in ? "NHWC" : "NCHW", conv->out ? "NHWC" : "NCHW",
        conv->threads, s->bias ? ", bias" : "", conv->one_dimension ? ", 1-D" : "");
    return result;
}
