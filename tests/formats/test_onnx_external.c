/* Weights in files beside the model. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fragile.h"
#include "tests/onnx_writer.h"

enum { PATH_BYTES = 256 };

static const float weights[6] = {1, -2, 3, -4, 5, -6};

/* A folder with weights.bin (24 bytes), deep/weights.bin, link.bin -> weights.bin, bridge -> deep. */
struct folder {
    char path[64];
};

static const char *path_in(const struct folder *folder, const char *name, char room[static PATH_BYTES]) {
    (void)snprintf(room, PATH_BYTES, "%s/%s", folder->path, name);
    return room;
}

static void write_file(const struct folder *folder, const char *name, const void *data, size_t bytes) {
    char path[PATH_BYTES];
    FILE *stream = fopen(path_in(folder, name, path), "wb");
    cr_assert_not_null(stream);
    cr_assert_eq(fwrite(data, 1, bytes, stream), bytes);
    cr_assert_eq(fclose(stream), 0);
}

static struct folder new_folder(void) {
    struct folder folder = {"/tmp/fmap-test-XXXXXX"};
    char path[PATH_BYTES];
    cr_assert_not_null(mkdtemp(folder.path));
    write_file(&folder, "weights.bin", weights, sizeof weights);
    cr_assert_eq(mkdir(path_in(&folder, "deep", path), 0700), 0);
    write_file(&folder, "deep/weights.bin", weights, sizeof weights);
    write_file(&folder, "empty.bin", weights, 0);
    cr_assert_eq(symlink("weights.bin", path_in(&folder, "link.bin", path)), 0);
    cr_assert_eq(symlink("deep", path_in(&folder, "bridge", path)), 0);
    cr_assert_eq(mkfifo(path_in(&folder, "pipe", path), 0600), 0);
    return folder;
}

static void remove_folder(const struct folder *folder) {
    static const char *const names[] = {"network.onnx", "weights.bin", "deep/weights.bin",
                                        "deep",         "empty.bin",   "link.bin",
                                        "bridge",       "pipe",        ""};
    char path[PATH_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_assert_eq(remove(path_in(folder, names[i], path)), 0, "%s", path);
}

static void put_entry(struct onnx_bytes *tensor, const char *key, const char *value) {
    struct onnx_bytes entry = {0};
    if (!value) return;
    onnx_put_text(&entry, ONNX_ENTRY_KEY, key);
    onnx_put_text(&entry, ONNX_ENTRY_VALUE, value);
    onnx_put_message(tensor, ONNX_TENSOR_EXTERNAL, &entry);
}

/* What the tensor says about its elements; NULL: nothing. */
struct place {
    const char *location, *offset, *length;
    int type; /* 0: float32 */
};

/* y = x + w, w of `shape` in another file. */
static void put_model(struct onnx_writer *w, const char *shape, const struct place *place) {
    struct onnx_bytes tensor = onnx_tensor_head("w", place->type ? place->type : (int)FMAP_FLOAT32, shape);
    put_entry(&tensor, "location", place->location);
    put_entry(&tensor, "offset", place->offset);
    put_entry(&tensor, "length", place->length);
    put_entry(&tensor, "checksum", "not looked at");
    onnx_put_int(&tensor, ONNX_TENSOR_LOCATION, 1);
    *w = onnx_begin(13);
    onnx_input(w, "x", shape);
    onnx_put_message(&w->graph, ONNX_GRAPH_INITIALIZER, &tensor);
    onnx_node(w, "Add", "sum", "x w", "y");
    onnx_output(w, "y");
}

static fmap_status load(const struct folder *folder, const char *shape, const struct place *place,
                        const fmap_allocator *allocator, fmap_model **model, fmap_error *error) {
    struct onnx_writer w;
    size_t bytes;
    char path[PATH_BYTES];
    put_model(&w, shape, place);
    const void *file = onnx_end(&w, &bytes);
    write_file(folder, "network.onnx", file, bytes);
    onnx_free(&w);
    return fmap_model_load(path_in(folder, "network.onnx", path), allocator, model, error);
}

static void expect_weights(const struct folder *folder, const char *shape, const struct place *place,
                           const float *expected, size_t n) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(load(folder, shape, place, NULL, &model, &error), FMAP_OK, "%s", error.message);
    fmap_value_info info;
    cr_assert_eq(fmap_model_value(model, fmap_model_find_value(model, "w"), &info), FMAP_OK);
    cr_assert(memcmp(info.data, expected, n * sizeof *expected) == 0);
    cr_assert_null(fmap_model_source(model, NULL), "the file is not all of the model");
    fmap_model_destroy(model);
}

Test(onnx_external, weights_come_from_files_beside_and_below_the_model) {
    struct folder folder = new_folder();
    expect_weights(&folder, "6", &(struct place){.location = "weights.bin"}, weights, 6);
    expect_weights(&folder, "6", &(struct place){.location = "deep/weights.bin"}, weights, 6);
    expect_weights(&folder, "6", &(struct place){.location = "./deep//./weights.bin"}, weights, 6);
    expect_weights(&folder, "2", &(struct place){"weights.bin", "12", "8", 0}, weights + 3, 2);
    expect_weights(&folder, "1", &(struct place){"weights.bin", "20", NULL, 0}, weights + 5, 1);
    remove_folder(&folder);
}

Test(onnx_external, elements_of_narrow_types_are_widened) {
    static const uint16_t halves[4] = {0x3c00, 0xc000, 0x4200, 0xc400}; /* 1 -2 3 -4 */
    struct folder folder = new_folder();
    write_file(&folder, "weights.bin", halves, sizeof halves);
    expect_weights(&folder, "4", &(struct place){.location = "weights.bin", .type = 10}, weights, 4);
    remove_folder(&folder);
}

static void expect_refusal(const struct folder *folder, const char *shape, struct place place,
                           fmap_status status, const char *words) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    fmap_status got = load(folder, shape, &place, NULL, &model, &error);
    cr_assert_eq(got, status, "%s: %s", fmap_status_name(got), error.message);
    cr_assert(strstr(error.message, "network.onnx: ") && strstr(error.message, "initializer 'w'"), "%s",
              error.message);
    cr_assert(strstr(error.message, words), "\"%s\" is not in: %s", words, error.message);
}

Test(onnx_external, nothing_outside_of_the_folder_is_opened) {
    struct folder folder = new_folder();
    expect_refusal(&folder, "6", (struct place){.location = "/etc/passwd"}, FMAP_ERROR_FORMAT,
                   "absolute path");
    expect_refusal(&folder, "6", (struct place){.location = "../weights.bin"}, FMAP_ERROR_FORMAT, "'..'");
    expect_refusal(&folder, "6", (struct place){.location = "deep/../weights.bin"}, FMAP_ERROR_FORMAT,
                   "'..'");
    expect_refusal(&folder, "6", (struct place){.location = "deep/.."}, FMAP_ERROR_FORMAT, "'..'");
    expect_refusal(&folder, "6", (struct place){.location = "link.bin"}, FMAP_ERROR_IO, "symbolic link");
    expect_refusal(&folder, "6", (struct place){.location = "bridge/weights.bin"}, FMAP_ERROR_IO,
                   "Not a directory");
    remove_folder(&folder);
}

Test(onnx_external, what_is_no_file_is_refused) {
    char part[400];
    memset(part, 'a', sizeof part - 1);
    part[sizeof part - 1] = 0;
    struct folder folder = new_folder();
    expect_refusal(&folder, "6", (struct place){0}, FMAP_ERROR_FORMAT, "none is named");
    expect_refusal(&folder, "6", (struct place){.location = ""}, FMAP_ERROR_FORMAT, "is empty");
    expect_refusal(&folder, "6", (struct place){.location = "deep/"}, FMAP_ERROR_FORMAT, "directory");
    expect_refusal(&folder, "6", (struct place){.location = "deep"}, FMAP_ERROR_IO, "directory");
    expect_refusal(&folder, "6", (struct place){.location = "."}, FMAP_ERROR_IO, "directory");
    expect_refusal(&folder, "6", (struct place){.location = "pipe"}, FMAP_ERROR_IO, "not a regular file");
    expect_refusal(&folder, "6", (struct place){.location = "empty.bin"}, FMAP_ERROR_FORMAT, "is empty");
    expect_refusal(&folder, "6", (struct place){.location = "missing"}, FMAP_ERROR_IO, "No such file");
    expect_refusal(&folder, "6", (struct place){.location = part}, FMAP_ERROR_IO, "name too long");
    expect_refusal(&folder, "6", (struct place){.location = "wei\ngts"}, FMAP_ERROR_FORMAT,
                   "control character");
    remove_folder(&folder);
}

Test(onnx_external, sizes_are_held_against_the_file) {
    static const char beyond[] = "18446744073709551616", last[] = "18446744073709551615";
    struct folder folder = new_folder();
    expect_refusal(&folder, "7", (struct place){.location = "weights.bin"}, FMAP_ERROR_FORMAT, "has only 24");
    expect_refusal(&folder, "6", (struct place){"weights.bin", "4", NULL, 0}, FMAP_ERROR_FORMAT,
                   "has only 24");
    expect_refusal(&folder, "6", (struct place){"weights.bin", last, NULL, 0}, FMAP_ERROR_FORMAT,
                   "has only 24");
    expect_refusal(&folder, "6", (struct place){"weights.bin", NULL, last, 0}, FMAP_ERROR_FORMAT,
                   "has only 24");
    expect_refusal(&folder, "6", (struct place){"weights.bin", "0", "20", 0}, FMAP_ERROR_FORMAT,
                   "needs 24 bytes");
    expect_refusal(&folder, "5", (struct place){"weights.bin", "0", "24", 0}, FMAP_ERROR_FORMAT,
                   "needs 20 bytes");
    expect_refusal(&folder, "1", (struct place){"weights.bin", beyond, NULL, 0}, FMAP_ERROR_FORMAT, "offset");
    expect_refusal(&folder, "1", (struct place){"weights.bin", "-4", NULL, 0}, FMAP_ERROR_FORMAT, "offset");
    expect_refusal(&folder, "1", (struct place){"weights.bin", "", NULL, 0}, FMAP_ERROR_FORMAT, "offset");
    expect_refusal(&folder, "1", (struct place){"weights.bin", NULL, "4 ", 0}, FMAP_ERROR_FORMAT, "length");
    remove_folder(&folder);
}

Test(onnx_external, bools_in_other_files_are_checked) {
    struct folder folder = new_folder();
    expect_refusal(&folder, "24", (struct place){.location = "weights.bin", .type = FMAP_BOOL},
                   FMAP_ERROR_FORMAT, "not a bool");
    remove_folder(&folder);
}

/* Whichever allocation fails, the load fails with MEMORY and nothing is leaked. */
Test(onnx_external, short_memory_is_an_error) {
    struct folder folder = new_folder();
    struct place place = {.location = "deep/weights.bin"};
    for (size_t n = 1;; n++) {
        struct fragile fragile = {.fail_at = n};
        fmap_allocator allocator = fragile_allocator(&fragile);
        fmap_model *model = NULL;
        fmap_error error = {0};
        fmap_status status = load(&folder, "6", &place, &allocator, &model, &error);
        fmap_model_destroy(model);
        cr_assert(fragile.n_live == 0 && fragile.bytes_live == 0);
        if (status == FMAP_OK) break;
        cr_assert_eq(status, FMAP_ERROR_MEMORY, "%s", error.message);
    }
    remove_folder(&folder);
}
