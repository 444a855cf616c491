/* ONNX: elements of tensors that lie in other files, beside the model. They are mapped, and used as they lie there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <fmap/pack.h>

#include "mapped_file.h"
#include "onnx_loader.h"

/* A file that some tensor's elements are in. */
struct fmap_onnx_external {
    struct fmap_onnx_external *next;
    const char *location;
    const struct fmap_mapped_file *file;
};

/* What a tensor says about where its elements are. */
struct place {
    const char *location;
    uint64_t offset;
    uint64_t length; /* when `has_length` */
    bool has_length;
};

static bool read_number(struct fmap_onnx_loader *loader, const char *text, const char *key, const char *what,
                        uint64_t *number) {
    *number = 0;
    bool good = *text != 0;
    for (const char *c = text; *c && good; c++) {
        good = *c >= '0' && *c <= '9' && !__builtin_mul_overflow(*number, 10u, number) &&
               !__builtin_add_overflow(*number, (uint64_t)(*c - '0'), number);
    }
    if (good) return true;
    return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT,
                          "the %s of the external data of %s is '%s', which is no number of bytes", key, what,
                          fmap_text_show((const uint8_t *)text, strlen(text)).text);
}

/* Other keys, such as a checksum, are left alone. */
static bool read_place(struct fmap_onnx_loader *loader, const fmap_onnx_TensorProto *proto, const char *what,
                       struct place *place) {
    for (size_t i = 0; i < proto->external_data.count; i++) {
        fmap_onnx_EntryProto entry = {0};
        if (!fmap_onnx_read(loader, proto->external_data.items[i], fmap_onnx_EntryProto_fields, &entry, what))
            return false;
        const char *key = fmap_onnx_text(loader, entry.key.span, what);
        const char *value = key ? fmap_onnx_text(loader, entry.value.span, what) : NULL;
        if (!value) return false;
        if (strcmp(key, "location") == 0) {
            place->location = value;
        } else if (strcmp(key, "offset") == 0) {
            if (!read_number(loader, value, key, what, &place->offset)) return false;
        } else if (strcmp(key, "length") == 0) {
            if (!read_number(loader, value, key, what, &place->length)) return false;
            place->has_length = true;
        }
    }
    if (place->location) return true;
    return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT,
                          "the elements of %s are in another file (external data), but none is named", what);
}

/* The file of a location; it is opened once, and belongs to the model from then on. */
static const struct fmap_mapped_file *find_file(struct fmap_onnx_loader *loader, const char *location,
                                                const char *what) {
    for (struct fmap_onnx_external *known = loader->externals; known; known = known->next) {
        if (strcmp(known->location, location) == 0) return known->file;
    }
    struct fmap_mapped_file *file = NULL;
    fmap_error error;
    if (fmap_mapped_file_open_beside(loader->path, location, loader->allocator, &file, &error) != FMAP_OK) {
        (void)fmap_onnx_fail(loader, error.status, "the elements of %s are in another file: %s", what,
                             error.message);
        return NULL;
    }
    if (fmap_model_keep(loader->model, file, fmap_mapped_file_close) != FMAP_OK) return NULL;
    fmap_mapped_file_prefetch(file, file->bytes);
    (void)fmap_model_set_source(loader->model, NULL, 0); /* The model's file is not all of it. */
    size_t bytes = strlen(location) + 1;
    struct fmap_onnx_external *added = fmap_scratch_array(&loader->graph_scratch, 1, sizeof *added);
    char *copy = added ? fmap_scratch_array(&loader->graph_scratch, bytes, 1) : NULL;
    if (!copy) {
        (void)fmap_onnx_out_of_memory(loader);
        return NULL;
    }
    memcpy(copy, location, bytes);
    *added = (struct fmap_onnx_external){.next = loader->externals, .location = copy, .file = file};
    loader->externals = added;
    return file;
}

bool fmap_onnx_external_elements(struct fmap_onnx_loader *loader, const fmap_onnx_TensorProto *proto,
                                 const char *what, size_t expected, struct fmap_onnx_span *raw) {
    if (!loader->path) {
        return fmap_onnx_fail(
            loader, FMAP_ERROR_UNSUPPORTED,
            "the elements of %s are in another file (external data), and a model in memory has "
            "no folder where that could be",
            what);
    }
    struct place place = {0};
    if (!read_place(loader, proto, what, &place)) return false;
    const struct fmap_mapped_file *file = find_file(loader, place.location, what);
    if (!file) return false;
    struct fmap_text_shown shown = fmap_text_show((const uint8_t *)place.location, strlen(place.location));
    if (place.offset > file->bytes || expected > file->bytes - place.offset ||
        (place.has_length && place.length > file->bytes - place.offset)) {
        return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT,
                              "%s is %zu bytes from byte %" PRIu64 " of the file '%s' on, which has only %zu",
                              what, expected, place.offset, shown.text, file->bytes);
    }
    if (place.has_length && place.length != expected) {
        return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT,
                              "%s needs %zu bytes, but in the file '%s' it has %" PRIu64, what, expected,
                              shown.text, place.length);
    }
    *raw = (struct fmap_onnx_span){file->data + place.offset, expected};
    return true;
}
