/* No harm comes from damaged or hostile packed files. */
#include "runtime/formats/packed.h"
#include "tests/fence.h"
#include "tests/fragile.h"
#include "packed_files.h"

/* ---- damage ---------------------------------------------------------------------------------------------- */

/* Loads a copy that ends where memory does; a model must give answers, and an error a sentence. */
static fmap_status try_bytes(const struct fence *fence, const struct files *files, const uint8_t *bytes,
                             size_t n, const char *words) {
    const uint8_t *copy = fence_copy(fence, bytes, n);
    fmap_model *model = NULL;
    fmap_error error = {0};
    fmap_status status = fmap_model_load_memory(copy, n, "net.fmap", NULL, &model, &error);
    cr_assert_eq(status == FMAP_OK, model != NULL);
    if (model) {
        (void)check_answers(files, model);
    } else {
        cr_assert_eq(strncmp(error.message, "net.fmap: ", 10), 0, "%s", error.message);
        cr_assert(!words || strstr(error.message, words), "\"%s\" is not in: %s", words, error.message);
    }
    fmap_model_destroy(model);
    return status;
}

static struct fmap_packed_header header_of(const uint8_t *bytes) {
    struct fmap_packed_header header;
    memcpy(&header, bytes, sizeof header);
    return header;
}

Test(packed_hostile, cut_off_anywhere_it_is_no_model) {
    struct files files = make_files();
    struct fence fence = fence_raise(files.n_bytes);
    struct fmap_packed_header header = header_of(files.bytes);
    size_t index_end = (size_t)(header.index_offset + header.index_bytes);
    for (size_t n = 1; n < files.n_bytes; n += n < index_end + 64 || n > files.n_bytes - 64 ? 1 : 509) {
        const char *words = n < 8 ? NULL : n < sizeof header ? "cut off in its header" : "cut off";
        cr_assert_neq(try_bytes(&fence, &files, files.bytes, n, words), FMAP_OK, "%zu bytes", n);
    }
    fence_take_down(&fence);
    remove_files(&files);
}

Test(packed_hostile, every_bit_of_header_and_index_is_guarded) {
    struct files files = make_files();
    struct fence fence = fence_raise(files.n_bytes);
    struct fmap_packed_header header = header_of(files.bytes);
    size_t index_end = (size_t)(header.index_offset + header.index_bytes);
    for (size_t i = 0; i < index_end * 8; i++) {
        files.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        cr_assert_neq(try_bytes(&fence, &files, files.bytes, files.n_bytes, NULL), FMAP_OK, "bit %zu", i);
        files.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    cr_assert_eq(try_bytes(&fence, &files, files.bytes, files.n_bytes, NULL), FMAP_OK);
    fence_take_down(&fence);
    remove_files(&files);
}

static void expect_damage(const struct files *files, size_t at, const char *words) {
    fmap_error error = {0};
    files->bytes[at] ^= 1;
    put_file(files->packed, files->bytes, files->n_bytes);
    files->bytes[at] ^= 1;
    cr_assert_eq(fmap_pack_check(files->packed, &error), FMAP_ERROR_FORMAT);
    cr_assert(strstr(error.message, words), "%s", error.message);
}

Test(packed_hostile, checking_finds_damage_in_packings_and_in_the_model) {
    struct files files = make_files();
    struct fmap_packed_header header = header_of(files.bytes);
    struct fmap_packed_entry entry;
    size_t at = (size_t)header.index_offset;
    for (uint64_t i = 0; i < header.n_packings; i++) {
        memcpy(&entry, files.bytes + at, sizeof entry);
        at += sizeof entry + fmap_packed_key_room((size_t)entry.key_bytes);
        if (entry.bytes == 0) continue;
        cr_assert_eq(entry.offset % FMAP_PACKED_PAGE, 0u);
        expect_damage(&files, (size_t)(entry.offset + entry.bytes / 2), "the packing 'fmap ");
    }
    expect_damage(&files, (size_t)(header.model_offset + header.model_bytes / 2), "the model in the packed");
    expect_damage(&files, 3, "not a packed file");
    cr_assert_eq(fmap_pack_check(files.onnx, NULL), FMAP_ERROR_FORMAT);
    cr_assert_eq(fmap_pack_check("/no/such/file", NULL), FMAP_ERROR_IO);
    cr_assert_eq(fmap_pack_check(NULL, NULL), FMAP_ERROR_ARGUMENT);
    remove_files(&files);
}

/* ---- malice: digests that fit ---------------------------------------------------------------------------- */

/* Puts a header and an index with their digests into a copy of the file. */
static void seal(uint8_t *bytes, struct fmap_packed_header header) {
    header.index_digest = fmap_digest_of(bytes + header.index_offset, (size_t)header.index_bytes);
    header.header_digest = fmap_packed_header_digest(&header);
    memcpy(bytes, &header, sizeof header);
}

static uint8_t *copy_of(const struct files *files) {
    uint8_t *copy = malloc(files->n_bytes);
    cr_assert_not_null(copy);
    return memcpy(copy, files->bytes, files->n_bytes);
}

Test(packed_hostile, headers_that_lie_are_refused) {
    struct files files = make_files();
    struct fence fence = fence_raise(files.n_bytes);
    static const uint64_t lies[] = {
        0,          1,         7,          4095,           1 << 20,          INT32_MAX,
        UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 4095};
    static const size_t fields[] = {
        offsetof(struct fmap_packed_header, file_bytes), offsetof(struct fmap_packed_header, model_offset),
        offsetof(struct fmap_packed_header, model_bytes), offsetof(struct fmap_packed_header, n_packings)};
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
        for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
            struct fmap_packed_header header = header_of(files.bytes);
            if (memcmp((char *)&header + fields[f], &lies[i], sizeof lies[i]) == 0) continue; /* no lie */
            memcpy((char *)&header + fields[f], &lies[i], sizeof lies[i]);
            uint8_t *copy = copy_of(&files);
            seal(copy, header);
            fmap_status status = try_bytes(&fence, &files, copy, files.n_bytes, NULL);
            cr_assert_neq(status, FMAP_OK, "field %zu is %llu", f, (unsigned long long)lies[i]);
            free(copy);
        }
    }
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct fmap_packed_header header = header_of(files.bytes);
        uint8_t *copy = copy_of(&files);
        header.index_offset = lies[i];
        header.header_digest = fmap_packed_header_digest(&header);
        memcpy(copy, &header, sizeof header);
        cr_assert_neq(try_bytes(&fence, &files, copy, files.n_bytes, NULL), FMAP_OK);
        header.index_offset = sizeof header;
        header.index_bytes = lies[i];
        header.header_digest = fmap_packed_header_digest(&header);
        memcpy(copy, &header, sizeof header);
        cr_assert_neq(try_bytes(&fence, &files, copy, files.n_bytes, NULL), FMAP_OK);
        free(copy);
    }
    fence_take_down(&fence);
    remove_files(&files);
}

/* A packing in another place or of another size holds other numbers, but nothing outside of the file is touched. */
Test(packed_hostile, entries_that_lie_do_no_harm) {
    struct files files = make_files();
    struct fence fence = fence_raise(files.n_bytes);
    struct fmap_packed_header header = header_of(files.bytes);
    static const uint64_t lies[] = {0, 1, 63, 64, 4096, 1 << 30, UINT64_MAX, UINT64_MAX - 63, INT64_MAX};
    static const size_t fields[] = {offsetof(struct fmap_packed_entry, offset),
                                    offsetof(struct fmap_packed_entry, bytes),
                                    offsetof(struct fmap_packed_entry, key_bytes)};
    size_t at = (size_t)header.index_offset;
    for (uint64_t e = 0; e < header.n_packings; e++) {
        struct fmap_packed_entry entry;
        memcpy(&entry, files.bytes + at, sizeof entry);
        for (size_t i = 0; i < 3 * sizeof lies / sizeof *lies; i++) {
            uint8_t *copy = copy_of(&files);
            memcpy(copy + at + fields[i % 3], &lies[i / 3], sizeof *lies);
            seal(copy, header);
            const uint8_t *bytes = fence_copy(&fence, copy, files.n_bytes);
            fmap_model *model = NULL;
            if (fmap_model_load_memory(bytes, files.n_bytes, NULL, NULL, &model, NULL) == FMAP_OK) {
                float output[OUTPUTS];
                fmap_plan *plan = plan_of(model, FMAP_ISA_BEST);
                run(plan, files.input, output);
                fmap_plan_destroy(plan);
            }
            fmap_model_destroy(model);
            free(copy);
        }
        at += sizeof entry + fmap_packed_key_room((size_t)entry.key_bytes);
    }
    fence_take_down(&fence);
    remove_files(&files);
}

/* Of another version, say: it is not found, and the layer is packed from the model. */
Test(packed_hostile, keys_of_others_are_not_taken) {
    struct files files = make_files();
    struct fmap_packed_header header = header_of(files.bytes);
    size_t at = (size_t)header.index_offset;
    for (uint64_t e = 0; e < header.n_packings; e++) {
        struct fmap_packed_entry entry;
        memcpy(&entry, files.bytes + at, sizeof entry);
        cr_assert_eq(memcmp(files.bytes + at + sizeof entry, "fmap ", 5), 0);
        files.bytes[at + sizeof entry + 5] = '9';
        at += sizeof entry + fmap_packed_key_room((size_t)entry.key_bytes);
    }
    seal(files.bytes, header);
    put_file(files.packed, files.bytes, files.n_bytes);
    fmap_model *model = load(files.packed);
    cr_assert_eq(check_answers(&files, model), 0u);
    fmap_model_destroy(model);
    remove_files(&files);
}

Test(packed_hostile, a_packed_file_inside_of_a_packed_file_is_refused) {
    struct files files = make_files();
    struct fmap_packed_header header = header_of(files.bytes);
    header.model_offset = 0;
    header.model_bytes = files.n_bytes;
    seal(files.bytes, header);
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(fmap_model_load_memory(files.bytes, files.n_bytes, NULL, NULL, &model, &error),
                 FMAP_ERROR_FORMAT);
    cr_assert(strstr(error.message, "holds no model"), "%s", error.message);
    remove_files(&files);
}

/* ---- memory that runs out -------------------------------------------------------------------------------- */

Test(packed_hostile, nothing_stays_behind_when_memory_runs_out) {
    struct files files = make_files();
    fmap_status status = FMAP_ERROR_MEMORY;
    for (size_t fail_at = 1; status != FMAP_OK; fail_at++) {
        struct fragile fragile = {.fail_at = fail_at};
        fmap_allocator allocator = fragile_allocator(&fragile);
        fmap_error error = {0};
        fmap_model *model = NULL;
        fmap_plan *plan = NULL;
        status = fmap_model_load(files.packed, &allocator, &model, &error);
        if (status == FMAP_OK) status = fmap_plan_create(model, NULL, &plan, &error);
        cr_assert(status == FMAP_OK || status == FMAP_ERROR_MEMORY, "%s", error.message);
        fmap_plan_destroy(plan);
        fmap_model_destroy(model);
        cr_assert_eq(fragile.n_live, 0u);
        cr_assert_eq(fragile.bytes_live, 0u);
    }
    remove_files(&files);
}
