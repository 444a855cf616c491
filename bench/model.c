#include "bench/model.h"

#include <string.h>

/* One operator, of one input or two. */
static fmap_value add_elements(fmap_model *model, const struct bench_layer *l, fmap_value x) {
    enum { MOST_CHANNELS = 4096 };
    float ones[MOST_CHANNELS], halves[MOST_CHANNELS];
    for (int i = 0; i < MOST_CHANNELS; i++) ones[i] = 1.0f, halves[i] = 0.5f;
    if (strcmp(l->op, "BatchNormalization") == 0 && l->channels <= MOST_CHANNELS) {
        fmap_batch_normalization normal = {.gamma = halves, .beta = ones, .mean = halves, .variance = ones};
        return fmap_model_batch_normalization(model, "layer", x, &normal);
    }
    fmap_value inputs[2] = {x}, output = FMAP_NO_VALUE;
    if (bench_joins(l)) inputs[1] = fmap_model_image_input(model, "other", l->height, l->width, l->channels);
    if (l->height * l->width == 1) inputs[0] = fmap_model_flatten(model, "flatten", x, FMAP_NCHW);
    bool lrn = strcmp(l->op, "LRN") == 0;
    bool has_axis = strcmp(l->op, "Softmax") == 0 || strcmp(l->op, "Concat") == 0;
    fmap_attribute axis = {.name = "axis", .type = FMAP_ATTRIBUTE_INT, .i = 1};
    fmap_attribute size = {.name = "size", .type = FMAP_ATTRIBUTE_INT, .i = 5};
    fmap_node_definition node = {.op = l->op,
                                 .name = "layer",
                                 .inputs = inputs,
                                 .n_inputs = bench_joins(l) ? 2 : 1,
                                 .n_outputs = 1,
                                 .attributes = lrn ? &size : &axis,
                                 .n_attributes = lrn || has_axis};
    fmap_model_node(model, &node, &output);
    return output;
}

/* One of its three layers, of the next weights and the next bias. */
static fmap_value add_one(fmap_model *model, const char *name, fmap_value x, const struct bench_layer *l,
                          int channels, int filters, int groups, const float **weights, const float **bias) {
    int kernel = groups > 1 ? l->kernel[0] : 1, stride = groups > 1 ? l->stride : 1,
        pad = groups > 1 ? l->pads[0] : 0;
    fmap_conv_2d conv = {.filters = filters,
                         .kernel_size = {kernel, kernel},
                         .strides = {stride, stride},
                         .groups = groups,
                         .padding = FMAP_EXPLICIT,
                         .pads = {pad, pad, pad, pad},
                         .kernel = *weights,
                         .bias = *bias,
                         .activation = FMAP_RELU};
    *weights += kernel * kernel * (channels / groups) * filters;
    *bias += filters;
    return fmap_model_conv_2d(model, name, x, &conv);
}

static fmap_value add_inverted(fmap_model *model, const struct bench_problem *problem, fmap_value x) {
    const struct bench_layer *l = problem->layer;
    const float *weights = problem->weights, *bias = problem->bias;
    x = add_one(model, "expand", x, l, l->channels, l->expanded, 1, &weights, &bias);
    x = add_one(model, "depthwise", x, l, l->expanded, l->expanded, l->expanded, &weights, &bias);
    return add_one(model, "project", x, l, l->expanded, l->filters, 1, &weights, &bias);
}

fmap_value bench_model_add(fmap_model *model, const struct bench_problem *problem) {
    const struct bench_layer *l = problem->layer;
    fmap_value x = fmap_model_image_input(model, "image", l->height, l->width, l->channels);
    if (bench_convolves(l)) {
        fmap_conv_2d conv = {.filters = l->filters,
                             .kernel_size = {l->kernel[0], l->kernel[1]},
                             .strides = {l->stride, l->stride},
                             .dilation_rate = {l->dilation, l->dilation},
                             .groups = l->groups,
                             .padding = FMAP_EXPLICIT,
                             .pads = {l->pads[0], l->pads[1], l->pads[0], l->pads[1]},
                             .kernel = problem->weights,
                             .bias = problem->bias,
                             .activation = FMAP_RELU};
        x = fmap_model_conv_2d(model, "layer", x, &conv);
    }
    if (l->pool) {
        fmap_pool_2d pool = {.pool_size = {l->pool, l->pool},
                             .strides = {l->pool_stride, l->pool_stride},
                             .padding = FMAP_EXPLICIT,
                             .pads = {l->pool_pad, l->pool_pad, l->pool_pad, l->pool_pad}};
        bool average = l->kind == BENCH_AVERAGE_POOL || l->kind == BENCH_CONV_AVERAGE_POOL;
        x = average ? fmap_model_average_pooling_2d(model, "pool", x, &pool)
                    : fmap_model_max_pooling_2d(model, "pool", x, &pool);
    }
    if (l->kind == BENCH_INVERTED) x = add_inverted(model, problem, x);
    if (l->kind == BENCH_DENSE) {
        fmap_dense dense = {
            .units = l->filters, .kernel = problem->weights, .bias = problem->bias, .activation = FMAP_RELU};
        x = fmap_model_flatten(model, "flatten", x, FMAP_NCHW);
        x = fmap_model_dense(model, "layer", x, &dense);
    }
    if (l->op) x = add_elements(model, l, x);
    if (l->kind == BENCH_GLOBAL_POOL) x = fmap_model_global_average_pooling_2d(model, "pool", x);
    return x;
}
