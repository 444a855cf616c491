/* Keras' layers that move elements: Flatten, Reshape, Permute, padding, cropping, upsampling. */
#include <string.h>

#include "keras_loader.h"

bool fmap_saved_flatten(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    struct fmap_saved_tensor *input = call->inputs[0];
    const fmap_attribute channels_last = fmap_saved_int_attribute("channels_last", 1);
    fmap_shape shape = {0};
    fmap_value value;
    bool first;
    if (!fmap_saved_shape(call, input, &shape) || !fmap_saved_get_channels_first(call, &first)) return false;
    /* Keras walks through the channels last, whichever order the layer is told that they come in. */
    bool walk = shape.rank == 4 && (first || !input->plain);
    if (walk) {
        if (!(first ? fmap_saved_plain : fmap_saved_moved)(call, input, &value)) return false;
    } else if (first && shape.rank == 3) {
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "channels_first is only known for images");
    } else if (!fmap_saved_plain(call, input, &value)) {
        return false;
    }
    return fmap_saved_add(call,
                          &(struct fmap_saved_node){.op = "Flatten",
                                                    .inputs = &value,
                                                    .n_inputs = 1,
                                                    .attributes = &channels_last,
                                                    .n_attributes = walk},
                          &output->plain);
}

/* A list of the configuration, behind the batch. */
static bool read_sizes(struct fmap_saved_call *call, const char *key, int64_t least,
                       int64_t sizes[FMAP_MAX_RANK], int *rank) {
    const json_t *list = json_object_get(call->layer->config, key);
    size_t n = json_array_size(list);
    bool good = json_is_array(list) && n < FMAP_MAX_RANK;
    for (size_t i = 0; i < n && good; i++) {
        const json_t *size = json_array_get(list, i);
        good = json_is_integer(size) && json_integer_value(size) >= least && json_integer_value(size) != 0;
        sizes[i + 1] = json_integer_value(size);
    }
    *rank = (int)n + 1;
    sizes[0] = 0;
    return good || fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "%s is %s, expected sizes or axes", key,
                                     fmap_saved_show_json(list).text);
}

bool fmap_saved_reshape(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    int64_t sizes[FMAP_MAX_RANK];
    int rank;
    fmap_value value;
    /* A zero in front is the batch as it comes. */
    return read_sizes(call, "target_shape", -1, sizes, &rank) &&
           fmap_saved_plain(call, call->inputs[0], &value) &&
           fmap_saved_add_pair(call, "Reshape", NULL, value, fmap_saved_ints(call, sizes, (size_t)rank),
                               &output->plain);
}

bool fmap_saved_permute(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    struct fmap_saved_tensor *input = call->inputs[0];
    int64_t order[FMAP_MAX_RANK];
    fmap_shape shape = {0};
    int rank;
    if (!read_sizes(call, "dims", 1, order, &rank) || !fmap_saved_shape(call, input, &shape)) return false;
    for (int i = 0; i < rank; i++) {
        if (rank != shape.rank || order[i] >= rank)
            return fmap_saved_refuse(call, FMAP_ERROR_MODEL,
                                     "dims are not the axes of its input, which has %d", shape.rank);
        if (!input->plain) order[i] = fmap_saved_moved_axis(order[i], rank);
    }
    return fmap_saved_add_with(call, "Transpose", input->plain ? input->plain : input->moved,
                               fmap_saved_ints_attribute("perm", order, (size_t)rank), &output->plain);
}

/* ---- padding and cropping ---------------------------------------------------------------------------- */

/* ((top, bottom), (left, right)), or (vertical, horizontal), or one number; for one axis (before, after) or one. */
static bool read_borders(struct fmap_saved_call *call, const char *key, int n, int64_t before[2],
                         int64_t after[2]) {
    const json_t *all = json_object_get(call->layer->config, key);
    bool good = json_is_integer(all) || json_array_size(all) == 2;
    for (int i = 0; i < n && good; i++) {
        const json_t *axis = n == 2 && json_is_array(all) ? json_array_get(all, (size_t)i) : all;
        bool two = json_array_size(axis) == 2;
        const json_t *low = two ? json_array_get(axis, 0) : axis,
                     *high = two ? json_array_get(axis, 1) : axis;
        good = json_is_integer(low) && json_is_integer(high);
        before[i] = json_integer_value(low);
        after[i] = json_integer_value(high);
        good = good && before[i] >= 0 && after[i] >= 0;
    }
    return good ||
           fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "%s is %s, expected pixels before and after each axis",
                             key, fmap_saved_show_json(all).text);
}

static bool pad(struct fmap_saved_call *call, int n, struct fmap_saved_tensor *output) {
    int64_t before[2] = {1, 1}, after[2] = {1, 1}, pads[8] = {0};
    struct fmap_saved_image image;
    fmap_value value;
    if (!fmap_saved_get_image(call, n + 2, &image) || !read_borders(call, "padding", n, before, after))
        return false;
    for (int i = 0; i < n; i++) {
        pads[2 + i] = before[i];
        pads[2 + n + 2 + i] = after[i];
    }
    if (!fmap_saved_add_pair(call, "Pad", NULL, image.value, fmap_saved_ints(call, pads, 2 * (size_t)n + 4),
                             &value))
        return false;
    *output = fmap_saved_image_output(&image, value);
    return true;
}

bool fmap_saved_zero_padding_1d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return pad(call, 1, output);
}

bool fmap_saved_zero_padding_2d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return pad(call, 2, output);
}

static bool crop(struct fmap_saved_call *call, int n, struct fmap_saved_tensor *output) {
    int64_t starts[2] = {0}, after[2] = {0}, ends[2] = {0}, axes[2] = {2, 3};
    struct fmap_saved_image image;
    fmap_value value;
    size_t count = (size_t)n;
    if (!fmap_saved_get_image(call, n + 2, &image) || !read_borders(call, "cropping", n, starts, after))
        return false;
    for (int i = 0; i < n; i++) {
        ends[i] = after[i] ? -after[i] : INT64_MAX;
        int64_t size = image.shape.dims[i + 2];
        if (size != FMAP_UNKNOWN && (starts[i] >= size || after[i] >= size - starts[i]))
            return fmap_saved_refuse(call, FMAP_ERROR_MODEL, "cropping leaves nothing of %lld pixels",
                                     (long long)size);
    }
    const fmap_value inputs[4] = {image.value, fmap_saved_ints(call, starts, count),
                                  fmap_saved_ints(call, ends, count), fmap_saved_ints(call, axes, count)};
    if (!fmap_saved_add(call, &(struct fmap_saved_node){.op = "Slice", .inputs = inputs, .n_inputs = 4},
                        &value))
        return false;
    *output = fmap_saved_image_output(&image, value);
    return true;
}

bool fmap_saved_cropping_1d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return crop(call, 1, output);
}

bool fmap_saved_cropping_2d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return crop(call, 2, output);
}

/* ---- other sizes ------------------------------------------------------------------------------------- */

static bool read_interpolation(struct fmap_saved_call *call, const char *fallback, bool *linear) {
    const char *interpolation = fallback;
    if (!fmap_saved_get_text(call, "interpolation", &interpolation)) return false;
    *linear = strcmp(interpolation, "bilinear") == 0;
    if (*linear || strcmp(interpolation, "nearest") == 0) return true;
    return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED,
                             "interpolation is '%s', expected nearest or bilinear",
                             fmap_saved_show(interpolation).text);
}

/* By whole factors (scales), where pixels are repeated, or to any size, where the pixel nearest to the middle of the new one
 * is taken. `inputs` are Resize's: x, roi, scales, sizes. */
static bool add_resize(struct fmap_saved_call *call, bool linear, const fmap_value *inputs,
                       fmap_value *output) {
    bool whole = inputs[2] != FMAP_NO_VALUE;
    static const int64_t axes[2] = {2, 3};
    const fmap_attribute attributes[] = {
        fmap_saved_text_attribute("mode", linear ? "linear" : "nearest"),
        fmap_saved_text_attribute("coordinate_transformation_mode",
                                  linear || !whole ? "half_pixel" : "asymmetric"),
        fmap_saved_text_attribute("nearest_mode", whole ? "floor" : "round_prefer_ceil"),
        fmap_saved_ints_attribute("axes", axes, 2),
    };
    const fmap_node_definition definition = {.op = "Resize",
                                             .name = fmap_saved_name_node(call, NULL),
                                             .inputs = inputs,
                                             .n_inputs = whole ? 3 : 4,
                                             .n_outputs = 1,
                                             .attributes = attributes,
                                             .n_attributes = whole ? 3 : 4};
    return definition.name && fmap_model_node(call->loader->model, &definition, output) == FMAP_OK;
}

static bool up_sample(struct fmap_saved_call *call, int n, struct fmap_saved_tensor *output) {
    int64_t size[2] = {2, 2};
    float scales[4] = {1, 1, 1, 1};
    struct fmap_saved_image image;
    fmap_value value;
    bool linear;
    if (!fmap_saved_get_image(call, n + 2, &image) || !fmap_saved_get_sizes(call, "size", (size_t)n, size) ||
        !read_interpolation(call, "nearest", &linear))
        return false;
    for (int i = 0; i < n; i++) scales[i + 2] = (float)size[i];
    const fmap_value inputs[3] = {
        image.value, FMAP_NO_VALUE,
        fmap_saved_floats_constant(call, &(fmap_shape){.rank = 1, .dims = {n + 2}}, scales)};
    if (!inputs[2] || !add_resize(call, linear, inputs, &value)) return false;
    *output = fmap_saved_image_output(&image, value);
    return true;
}

bool fmap_saved_up_sampling_1d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return up_sample(call, 1, output);
}

bool fmap_saved_up_sampling_2d(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return up_sample(call, 2, output);
}

bool fmap_saved_resizing(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    struct fmap_saved_image image;
    int64_t sizes[2] = {0, 0};
    bool linear, crop_ratio = false, pad_ratio = false;
    fmap_value value;
    if (!fmap_saved_get_image(call, 4, &image) || !fmap_saved_get_sizes(call, "height", 1, &sizes[0]) ||
        !fmap_saved_get_sizes(call, "width", 1, &sizes[1]) ||
        !read_interpolation(call, "bilinear", &linear) ||
        !fmap_saved_get_bool(call, "crop_to_aspect_ratio", &crop_ratio) ||
        !fmap_saved_get_bool(call, "pad_to_aspect_ratio", &pad_ratio))
        return false;
    if (crop_ratio || pad_ratio || sizes[0] < 1 || sizes[1] < 1)
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED,
                                 "only a height and width without regard to their ratio "
                                 "are supported");
    const fmap_value inputs[4] = {image.value, FMAP_NO_VALUE, FMAP_NO_VALUE, fmap_saved_ints(call, sizes, 2)};
    if (!inputs[3] || !add_resize(call, linear, inputs, &value)) return false;
    *output = fmap_saved_image_output(&image, value);
    return true;
}
