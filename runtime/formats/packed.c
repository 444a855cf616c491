/* Reading packed files. Nothing in them is believed: whatever lies outside of the file, or does not fit the digests of
 * header and index, is an error; what a packing holds are numbers and nothing else. */
#include "packed.h"

#include <stdio.h>
#include <string.h>

#include "runtime/status.h"
#include "format.h"
#include "mapped_file.h"
#include "text.h"

/* A file in memory, and what is wrong with it. */
struct packed_file {
    const uint8_t *data;
    size_t bytes;
    struct fmap_packed_header header;
    size_t at; /* in the file: of the next entry of the index */
    fmap_status status;
    char fault[200];
};

static bool fail(struct packed_file *file, fmap_status status, const char *fault) {
    file->status = status;
    (void)snprintf(file->fault, sizeof file->fault, "%s", fault);
    return false;
}

static const char inconsistent[] = "the list of packings is inconsistent";

static bool fits(const struct packed_file *file, uint64_t offset, uint64_t bytes) {
    return offset <= file->bytes && bytes <= file->bytes - offset;
}

static bool open_header(struct packed_file *file) {
    struct fmap_packed_header *header = &file->header;
    if (file->bytes < sizeof *header)
        return fail(file, FMAP_ERROR_FORMAT, "the packed file is cut off in its header");
    memcpy(header, file->data, sizeof *header);
    if (memcmp(header->mark, FMAP_PACKED_MARK, sizeof header->mark) != 0)
        return fail(file, FMAP_ERROR_FORMAT, "this is not a packed file");
    if (header->byte_order != fmap_packed_byte_order) {
        return fail(file, FMAP_ERROR_UNSUPPORTED,
                    "the packed file is damaged, or was written on a machine of another byte order");
    }
    if (header->layout != FMAP_PACKED_LAYOUT) {
        (void)snprintf(file->fault, sizeof file->fault, "the packed file has the layout %u, expected %d",
                       (unsigned)header->layout, FMAP_PACKED_LAYOUT);
        file->status = FMAP_ERROR_UNSUPPORTED;
        return false;
    }
    if (!fmap_digest_equal(fmap_packed_header_digest(header), header->header_digest))
        return fail(file, FMAP_ERROR_FORMAT, "the header of the packed file is damaged");
    if (header->file_bytes != file->bytes) {
        (void)snprintf(file->fault, sizeof file->fault,
                       "the packed file has %zu bytes, expected %llu: it is %s", file->bytes,
                       (unsigned long long)header->file_bytes,
                       file->bytes < header->file_bytes ? "cut off" : "too long");
        file->status = FMAP_ERROR_FORMAT;
        return false;
    }
    return true;
}

static bool open_file(struct packed_file *file) {
    struct fmap_packed_header *header = &file->header;
    if (!open_header(file)) return false;
    if (header->n_packings > FMAP_PACKED_MOST_PACKINGS)
        return fail(file, FMAP_ERROR_LIMIT, "the packed file has too many packings");
    if (!fits(file, header->model_offset, header->model_bytes) ||
        !fits(file, header->index_offset, header->index_bytes) || header->model_bytes == 0) {
        return fail(file, FMAP_ERROR_FORMAT, "the packed file has parts outside of itself");
    }
    struct fmap_digest digest = fmap_digest_of(file->data + header->index_offset,
                                               (size_t)header->index_bytes);
    if (!fmap_digest_equal(digest, header->index_digest))
        return fail(file, FMAP_ERROR_FORMAT, "the list of packings is damaged");
    file->at = (size_t)header->index_offset;
    return true;
}

/* Whether the index ends where its packings do. */
static bool close_index(struct packed_file *file) {
    return file->at == file->header.index_offset + file->header.index_bytes ||
           fail(file, FMAP_ERROR_FORMAT, inconsistent);
}

/* The next packing of the index; its key lies in the file. */
static bool next_entry(struct packed_file *file, struct fmap_packed_entry *entry, const char **key) {
    size_t rest = (size_t)(file->header.index_offset + file->header.index_bytes) - file->at;
    if (rest < sizeof *entry) return fail(file, FMAP_ERROR_FORMAT, inconsistent);
    memcpy(entry, file->data + file->at, sizeof *entry);
    rest -= sizeof *entry;
    if (entry->key_bytes > FMAP_PACKED_MOST_KEY || fmap_packed_key_room((size_t)entry->key_bytes) > rest ||
        !fits(file, entry->offset, entry->bytes)) {
        return fail(file, FMAP_ERROR_FORMAT, inconsistent);
    }
    *key = (const char *)file->data + file->at + sizeof *entry;
    if (strnlen(*key, (size_t)entry->key_bytes + 1) != entry->key_bytes)
        return fail(file, FMAP_ERROR_FORMAT, inconsistent);
    file->at += sizeof *entry + fmap_packed_key_room((size_t)entry->key_bytes);
    return true;
}

/* ---- loading ------------------------------------------------------------------------------------------------- */

static bool recognise(const uint8_t *data, size_t bytes) {
    size_t mark_bytes = strlen(FMAP_PACKED_MARK);
    return bytes >= mark_bytes && memcmp(data, FMAP_PACKED_MARK, mark_bytes) == 0;
}

static bool add_packings(fmap_model *model, struct packed_file *file) {
    for (uint64_t i = 0; i < file->header.n_packings; i++) {
        struct fmap_packed_entry entry;
        fmap_packing packing;
        if (!next_entry(file, &entry, &packing.key)) return false;
        packing.data = file->data + entry.offset;
        packing.bytes = (size_t)entry.bytes;
        if (fmap_model_add_packing(model, &packing) != FMAP_OK) return false;
    }
    return close_index(file);
}

static void read(fmap_model *model, const struct fmap_source *source) {
    struct packed_file file = {.data = source->data, .bytes = source->bytes};
    const struct fmap_format *format = NULL;
    bool good = open_file(&file) && add_packings(model, &file);
    if (good) {
        format = fmap_format_find(file.data + file.header.model_offset, (size_t)file.header.model_bytes);
        if (!format || format == &fmap_format_packed)
            good = fail(&file, FMAP_ERROR_FORMAT,
                        "the packed file holds no model in a format that is known here");
    }
    if (!good) {
        char sentence[FMAP_ERROR_MESSAGE_BYTES];
        (void)snprintf(sentence, sizeof sentence, "%s: %s", fmap_model_name(model), file.fault);
        (void)fmap_model_fail(model, file.status, sentence); /* The first failure stays. */
        return;
    }
    const struct fmap_source inner = {.data = file.data + file.header.model_offset,
                                      .bytes = (size_t)file.header.model_bytes,
                                      .allocator = source->allocator};
    (void)fmap_model_set_source(model, inner.data, inner.bytes);
    format->read(model, &inner);
}

const struct fmap_format fmap_format_packed = {.name = "packed", .recognise = recognise, .read = read};

/* ---- checking all of it ---------------------------------------------------------------------------------------- */

static bool check(struct packed_file *file) {
    const struct fmap_packed_header *header = &file->header;
    if (!open_file(file)) return false;
    for (uint64_t i = 0; i < header->n_packings; i++) {
        struct fmap_packed_entry entry;
        const char *key;
        if (!next_entry(file, &entry, &key)) return false;
        if (fmap_digest_equal(fmap_digest_of(file->data + entry.offset, (size_t)entry.bytes), entry.digest))
            continue;
        (void)snprintf(file->fault, sizeof file->fault, "the packing '%.120s' is damaged", key);
        file->status = FMAP_ERROR_FORMAT;
        return false;
    }
    if (!close_index(file)) return false;
    struct fmap_digest digest = fmap_digest_of(file->data + header->model_offset,
                                               (size_t)header->model_bytes);
    return fmap_digest_equal(digest, header->model_digest) ||
           fail(file, FMAP_ERROR_FORMAT, "the model in the packed file is damaged");
}

fmap_status fmap_pack_check(const char *path, fmap_error *error) {
    struct fmap_mapped_file *mapped = NULL;
    if (!path) return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_pack_check: path is NULL");
    TRY(fmap_mapped_file_open(path, NULL, &mapped, error));
    struct packed_file file = {.data = mapped->data, .bytes = mapped->bytes};
    if (!check(&file)) fmap_fail(error, file.status, "%s: %s", fmap_text_show_path(path).text, file.fault);
    fmap_mapped_file_close(mapped);
    return file.status;
}
