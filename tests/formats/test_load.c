/* Files: what cannot be opened, what is no model, and what is one. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fragile.h"
#include "tests/onnx_writer.h"

/* A file in a folder of its own, which remove_file() takes away again. */
struct file {
    char folder[64];
    char path[128];
};

static struct file write_file(const void *data, size_t bytes) {
    struct file file = {.folder = "/tmp/fmap-test-XXXXXX"};
    cr_assert_not_null(mkdtemp(file.folder));
    (void)snprintf(file.path, sizeof file.path, "%s/network.onnx", file.folder);
    FILE *stream = fopen(file.path, "wb");
    cr_assert_not_null(stream);
    cr_assert_eq(fwrite(data, 1, bytes, stream), bytes);
    cr_assert_eq(fclose(stream), 0);
    return file;
}

static void remove_file(const struct file *file) {
    cr_assert_eq(unlink(file->path), 0);
    cr_assert_eq(rmdir(file->folder), 0);
}

/* Loading the path fails with that status and a sentence that names the path and holds the words. */
static void expect_path(const char *path, fmap_status status, const char *words) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    fmap_status got = fmap_model_load(path, NULL, &model, &error);
    cr_assert_eq(got, status, "%s: %s", fmap_status_name(got), error.message);
    cr_assert_eq(error.status, status);
    cr_assert_null(model);
    cr_assert(strstr(error.message, path), "%s", error.message);
    cr_assert(strstr(error.message, words), "\"%s\" is not in: %s", words, error.message);
}

/* The same for a file of these bytes, from the disk and from memory. */
static void expect_bytes(const void *data, size_t bytes, fmap_status status, const char *words) {
    struct file file = write_file(data, bytes);
    expect_path(file.path, status, words);
    remove_file(&file);
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(fmap_model_load_memory(data, bytes, NULL, NULL, &model, &error), status);
    cr_assert_eq(strncmp(error.message, "model: ", 7), 0, "%s", error.message);
    cr_assert(strstr(error.message, words), "\"%s\" is not in: %s", words, error.message);
}

static void expect_text(const char *text, fmap_status status, const char *words) {
    expect_bytes(text, strlen(text), status, words);
}

/* ---- what cannot be opened --------------------------------------------------------------------- */

Test(load, a_file_that_is_not_there) {
    expect_path("/tmp/fmap-test-no-such-file.onnx", FMAP_ERROR_IO, "No such file");
}

Test(load, a_folder) { expect_path("/tmp", FMAP_ERROR_IO, "directory"); }

Test(load, a_device) { expect_path("/dev/null", FMAP_ERROR_IO, "regular"); }

Test(load, a_pipe_that_nobody_writes_into) {
    struct file file = write_file("", 0);
    cr_assert_eq(unlink(file.path), 0);
    cr_assert_eq(mkfifo(file.path, 0600), 0);
    expect_path(file.path, FMAP_ERROR_IO, "regular");
    remove_file(&file);
}

Test(load, a_long_path_is_shown_by_its_end) {
    char path[300];
    memset(path, 'd', sizeof path);
    strcpy(path + sizeof path - 20, "/network.onnx");
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(fmap_model_load(path, NULL, &model, &error), FMAP_ERROR_IO);
    cr_assert_eq(strncmp(error.message, "...ddd", 6), 0, "%s", error.message);
    cr_assert(strstr(error.message, "ddd/network.onnx: "), "%s", error.message);
}

Test(load, wrong_arguments) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(fmap_model_load(NULL, NULL, &model, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_model_load("a", NULL, NULL, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_model_load_memory(NULL, 1, "a", NULL, &model, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_model_load_memory("a", 1, "a", NULL, NULL, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_model_load_memory("a", 1, "a", NULL, &model, NULL), FMAP_ERROR_FORMAT);
}

/* ---- what is no model -------------------------------------------------------------------------- */

Test(load, an_empty_file) { expect_bytes("", 0, FMAP_ERROR_FORMAT, "empty"); }

Test(load, a_text) {
    expect_text("hello\n", FMAP_ERROR_FORMAT, "text file");
    expect_text("\"quoted\"", FMAP_ERROR_FORMAT, "text file");
    expect_text("7767517\n75 83\nInput data 0 1 data", FMAP_ERROR_FORMAT, "text file");
}

Test(load, a_web_page) {
    expect_text("<!DOCTYPE html>\n<html><body>404</body></html>", FMAP_ERROR_FORMAT, "web page");
    expect_text("\n  <HTML>", FMAP_ERROR_FORMAT, "web page");
    expect_text("\357\273\277<html lang=\"de\">", FMAP_ERROR_FORMAT, "web page");
}

Test(load, other_texts) {
    expect_text("{\"modelTopology\": {}}", FMAP_ERROR_FORMAT, "JSON");
    expect_text("<?xml version=\"1.0\"?><net/>", FMAP_ERROR_FORMAT, "XML");
}

Test(load, a_pointer_of_git_lfs) {
    expect_text("version https://git-lfs.github.com/spec/v1\noid sha256:0a1b\nsize 26454\n",
                FMAP_ERROR_FORMAT, "git lfs pull");
}

Test(load, zeros) {
    static const uint8_t zeros[4096];
    expect_bytes(zeros, sizeof zeros, FMAP_ERROR_FORMAT, "zeros");
    expect_bytes(zeros, 1, FMAP_ERROR_FORMAT, "zeros");
}

Test(load, models_of_other_programs) {
    expect_bytes("\211HDF\r\n\032\n\0\0", 10, FMAP_ERROR_FORMAT, "HDF5");
    expect_bytes("\034\0\0\0TFL3\0\0", 10, FMAP_ERROR_UNSUPPORTED, "TensorFlow Lite");
    expect_bytes("PK\003\004\024\0", 6, FMAP_ERROR_UNSUPPORTED, "zip");
}

Test(load, pictures_and_archives) {
    expect_bytes("\211PNG\r\n\032\n\0\0", 10, FMAP_ERROR_FORMAT, "PNG");
    expect_bytes("\377\330\377\340\0\020JFIF", 10, FMAP_ERROR_FORMAT, "JPEG");
    expect_bytes("\037\213\010\0\0\0", 6, FMAP_ERROR_FORMAT, "gzip");
}

Test(load, bytes_of_no_kind) {
    expect_bytes("\001\002\003\004", 4, FMAP_ERROR_FORMAT, "not a model in a format that is known");
    expect_bytes("\377", 1, FMAP_ERROR_FORMAT, "not a model");
}

/* ---- what is one ------------------------------------------------------------------------------- */

/* A small model. */
static const void *model_file(struct onnx_writer *w, size_t *bytes) {
    static const float weights[2] = {1, 2};
    *w = onnx_begin(13);
    onnx_input(w, "x", "2");
    onnx_weights(w, "w", "2", weights);
    onnx_node(w, "Add", "sum", "x w", "y");
    onnx_output(w, "y");
    return onnx_end(w, bytes);
}

Test(load, a_file_gives_the_same_model_as_its_bytes) {
    struct onnx_writer w;
    size_t bytes;
    const void *data = model_file(&w, &bytes);
    struct file file = write_file(data, bytes);
    fmap_model *from_file = NULL, *from_memory = NULL;
    cr_assert_eq(fmap_model_load(file.path, NULL, &from_file, NULL), FMAP_OK);
    cr_assert_eq(fmap_model_load_memory(data, bytes, file.path, NULL, &from_memory, NULL), FMAP_OK);
    remove_file(&file); /* The mapping lives on. */

    cr_assert_str_eq(fmap_model_name(from_file), fmap_model_name(from_memory));
    cr_assert_eq(fmap_model_node_count(from_file), fmap_model_node_count(from_memory));
    fmap_value_info a, b;
    for (fmap_value value = 1; fmap_model_value(from_file, value, &a) == FMAP_OK; value++) {
        cr_assert_eq(fmap_model_value(from_memory, value, &b), FMAP_OK);
        cr_assert_str_eq(a.name, b.name);
        cr_assert_eq(a.type, b.type);
        cr_assert_eq(a.shape.rank, b.shape.rank);
        cr_assert_eq(memcmp(a.shape.dims, b.shape.dims, (size_t)a.shape.rank * sizeof *a.shape.dims), 0);
        cr_assert_eq(!a.data, !b.data);
        if (a.data) cr_assert_eq(memcmp(a.data, b.data, 2 * sizeof(float)), 0);
    }
    fmap_model_destroy(from_file);
    fmap_model_destroy(from_memory);
    onnx_free(&w);
}

/* Does the process have this file mapped? */
static bool is_mapped(const char *path) {
    FILE *maps = fopen("/proc/self/maps", "r");
    cr_assert_not_null(maps);
    char line[1024];
    bool found = false;
    while (fgets(line, sizeof line, maps)) found |= strstr(line, path) != NULL;
    (void)fclose(maps);
    return found;
}

Test(load, a_file_is_mapped_as_long_as_its_model_lives) {
    struct onnx_writer w;
    size_t bytes;
    const void *data = model_file(&w, &bytes);
    struct file file = write_file(data, bytes);
    fmap_model *model = NULL;
    cr_assert_eq(fmap_model_load(file.path, NULL, &model, NULL), FMAP_OK);
    cr_assert(is_mapped(file.path));
    fmap_model_destroy(model);
    cr_assert_not(is_mapped(file.path));
    remove_file(&file);
    onnx_free(&w);
}

Test(load, nothing_stays_behind_when_memory_runs_out) {
    struct onnx_writer w;
    size_t bytes;
    const void *data = model_file(&w, &bytes);
    struct file file = write_file(data, bytes);
    fmap_status status = FMAP_ERROR_MEMORY;
    for (size_t fail_at = 1; status != FMAP_OK; fail_at++) {
        struct fragile fragile = {.fail_at = fail_at};
        fmap_allocator allocator = fragile_allocator(&fragile);
        fmap_error error = {0};
        fmap_model *model = NULL;
        status = fmap_model_load(file.path, &allocator, &model, &error);
        cr_assert(status == FMAP_OK || status == FMAP_ERROR_MEMORY, "%s", error.message);
        fmap_model_destroy(model);
        cr_assert_eq(fragile.n_live, 0);
        cr_assert_eq(fragile.bytes_live, 0);
        cr_assert_not(is_mapped(file.path));
    }
    remove_file(&file);
    onnx_free(&w);
}
