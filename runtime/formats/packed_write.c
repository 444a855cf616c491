/* Writing packed files: beside the place first, then into it, so that nobody ever sees half of one. */
#include "packed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/status.h"
#include "scratch.h"
#include "text.h"

struct writer {
    const char *path;
    char *partial; /* beside the path, while it is not complete */
    FILE *stream;
    uint64_t at;
    struct fmap_scratch scratch;
    fmap_packing *packings;
    size_t n_packings, capacity;
    fmap_error *error;
};

static fmap_status fail(const struct writer *writer, fmap_status status, const char *why) {
    return fmap_fail(writer->error, status, "%s: %s", fmap_text_show_path(writer->path).text, why);
}

static fmap_status fail_system(const struct writer *writer) {
    return fail(writer, FMAP_ERROR_IO, strerror(errno));
}

static uint64_t round_up(uint64_t offset) {
    return (offset + FMAP_PACKED_PAGE - 1) / FMAP_PACKED_PAGE * FMAP_PACKED_PAGE;
}

/* ---- what there is to write -------------------------------------------------------------------------------------- */

static fmap_status add_packing(struct writer *writer, const fmap_packing *packing) {
    for (size_t i = 0; i < writer->n_packings; i++) {
        if (writer->packings[i].bytes == packing->bytes && strcmp(writer->packings[i].key, packing->key) == 0)
            return FMAP_OK;
    }
    if (writer->n_packings == FMAP_PACKED_MOST_PACKINGS || strlen(packing->key) > FMAP_PACKED_MOST_KEY)
        return fail(writer, FMAP_ERROR_LIMIT, "there are too many packings, or one of too long a key");
    if (writer->n_packings == writer->capacity) {
        fmap_packing *larger = fmap_scratch_grow(&writer->scratch, writer->packings, &writer->capacity,
                                                 writer->n_packings + 1, sizeof *larger);
        if (!larger) return fail(writer, FMAP_ERROR_MEMORY, "out of memory while packing");
        writer->packings = larger;
    }
    writer->packings[writer->n_packings++] = *packing;
    return FMAP_OK;
}

static fmap_status collect(struct writer *writer, const fmap_plan *const *plans, size_t n_plans) {
    for (size_t i = 0; i < n_plans; i++) {
        for (size_t k = 0; k < fmap_plan_packing_count(plans[i]); k++) {
            fmap_packing packing;
            if (fmap_plan_packing(plans[i], k, &packing) == FMAP_OK) TRY(add_packing(writer, &packing));
        }
    }
    return FMAP_OK;
}

/* ---- the parts of the file --------------------------------------------------------------------------------------- */

/* The index as it is in the file; packings are placed from `offset` on, which moves behind the last. */
static uint8_t *make_index(struct writer *writer, size_t *bytes, uint64_t *offset) {
    *bytes = 0;
    for (size_t i = 0; i < writer->n_packings; i++)
        *bytes += sizeof(struct fmap_packed_entry) + fmap_packed_key_room(strlen(writer->packings[i].key));
    uint8_t *index = fmap_scratch_array(&writer->scratch, *bytes, 1), *to = index;
    if (!index) return NULL;
    if (*bytes > 0) memset(index, 0, *bytes);
    *offset = round_up(*offset + *bytes);
    for (size_t i = 0; i < writer->n_packings; i++) {
        const fmap_packing *packing = &writer->packings[i];
        struct fmap_packed_entry entry = {.offset = *offset,
                                          .bytes = packing->bytes,
                                          .digest = fmap_digest_of(packing->data, packing->bytes),
                                          .key_bytes = strlen(packing->key)};
        memcpy(to, &entry, sizeof entry);
        memcpy(to + sizeof entry, packing->key, (size_t)entry.key_bytes);
        to += sizeof entry + fmap_packed_key_room((size_t)entry.key_bytes);
        *offset = round_up(*offset + packing->bytes);
    }
    return index;
}

/* Zeros up to the offset, then the bytes. */
static bool put(struct writer *writer, uint64_t offset, const void *data, size_t bytes) {
    static const char zeros[FMAP_PACKED_PAGE];
    while (writer->at < offset) {
        size_t n = offset - writer->at < sizeof zeros ? (size_t)(offset - writer->at) : sizeof zeros;
        if (fwrite(zeros, 1, n, writer->stream) != n) return false;
        writer->at += n;
    }
    if (bytes > 0 && fwrite(data, 1, bytes, writer->stream) != bytes) return false;
    writer->at += bytes;
    return true;
}

static fmap_status write_parts(struct writer *writer, const void *model, size_t model_bytes) {
    struct fmap_packed_header header = {.layout = FMAP_PACKED_LAYOUT,
                                        .byte_order = fmap_packed_byte_order,
                                        .model_bytes = model_bytes,
                                        .index_offset = sizeof header,
                                        .n_packings = writer->n_packings,
                                        .model_digest = fmap_digest_of(model, model_bytes)};
    memcpy(header.mark, FMAP_PACKED_MARK, sizeof header.mark);
    size_t index_bytes;
    uint64_t offset = sizeof header;
    const uint8_t *index = make_index(writer, &index_bytes, &offset);
    if (!index) return fail(writer, FMAP_ERROR_MEMORY, "out of memory while packing");
    header.index_bytes = index_bytes;
    header.index_digest = fmap_digest_of(index, index_bytes);
    header.model_offset = offset;
    header.file_bytes = offset + model_bytes;
    header.header_digest = fmap_packed_header_digest(&header);
    bool good = put(writer, 0, &header, sizeof header) && put(writer, sizeof header, index, index_bytes);
    for (size_t i = 0; i < writer->n_packings && good; i++)
        good = put(writer, round_up(writer->at), writer->packings[i].data, writer->packings[i].bytes);
    good = good && put(writer, offset, model, model_bytes) && fflush(writer->stream) == 0;
    return good ? FMAP_OK : fail_system(writer);
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

/* A file that was not there before, with the rights that a new file has. */
static fmap_status open_partial(struct writer *writer) {
    size_t bytes = strlen(writer->path) + 40;
    writer->partial = fmap_scratch_array(&writer->scratch, bytes, 1);
    if (!writer->partial) return fail(writer, FMAP_ERROR_MEMORY, "out of memory while packing");
    int descriptor = -1;
    for (int i = 0; descriptor < 0 && i < 100; i++) {
        (void)snprintf(writer->partial, bytes, "%s.%ld-%d", writer->path, (long)getpid(), i);
        descriptor = open(writer->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST) break;
    }
    if (descriptor >= 0) writer->stream = fdopen(descriptor, "wb");
    if (writer->stream) return FMAP_OK;
    fmap_status status = fail_system(writer);
    if (descriptor >= 0) {
        (void)close(descriptor);
        (void)unlink(writer->partial);
    }
    return status;
}

static fmap_status write_file(struct writer *writer, const void *model, size_t model_bytes) {
    TRY(open_partial(writer));
    fmap_status status = write_parts(writer, model, model_bytes);
    if (fclose(writer->stream) != 0 && status == FMAP_OK) status = fail_system(writer);
    if (status == FMAP_OK && rename(writer->partial, writer->path) != 0) status = fail_system(writer);
    if (status != FMAP_OK) (void)unlink(writer->partial);
    return status;
}

fmap_status fmap_pack_write(const fmap_plan *const *plans, size_t n_plans, const char *path,
                            fmap_error *error) {
    if (!plans || n_plans == 0 || !path)
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_pack_write: there is no plan or no path");
    const fmap_model *model = fmap_plan_model(plans[0]);
    for (size_t i = 0; i < n_plans; i++) {
        if (!plans[i] || fmap_plan_model(plans[i]) != model) {
            return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                             "fmap_pack_write: plan %zu is NULL or of another model", i);
        }
    }
    size_t model_bytes;
    const void *source = fmap_model_source(model, &model_bytes);
    if (!source) {
        return fmap_fail(
            error, FMAP_ERROR_UNSUPPORTED,
            "%.120s: this model was not loaded from a file that holds all of it: it cannot be packed",
            fmap_model_name(model));
    }
    struct writer writer = {.path = path, .error = error};
    fmap_scratch_init(&writer.scratch, NULL);
    fmap_status status = collect(&writer, plans, n_plans);
    if (status == FMAP_OK) status = write_file(&writer, source, model_bytes);
    fmap_scratch_destroy(&writer.scratch);
    return status;
}
