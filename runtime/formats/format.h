/* What a model format is to the rest: how to recognise it and how to read it.
 *
 * To add a format: write <format>.c with one of these, declare it here, give it a row in load.c.
 */
#ifndef FMAP_FORMATS_FORMAT_H
#define FMAP_FORMATS_FORMAT_H

#include <stdarg.h>

#include <fmap/model.h>

/* The bytes of a model file. They stay in place as long as the model, so constants may be borrowed. */
struct fmap_source {
    const uint8_t *data;
    size_t bytes;
    const fmap_allocator *allocator; /* for everything that the reader needs; may be NULL */
    const char *path; /* of the file, whose neighbours may hold weights; NULL: there is no file */
};

struct fmap_format {
    const char *name;
    bool marked; /* nothing else looks like its files: it is asked before all that is no model */
    /* Does the file look like this format? A damaged file should, so that the reader can say what is
     * wrong with it. Never called for an empty file. */
    bool (*recognise)(const uint8_t *data, size_t bytes);
    /* Builds the network with the public functions of model.h, up to but without fmap_model_finish().
     * Whatever is wrong is reported by fmap_model_fail(). The model's source is all of the file already; a format whose
     * files rely on others beside them takes it back by fmap_model_set_source(). */
    void (*read)(fmap_model *model, const struct fmap_source *source);
};

extern const struct fmap_format fmap_format_packed; /* what is packed holds a file of one of the others */
extern const struct fmap_format fmap_format_keras, fmap_format_keras_hdf5, fmap_format_keras_archive,
    fmap_format_onnx;

/* Gives a model that is being read a failure: the model's name, a colon, and the sentence (load.c). */
void fmap_format_fail(fmap_model *model, fmap_status status, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* The format that recognises a file of one byte and more; NULL: none does. */
const struct fmap_format *fmap_format_find(const uint8_t *data, size_t bytes);

/* What a file that no format recognised is instead, as the end of a sentence that starts with its name:
 * "is a picture (PNG), not a model". NULL when that is not known either. *status says how bad it is. */
const char *fmap_describe_stranger(const uint8_t *data, size_t bytes, fmap_status *status);

#endif
