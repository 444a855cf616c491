/* Packed files: the same answers from mapped weights, and no harm from damaged or hostile ones. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/formats/packed.h"
#include "tests/check.h"
#include "tests/fence.h"
#include "tests/fragile.h"
#include "tests/net.h"
#include "tests/onnx_writer.h"

enum { INPUTS = 3 * 20 * 20, OUTPUTS = 5 };

/* ---- a network and its files ----------------------------------------------------------------------------- */

static void add_floats(struct onnx_writer *w, const char *name, const char *shape, size_t n, uint64_t seed) {
    float *floats = net_random(n, seed);
    for (size_t i = 0; name[0] == 'v' && i < n; i++) floats[i] += 1.5f; /* a variance */
    onnx_weights(w, name, shape, floats);
    free(floats);
}

/* A stem, a normalization, Winograd, tiles, depthwise, narrow groups and a dense layer. */
static const void *network(struct onnx_writer *w, size_t *bytes) {
    *w = onnx_begin(13);
    onnx_input(w, "x", "N 3 20 20");
    add_floats(w, "w1", "32 3 3 3", 32 * 27, 1);
    add_floats(w, "g", "32", 32, 2);
    add_floats(w, "b", "32", 32, 3);
    add_floats(w, "m", "32", 32, 4);
    add_floats(w, "v", "32", 32, 5);
    add_floats(w, "w2", "32 32 3 3", 32 * 32 * 9, 6);
    add_floats(w, "w3", "24 32 1 1", 24 * 32, 7);
    add_floats(w, "w4", "24 1 3 3", 24 * 9, 8);
    add_floats(w, "w5", "24 4 3 3", 24 * 4 * 9, 9);
    add_floats(w, "w6", "24 5", 24 * 5, 10);
    onnx_node(w, "Conv", "stem", "x w1", "c1");
    onnx_node(w, "BatchNormalization", "norm", "c1 g b m v", "n1");
    onnx_node(w, "Relu", "relu", "n1", "r1");
    onnx_node(w, "Conv", "winograd", "r1 w2", "c2");
    onnx_node(w, "Conv", "pointwise", "c2 w3", "c3");
    onnx_node(w, "Conv", "depthwise", "c3 w4", "c4");
    onnx_int(w, "group", 24);
    onnx_node(w, "Conv", "grouped", "c4 w5", "c5");
    onnx_int(w, "group", 6);
    onnx_node(w, "GlobalAveragePool", "pool", "c5", "p");
    onnx_node(w, "Flatten", "flat", "p", "f");
    onnx_node(w, "MatMul", "dense", "f w6", "y");
    onnx_output(w, "y");
    return onnx_end(w, bytes);
}

struct files {
    char folder[64], onnx[96], packed[96];
    struct onnx_writer writer;
    uint8_t *bytes; /* of the packed file */
    size_t n_bytes;
    float *input, expected[OUTPUTS];
};

static void put_file(const char *path, const void *data, size_t bytes) {
    FILE *stream = fopen(path, "wb");
    cr_assert_not_null(stream);
    cr_assert_eq(fwrite(data, 1, bytes, stream), bytes);
    cr_assert_eq(fclose(stream), 0);
}

static uint8_t *get_file(const char *path, size_t *bytes) {
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    *bytes = (size_t)about.st_size;
    uint8_t *data = malloc(*bytes);
    FILE *stream = fopen(path, "rb");
    cr_assert(data && stream);
    cr_assert_eq(fread(data, 1, *bytes, stream), *bytes);
    (void)fclose(stream);
    return data;
}

static fmap_model *load(const char *path) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(fmap_model_load(path, NULL, &model, &error), FMAP_OK, "%s", error.message);
    return model;
}

static fmap_plan *plan_with(const fmap_model *model, fmap_isa isa, fmap_weights weights) {
    fmap_plan *plan = NULL;
    fmap_error error = {0};
    const fmap_plan_options options = {.threads = 1, .max_isa = isa, .weights = weights};
    cr_assert_eq(fmap_plan_create(model, &options, &plan, &error), FMAP_OK, "%s", error.message);
    return plan;
}

static fmap_plan *plan_of(const fmap_model *model, fmap_isa isa) {
    return plan_with(model, isa, FMAP_WEIGHTS_F32);
}

static size_t shared_bytes(const fmap_plan *plan) {
    fmap_plan_info info;
    fmap_plan_describe(plan, &info);
    return info.shared_bytes;
}

/* Packings of some bytes. */
static size_t packed_bytes(const fmap_plan *plan) {
    size_t sum = 0;
    fmap_packing packing;
    for (size_t i = 0; fmap_plan_packing(plan, i, &packing) == FMAP_OK; i++) sum += packing.bytes;
    return sum;
}

static void run(const fmap_plan *plan, const float *input, float *output) {
    fmap_context *context = NULL;
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_run(context, (const void *[]){input}, (void *[]){output}, NULL), FMAP_OK);
    fmap_context_destroy(context);
}

static void write_packed(const struct files *files) {
    fmap_model *model = load(files->onnx);
    fmap_plan *plan = plan_of(model, FMAP_ISA_BEST);
    fmap_error error = {0};
    cr_assert_eq(fmap_pack_write((const fmap_plan *[]){plan}, 1, files->packed, &error), FMAP_OK, "%s",
                 error.message);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

static struct files make_files(void) {
    struct files files = {.folder = "/tmp/fmap-test-XXXXXX"};
    cr_assert_not_null(mkdtemp(files.folder));
    (void)snprintf(files.onnx, sizeof files.onnx, "%s/net.onnx", files.folder);
    (void)snprintf(files.packed, sizeof files.packed, "%s/net.fmap", files.folder);
    size_t bytes;
    const void *onnx = network(&files.writer, &bytes);
    put_file(files.onnx, onnx, bytes);
    files.input = net_random(INPUTS, 77);
    fmap_model *model = load(files.onnx);
    fmap_plan *plan = plan_of(model, FMAP_ISA_BEST);
    run(plan, files.input, files.expected);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    write_packed(&files);
    files.bytes = get_file(files.packed, &files.n_bytes);
    return files;
}

static void remove_files(struct files *files) {
    cr_expect_eq(unlink(files->onnx), 0);
    cr_expect_eq(unlink(files->packed), 0);
    cr_expect_eq(rmdir(files->folder), 0, "something was left in %s", files->folder);
    onnx_free(&files->writer);
    free(files->bytes);
    free(files->input);
}

/* The model answers as the unpacked one does; returns what its plan found packed. */
static size_t check_answers(const struct files *files, const fmap_model *model) {
    float output[OUTPUTS];
    fmap_plan *plan = plan_of(model, FMAP_ISA_BEST);
    run(plan, files->input, output);
    cr_assert(check_same_bits("output", output, files->expected, OUTPUTS));
    size_t shared = shared_bytes(plan);
    cr_assert_leq(shared, packed_bytes(plan));
    fmap_plan_destroy(plan);
    return shared;
}

/* ---- good files ------------------------------------------------------------------------------------------ */

Test(packed, a_packed_file_gives_the_same_answers_and_packs_nothing) {
    struct files files = make_files();
    fmap_model *model = load(files.packed);
    fmap_plan *plan = plan_of(model, FMAP_ISA_BEST);
    cr_assert_gt(packed_bytes(plan), 32 * 32 * 9 * sizeof(float));
    cr_assert_eq(shared_bytes(plan), packed_bytes(plan));
    cr_assert_eq(check_answers(&files, model), packed_bytes(plan));
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    cr_assert_eq(fmap_pack_check(files.packed, NULL), FMAP_OK);
    remove_files(&files);
}

/* Does the address lie in a mapping of the file that nobody can write to? */
static bool lies_in_file(const void *address, const char *path) {
    FILE *maps = fopen("/proc/self/maps", "r");
    cr_assert_not_null(maps);
    char line[1024], rights[8];
    unsigned long begin, end;
    bool found = false;
    while (fgets(line, sizeof line, maps)) {
        if (!strstr(line, path) || sscanf(line, "%lx-%lx %4s", &begin, &end, rights) != 3) continue;
        found |= begin <= (uintptr_t)address && (uintptr_t)address < end && rights[1] == '-';
    }
    (void)fclose(maps);
    return found;
}

Test(packed, weights_are_used_where_the_file_is_mapped) {
    struct files files = make_files();
    fmap_model *model = load(files.packed);
    fmap_plan *plan = plan_of(model, FMAP_ISA_BEST);
    fmap_packing packing;
    for (size_t i = 0; fmap_plan_packing(plan, i, &packing) == FMAP_OK; i++) {
        if (packing.bytes > 0) cr_assert(lies_in_file(packing.data, files.packed), "%s", packing.key);
    }
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    remove_files(&files);
}

Test(packed, other_instruction_sets_pack_from_the_model_inside) {
    struct files files = make_files();
    fmap_isa isas[NET_MAX_ISAS];
    int n = net_isas(isas);
    fmap_model *packed = load(files.packed), *plain = load(files.onnx);
    for (int i = 0; i < n; i++) {
        float expected[OUTPUTS], output[OUTPUTS];
        fmap_plan *a = plan_of(packed, isas[i]), *b = plan_of(plain, isas[i]);
        run(a, files.input, output);
        run(b, files.input, expected);
        cr_assert(check_same_bits("output", output, expected, OUTPUTS));
        cr_assert_eq(shared_bytes(a), isas[i] == fmap_isa_select(FMAP_ISA_BEST) ? packed_bytes(a) : 0);
        fmap_plan_destroy(a);
        fmap_plan_destroy(b);
    }
    fmap_model_destroy(packed);
    fmap_model_destroy(plain);
    remove_files(&files);
}

Test(packed, a_packed_file_can_be_packed_again) {
    struct files files = make_files();
    fmap_isa isas[NET_MAX_ISAS];
    (void)net_isas(isas);
    fmap_model *model = load(files.packed);
    fmap_plan *plans[] = {plan_of(model, FMAP_ISA_BEST), plan_of(model, isas[0])};
    cr_assert_eq(fmap_pack_write((const fmap_plan *const *)plans, 2, files.packed, NULL), FMAP_OK);
    fmap_plan_destroy(plans[0]);
    fmap_plan_destroy(plans[1]);
    cr_assert_gt(check_answers(&files, model), 0u); /* What was mapped is still there. */
    fmap_model_destroy(model);
    model = load(files.packed);
    cr_assert_gt(check_answers(&files, model), 0u);
    fmap_plan *plain = plan_of(model, isas[0]);
    cr_assert_eq(shared_bytes(plain), packed_bytes(plain));
    size_t onnx_bytes, model_bytes;
    uint8_t *onnx = get_file(files.onnx, &onnx_bytes);
    const void *source = fmap_model_source(model, &model_bytes);
    cr_assert_eq(model_bytes, onnx_bytes);
    cr_assert_eq(memcmp(source, onnx, onnx_bytes), 0);
    free(onnx);
    fmap_plan_destroy(plain);
    fmap_model_destroy(model);
    remove_files(&files);
}

/* Packed once as floats and once as bfloat16, for every instruction set: both are found, and they are not taken for each
 * other. */
Test(packed, a_file_may_hold_dense_layers_as_floats_and_as_bfloat16) {
    struct files files = make_files();
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    float answers[2 * NET_MAX_ISAS][OUTPUTS], got[OUTPUTS];
    fmap_plan *plans[2 * NET_MAX_ISAS];
    fmap_model *model = load(files.onnx);
    for (int i = 0; i < 2 * n_isas; i++) {
        plans[i] = plan_with(model, isas[i / 2], i % 2 ? FMAP_WEIGHTS_BF16 : FMAP_WEIGHTS_F32);
        run(plans[i], files.input, answers[i]);
        cr_assert(check_same_bits("instruction sets", answers[i], answers[i % 2], OUTPUTS));
    }
    cr_assert_neq(memcmp(answers[0], answers[1], sizeof answers[0]), 0);
    cr_assert_eq(fmap_pack_write((const fmap_plan *const *)plans, 2 * (size_t)n_isas, files.packed, NULL),
                 FMAP_OK);
    cr_assert_eq(fmap_pack_check(files.packed, NULL), FMAP_OK);
    for (int i = 0; i < 2 * n_isas; i++) fmap_plan_destroy(plans[i]);
    fmap_model_destroy(model);
    model = load(files.packed);
    for (int i = 0; i < 2 * n_isas; i++) {
        fmap_plan *plan = plan_with(model, isas[i / 2], i % 2 ? FMAP_WEIGHTS_BF16 : FMAP_WEIGHTS_F32);
        cr_assert_eq(shared_bytes(plan), packed_bytes(plan)); /* nothing is packed again */
        run(plan, files.input, got);
        cr_assert(check_same_bits("mapped", got, answers[i], OUTPUTS));
        fmap_plan_destroy(plan);
    }
    fmap_model_destroy(model);
    remove_files(&files);
}

Test(packed, memory_that_is_not_aligned_serves_as_well) {
    struct files files = make_files();
    uint8_t *moved = aligned_alloc(64, (files.n_bytes / 64 + 2) * 64);
    for (size_t shift = 0; shift <= 64; shift += 4) {
        memcpy(moved + shift, files.bytes, files.n_bytes);
        fmap_model *model = NULL;
        cr_assert_eq(fmap_model_load_memory(moved + shift, files.n_bytes, NULL, NULL, &model, NULL), FMAP_OK);
        cr_assert_eq(check_answers(&files, model) > 0, shift % 64 == 0);
        fmap_model_destroy(model);
    }
    free(moved);
    remove_files(&files);
}

/* ---- what cannot be packed ------------------------------------------------------------------------------- */

static void refused(const fmap_plan *const *plans, size_t n, const char *path, fmap_status status,
                    const char *words) {
    fmap_error error = {0};
    cr_assert_eq(fmap_pack_write(plans, n, path, &error), status, "%s", error.message);
    cr_assert(strstr(error.message, words), "%s", error.message);
}

static void build(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = fmap_model_image_input(model, "image", 4, 4, 1);
    fmap_model_output(model, fmap_model_relu(model, NULL, x));
}

Test(packed, what_cannot_be_written_says_why_and_leaves_nothing_behind) {
    struct files files = make_files();
    fmap_model *model = load(files.onnx), *other = load(files.onnx), *built = net_model(build, NULL);
    const fmap_plan *plan = plan_of(model, FMAP_ISA_BEST), *of_other = plan_of(other, FMAP_ISA_BEST),
                    *of_built = plan_of(built, FMAP_ISA_BEST);
    char nowhere[128];
    (void)snprintf(nowhere, sizeof nowhere, "%s/no/such/folder.fmap", files.folder);
    refused(&plan, 0, files.packed, FMAP_ERROR_ARGUMENT, "no plan");
    refused(NULL, 1, files.packed, FMAP_ERROR_ARGUMENT, "no plan");
    refused(&plan, 1, NULL, FMAP_ERROR_ARGUMENT, "no path");
    refused((const fmap_plan *[]){plan, NULL}, 2, files.packed, FMAP_ERROR_ARGUMENT, "plan 1");
    refused((const fmap_plan *[]){plan, of_other}, 2, files.packed, FMAP_ERROR_ARGUMENT, "another model");
    refused(&of_built, 1, files.packed, FMAP_ERROR_UNSUPPORTED, "not loaded from a file");
    refused(&plan, 1, nowhere, FMAP_ERROR_IO, "No such file");
    refused(&plan, 1, files.folder, FMAP_ERROR_IO, files.folder);
    refused(&plan, 1, "/dev/full/x", FMAP_ERROR_IO, "/dev/full/x: ");
    char beside[128]; /* A folder cannot be replaced: what was written beside it is taken away. */
    (void)snprintf(beside, sizeof beside, "%s.%ld-0", files.folder, (long)getpid());
    cr_assert_neq(access(beside, F_OK), 0);
    fmap_plan_destroy((fmap_plan *)(uintptr_t)plan);
    fmap_plan_destroy((fmap_plan *)(uintptr_t)of_other);
    fmap_plan_destroy((fmap_plan *)(uintptr_t)of_built);
    fmap_model_destroy(model);
    fmap_model_destroy(other);
    fmap_model_destroy(built);
    remove_files(&files);
}

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

Test(packed, cut_off_anywhere_it_is_no_model) {
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

Test(packed, every_bit_of_header_and_index_is_guarded) {
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

Test(packed, checking_finds_damage_in_packings_and_in_the_model) {
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

Test(packed, headers_that_lie_are_refused) {
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
Test(packed, entries_that_lie_do_no_harm) {
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
Test(packed, keys_of_others_are_not_taken) {
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

Test(packed, a_packed_file_inside_of_a_packed_file_is_refused) {
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

Test(packed, nothing_stays_behind_when_memory_runs_out) {
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
