/* fmap_model_load(): from a file, or from memory, to a finished model. */
#include <stdio.h>
#include <string.h>

#include <fmap/pack.h>

#include "runtime/status.h"
#include "format.h"
#include "mapped_file.h"
#include "text.h"

static const struct fmap_format *const formats[] = {&fmap_format_packed, &fmap_format_keras,
                                                    &fmap_format_keras_hdf5, &fmap_format_keras_archive,
                                                    &fmap_format_onnx};

static const struct fmap_format *recognise(const uint8_t *data, size_t bytes, bool marked) {
    for (size_t i = 0; bytes > 0 && i < sizeof formats / sizeof *formats; i++) {
        if (formats[i]->marked == marked && formats[i]->recognise(data, bytes)) return formats[i];
    }
    return NULL;
}

const struct fmap_format *fmap_format_find(const uint8_t *data, size_t bytes) {
    const struct fmap_format *format = recognise(data, bytes, true);
    return format ? format : recognise(data, bytes, false);
}

void fmap_format_fail(fmap_model *model, fmap_status status, const char *format, va_list arguments) {
    char sentence[FMAP_ERROR_MESSAGE_BYTES];
    (void)snprintf(sentence, sizeof sentence, "%s: ", fmap_model_name(model));
    size_t used = strlen(sentence);
    (void)vsnprintf(sentence + used, sizeof sentence - used, format, arguments);
    (void)fmap_model_fail(model, status, sentence);
}

/* The format of a file, or the error that it has none. What a file clearly is goes before what it might
 * be: ONNX files carry no mark of their own. */
static fmap_status find_format(const struct fmap_source *source, const char *name,
                               const struct fmap_format **format, fmap_error *error) {
    fmap_status status = FMAP_ERROR_FORMAT;
    *format = recognise(source->data, source->bytes, true);
    if (*format) return FMAP_OK;
    const char *stranger = fmap_describe_stranger(source->data, source->bytes, &status);
    if (!stranger) {
        *format = recognise(source->data, source->bytes, false);
        if (*format) return FMAP_OK;
        stranger = "this is not a model in a format that is known here (ONNX, Keras)";
    }
    return fmap_fail(error, status, "%s: %s", fmap_text_show_path(name).text, stranger);
}

/* Reads a source into a new model. `file` may be NULL; it is closed with the model, or here on failure. */
static fmap_status load(const struct fmap_source *source, const char *name, struct fmap_mapped_file *file,
                        fmap_model **model, fmap_error *error) {
    const struct fmap_format *format = NULL;
    fmap_model *loaded = NULL;
    fmap_status status = find_format(source, name, &format, error);
    if (status == FMAP_OK) status = fmap_model_create(source->allocator, &loaded, error);
    if (status != FMAP_OK) {
        fmap_mapped_file_close(file);
        return status;
    }
    (void)fmap_model_set_name(loaded, fmap_text_show_path(name).text);
    if (!file || fmap_model_keep(loaded, file, fmap_mapped_file_close) == FMAP_OK) {
        (void)fmap_model_set_source(loaded, source->data, source->bytes);
        format->read(loaded, source);
    }
    status = fmap_model_finish(loaded, error);
    if (status != FMAP_OK) {
        fmap_model_destroy(loaded);
        return status;
    }
    /* The weights are wanted next: to be packed; or packed, and then the model behind them is not. */
    size_t wanted = source->bytes;
    const uint8_t *model_file = fmap_model_source(loaded, NULL);
    if (model_file && model_file > source->data) wanted = (size_t)(model_file - source->data);
    if (file) fmap_mapped_file_prefetch(file, wanted);
    *model = loaded;
    return FMAP_OK;
}

fmap_status fmap_model_load(const char *path, const fmap_allocator *allocator, fmap_model **model,
                            fmap_error *error) {
    if (!model) return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_model_load: model is NULL");
    *model = NULL;
    if (!path) return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_model_load: path is NULL");
    struct fmap_mapped_file *file = NULL;
    fmap_status status = fmap_mapped_file_open(path, allocator, &file, error);
    if (status != FMAP_OK) return status;
    struct fmap_source source = {
        .data = file->data, .bytes = file->bytes, .allocator = allocator, .path = path};
    return load(&source, path, file, model, error);
}

fmap_status fmap_model_load_memory(const void *data, size_t bytes, const char *name,
                                   const fmap_allocator *allocator, fmap_model **model, fmap_error *error) {
    if (!model) return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_model_load_memory: model is NULL");
    *model = NULL;
    if (!name) name = "model";
    if (!data && bytes) return fmap_fail(error, FMAP_ERROR_ARGUMENT, "%s: data is NULL", name);
    if (bytes == 0) return fmap_fail(error, FMAP_ERROR_FORMAT, "%s: the file is empty", name);
    struct fmap_source source = {.data = data, .bytes = bytes, .allocator = allocator};
    return load(&source, name, NULL, model, error);
}
