/* Keras' windows (shared with convolutions) and pooling layers. */
#include "runtime/keras.h"

#include "runtime/shape.h"

bool fmap_keras_pair(const struct fmap_keras *layer, const char *what, const int64_t given[2],
                     const int64_t fallback[2], int64_t *result) {
    if (given[0] < 0 || given[1] < 0) {
        fmap_keras_fail(layer, FMAP_ERROR_ARGUMENT, "%s is (%lld, %lld), expected at least (1, 1)", what,
                        (long long)given[0], (long long)given[1]);
        return false;
    }
    for (int i = 0; i < 2; i++) result[i] = given[i] ? given[i] : fallback[i];
    return true;
}

static bool check_padding(const struct fmap_keras *layer, const struct fmap_keras_window *window) {
    const int64_t *pads = window->pads;
    bool given = pads[0] || pads[1] || pads[2] || pads[3];
    bool negative = pads[0] < 0 || pads[1] < 0 || pads[2] < 0 || pads[3] < 0;
    if ((int)window->padding < FMAP_VALID || window->padding > FMAP_EXPLICIT) {
        fmap_keras_fail(layer, FMAP_ERROR_ARGUMENT,
                        "padding is %d, expected FMAP_VALID, FMAP_SAME or FMAP_EXPLICIT",
                        (int)window->padding);
        return false;
    }
    if (negative || (given && window->padding != FMAP_EXPLICIT)) {
        fmap_keras_fail(layer, FMAP_ERROR_ARGUMENT, "pads is (%lld, %lld, %lld, %lld), expected %s",
                        (long long)pads[0], (long long)pads[1], (long long)pads[2], (long long)pads[3],
                        negative ? "none below 0" : "zeros unless padding is FMAP_EXPLICIT");
        return false;
    }
    return true;
}

bool fmap_keras_window(const struct fmap_keras *layer, const struct fmap_keras_window *window,
                       fmap_attribute *attributes) {
    if (!check_padding(layer, window)) return false;
    attributes[0] = fmap_keras_ints("kernel_shape", window->size, 2);
    attributes[1] = fmap_keras_ints("strides", window->strides, 2);
    /* No padding is spelled as zeros, not as "VALID", which has a rounding of its own in ceil mode. */
    attributes[2] = window->padding == FMAP_SAME ? (fmap_attribute){.name = "auto_pad",
                                                                    .type = FMAP_ATTRIBUTE_STRING,
                                                                    .s = "SAME_UPPER"}
                                                 : fmap_keras_ints("pads", window->pads, 4);
    return true;
}

static fmap_value pool(const struct fmap_keras *layer, const char *op, fmap_value input,
                       const fmap_pool_2d *given) {
    static const int64_t two[2] = {2, 2};
    if (!given) return fmap_keras_fail(layer, FMAP_ERROR_ARGUMENT, "layer is NULL");
    struct fmap_keras_window window = {.padding = given->padding};
    for (int i = 0; i < 4; i++) window.pads[i] = given->pads[i];
    fmap_attribute attributes[FMAP_KERAS_WINDOW_ATTRIBUTES + 2];
    fmap_value_info info;
    if (!fmap_keras_input(layer, input, 4, &info) ||
        !fmap_keras_pair(layer, "pool_size", given->pool_size, two, window.size) ||
        !fmap_keras_pair(layer, "strides", given->strides, window.size, window.strides) ||
        !fmap_keras_window(layer, &window, attributes)) {
        return FMAP_NO_VALUE;
    }
    size_t n = FMAP_KERAS_WINDOW_ATTRIBUTES;
    if (given->ceil_mode) attributes[n++] = fmap_keras_int("ceil_mode", 1);
    if (given->count_padding) attributes[n++] = fmap_keras_int("count_include_pad", 1);
    return fmap_keras_node(layer, &(struct fmap_keras_node){.op = op,
                                                            .name = layer->name,
                                                            .inputs = &input,
                                                            .n_inputs = 1,
                                                            .attributes = attributes,
                                                            .n_attributes = n});
}

fmap_value fmap_model_max_pooling_2d(fmap_model *model, const char *name, fmap_value input,
                                     const fmap_pool_2d *layer) {
    const struct fmap_keras keras = {model, "MaxPooling2D", name};
    if (layer && layer->count_padding) {
        return fmap_keras_fail(&keras, FMAP_ERROR_ARGUMENT,
                               "count_padding is set, but only an average counts");
    }
    return pool(&keras, "MaxPool", input, layer);
}

fmap_value fmap_model_average_pooling_2d(fmap_model *model, const char *name, fmap_value input,
                                         const fmap_pool_2d *layer) {
    const struct fmap_keras keras = {model, "AveragePooling2D", name};
    return pool(&keras, "AveragePool", input, layer);
}

fmap_value fmap_model_global_average_pooling_2d(fmap_model *model, const char *name, fmap_value input) {
    const struct fmap_keras layer = {model, "GlobalAveragePooling2D", name};
    fmap_value_info info;
    if (!fmap_keras_input(&layer, input, 4, &info)) return FMAP_NO_VALUE;
    fmap_value average = fmap_keras_node(
        &layer,
        &(struct fmap_keras_node){.op = "GlobalAveragePool", .name = name, .inputs = &input, .n_inputs = 1});
    if (!average) return FMAP_NO_VALUE;
    return fmap_keras_follow(&layer, "flatten",
                             &(struct fmap_keras_node){.op = "Flatten", .inputs = &average, .n_inputs = 1});
}
