/* Keras' layers as nodes: what all of them share, and the plainest of them. */
#include "runtime/keras.h"

#include "runtime/model.h"

#include <stdarg.h>
#include <stdio.h>

enum { KERAS_OPSET = 21 };

fmap_value fmap_keras_fail(const struct fmap_keras *layer, fmap_status status, const char *format, ...) {
    char sentence[FMAP_ERROR_MESSAGE_BYTES], whole[2 * FMAP_ERROR_MESSAGE_BYTES];
    bool named = layer->name && *layer->name;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    snprintf(whole, sizeof whole, "%.120s: %s%s%.120s%s: %s", fmap_model_name(layer->model), layer->kind,
             named ? " '" : "", named ? layer->name : "", named ? "'" : "", sentence);
    fmap_model_fail(layer->model, status, whole);
    return FMAP_NO_VALUE;
}

bool fmap_keras_input(const struct fmap_keras *layer, fmap_value input, int rank, fmap_value_info *info) {
    if (fmap_model_value(layer->model, input, info) != FMAP_OK) {
        fmap_keras_fail(layer, FMAP_ERROR_ARGUMENT, "input %ld is not a value of this model", (long)input);
        return false;
    }
    if (rank > 0 && info->shape.rank != rank) {
        fmap_keras_fail(layer, FMAP_ERROR_MODEL, "input '%.120s' has shape %s, expected %s", info->name,
                        fmap_shape_text(&info->shape).text, rank == 2 ? "n, features" : "n, c, h, w");
        return false;
    }
    return true;
}

bool fmap_keras_channels(const struct fmap_keras *layer, const fmap_value_info *input, int64_t *channels) {
    if (input->shape.rank < 2 || input->shape.dims[1] < 1) {
        fmap_keras_fail(layer, FMAP_ERROR_MODEL, "input '%.120s' has shape %s, expected a known number of %s",
                        input->name, fmap_shape_text(&input->shape).text,
                        input->shape.rank == 2 ? "features" : "channels");
        return false;
    }
    *channels = input->shape.dims[1];
    return true;
}

fmap_value fmap_keras_node(const struct fmap_keras *layer, const struct fmap_keras_node *node) {
    if (!layer->model) return FMAP_NO_VALUE;
    fmap_node_definition definition = {.op = node->op,
                                       .name = node->name,
                                       .inputs = node->inputs,
                                       .n_inputs = node->n_inputs,
                                       .n_outputs = 1,
                                       .attributes = node->attributes,
                                       .n_attributes = node->n_attributes};
    int opset = layer->model->opset;
    layer->model->opset = KERAS_OPSET;
    fmap_value output = FMAP_NO_VALUE;
    fmap_model_node(layer->model, &definition, &output);
    layer->model->opset = opset;
    return output;
}

fmap_value fmap_keras_follow(const struct fmap_keras *layer, const char *suffix,
                             const struct fmap_keras_node *node) {
    char name[512];
    fmap_node_info last;
    if (fmap_model_node_at(layer->model, fmap_model_node_count(layer->model) - 1, &last) != FMAP_OK) {
        return FMAP_NO_VALUE;
    }
    snprintf(name, sizeof name, "%.400s_%s", last.name, suffix);
    struct fmap_keras_node named = *node;
    named.name = name;
    return fmap_keras_node(layer, &named);
}

fmap_attribute fmap_keras_ints(const char *name, const int64_t *ints, size_t n) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_INTS, .ints = ints, .count = n};
}

fmap_attribute fmap_keras_int(const char *name, int64_t i) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_INT, .i = i};
}

fmap_value fmap_model_image_input(fmap_model *model, const char *name, int64_t height, int64_t width,
                                  int64_t channels) {
    const struct fmap_keras layer = {model, "Input", name};
    const int64_t dims[4] = {FMAP_UNKNOWN, channels, height, width};
    fmap_shape shape = fmap_shape_of(4, dims);
    for (int i = 1; i < 4; i++) {
        if (dims[i] < 1 && dims[i] != FMAP_UNKNOWN) {
            static const char *const names[] = {"batch", "channels", "height", "width"};
            return fmap_keras_fail(&layer, FMAP_ERROR_ARGUMENT,
                                   "%s is %lld, expected at least 1 or FMAP_UNKNOWN", names[i],
                                   (long long)dims[i]);
        }
    }
    return fmap_model_input(model, name, FMAP_FLOAT32, &shape);
}

fmap_value fmap_model_zero_padding_2d(fmap_model *model, const char *name, fmap_value input, int64_t top,
                                      int64_t bottom, int64_t left, int64_t right) {
    const struct fmap_keras layer = {model, "ZeroPadding2D", name};
    const int64_t pads[8] = {0, 0, top, left, 0, 0, bottom, right}; /* before, then after, in n, c, h, w */
    fmap_value_info info;
    if (top < 0 || bottom < 0 || left < 0 || right < 0) {
        return fmap_keras_fail(&layer, FMAP_ERROR_ARGUMENT,
                               "padding is ((%lld, %lld), (%lld, %lld)), expected none below 0",
                               (long long)top, (long long)bottom, (long long)left, (long long)right);
    }
    if (!fmap_keras_input(&layer, input, 4, &info)) return FMAP_NO_VALUE;
    fmap_tensor tensor = {.type = FMAP_INT64, .shape = {.rank = 1, .dims = {8}}, .data = pads};
    fmap_value inputs[2] = {input, fmap_model_constant(model, NULL, &tensor, FMAP_COPY)};
    return fmap_keras_node(
        &layer, &(struct fmap_keras_node){.op = "Pad", .name = name, .inputs = inputs, .n_inputs = 2});
}

fmap_value fmap_model_dropout(fmap_model *model, const char *name, fmap_value input, float rate) {
    const struct fmap_keras layer = {model, "Dropout", name};
    fmap_value_info info;
    if (!(rate >= 0.0f && rate < 1.0f)) {
        return fmap_keras_fail(&layer, FMAP_ERROR_ARGUMENT, "rate is %g, expected 0 <= rate < 1",
                               (double)rate);
    }
    if (!fmap_keras_input(&layer, input, 0, &info)) return FMAP_NO_VALUE;
    fmap_tensor scalar = {.type = FMAP_FLOAT32, .data = &rate};
    fmap_value inputs[2] = {input, fmap_model_constant(model, NULL, &scalar, FMAP_COPY)};
    return fmap_keras_node(
        &layer, &(struct fmap_keras_node){.op = "Dropout", .name = name, .inputs = inputs, .n_inputs = 2});
}

fmap_value fmap_model_flatten(fmap_model *model, const char *name, fmap_value input, fmap_layout order) {
    const struct fmap_keras layer = {model, "Flatten", name};
    const fmap_attribute channels_last = fmap_keras_int("channels_last", 1);
    fmap_value_info info;
    if (order != FMAP_NCHW && order != FMAP_NHWC) {
        return fmap_keras_fail(&layer, FMAP_ERROR_ARGUMENT, "order is %d, expected FMAP_NCHW or FMAP_NHWC",
                               (int)order);
    }
    if (!fmap_keras_input(&layer, input, 0, &info)) return FMAP_NO_VALUE;
    /* Of rank 2 there is nothing to walk through, and both orders are the same. */
    return fmap_keras_node(
        &layer, &(struct fmap_keras_node){.op = "Flatten",
                                          .name = name,
                                          .inputs = &input,
                                          .n_inputs = 1,
                                          .attributes = &channels_last,
                                          .n_attributes = order == FMAP_NHWC && info.shape.rank > 2});
}

static fmap_value join(const struct fmap_keras *layer, const char *op, const fmap_value *inputs, size_t n,
                       const fmap_attribute *axis) {
    fmap_value_info info;
    for (size_t i = 0; i < n; i++) {
        if (!fmap_keras_input(layer, inputs[i], 0, &info)) return FMAP_NO_VALUE;
    }
    return fmap_keras_node(layer, &(struct fmap_keras_node){.op = op,
                                                            .name = layer->name,
                                                            .inputs = inputs,
                                                            .n_inputs = n,
                                                            .attributes = axis,
                                                            .n_attributes = axis ? 1 : 0});
}

fmap_value fmap_model_add(fmap_model *model, const char *name, fmap_value a, fmap_value b) {
    const struct fmap_keras layer = {model, "Add", name};
    return join(&layer, "Add", (const fmap_value[]){a, b}, 2, NULL);
}

fmap_value fmap_model_multiply(fmap_model *model, const char *name, fmap_value a, fmap_value b) {
    const struct fmap_keras layer = {model, "Multiply", name};
    return join(&layer, "Mul", (const fmap_value[]){a, b}, 2, NULL);
}

fmap_value fmap_model_concatenate(fmap_model *model, const char *name, const fmap_value *inputs,
                                  size_t n_inputs) {
    const struct fmap_keras layer = {model, "Concatenate", name};
    const fmap_attribute axis = fmap_keras_int("axis", 1);
    if (!inputs || n_inputs == 0) {
        return fmap_keras_fail(&layer, FMAP_ERROR_ARGUMENT, "inputs are missing, expected at least 1");
    }
    return join(&layer, "Concat", inputs, n_inputs, &axis);
}
