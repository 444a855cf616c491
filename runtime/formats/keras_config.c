/* What the configuration of a layer says. Keras writes every argument down, so what is missing is of an older version, which
 * had its default. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "keras_loader.h"

bool fmap_saved_refuse(const struct fmap_saved_call *call, fmap_status status, const char *format, ...) {
    char sentence[FMAP_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return fmap_saved_fail(call->loader, status, "layer '%s' (%s): %s",
                           fmap_saved_show(call->layer->path).text,
                           fmap_saved_show(call->layer->class_name).text, sentence);
}

/* The value under a key; NULL when it is missing or null. */
static const json_t *value_of(const struct fmap_saved_call *call, const char *key) {
    const json_t *value = json_object_get(call->layer->config, key);
    return json_is_null(value) ? NULL : value;
}

static bool refuse_type(const struct fmap_saved_call *call, const char *key, const json_t *value,
                        const char *expected) {
    return fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "%s is %s, expected %s", key,
                             fmap_saved_show_json(value).text, expected);
}

bool fmap_saved_get_int(const struct fmap_saved_call *call, const char *key, int64_t *value) {
    const json_t *found = value_of(call, key);
    if (!found) return true;
    if (!json_is_integer(found)) return refuse_type(call, key, found, "a whole number");
    *value = json_integer_value(found);
    return true;
}

bool fmap_saved_get_bool(const struct fmap_saved_call *call, const char *key, bool *value) {
    const json_t *found = value_of(call, key);
    if (!found) return true;
    if (!json_is_boolean(found)) return refuse_type(call, key, found, "true or false");
    *value = json_is_true(found);
    return true;
}

bool fmap_saved_get_number(const struct fmap_saved_call *call, const char *key, double *value) {
    const json_t *found = value_of(call, key);
    if (!found) return true;
    /* Keras 3 writes numbers of numpy as {"class_name": "__numpy__" or "ndarray", "config": {"value": ...}}. */
    const json_t *wrapped = json_object_get(json_object_get(found, "config"), "value");
    if (wrapped) found = wrapped;
    if (!json_is_number(found)) return refuse_type(call, key, found, "a number");
    *value = json_number_value(found);
    return true;
}

bool fmap_saved_get_text(const struct fmap_saved_call *call, const char *key, const char **value) {
    const json_t *found = value_of(call, key);
    if (!found) return true;
    if (!json_is_string(found)) return refuse_type(call, key, found, "text");
    *value = json_string_value(found);
    return true;
}

bool fmap_saved_get_ints(const struct fmap_saved_call *call, const char *key, size_t n, int64_t *values) {
    const json_t *found = value_of(call, key);
    if (!found) return true;
    bool good = json_is_integer(found) || json_array_size(found) == n;
    for (size_t i = 0; i < n && good; i++) {
        const json_t *number = json_is_array(found) ? json_array_get(found, i) : found;
        good = json_is_integer(number);
        if (good) values[i] = json_integer_value(number);
    }
    if (good) return true;
    return fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "%s is %s, expected %zu whole number%s", key,
                             fmap_saved_show_json(found).text, n, n == 1 ? "" : "s or one for all of them");
}

bool fmap_saved_get_sizes(const struct fmap_saved_call *call, const char *key, size_t n, int64_t *values) {
    if (!fmap_saved_get_ints(call, key, n, values)) return false;
    for (size_t i = 0; i < n; i++) {
        if (values[i] < 1)
            return fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "%s is %s, expected at least 1", key,
                                     fmap_saved_show_json(value_of(call, key)).text);
    }
    return true;
}

bool fmap_saved_get_axis(const struct fmap_saved_call *call, const char *key, int rank, int64_t *axis) {
    const json_t *found = value_of(call, key);
    if (json_array_size(found) == 1) found = json_array_get(found, 0);
    if (found && !json_is_integer(found)) return refuse_type(call, key, found, "one axis");
    if (found) *axis = json_integer_value(found);
    if (*axis < 0) *axis += rank;
    if (*axis >= 0 && *axis < rank) return true;
    return fmap_saved_refuse(call, FMAP_ERROR_MODEL, "%s is %s, but its input has %d axes", key,
                             fmap_saved_show_json(found).text, rank);
}

bool fmap_saved_get_channels_first(const struct fmap_saved_call *call, bool *first) {
    const char *format = "channels_last";
    if (!fmap_saved_get_text(call, "data_format", &format)) return false;
    *first = strcmp(format, "channels_first") == 0;
    if (*first || strcmp(format, "channels_last") == 0) return true;
    return fmap_saved_refuse(call, FMAP_ERROR_FORMAT,
                             "data_format is '%s', expected channels_last or channels_first",
                             fmap_saved_show(format).text);
}

bool fmap_saved_get_image(struct fmap_saved_call *call, int rank, struct fmap_saved_image *image) {
    struct fmap_saved_tensor *input = call->inputs[0];
    bool first;
    if (!fmap_saved_get_channels_first(call, &first) || !fmap_saved_shape(call, input, &image->shape))
        return false;
    if (image->shape.rank != rank)
        return fmap_saved_refuse(call, FMAP_ERROR_MODEL, "its input has %d axes, expected %d",
                                 image->shape.rank, rank);
    image->moved = !first;
    if (!(first ? fmap_saved_plain : fmap_saved_moved)(call, input, &image->value)) return false;
    if (first) return true;
    int64_t channels = image->shape.dims[rank - 1];
    for (int i = rank - 1; i > 1; i--) image->shape.dims[i] = image->shape.dims[i - 1];
    image->shape.dims[1] = channels;
    return true;
}

struct fmap_saved_tensor fmap_saved_image_output(const struct fmap_saved_image *image, fmap_value value) {
    return image->moved ? (struct fmap_saved_tensor){.moved = value}
                        : (struct fmap_saved_tensor){.plain = value};
}

bool fmap_saved_get_channels(const struct fmap_saved_call *call, const struct fmap_saved_image *image,
                             int64_t *channels) {
    *channels = image->shape.dims[1];
    if (*channels >= 1) return true;
    return fmap_saved_refuse(call, FMAP_ERROR_MODEL, "the number of channels of its input is not known");
}
