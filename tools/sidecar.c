#include "sidecar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "file.h"
#include "tool.h"

enum { MAX_SIDECAR = 64 * 1024 * 1024 };

/* What every function below needs to complain. */
struct source {
    const char *path;
    fmap_error *error;
};

static fmap_status wrong(const struct source *source, const char *key, const char *wanted) {
    return fail(source->error, FMAP_ERROR_FORMAT, "the sidecar '%s': \"%s\" must be %s", source->path, key,
                wanted);
}

static fmap_status read_text(const struct source *source, const json_t *root, const char *key, char **text) {
    const json_t *value = json_object_get(root, key);
    if (value == NULL || json_is_null(value)) return FMAP_OK;
    if (!json_is_string(value)) return wrong(source, key, "a text");
    *text = strdup(json_string_value(value));
    return *text != NULL ? FMAP_OK : fail_memory(source->error, source->path);
}

static fmap_status read_labels(const struct source *source, const json_t *root, struct labels *labels) {
    const json_t *value = json_object_get(root, "labels");
    if (value == NULL || json_is_null(value)) return FMAP_OK;
    if (!json_is_array(value)) return wrong(source, "labels", "a list of texts");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *label = json_array_get(value, i);
        if (!json_is_string(label)) return wrong(source, "labels", "a list of texts");
        TRY(labels_add(labels, json_string_value(label), json_string_length(label), source->error));
    }
    return FMAP_OK;
}

static fmap_status read_size(const struct source *source, const char *key, const json_t *value, int high,
                             int *size) {
    if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > high) {
        return wrong(source, key, high == MAX_CHANNELS ? "1 or 3" : "a whole number from 1 to 16384");
    }
    *size = (int)json_integer_value(value);
    return FMAP_OK;
}

/* A number, or a list of one number for each channel. */
static fmap_status read_numbers(const struct source *source, const char *key, const json_t *value, bool zero,
                                float *numbers, int *n) {
    static const char wanted[] = "a number or a list of 1 to 3 numbers";
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (count < 1 || count > MAX_CHANNELS) return wrong(source, key, wanted);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_number(item)) return wrong(source, key, wanted);
        numbers[i] = (float)json_number_value(item);
        if (!isfinite(numbers[i])) return wrong(source, key, "finite");
        if (numbers[i] == 0 && !zero) return wrong(source, key, "other than 0");
    }
    *n = (int)count;
    return FMAP_OK;
}

/* One of a list of words: its index. */
static fmap_status read_word(const struct source *source, const char *key, const json_t *value,
                             const char *const *words, unsigned *index) {
    char wanted[128] = "one of";
    const char *text = json_string_value(value);
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (text != NULL && strcmp(text, words[i]) == 0) {
            *index = i;
            return FMAP_OK;
        }
        size_t used = strlen(wanted);
        snprintf(wanted + used, sizeof wanted - used, " \"%s\"", words[i]);
    }
    return wrong(source, key, wanted);
}

static fmap_status read_bool(const struct source *source, const char *key, const json_t *value, bool *truth) {
    if (!json_is_boolean(value)) return wrong(source, key, "true or false");
    *truth = json_is_true(value);
    return FMAP_OK;
}

static fmap_status read_mode(const struct source *source, const char *key, const json_t *value,
                             struct preprocess_options *image) {
    unsigned index = 0;
    if (strcmp(key, "layout") == 0) {
        TRY(read_word(source, key, value, layout_words, &index));
        image->layout = LAYOUT_NCHW + index;
    } else if (strcmp(key, "resize") == 0) {
        TRY(read_word(source, key, value, resize_words, &index));
        image->resize = RESIZE_FIT + index;
    } else if (strcmp(key, "crop") == 0) {
        TRY(read_word(source, key, value, crop_words, &index));
        image->crop = CROP_NONE + index;
    } else if (strcmp(key, "invert") == 0) {
        TRY(read_word(source, key, value, invert_words, &index));
        image->invert = INVERT_NO + index;
    } else if (strcmp(key, "center") == 0) {
        TRY(read_word(source, key, value, center_words, &index));
        image->center = CENTER_NONE + index;
    } else { /* a misspelt key that was skipped would only show as wrong answers */
        return fail(source->error, FMAP_ERROR_FORMAT, "the sidecar '%s': \"image\" has no key \"%s\"",
                    source->path, key);
    }
    return FMAP_OK;
}

static fmap_status read_image_key(const struct source *source, const char *key, const json_t *value,
                                  struct preprocess_options *image) {
    if (strcmp(key, "width") == 0) return read_size(source, key, value, MAX_INPUT_SIDE, &image->width);
    if (strcmp(key, "height") == 0) return read_size(source, key, value, MAX_INPUT_SIDE, &image->height);
    if (strcmp(key, "channels") == 0) return read_size(source, key, value, MAX_CHANNELS, &image->channels);
    if (strcmp(key, "bgr") == 0) return read_bool(source, key, value, &image->bgr);
    if (strcmp(key, "mean") == 0) return read_numbers(source, key, value, true, image->mean, &image->n_mean);
    if (strcmp(key, "std") == 0) return read_numbers(source, key, value, false, image->std, &image->n_std);
    if (strcmp(key, "scale") == 0) {
        int n = 0;
        float scale[MAX_CHANNELS];
        TRY(read_numbers(source, key, value, true, scale, &n));
        if (n != 1 || json_is_array(value)) return wrong(source, key, "a number");
        image->scale = scale[0];
        image->scale_set = true;
        return FMAP_OK;
    }
    if (strcmp(key, "digit") == 0) {
        bool digit = false;
        TRY(read_bool(source, key, value, &digit));
        image->center = digit ? CENTER_MASS : CENTER_NONE;
        return FMAP_OK;
    }
    return read_mode(source, key, value, image);
}

static fmap_status read_root(const struct source *source, json_t *root, struct sidecar *sidecar) {
    if (!json_is_object(root)) {
        return fail(source->error, FMAP_ERROR_FORMAT, "the sidecar '%s' is not a JSON object", source->path);
    }
    TRY(read_text(source, root, "title", &sidecar->title));
    TRY(read_text(source, root, "description", &sidecar->description));
    TRY(read_text(source, root, "licence", &sidecar->licence));
    TRY(read_text(source, root, "source", &sidecar->source));
    TRY(read_labels(source, root, &sidecar->labels));
    json_t *image = json_object_get(root, "image");
    if (image == NULL || json_is_null(image)) return FMAP_OK;
    if (!json_is_object(image)) return wrong(source, "image", "an object");
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(image, key, value) { TRY(read_image_key(source, key, value, &sidecar->image)); }
    return FMAP_OK;
}

fmap_status sidecar_read(const char *path, struct sidecar *sidecar, fmap_error *error) {
    *sidecar = (struct sidecar){0};
    const struct source source = {.path = path, .error = error};
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    TRY(file_read(path, MAX_SIDECAR, &bytes, &n_bytes, error));
    json_error_t why;
    json_t *root = json_loadb((const char *)bytes, n_bytes, JSON_REJECT_DUPLICATES, &why);
    free(bytes);
    if (root == NULL) {
        return fail(error, FMAP_ERROR_FORMAT, "the sidecar '%s' is not JSON: line %d: %s", path, why.line,
                    why.text);
    }
    fmap_status status = read_root(&source, root, sidecar);
    json_decref(root);
    if (status != FMAP_OK) sidecar_release(sidecar);
    return status;
}

/* model.onnx has model.json; a file without an extension gets one. From malloc(). */
static char *sidecar_path(const char *model_path) {
    const char *slash = strrchr(model_path, '/');
    const char *dot = strrchr(model_path, '.');
    bool has_extension = dot != NULL && dot != model_path && (slash == NULL || dot > slash + 1);
    size_t stem = has_extension ? (size_t)(dot - model_path) : strlen(model_path);
    char *path = malloc(stem + sizeof ".json");
    if (path != NULL) {
        memcpy(path, model_path, stem);
        memcpy(path + stem, ".json", sizeof ".json");
    }
    return path;
}

fmap_status sidecar_find(const char *model_path, struct sidecar *sidecar, fmap_error *error) {
    *sidecar = (struct sidecar){0};
    char *path = sidecar_path(model_path);
    if (path == NULL) return fail_memory(error, "a path");
    fmap_status status = FMAP_OK;
    /* A model that is JSON itself is not its own sidecar. */
    if (strcmp(path, model_path) != 0 && access(path, F_OK) == 0) {
        status = sidecar_read(path, sidecar, error);
    }
    free(path);
    return status;
}

void sidecar_release(struct sidecar *sidecar) {
    free(sidecar->title);
    free(sidecar->description);
    free(sidecar->licence);
    free(sidecar->source);
    labels_release(&sidecar->labels);
    *sidecar = (struct sidecar){0};
}
