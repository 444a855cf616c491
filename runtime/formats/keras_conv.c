/* Keras' convolutions. Their kernels are [height][width][in][out]. */
#include <string.h>

#include "keras_loader.h"

/* A convolution over one or two axes of pixels. */
struct conv {
    int n; /* axes of pixels */
    int64_t kernel[2], strides[2], dilations[2];
    int64_t pads[4]; /* before, then after; where `same` is not set */
    bool same;
    bool use_bias;
    int64_t channels, groups, filters;
};

static bool read_padding(struct fmap_saved_call *call, struct conv *conv) {
    const char *padding = "valid";
    if (!fmap_saved_get_text(call, "padding", &padding)) return false;
    conv->same = strcmp(padding, "same") == 0;
    if (conv->n == 1 && strcmp(padding, "causal") == 0) {
        if (!__builtin_mul_overflow(conv->kernel[0] - 1, conv->dilations[0], &conv->pads[0])) return true;
    } else if (conv->same || strcmp(padding, "valid") == 0) {
        return true;
    }
    return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "padding is '%s', expected valid or same",
                             fmap_saved_show(padding).text);
}

/* The parts of a configuration that all convolutions have. */
static bool read_conv(struct fmap_saved_call *call, int n, struct fmap_saved_image *image,
                      struct conv *conv) {
    size_t axes = (size_t)n;
    *conv = (struct conv){
        .n = n, .kernel = {1, 1}, .strides = {1, 1}, .dilations = {1, 1}, .use_bias = true, .groups = 1};
    return fmap_saved_get_image(call, n + 2, image) &&
           fmap_saved_get_channels(call, image, &conv->channels) &&
           fmap_saved_get_sizes(call, "kernel_size", axes, conv->kernel) &&
           fmap_saved_get_sizes(call, "strides", axes, conv->strides) &&
           fmap_saved_get_sizes(call, "dilation_rate", axes, conv->dilations) &&
           fmap_saved_get_bool(call, "use_bias", &conv->use_bias) && read_padding(call, conv);
}

/* Adds the node; weights are inputs[1] and, with a bias, inputs[2]. */
static bool add_conv(struct fmap_saved_call *call, const struct conv *conv, const char *part,
                     const fmap_value *inputs, size_t n_inputs, fmap_value *output) {
    size_t n = (size_t)conv->n;
    const fmap_attribute attributes[] = {
        fmap_saved_ints_attribute("kernel_shape", conv->kernel, n),
        fmap_saved_ints_attribute("strides", conv->strides, n),
        fmap_saved_ints_attribute("dilations", conv->dilations, n),
        fmap_saved_int_attribute("group", conv->groups),
        conv->same ? fmap_saved_text_attribute("auto_pad", "SAME_UPPER")
                   : fmap_saved_ints_attribute("pads", conv->pads, 2 * n),
    };
    return fmap_saved_add(call,
                          &(struct fmap_saved_node){.op = "Conv",
                                                    .part = part,
                                                    .inputs = inputs,
                                                    .n_inputs = n_inputs,
                                                    .attributes = attributes,
                                                    .n_attributes = sizeof attributes / sizeof *attributes},
                          output);
}

static bool add_bias(struct fmap_saved_call *call, const struct conv *conv, fmap_value inputs[3],
                     size_t *n_inputs) {
    *n_inputs = conv->use_bias ? 3 : 2;
    return !conv->use_bias ||
           fmap_saved_constant(call, "bias", &(fmap_shape){.rank = 1, .dims = {conv->filters}}, &inputs[2]);
}

/* Weights of the shape [...pixels][a][b] as [b][a][...pixels], or with `joined` as [a * b][1][...pixels]. */
static bool add_kernel(struct fmap_saved_call *call, const struct conv *conv, const char *what, int64_t a,
                       int64_t b, bool joined, fmap_value *kernel) {
    fmap_shape shape = {.rank = conv->n + 2}, becomes = {.rank = conv->n + 2};
    int order[4] = {conv->n + 1, conv->n};
    for (int i = 0; i < conv->n; i++) {
        shape.dims[i] = becomes.dims[i + 2] = conv->kernel[i];
        order[i + 2] = i;
    }
    shape.dims[conv->n] = a;
    shape.dims[conv->n + 1] = b;
    becomes.dims[0] = b;
    becomes.dims[1] = a;
    if (joined) {
        if (__builtin_mul_overflow(a, b, &becomes.dims[0]))
            return fmap_saved_refuse(call, FMAP_ERROR_LIMIT, "it has too many channels");
        becomes.dims[1] = 1;
        order[0] = conv->n;
        order[1] = conv->n + 1;
    }
    return fmap_saved_reordered(call, what, &shape, order, &becomes, kernel);
}

static bool finish(struct fmap_saved_call *call, const struct fmap_saved_image *image, fmap_value value,
                   struct fmap_saved_tensor *output) {
    *output = fmap_saved_image_output(image, value);
    return fmap_saved_activate(call, "activation", output);
}

static bool build_conv(struct fmap_saved_call *call, int n, struct fmap_saved_tensor *output) {
    struct fmap_saved_image image;
    struct conv conv;
    fmap_value inputs[3], value;
    size_t n_inputs;
    if (!read_conv(call, n, &image, &conv) || !fmap_saved_get_sizes(call, "filters", 1, &conv.filters) ||
        !fmap_saved_get_sizes(call, "groups", 1, &conv.groups))
        return false;
    if (conv.filters < 1 || conv.channels % conv.groups != 0 || conv.filters % conv.groups != 0)
        return fmap_saved_refuse(call, FMAP_ERROR_MODEL,
                                 "%lld groups do not divide its %lld channels and %lld filters",
                                 (long long)conv.groups, (long long)conv.channels, (long long)conv.filters);
    inputs[0] = image.value;
    return add_kernel(call, &conv, "kernel", conv.channels / conv.groups, conv.filters, false, &inputs[1]) &&
           add_bias(call, &conv, inputs, &n_inputs) &&
           add_conv(call, &conv, NULL, inputs, n_inputs, &value) && finish(call, &image, value, output);
}

bool fmap_saved_conv_1d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return build_conv(call, 1, output);
}

bool fmap_saved_conv_2d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return build_conv(call, 2, output);
}

/* The filters of a depthwise convolution: each channel has `depth_multiplier` of its own. */
static bool read_depthwise(struct fmap_saved_call *call, struct conv *conv, int64_t *multiplier) {
    *multiplier = 1;
    conv->groups = conv->channels;
    if (!fmap_saved_get_sizes(call, "depth_multiplier", 1, multiplier)) return false;
    if (!__builtin_mul_overflow(conv->channels, *multiplier, &conv->filters)) return true;
    return fmap_saved_refuse(call, FMAP_ERROR_LIMIT, "it has too many channels");
}

bool fmap_saved_depthwise_conv_2d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    struct fmap_saved_image image;
    struct conv conv;
    int64_t multiplier;
    fmap_value inputs[3], value;
    size_t n_inputs;
    if (!read_conv(call, 2, &image, &conv) || !read_depthwise(call, &conv, &multiplier)) return false;
    const char *what = fmap_saved_has_weight(call, "depthwise_kernel") ? "depthwise_kernel" : "kernel";
    inputs[0] = image.value;
    return add_kernel(call, &conv, what, conv.channels, multiplier, true, &inputs[1]) &&
           add_bias(call, &conv, inputs, &n_inputs) &&
           add_conv(call, &conv, NULL, inputs, n_inputs, &value) && finish(call, &image, value, output);
}

bool fmap_saved_separable_conv_2d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    struct fmap_saved_image image;
    struct conv depthwise,
        pointwise = {.n = 2, .kernel = {1, 1}, .strides = {1, 1}, .dilations = {1, 1}, .groups = 1};
    int64_t multiplier;
    fmap_value inputs[3], value;
    size_t n_inputs;
    if (!read_conv(call, 2, &image, &depthwise) || !read_depthwise(call, &depthwise, &multiplier) ||
        !fmap_saved_get_sizes(call, "filters", 1, &pointwise.filters))
        return false;
    if (pointwise.filters < 1)
        return fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "it says no number of filters");
    pointwise.use_bias = depthwise.use_bias;
    inputs[0] = image.value;
    return add_kernel(call, &depthwise, "depthwise_kernel", depthwise.channels, multiplier, true,
                      &inputs[1]) &&
           add_conv(call, &depthwise, "depthwise", inputs, 2, &inputs[0]) &&
           add_kernel(call, &pointwise, "pointwise_kernel", depthwise.filters, pointwise.filters, false,
                      &inputs[1]) &&
           add_bias(call, &pointwise, inputs, &n_inputs) &&
           add_conv(call, &pointwise, NULL, inputs, n_inputs, &value) && finish(call, &image, value, output);
}

/* ---- Conv2DTranspose --------------------------------------------------------------------------------- */

/* What is cut off (pads) or added (output_padding) along one axis. The output has in * stride pixels for `same`, and
 * in * stride + max(k - stride, 0) for `valid`; or, with output_padding p, (in - 1) * stride + k + p, for `same` without
 * 2 * (k / 2) of them. All but (in - 1) * stride + k of that is cut off, the odd one at the end. */
static bool cut_axis(const struct conv *conv, int axis, const int64_t *padding, int64_t *before,
                     int64_t *after, int64_t *added) {
    int64_t k, cut;
    if (__builtin_mul_overflow(conv->kernel[axis] - 1, conv->dilations[axis], &k) || k > INT32_MAX ||
        conv->strides[axis] > INT32_MAX)
        return false;
    k++;
    if (padding) {
        if (padding[axis] < 0 || padding[axis] > INT32_MAX) return false;
        cut = (conv->same ? 2 * (conv->kernel[axis] / 2) : 0) - padding[axis];
    } else {
        cut = k - conv->strides[axis];
        if (!conv->same && cut > 0) cut = 0;
    }
    *before = cut > 0 ? cut / 2 : 0;
    *after = cut > 0 ? cut - cut / 2 : 0;
    *added = cut < 0 ? -cut : 0;
    return true;
}

static bool add_transposed(struct fmap_saved_call *call, const struct conv *conv, const int64_t *padding,
                           const fmap_value *inputs, size_t n_inputs, fmap_value *output) {
    int64_t pads[4], added[2];
    for (int i = 0; i < 2; i++) {
        if (!cut_axis(conv, i, padding, &pads[i], &pads[i + 2], &added[i]))
            return fmap_saved_refuse(call, FMAP_ERROR_LIMIT,
                                     "its kernel, strides or output_padding cannot be");
    }
    const fmap_attribute attributes[] = {
        fmap_saved_ints_attribute("kernel_shape", conv->kernel, 2),
        fmap_saved_ints_attribute("strides", conv->strides, 2),
        fmap_saved_ints_attribute("dilations", conv->dilations, 2),
        fmap_saved_ints_attribute("pads", pads, 4),
        fmap_saved_ints_attribute("output_padding", added, 2),
    };
    return fmap_saved_add(call,
                          &(struct fmap_saved_node){.op = "ConvTranspose",
                                                    .inputs = inputs,
                                                    .n_inputs = n_inputs,
                                                    .attributes = attributes,
                                                    .n_attributes = sizeof attributes / sizeof *attributes},
                          output);
}

bool fmap_saved_conv_2d_transpose(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    struct fmap_saved_image image;
    struct conv conv;
    int64_t padding[2];
    fmap_value inputs[3], value;
    size_t n_inputs;
    if (!read_conv(call, 2, &image, &conv) || !fmap_saved_get_sizes(call, "filters", 1, &conv.filters) ||
        !fmap_saved_get_ints(call, "output_padding", 2, padding))
        return false;
    if (conv.filters < 1) return fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "it says no number of filters");
    const json_t *given = json_object_get(call->layer->config, "output_padding");
    inputs[0] = image.value;
    /* Keras: [height][width][out][in], ONNX: [in][out][height][width]. */
    return add_kernel(call, &conv, "kernel", conv.filters, conv.channels, false, &inputs[1]) &&
           add_bias(call, &conv, inputs, &n_inputs) &&
           add_transposed(call, &conv, given && !json_is_null(given) ? padding : NULL, inputs, n_inputs,
                          &value) &&
           finish(call, &image, value, output);
}
