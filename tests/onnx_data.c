#include "tests/onnx_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/onnx_writer.h"

enum { MOST_ARRAYS = 16, PATH_BYTES = 1024 };

/* A tensor of a file. The loader is the reader: the tensor is the initializer of a model around it. */
struct array {
    struct onnx_writer file;
    fmap_model *model;
    fmap_value_info info;
    size_t elements;
    void *data; /* a copy of the elements, because in a file they are not aligned */
};

struct data_set {
    struct array inputs[MOST_ARRAYS], outputs[MOST_ARRAYS];
    size_t n_inputs, n_outputs;
};

const char *onnx_shared_models(void) {
    static char beside[PATH_BYTES];
    const char *folder = getenv("FMAP_SHARED_MODELS");
    if (folder) return folder;
    const char *source = getenv("FMAP_SOURCE_DIR");
    (void)snprintf(beside, sizeof beside, "%s/../shared/models", source ? source : ".");
    return beside;
}

/* Appends a file to a message; false when it cannot be read. */
static bool read_file(const char *path, struct onnx_bytes *bytes) {
    FILE *stream = fopen(path, "rb");
    if (!stream) return false;
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, stream)) > 0) onnx_put(bytes, piece, n);
    bool good = !ferror(stream);
    (void)fclose(stream);
    return good;
}

static void close_array(struct array *array) {
    fmap_model_destroy(array->model);
    onnx_free(&array->file);
    free(array->data);
}

/* False when there is no such file, or when it holds no tensor of a type that the library has. */
static bool open_array(struct array *array, const char *path) {
    struct onnx_bytes tensor = {0};
    if (!read_file(path, &tensor)) {
        free(tensor.data);
        return false;
    }
    *array = (struct array){.file = onnx_begin(13)};
    onnx_put_text(&tensor, ONNX_TENSOR_NAME, "tensor"); /* The last name counts. */
    onnx_put_message(&array->file.graph, ONNX_GRAPH_INITIALIZER, &tensor);
    onnx_input(&array->file, "x", "1");
    onnx_output(&array->file, "x");
    int64_t elements = 0;
    bool good = onnx_load(&array->file, &array->model, NULL) == FMAP_OK &&
                fmap_model_value(array->model, fmap_model_find_value(array->model, "tensor"), &array->info) ==
                    FMAP_OK &&
                fmap_shape_elements(&array->info.shape, &elements);
    if (!good) {
        close_array(array);
        return false;
    }
    array->elements = (size_t)elements;
    size_t bytes = array->elements * fmap_type_bytes(array->info.type);
    array->data = malloc(bytes + 1);
    if (!array->data) abort();
    memcpy(array->data, array->info.data, bytes);
    return true;
}

static size_t open_arrays(struct array *arrays, const char *folder, int data_set, const char *kind) {
    size_t n = 0;
    char path[PATH_BYTES];
    for (; n < MOST_ARRAYS; n++) {
        (void)snprintf(path, sizeof path, "%s/test_data_set_%d/%s_%zu.pb", folder, data_set, kind, n);
        if (!open_array(&arrays[n], path)) break;
    }
    return n;
}

static void close_data_set(struct data_set *data) {
    for (size_t i = 0; i < data->n_inputs; i++) close_array(&data->inputs[i]);
    for (size_t i = 0; i < data->n_outputs; i++) close_array(&data->outputs[i]);
}

static bool same_shape(const fmap_shape *a, const fmap_shape *b) {
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

static bool floats_agree(const char *name, const float *got, const float *expected, size_t n,
                         const struct onnx_tolerance *tolerance) {
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(expected[i])) largest = fmax(largest, fabs((double)expected[i]));
    }
    for (size_t i = 0; i < n; i++) {
        double bound = tolerance->relative * fabs((double)expected[i]) +
                       fmax(tolerance->absolute, tolerance->of_largest * largest);
        if (got[i] == expected[i] || (isnan(got[i]) && isnan(expected[i]))) continue;
        if (!(fabs((double)got[i] - (double)expected[i]) <= bound)) {
            fprintf(stderr, "%s: element %zu of %zu is %.9g, expected %.9g within %.3g\n", name, i, n,
                    (double)got[i], (double)expected[i], bound);
            return false;
        }
    }
    return true;
}

/* What ONNX calls a bool is made of floats where it is computed: Dropout's mask. */
static bool mask_agrees(const float *got, const uint8_t *expected, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (got[i] != (float)expected[i]) return false;
    }
    return true;
}

/* Compares one output of a run with what was expected. */
static bool output_agrees(const fmap_model *model, const fmap_plan *plan, size_t i, const void *got,
                          const struct array *expected, const struct onnx_tolerance *tolerance) {
    fmap_value_info info;
    fmap_shape shape;
    if (fmap_model_value(model, fmap_model_output_value(model, i), &info) != FMAP_OK ||
        fmap_plan_output_shape(plan, i, &shape) != FMAP_OK) {
        return false;
    }
    bool is_mask = info.type == FMAP_FLOAT32 && expected->info.type == FMAP_BOOL;
    if ((info.type != expected->info.type && !is_mask) || !same_shape(&shape, &expected->info.shape)) {
        fprintf(stderr, "output %zu, '%s', has another type or shape than expected\n", i, info.name);
        return false;
    }
    if (is_mask) return mask_agrees(got, expected->data, expected->elements);
    size_t bytes = expected->elements * fmap_type_bytes(info.type);
    if (info.type != FMAP_FLOAT32) return memcmp(got, expected->data, bytes) == 0;
    return floats_agree(info.name, got, expected->data, expected->elements, tolerance);
}

static enum onnx_outcome run_plan(const fmap_model *model, const fmap_plan *plan, const struct data_set *data,
                                  const struct onnx_tolerance *tolerance) {
    const void *inputs[MOST_ARRAYS];
    void *outputs[MOST_ARRAYS] = {0};
    bool good = true;
    for (size_t i = 0; i < data->n_inputs; i++) inputs[i] = data->inputs[i].data;
    for (size_t i = 0; i < data->n_outputs; i++) {
        outputs[i] = malloc(data->outputs[i].elements * sizeof(int64_t) + 1);
        if (!outputs[i]) abort();
        fmap_shape shape;
        int64_t elements = -1;
        good &= fmap_plan_output_shape(plan, i, &shape) == FMAP_OK &&
                fmap_shape_elements(&shape, &elements) && (size_t)elements == data->outputs[i].elements;
    }
    if (!good) fprintf(stderr, "the outputs have other sizes than expected\n");
    fmap_context *context = NULL;
    fmap_error error = {0};
    if (good && (fmap_context_create(plan, &context, &error) != FMAP_OK ||
                 fmap_context_run(context, inputs, outputs, &error) != FMAP_OK)) {
        fprintf(stderr, "%s: %s\n", fmap_status_name(error.status), error.message);
        good = false;
    }
    for (size_t i = 0; i < data->n_outputs; i++) {
        good = good && output_agrees(model, plan, i, outputs[i], &data->outputs[i], tolerance);
        free(outputs[i]);
    }
    fmap_context_destroy(context);
    return good ? ONNX_AGREES : ONNX_DIFFERS;
}

/* Plans for the shapes of the data. */
static enum onnx_outcome run_model(const fmap_model *model, const struct data_set *data,
                                   const fmap_plan_options *options, const struct onnx_tolerance *tolerance) {
    if (fmap_model_input_count(model) != data->n_inputs ||
        fmap_model_output_count(model) != data->n_outputs) {
        return ONNX_MISSING;
    }
    fmap_port ports[MOST_ARRAYS] = {0};
    for (size_t i = 0; i < data->n_inputs; i++) {
        fmap_value_info info;
        if (fmap_model_value(model, fmap_model_input_value(model, i), &info) != FMAP_OK) return ONNX_DIFFERS;
        if (info.type != data->inputs[i].info.type) return ONNX_MISSING;
        ports[i] = (fmap_port){.name = info.name, .shape = &data->inputs[i].info.shape};
    }
    fmap_plan_options own = options ? *options : (fmap_plan_options){0};
    own.ports = ports;
    own.n_ports = data->n_inputs;
    fmap_plan *plan = NULL;
    fmap_error error = {0};
    fmap_status status = fmap_plan_create(model, &own, &plan, &error);
    if (status != FMAP_OK) {
        fprintf(stderr, "%s: %s\n", fmap_status_name(status), error.message);
        return status == FMAP_ERROR_UNSUPPORTED ? ONNX_UNSUPPORTED : ONNX_DIFFERS;
    }
    enum onnx_outcome outcome = run_plan(model, plan, data, tolerance);
    fmap_plan_destroy(plan);
    return outcome;
}

enum onnx_outcome onnx_run(const char *folder, int data_set, const fmap_plan_options *options,
                           const struct onnx_tolerance *tolerance) {
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/model.onnx", folder);
    fmap_model *model = NULL;
    fmap_error error = {0};
    fmap_status status = fmap_model_load(path, NULL, &model, &error);
    if (status != FMAP_OK) {
        fprintf(stderr, "%s: %s\n", fmap_status_name(status), error.message);
        return status == FMAP_ERROR_UNSUPPORTED ? ONNX_UNSUPPORTED : ONNX_DIFFERS;
    }
    struct data_set *data = calloc(1, sizeof *data);
    if (!data) abort();
    data->n_inputs = open_arrays(data->inputs, folder, data_set, "input");
    data->n_outputs = open_arrays(data->outputs, folder, data_set, "output");
    enum onnx_outcome outcome = data->n_outputs ? run_model(model, data, options, tolerance) : ONNX_MISSING;
    if (outcome == ONNX_DIFFERS) fprintf(stderr, "%s: data set %d does not agree\n", folder, data_set);
    close_data_set(data);
    free(data);
    fmap_model_destroy(model);
    return outcome;
}
