/* Keras' pooling layers. */
#include <string.h>

#include "keras_loader.h"

static bool pool(struct fmap_saved_call *call, const char *op, int n, struct fmap_saved_tensor *output) {
    struct fmap_saved_image image;
    int64_t size[2] = {2, 2}, strides[2];
    const char *padding = "valid";
    size_t axes = (size_t)n;
    if (!fmap_saved_get_image(call, n + 2, &image) || !fmap_saved_get_sizes(call, "pool_size", axes, size))
        return false;
    memcpy(strides, size, sizeof strides);
    if (!fmap_saved_get_sizes(call, "strides", axes, strides) ||
        !fmap_saved_get_text(call, "padding", &padding))
        return false;
    bool same = strcmp(padding, "same") == 0;
    if (!same && strcmp(padding, "valid") != 0)
        return fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "padding is '%s', expected valid or same",
                                 fmap_saved_show(padding).text);
    const fmap_attribute attributes[] = {fmap_saved_ints_attribute("kernel_shape", size, axes),
                                         fmap_saved_ints_attribute("strides", strides, axes),
                                         fmap_saved_text_attribute("auto_pad", "SAME_UPPER")};
    fmap_value value;
    if (!fmap_saved_add(call,
                        &(struct fmap_saved_node){.op = op,
                                                  .inputs = &image.value,
                                                  .n_inputs = 1,
                                                  .attributes = attributes,
                                                  .n_attributes = same ? 3 : 2},
                        &value))
        return false;
    *output = fmap_saved_image_output(&image, value);
    return true;
}

/* Over all pixels: n, c; with keepdims as an image of one pixel. */
static bool global_pool(struct fmap_saved_call *call, const char *op, int n,
                        struct fmap_saved_tensor *output) {
    struct fmap_saved_image image;
    bool keepdims = false;
    fmap_value value;
    if (!fmap_saved_get_image(call, n + 2, &image) || !fmap_saved_get_bool(call, "keepdims", &keepdims) ||
        !fmap_saved_add_plain(call, op, NULL, image.value, &value))
        return false;
    if (keepdims) {
        *output = fmap_saved_image_output(&image, value);
        return true;
    }
    return fmap_saved_add_plain(call, "Flatten", "flatten", value, &output->plain);
}

bool fmap_saved_max_pooling_1d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return pool(call, "MaxPool", 1, output);
}

bool fmap_saved_max_pooling_2d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return pool(call, "MaxPool", 2, output);
}

bool fmap_saved_average_pooling_1d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return pool(call, "AveragePool", 1, output);
}

bool fmap_saved_average_pooling_2d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return pool(call, "AveragePool", 2, output);
}

bool fmap_saved_global_max_pooling_1d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return global_pool(call, "GlobalMaxPool", 1, output);
}

bool fmap_saved_global_max_pooling_2d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return global_pool(call, "GlobalMaxPool", 2, output);
}

bool fmap_saved_global_average_pooling_1d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return global_pool(call, "GlobalAveragePool", 1, output);
}

bool fmap_saved_global_average_pooling_2d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return global_pool(call, "GlobalAveragePool", 2, output);
}
