/* A network and its packed file, for the tests of such files. */
#ifndef TESTS_FORMATS_PACKED_FILES_H
#define TESTS_FORMATS_PACKED_FILES_H

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/net.h"
#include "tests/onnx_writer.h"

enum { INPUTS = 3 * 20 * 20, OUTPUTS = 5 };

static inline void add_floats(struct onnx_writer *w, const char *name, const char *shape, size_t n,
                              uint64_t seed) {
    float *floats = net_random(n, seed);
    for (size_t i = 0; name[0] == 'v' && i < n; i++) floats[i] += 1.5f; /* a variance */
    onnx_weights(w, name, shape, floats);
    free(floats);
}

/* A stem, a normalization, Winograd, tiles, depthwise, narrow groups and a dense layer. */
static inline const void *network(struct onnx_writer *w, size_t *bytes) {
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

static inline void put_file(const char *path, const void *data, size_t bytes) {
    FILE *stream = fopen(path, "wb");
    cr_assert_not_null(stream);
    cr_assert_eq(fwrite(data, 1, bytes, stream), bytes);
    cr_assert_eq(fclose(stream), 0);
}

static inline uint8_t *get_file(const char *path, size_t *bytes) {
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

static inline fmap_model *load(const char *path) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(fmap_model_load(path, NULL, &model, &error), FMAP_OK, "%s", error.message);
    return model;
}

static inline fmap_plan *plan_with(const fmap_model *model, fmap_isa isa, fmap_weights weights) {
    fmap_plan *plan = NULL;
    fmap_error error = {0};
    const fmap_plan_options options = {.threads = 1, .max_isa = isa, .weights = weights};
    cr_assert_eq(fmap_plan_create(model, &options, &plan, &error), FMAP_OK, "%s", error.message);
    return plan;
}

static inline fmap_plan *plan_of(const fmap_model *model, fmap_isa isa) {
    return plan_with(model, isa, FMAP_WEIGHTS_F32);
}

static inline size_t shared_bytes(const fmap_plan *plan) {
    fmap_plan_info info;
    fmap_plan_describe(plan, &info);
    return info.shared_bytes;
}

/* Packings of some bytes. */
static inline size_t packed_bytes(const fmap_plan *plan) {
    size_t sum = 0;
    fmap_packing packing;
    for (size_t i = 0; fmap_plan_packing(plan, i, &packing) == FMAP_OK; i++) sum += packing.bytes;
    return sum;
}

static inline void run(const fmap_plan *plan, const float *input, float *output) {
    fmap_context *context = NULL;
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_run(context, (const void *[]){input}, (void *[]){output}, NULL), FMAP_OK);
    fmap_context_destroy(context);
}

static inline void write_packed(const struct files *files) {
    fmap_model *model = load(files->onnx);
    fmap_plan *plan = plan_of(model, FMAP_ISA_BEST);
    fmap_error error = {0};
    cr_assert_eq(fmap_pack_write((const fmap_plan *[]){plan}, 1, files->packed, &error), FMAP_OK, "%s",
                 error.message);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

static inline struct files make_files(void) {
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

static inline void remove_files(struct files *files) {
    cr_expect_eq(unlink(files->onnx), 0);
    cr_expect_eq(unlink(files->packed), 0);
    cr_expect_eq(rmdir(files->folder), 0, "something was left in %s", files->folder);
    onnx_free(&files->writer);
    free(files->bytes);
    free(files->input);
}

/* The model answers as the unpacked one does; returns what its plan found packed. */
static inline size_t check_answers(const struct files *files, const fmap_model *model) {
    float output[OUTPUTS];
    fmap_plan *plan = plan_of(model, FMAP_ISA_BEST);
    run(plan, files->input, output);
    cr_assert(check_same_bits("output", output, files->expected, OUTPUTS));
    size_t shared = shared_bytes(plan);
    cr_assert_leq(shared, packed_bytes(plan));
    fmap_plan_destroy(plan);
    return shared;
}

#endif
