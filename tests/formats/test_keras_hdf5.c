/* Keras' HDF5 files: written by the HDF5 library as Keras has it write them, and damaged in every place. */
#include <criterion/criterion.h>

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/shape.h"
#include "tests/fragile.h"
#include "tests/keras_writer.h"

enum { FILTERS = 20, FLOATS = 3 * 3 * 2 * FILTERS };

static struct keras_writer w;

/* An HDF5 file in memory. */
struct file {
    uint8_t *data;
    size_t bytes;
};

static void put_text(hid_t object, const char *name, const char *text, bool variable) {
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    cr_assert_geq(H5Tset_size(type, variable ? H5T_VARIABLE : strlen(text)), 0);
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert_geq(H5Awrite(attribute, type, variable ? (const void *)&text : (const void *)text), 0);
    (void)H5Aclose(attribute);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
}

static void put_array(hid_t group, const char *name, int rank, const hsize_t *sizes, hid_t type,
                      const float *floats) {
    hid_t links = H5Pcreate(H5P_LINK_CREATE), space = H5Screate_simple(rank, sizes, NULL);
    cr_assert_geq(H5Pset_create_intermediate_group(links, 1), 0);
    hid_t array = H5Dcreate2(group, name, type, space, links, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert_geq(H5Dwrite(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, floats), 0);
    (void)H5Dclose(array);
    (void)H5Sclose(space);
    (void)H5Pclose(links);
}

/* A convolution "c" and a dense layer "d" in a network of their own, as JSON with the weights of both. */
static void write_network(void) {
    keras_input(&w, "null, 4, 4, 2");
    char *conv = keras_json(
        "{'class_name': 'Conv2D', 'config': {'name': 'c', 'filters': %d, 'kernel_size': [3, 3], "
        "'activation': 'relu'}}",
        FILTERS);
    char *dense = keras_json(
        "{'class_name': 'Sequential', 'config': {'name': 'top', 'layers': [{'class_name': 'Dense', "
        "'config': {'name': 'd', 'units': 2, 'use_bias': false}}]}}");
    keras_layer(&w, conv);
    keras_layer(&w, dense);
    free(conv);
    free(dense);
}

static char *network_json(void) {
    return keras_json("{'class_name': 'Sequential', 'config': {'name': 'net', 'layers': [%s]}}",
                      w.layers.text);
}

/* What the three weights are called: in the file, and in the model. */
struct names {
    const char *in_file[3], *in_model[3];
};

static const struct names by_name = {{"c/c_1/kernel:0", "c/c_1/bias:0", "top/d/kernel:0"},
                                     {"c/c_1/kernel", "c/c_1/bias", "top/d/kernel"}},
                          by_number = {{"layers/conv2d/vars/0", "layers/conv2d/vars/1",
                                        "layers/sequential/layers/dense/vars/0"},
                                       {"layers/conv2d/vars/0", "layers/conv2d/vars/1",
                                        "layers/sequential/layers/dense/vars/0"}};

struct options {
    bool numbered;   /* as Keras 3 has it */
    bool fixed_text; /* the network as text of a fixed length */
    hid_t type;      /* of the kernel */
    int n_more;      /* groups of no layer, so that the tree of groups has levels */
    bool no_network, newest;
};

static struct file write_hdf5(const struct options *options, const char *json) {
    char path[] = "/tmp/fmap-hdf5-XXXXXX";
    int descriptor = mkstemp(path);
    cr_assert_geq(descriptor, 0);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (options->newest) (void)H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    cr_assert_geq(file, 0);
    put_text(file, "keras_version", "2.10.0", true);
    if (!options->no_network) put_text(file, "model_config", json, !options->fixed_text);
    hid_t weights = H5Gcreate2(file, "model_weights", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    put_text(weights, "backend", "tensorflow", true);
    for (int i = 0; i < options->n_more; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "layer_%d", i * 7919 % 1000);
        (void)H5Gclose(H5Gcreate2(weights, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    }
    const float *numbers = (const float *)(const void *)w.data;
    const struct names *names = options->numbered ? &by_number : &by_name;
    hid_t group = options->numbered ? file : weights;
    put_array(group, names->in_file[0], 4, (const hsize_t[]){3, 3, 2, FILTERS}, options->type, numbers);
    put_array(group, names->in_file[1], 1, (const hsize_t[]){FILTERS}, H5T_IEEE_F32LE, numbers + FLOATS);
    put_array(group, names->in_file[2], 2, (const hsize_t[]){FILTERS, 2}, H5T_IEEE_F32LE,
              numbers + FLOATS + FILTERS);
    (void)H5Gclose(weights);
    (void)H5Fclose(file);
    (void)H5Pclose(access);
    struct file bytes = {.bytes = (size_t)lseek(descriptor, 0, SEEK_END)};
    bytes.data = malloc(bytes.bytes);
    cr_assert_not_null(bytes.data);
    cr_assert_eq(pread(descriptor, bytes.data, bytes.bytes, 0), (ssize_t)bytes.bytes);
    (void)close(descriptor);
    (void)unlink(path);
    return bytes;
}

/* The network and its weights; the file has the former and numbers of the latter. */
static struct file make(const struct options *options) {
    write_network();
    char shape[32];
    (void)snprintf(shape, sizeof shape, "3, 3, 2, %d", FILTERS);
    (void)keras_weights(&w, "c/kernel", shape);
    (void)snprintf(shape, sizeof shape, "%d", FILTERS);
    (void)keras_weights(&w, "c/bias", shape);
    (void)snprintf(shape, sizeof shape, "%d, 2", FILTERS);
    (void)keras_weights(&w, "d/kernel", shape);
    char *json = network_json();
    struct file file = write_hdf5(options, json);
    free(json);
    return file;
}

/* The constants of two models are the same, and so are their nodes. */
static void expect_same_models(const fmap_model *a, const fmap_model *b, const char *const names[3]) {
    static const char *const others[] = {"c/kernel", "c/bias", "d/kernel"};
    cr_assert_eq(fmap_model_node_count(a), fmap_model_node_count(b));
    for (size_t i = 0; i < fmap_model_node_count(a); i++) {
        fmap_node_info one, other;
        cr_assert_eq(fmap_model_node_at(a, i, &one), FMAP_OK);
        cr_assert_eq(fmap_model_node_at(b, i, &other), FMAP_OK);
        cr_assert_str_eq(one.name, other.name);
        cr_assert_str_eq(one.op, other.op);
    }
    for (size_t i = 0; i < 3; i++) {
        fmap_value_info one, other;
        int64_t n = 0;
        cr_assert_eq(fmap_model_value(a, fmap_model_find_value(a, names[i]), &one), FMAP_OK, "%s", names[i]);
        cr_assert_eq(fmap_model_value(b, fmap_model_find_value(b, others[i]), &other), FMAP_OK);
        cr_assert(fmap_shape_elements(&one.shape, &n));
        cr_assert(
            fmap_shape_equal(&one.shape, &other.shape)); /* dimensions beyond the rank may be anything */
        cr_assert_eq(memcmp(one.data, other.data, (size_t)n * sizeof(float)), 0);
    }
}

static void expect_like_the_layers_model(const struct options *options) {
    fmap_model *model = NULL, *same = NULL;
    fmap_error error = {0};
    struct file file = make(options);
    keras_write(&w, NULL);
    cr_assert_eq(fmap_model_load_memory(file.data, file.bytes, "net.h5", NULL, &model, &error), FMAP_OK, "%s",
                 error.message);
    cr_assert_eq(keras_load(&w, &same, &error), FMAP_OK, "%s", error.message);
    expect_same_models(model, same, by_name.in_model);
    fmap_model_destroy(model);
    fmap_model_destroy(same);
    keras_free(&w);
    free(file.data);
}

Test(keras_hdf5, gives_the_network_of_the_layers_model) {
    expect_like_the_layers_model(&(struct options){.type = H5T_IEEE_F32LE});
    expect_like_the_layers_model(&(struct options){.type = H5T_IEEE_F32LE, .fixed_text = true});
}

Test(keras_hdf5, groups_of_many_members_are_trees) {
    expect_like_the_layers_model(&(struct options){.type = H5T_IEEE_F32LE, .n_more = 900});
}

Test(keras_hdf5, double_precision_becomes_single) {
    expect_like_the_layers_model(&(struct options){.type = H5T_IEEE_F64LE});
}

Test(keras_hdf5, weights_are_read_where_they_lie) {
    struct file file = make(&(struct options){.type = H5T_IEEE_F32LE});
    fmap_model *model = NULL;
    fmap_value_info info;
    cr_assert_eq(fmap_model_load_memory(file.data, file.bytes, "net.h5", NULL, &model, NULL), FMAP_OK);
    cr_assert_eq(fmap_model_value(model, fmap_model_find_value(model, "c/c_1/bias"), &info), FMAP_OK);
    const uint8_t *data = info.data;
    cr_assert(data >= file.data && data < file.data + file.bytes);
    fmap_model_destroy(model);
    keras_free(&w);
    free(file.data);
}

static void expect_refusal(const struct options *options, fmap_status status, const char *words) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    struct file file = make(options);
    cr_assert_eq(fmap_model_load_memory(file.data, file.bytes, "net.h5", NULL, &model, &error), status, "%s",
                 error.message);
    cr_assert(strstr(error.message, words), "\"%s\" is not in: %s", words, error.message);
    keras_free(&w);
    free(file.data);
}

Test(keras_hdf5, a_network_without_a_class) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    free(make(&(struct options){.type = H5T_IEEE_F32LE}).data); /* for the numbers of the weights */
    struct file file = write_hdf5(&(struct options){.type = H5T_IEEE_F32LE}, "{\"config\": {}}");
    cr_assert_eq(fmap_model_load_memory(file.data, file.bytes, NULL, NULL, &model, &error),
                 FMAP_ERROR_FORMAT);
    cr_assert(strstr(error.message, "class_name"), "%s", error.message);
    keras_free(&w);
    free(file.data);
}

Test(keras_hdf5, what_it_cannot_read_is_said) {
    expect_refusal(&(struct options){.type = H5T_IEEE_F32LE, .no_network = true}, FMAP_ERROR_UNSUPPORTED,
                   "no attribute model_config");
    expect_refusal(&(struct options){.type = H5T_IEEE_F32LE, .newest = true}, FMAP_ERROR_UNSUPPORTED,
                   "newer format");
    expect_refusal(&(struct options){.type = H5T_STD_I32LE}, FMAP_ERROR_UNSUPPORTED, "c/c_1/kernel");
    expect_refusal(&(struct options){.type = H5T_IEEE_F32BE}, FMAP_ERROR_UNSUPPORTED, "c/c_1/kernel");
}

/* ---- archives of Keras 3 ----------------------------------------------------------------------------- */

static void put(struct file *file, const void *data, size_t bytes) {
    file->data = realloc(file->data, file->bytes + bytes + 1);
    cr_assert_not_null(file->data);
    memcpy(file->data + file->bytes, data, bytes);
    file->bytes += bytes;
}

static void put_number(struct file *file, size_t number, int bytes) {
    for (int i = 0; i < bytes; i++) put(file, &(uint8_t){(uint8_t)(i < 8 ? number >> 8 * i : 0)}, 1);
}

/* What stands in front of a member, and again in the list at the end. */
static void put_member(struct file *file, bool in_list, const char *name, size_t bytes, size_t offset,
                       int method) {
    put(file, in_list ? "PK\1\2\24\0" : "PK\3\4", in_list ? 6 : 4);
    put_number(file, 20, 2);
    put_number(file, 0, 2);
    put_number(file, (size_t)method, 2);
    put_number(file, 0, 8); /* time, checksum */
    put_number(file, bytes, 4);
    put_number(file, bytes, 4);
    put_number(file, strlen(name), 2);
    put_number(file, 0, in_list ? 12 : 2);
    if (in_list) put_number(file, offset, 4);
    put(file, name, strlen(name));
}

static struct file write_archive(const char *config, const struct file *weights, int method) {
    static const char *const names[] = {"metadata.json", "config.json", "model.weights.h5"};
    const struct file members[] = {
        {(uint8_t *)(uintptr_t) "{}", 2}, {(uint8_t *)(uintptr_t)config, strlen(config)}, *weights};
    struct file file = {NULL, 0};
    size_t offsets[3];
    for (size_t i = 0; i < 3; i++) {
        offsets[i] = file.bytes;
        put_member(&file, false, names[i], members[i].bytes, 0, method);
        put(&file, members[i].data, members[i].bytes);
    }
    size_t begin = file.bytes;
    for (size_t i = 0; i < 3; i++) put_member(&file, true, names[i], members[i].bytes, offsets[i], method);
    size_t bytes = file.bytes - begin;
    put(&file, "PK\5\6\0\0\0\0\3\0\3\0", 12);
    put_number(&file, bytes, 4);
    put_number(&file, begin, 4);
    put_number(&file, 0, 2);
    return file;
}

static struct file make_archive(int method) {
    struct file weights = make(
        &(struct options){.type = H5T_IEEE_F32LE, .no_network = true, .numbered = true});
    char *config = network_json();
    struct file file = write_archive(config, &weights, method);
    free(config);
    free(weights.data);
    return file;
}

Test(keras_hdf5, archives_of_keras_3) {
    fmap_model *model = NULL, *same = NULL;
    fmap_error error = {0};
    struct file file = make_archive(0);
    keras_write(&w, NULL);
    cr_assert_eq(fmap_model_load_memory(file.data, file.bytes, "net.keras", NULL, &model, &error), FMAP_OK,
                 "%s", error.message);
    cr_assert_eq(keras_load(&w, &same, &error), FMAP_OK, "%s", error.message);
    expect_same_models(model, same, by_number.in_model);
    fmap_model_destroy(model);
    fmap_model_destroy(same);
    keras_free(&w);
    free(file.data);
}

Test(keras_hdf5, compressed_archives_are_refused) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    struct file file = make_archive(8);
    cr_assert_eq(fmap_model_load_memory(file.data, file.bytes, NULL, NULL, &model, &error),
                 FMAP_ERROR_FORMAT);
    cr_assert(strstr(error.message, "'config.json' is compressed"), "%s", error.message);
    keras_free(&w);
    free(file.data);
}

/* ---- damage ------------------------------------------------------------------------------------------ */

/* Memory that ends where the file does: reading beyond it is a crash. */
struct fence {
    uint8_t *pages;
    size_t bytes;
};

static struct fence raise_fence(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct fence fence = {.bytes = (bytes / page + 1) * page};
    fence.pages = mmap(NULL, fence.bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(fence.pages, MAP_FAILED);
    cr_assert_eq(mprotect(fence.pages + fence.bytes, page, PROT_NONE), 0);
    return fence;
}

static fmap_status load_copy(const struct fence *fence, const uint8_t *data, size_t bytes) {
    uint8_t *copy = fence->pages + fence->bytes - bytes;
    fmap_model *model = NULL;
    fmap_error error = {0};
    memcpy(copy, data, bytes);
    fmap_status status = fmap_model_load_memory(copy, bytes, "net.h5", NULL, &model, &error);
    if (status != FMAP_OK) {
        cr_assert_null(model);
        cr_assert_eq(strncmp(error.message, "net.h5: ", 8), 0, "%s", error.message);
        cr_assert_null(strpbrk(error.message, "\n\r\033"), "%s", error.message);
    }
    fmap_model_destroy(model);
    return status;
}

Test(keras_hdf5, cut_off_anywhere, .timeout = 300) {
    struct file file = make(&(struct options){.type = H5T_IEEE_F32LE});
    struct fence fence = raise_fence(file.bytes);
    size_t n_refused = 0, n = 0;
    for (size_t bytes = 1; bytes < file.bytes; bytes++, n++)
        n_refused += load_copy(&fence, file.data, bytes) != FMAP_OK;
    /* The end of the last part may be of no use to anybody. */
    cr_assert_gt(n_refused, n - 512, "%zu of %zu", n_refused, n);
    cr_assert_eq(load_copy(&fence, file.data, file.bytes), FMAP_OK);
    keras_free(&w);
    free(file.data);
}

Test(keras_hdf5, with_other_bytes, .timeout = 300) {
    static const uint8_t masks[] = {0xff, 0x01, 0x80, 0x10};
    struct file file = make(&(struct options){.type = H5T_IEEE_F32LE, .n_more = 20});
    struct fence fence = raise_fence(file.bytes);
    for (size_t i = 0; i < file.bytes; i++) {
        for (size_t k = 0; k < sizeof masks; k++) {
            file.data[i] ^= masks[k];
            (void)load_copy(&fence, file.data, file.bytes);
            file.data[i] ^= masks[k];
        }
    }
    keras_free(&w);
    free(file.data);
}

Test(keras_hdf5, archives_with_other_bytes_or_cut_off, .timeout = 300) {
    struct file file = make_archive(0);
    struct fence fence = raise_fence(file.bytes);
    for (size_t i = 0; i < file.bytes; i++) {
        file.data[i] ^= 0xff;
        (void)load_copy(&fence, file.data, file.bytes);
        file.data[i] ^= 0xff;
        if (i) cr_assert_neq(load_copy(&fence, file.data, i), FMAP_OK, "%zu", i);
    }
    cr_assert_eq(load_copy(&fence, file.data, file.bytes), FMAP_OK);
    keras_free(&w);
    free(file.data);
}

Test(keras_hdf5, numbers_that_lead_in_circles_and_out_of_the_file, .timeout = 300) {
    struct file file = make(&(struct options){.type = H5T_IEEE_F32LE});
    struct fence fence = raise_fence(file.bytes);
    const uint64_t others[] = {0, 1, 96, 800, file.bytes, UINT64_MAX, INT64_MAX, UINT64_MAX - 7};
    for (size_t i = 8; i + 8 <= file.bytes; i += 8) {
        uint8_t before[8];
        memcpy(before, file.data + i, 8);
        for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
            memcpy(file.data + i, &others[k], 8);
            (void)load_copy(&fence, file.data, file.bytes);
        }
        memcpy(file.data + i, before, 8);
    }
    keras_free(&w);
    free(file.data);
}

Test(keras_hdf5, nothing_stays_behind_when_memory_runs_out) {
    struct file file = make(&(struct options){.type = H5T_IEEE_F64LE});
    fmap_status status = FMAP_ERROR_MEMORY;
    for (size_t fail_at = 1; status != FMAP_OK; fail_at++) {
        struct fragile fragile = {.fail_at = fail_at};
        fmap_allocator allocator = fragile_allocator(&fragile);
        fmap_error error = {0};
        fmap_model *model = NULL;
        status = fmap_model_load_memory(file.data, file.bytes, "net.h5", &allocator, &model, &error);
        cr_assert(status == FMAP_OK || status == FMAP_ERROR_MEMORY, "%s", error.message);
        fmap_model_destroy(model);
        cr_assert_eq(fragile.n_live, 0);
        cr_assert_eq(fragile.bytes_live, 0);
    }
    keras_free(&w);
    free(file.data);
}
