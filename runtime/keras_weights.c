/* Keras' layers with weights: converted from Keras' order of the elements to ONNX'. */
#include "runtime/keras.h"

#include "runtime/model.h"

#include <stdio.h>

/* Adds weights called NAME/what, as Keras does; of a layer without a name, or a very long one, by number. */
static fmap_value add_weights(const struct fmap_keras *layer, const char *what, const fmap_shape *shape,
                              const float *floats, fmap_ownership ownership) {
    char room[512];
    const char *name = NULL;
    if (layer->name && *layer->name) {
        int length = snprintf(room, sizeof room, "%s/%s", layer->name, what);
        if (length > 0 && (size_t)length < sizeof room) name = room;
    }
    fmap_tensor tensor = {.type = FMAP_FLOAT32, .shape = *shape, .data = floats};
    return fmap_model_constant(layer->model, name, &tensor, ownership);
}

/* One number a channel. */
static fmap_value add_vector(const struct fmap_keras *layer, const char *what, int64_t n,
                             const float *floats) {
    return add_weights(layer, what, &(fmap_shape){.rank = 1, .dims = {n}}, floats, FMAP_COPY);
}

static fmap_value add_same(const struct fmap_keras *layer, const char *what, int64_t n, float number) {
    float *floats = fmap_storage_take(&layer->model->graph.storage, (size_t)n, sizeof *floats);
    if (!floats)
        return fmap_keras_fail(layer, FMAP_ERROR_MEMORY, "out of memory for %lld weights", (long long)n);
    for (int64_t i = 0; i < n; i++) floats[i] = number;
    return add_weights(layer, what, &(fmap_shape){.rank = 1, .dims = {n}}, floats, FMAP_BORROW);
}

/* ---- Conv2D -------------------------------------------------------------------------------------- */

/* [height][width][in][out] to [out][in][height][width]. */
static void transpose_kernel(const float *src, float *dst, const fmap_shape *shape) {
    int64_t out = shape->dims[0], in = shape->dims[1], pixels = shape->dims[2] * shape->dims[3];
    for (int64_t o = 0; o < out; o++) {
        for (int64_t i = 0; i < in; i++) {
            for (int64_t p = 0; p < pixels; p++) *dst++ = src[(p * in + i) * out + o];
        }
    }
}

static fmap_value add_kernel(const struct fmap_keras *layer, const float *kernel, const fmap_shape *shape) {
    int64_t elements;
    if (!fmap_shape_elements(shape, &elements) || (uint64_t)elements > SIZE_MAX / sizeof *kernel) {
        return fmap_keras_fail(layer, FMAP_ERROR_LIMIT, "a kernel of shape %s is too large",
                               fmap_shape_text(shape).text);
    }
    float *weights = fmap_storage_take(&layer->model->graph.storage, (size_t)elements, sizeof *weights);
    if (!weights) {
        return fmap_keras_fail(layer, FMAP_ERROR_MEMORY, "out of memory for a kernel of shape %s",
                               fmap_shape_text(shape).text);
    }
    transpose_kernel(kernel, weights, shape);
    return add_weights(layer, "kernel", shape, weights, FMAP_BORROW);
}

/* Checks what a convolution is made of and completes it with the defaults. */
static bool check_conv(const struct fmap_keras *layer, const fmap_conv_2d *conv, int64_t channels,
                       int64_t groups) {
    if (conv->filters < 1) {
        fmap_keras_fail(layer, FMAP_ERROR_ARGUMENT, "filters is %lld, expected at least 1",
                        (long long)conv->filters);
    } else if (!conv->kernel) {
        fmap_keras_fail(layer, FMAP_ERROR_ARGUMENT,
                        "kernel is NULL, expected [height][width][channels / groups][filters]");
    } else if (groups < 1 || channels % groups != 0 || conv->filters % groups != 0) {
        fmap_keras_fail(layer, FMAP_ERROR_ARGUMENT,
                        "groups is %lld, expected a divisor of %lld channels and %lld filters",
                        (long long)groups, (long long)channels, (long long)conv->filters);
    } else {
        return true;
    }
    return false;
}

static fmap_value add_conv(const struct fmap_keras *layer, fmap_value input, int64_t channels,
                           const fmap_conv_2d *conv) {
    static const int64_t one[2] = {1, 1};
    int64_t groups = conv->groups ? conv->groups : 1;
    struct fmap_keras_window window = {.padding = conv->padding};
    int64_t dilations[2];
    fmap_attribute attributes[FMAP_KERAS_WINDOW_ATTRIBUTES + 2];
    for (int i = 0; i < 4; i++) window.pads[i] = conv->pads[i];
    if (!check_conv(layer, conv, channels, groups) ||
        !fmap_keras_pair(layer, "kernel_size", conv->kernel_size, one, window.size) ||
        !fmap_keras_pair(layer, "strides", conv->strides, one, window.strides) ||
        !fmap_keras_pair(layer, "dilation_rate", conv->dilation_rate, one, dilations) ||
        !fmap_keras_window(layer, &window, attributes)) {
        return FMAP_NO_VALUE;
    }
    size_t n = FMAP_KERAS_WINDOW_ATTRIBUTES;
    attributes[n++] = fmap_keras_ints("dilations", dilations, 2);
    attributes[n++] = fmap_keras_int("group", groups);
    const fmap_shape shape = {.rank = 4,
                              .dims = {conv->filters, channels / groups, window.size[0], window.size[1]}};
    fmap_value inputs[3] = {input, add_kernel(layer, conv->kernel, &shape), FMAP_NO_VALUE};
    if (conv->bias) inputs[2] = add_vector(layer, "bias", conv->filters, conv->bias);
    return fmap_keras_node(layer, &(struct fmap_keras_node){.op = "Conv",
                                                            .name = layer->name,
                                                            .inputs = inputs,
                                                            .n_inputs = conv->bias ? 3 : 2,
                                                            .attributes = attributes,
                                                            .n_attributes = n});
}

fmap_value fmap_model_conv_2d(fmap_model *model, const char *name, fmap_value input,
                              const fmap_conv_2d *layer) {
    const struct fmap_keras keras = {model, "Conv2D", name};
    fmap_value_info info;
    int64_t channels;
    if (!layer) return fmap_keras_fail(&keras, FMAP_ERROR_ARGUMENT, "layer is NULL");
    if (!fmap_keras_input(&keras, input, 4, &info) || !fmap_keras_channels(&keras, &info, &channels)) {
        return FMAP_NO_VALUE;
    }
    fmap_value output = add_conv(&keras, input, channels, layer);
    return output ? fmap_keras_activate(&keras, output, layer->activation) : FMAP_NO_VALUE;
}

/* ---- Dense --------------------------------------------------------------------------------------- */

fmap_value fmap_model_dense(fmap_model *model, const char *name, fmap_value input, const fmap_dense *layer) {
    const struct fmap_keras keras = {model, "Dense", name};
    fmap_value_info info;
    int64_t features;
    if (!layer) return fmap_keras_fail(&keras, FMAP_ERROR_ARGUMENT, "layer is NULL");
    if (!fmap_keras_input(&keras, input, 2, &info) || !fmap_keras_channels(&keras, &info, &features)) {
        return FMAP_NO_VALUE;
    }
    if (layer->units < 1) {
        return fmap_keras_fail(&keras, FMAP_ERROR_ARGUMENT, "units is %lld, expected at least 1",
                               (long long)layer->units);
    }
    if (!layer->kernel) {
        return fmap_keras_fail(&keras, FMAP_ERROR_ARGUMENT, "kernel is NULL, expected [features][units]");
    }
    /* Keras' kernel is Gemm's B as it is. */
    const fmap_shape shape = {.rank = 2, .dims = {features, layer->units}};
    fmap_value inputs[3] = {input, add_weights(&keras, "kernel", &shape, layer->kernel, FMAP_COPY),
                            FMAP_NO_VALUE};
    if (layer->bias) inputs[2] = add_vector(&keras, "bias", layer->units, layer->bias);
    fmap_value output = fmap_keras_node(
        &keras, &(struct fmap_keras_node){
                    .op = "Gemm", .name = name, .inputs = inputs, .n_inputs = layer->bias ? 3 : 2});
    return output ? fmap_keras_activate(&keras, output, layer->activation) : FMAP_NO_VALUE;
}

/* ---- BatchNormalization -------------------------------------------------------------------------- */

fmap_value fmap_model_batch_normalization(fmap_model *model, const char *name, fmap_value input,
                                          const fmap_batch_normalization *layer) {
    const struct fmap_keras keras = {model, "BatchNormalization", name};
    fmap_value_info info;
    int64_t n;
    if (!layer) return fmap_keras_fail(&keras, FMAP_ERROR_ARGUMENT, "layer is NULL");
    if (!fmap_keras_input(&keras, input, 0, &info) || !fmap_keras_channels(&keras, &info, &n))
        return FMAP_NO_VALUE;
    if (!layer->mean || !layer->variance) {
        return fmap_keras_fail(&keras, FMAP_ERROR_ARGUMENT, "%s is NULL, expected one element a channel",
                               layer->mean ? "variance" : "mean");
    }
    if (!(layer->epsilon >= 0)) {
        return fmap_keras_fail(&keras, FMAP_ERROR_ARGUMENT, "epsilon is %g, expected at least 0",
                               (double)layer->epsilon);
    }
    const fmap_attribute epsilon = {
        .name = "epsilon", .type = FMAP_ATTRIBUTE_FLOAT, .f = layer->epsilon > 0 ? layer->epsilon : 1e-3f};
    const fmap_value inputs[5] = {
        input, layer->gamma ? add_vector(&keras, "gamma", n, layer->gamma) : add_same(&keras, "gamma", n, 1),
        layer->beta ? add_vector(&keras, "beta", n, layer->beta) : add_same(&keras, "beta", n, 0),
        add_vector(&keras, "moving_mean", n, layer->mean),
        add_vector(&keras, "moving_variance", n, layer->variance)};
    return fmap_keras_node(&keras, &(struct fmap_keras_node){.op = "BatchNormalization",
                                                             .name = name,
                                                             .inputs = inputs,
                                                             .n_inputs = 5,
                                                             .attributes = &epsilon,
                                                             .n_attributes = 1});
}
