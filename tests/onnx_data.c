#include "tests/onnx_data.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* Why a case does not agree. */
static void say(struct onnx_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct onnx_report *report, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(report->sentence, sizeof report->sentence, format, arguments);
    va_end(arguments);
}

static enum onnx_outcome failure(struct onnx_report *report, const fmap_error *error) {
    say(report, "%s: %s", fmap_status_name(error->status), error->message);
    return error->status == FMAP_ERROR_UNSUPPORTED ? ONNX_UNSUPPORTED : ONNX_DIFFERS;
}

double onnx_bound(const struct onnx_tolerance *tolerance, double expected, double largest) {
    return tolerance->relative * fabs(expected) + fmax(tolerance->absolute, tolerance->of_largest * largest);
}

static bool floats_agree(struct onnx_report *report, const char *name, const float *got,
                         const float *expected, size_t n, const struct onnx_tolerance *tolerance) {
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(expected[i])) largest = fmax(largest, fabs((double)expected[i]));
    }
    for (size_t i = 0; i < n; i++) {
        double bound = onnx_bound(tolerance, (double)expected[i], largest);
        if (got[i] == expected[i] || (isnan(got[i]) && isnan(expected[i]))) continue;
        if (!(fabs((double)got[i] - (double)expected[i]) <= bound)) {
            say(report, "'%s': element %zu of %zu is %.9g, expected %.9g within %.3g", name, i, n,
                (double)got[i], (double)expected[i], bound);
            return false;
        }
    }
    return true;
}

/* Integers and bools have to be equal. */
static bool bytes_agree(struct onnx_report *report, const char *name, const uint8_t *got,
                        const uint8_t *expected, size_t n, size_t bytes) {
    for (size_t i = 0; i < n; i++) {
        if (memcmp(got + i * bytes, expected + i * bytes, bytes) == 0) continue;
        int64_t values[2] = {0};
        memcpy(&values[0], got + i * bytes, bytes);
        memcpy(&values[1], expected + i * bytes, bytes);
        say(report, "'%s': element %zu of %zu is %lld, expected %lld", name, i, n, (long long)values[0],
            (long long)values[1]);
        return false;
    }
    return true;
}

/* What ONNX calls a bool is made of floats where it is computed: Dropout's mask. */
static bool mask_agrees(struct onnx_report *report, const char *name, const float *got,
                        const uint8_t *expected, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (got[i] == (float)expected[i]) continue;
        say(report, "'%s': element %zu of %zu is %.9g, expected %d", name, i, n, (double)got[i], expected[i]);
        return false;
    }
    return true;
}

/* A case on its way. */
struct run {
    const fmap_model *model;
    const struct data_set *data;
    const struct onnx_tolerance *tolerance;
    struct onnx_watcher *watcher; /* NULL: nobody */
    struct onnx_report *report;
};

/* Whether an output is of the type and shape that were expected. */
static bool output_fits(const struct run *run, const fmap_plan *plan, const fmap_context *context, size_t i,
                        fmap_value_info *info) {
    const struct array *expected = &run->data->outputs[i];
    fmap_shape shape;
    if (fmap_model_value(run->model, fmap_model_output_value(run->model, i), info) != FMAP_OK ||
        fmap_context_output_shape(context, i, &shape) != FMAP_OK) {
        say(run->report, "output %zu cannot be described", i);
        return false;
    }
    info->type = fmap_plan_output_type(plan, i);
    bool is_mask = info->type == FMAP_FLOAT32 && expected->info.type == FMAP_BOOL;
    if (info->type != expected->info.type && !is_mask) {
        say(run->report, "'%s' is of type %d, expected %d", info->name, (int)info->type,
            (int)expected->info.type);
        return false;
    }
    if (!same_shape(&shape, &expected->info.shape)) {
        say(run->report, "'%s' is of rank %d, expected %d, or has other sizes than expected", info->name,
            shape.rank, expected->info.shape.rank);
        return false;
    }
    return true;
}

/* Compares one output of a run with what was expected. */
static bool output_agrees(const struct run *run, const fmap_plan *plan, const fmap_context *context, size_t i,
                          const void *got) {
    const struct array *expected = &run->data->outputs[i];
    fmap_value_info info;
    if (!output_fits(run, plan, context, i, &info)) return false;
    size_t n = expected->elements;
    if (info.type != expected->info.type) return mask_agrees(run->report, info.name, got, expected->data, n);
    if (info.type != FMAP_FLOAT32) {
        return bytes_agree(run->report, info.name, got, expected->data, n, fmap_type_bytes(info.type));
    }
    return floats_agree(run->report, info.name, got, expected->data, n, run->tolerance);
}

static enum onnx_outcome run_plan(const struct run *run, const fmap_plan *plan) {
    const struct data_set *data = run->data;
    const void *inputs[MOST_ARRAYS];
    void *outputs[MOST_ARRAYS] = {0};
    for (size_t i = 0; i < data->n_inputs; i++) inputs[i] = data->inputs[i].data;
    for (size_t i = 0; i < data->n_outputs; i++) {
        fmap_shape shape = {.rank = 0};
        int64_t n = 0;
        bool known = fmap_plan_output_shape(plan, i, &shape) == FMAP_OK && fmap_shape_elements(&shape, &n);
        outputs[i] = malloc((known ? (size_t)n : 0) * sizeof(int64_t) + 1);
        if (!outputs[i]) abort();
    }
    fmap_context *context = NULL;
    fmap_error error = {0};
    enum onnx_outcome outcome = ONNX_AGREES;
    if (fmap_context_create(plan, &context, &error) != FMAP_OK) outcome = failure(run->report, &error);
    if (context && run->watcher) run->watcher->before(run->watcher, run->model, plan, context);
    if (context && fmap_context_run(context, inputs, outputs, &error) != FMAP_OK)
        outcome = failure(run->report, &error);
    if (run->watcher && !run->watcher->after(run->watcher, run->report)) outcome = ONNX_DIFFERS;
    for (size_t i = 0; i < data->n_outputs; i++) {
        if (outcome == ONNX_AGREES && !output_agrees(run, plan, context, i, outputs[i]))
            outcome = ONNX_DIFFERS;
        free(outputs[i]);
    }
    fmap_context_destroy(context);
    return outcome;
}

/* Whether the data are for this model. */
static bool fits_model(const struct run *run, fmap_port *ports) {
    const struct data_set *data = run->data;
    size_t n_inputs = fmap_model_input_count(run->model), n_outputs = fmap_model_output_count(run->model);
    if (n_inputs != data->n_inputs || n_outputs != data->n_outputs) {
        say(run->report, "%zu inputs and %zu outputs of types that are known, expected %zu and %zu",
            data->n_inputs, data->n_outputs, n_inputs, n_outputs);
        return false;
    }
    for (size_t i = 0; i < data->n_inputs; i++) {
        fmap_value_info info;
        if (fmap_model_value(run->model, fmap_model_input_value(run->model, i), &info) != FMAP_OK ||
            info.type != data->inputs[i].info.type) {
            say(run->report, "input %zu, '%s', is of another type than its data", i, info.name);
            return false;
        }
        ports[i] = (fmap_port){.name = info.name, .shape = &data->inputs[i].info.shape};
    }
    return true;
}

/* Plans for the shapes of the data, and for the elements of the inputs from `first_fixed` on. */
static enum onnx_outcome plan_and_run(const struct run *run, const fmap_plan_options *options,
                                      fmap_port *ports, size_t first_fixed) {
    for (size_t i = first_fixed; i < run->data->n_inputs; i++) ports[i].value = run->data->inputs[i].data;
    fmap_plan_options own = options ? *options : (fmap_plan_options){0};
    own.ports = ports;
    own.n_ports = run->data->n_inputs;
    fmap_plan *plan = NULL;
    fmap_error error = {0};
    if (fmap_plan_create(run->model, &own, &plan, &error) != FMAP_OK) {
        enum onnx_outcome outcome = failure(run->report, &error);
        /* An input without elements only counts when it is planned for. */
        bool empty = error.status == FMAP_ERROR_ARGUMENT &&
                     strstr(error.message, "must be chosen, 1 or more");
        return empty ? ONNX_UNSUPPORTED : outcome;
    }
    enum onnx_outcome outcome = run_plan(run, plan);
    fmap_plan_destroy(plan);
    return outcome;
}

/* What the test writes as inputs are constants in real networks: shapes, weights, bounds. Where the library wants
 * to know them beforehand the plan is told, at first of all inputs but the first. */
static enum onnx_outcome run_model(const struct run *run, const fmap_plan_options *options) {
    fmap_port ports[MOST_ARRAYS] = {0};
    if (!fits_model(run, ports)) return ONNX_MISSING;
    size_t n = run->data->n_inputs;
    enum onnx_outcome outcome = plan_and_run(run, options, ports, n);
    for (int first = 1; first >= 0 && outcome == ONNX_UNSUPPORTED; first--) {
        run->report->fixed = true;
        if ((size_t)first < n) outcome = plan_and_run(run, options, ports, (size_t)first);
    }
    return outcome;
}

enum onnx_outcome onnx_run_watched(const char *folder, int data_set, const fmap_plan_options *options,
                                   const struct onnx_tolerance *tolerance, struct onnx_watcher *watcher,
                                   struct onnx_report *report) {
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/model.onnx", folder);
    fmap_model *model = NULL;
    fmap_error error = {0};
    *report = (struct onnx_report){0};
    if (fmap_model_load(path, NULL, &model, &error) != FMAP_OK) return failure(report, &error);
    struct data_set *data = calloc(1, sizeof *data);
    if (!data) abort();
    data->n_inputs = open_arrays(data->inputs, folder, data_set, "input");
    data->n_outputs = open_arrays(data->outputs, folder, data_set, "output");
    struct run run = {
        .model = model, .data = data, .tolerance = tolerance, .watcher = watcher, .report = report};
    say(report, "there is no data set %d", data_set);
    enum onnx_outcome outcome = data->n_outputs ? run_model(&run, options) : ONNX_MISSING;
    close_data_set(data);
    free(data);
    fmap_model_destroy(model);
    return outcome;
}

enum onnx_outcome onnx_run(const char *folder, int data_set, const fmap_plan_options *options,
                           const struct onnx_tolerance *tolerance, struct onnx_report *report) {
    return onnx_run_watched(folder, data_set, options, tolerance, NULL, report);
}

enum onnx_outcome onnx_run_all(const char *folder, const struct onnx_tolerance *tolerance,
                               struct onnx_report *report) {
    enum onnx_outcome outcome = onnx_run(folder, 0, NULL, tolerance, report);
    for (int set = 1; outcome == ONNX_AGREES; set++) {
        char path[PATH_BYTES];
        struct stat about;
        (void)snprintf(path, sizeof path, "%s/test_data_set_%d", folder, set);
        if (stat(path, &about) != 0) break;
        outcome = onnx_run(folder, set, NULL, tolerance, report);
    }
    return outcome;
}

bool onnx_count(struct case_list *list, const char *name, enum onnx_outcome outcome,
                const struct onnx_report *report) {
    enum case_outcome counted = outcome == ONNX_AGREES        ? CASE_PASSES
                                : outcome == ONNX_UNSUPPORTED ? CASE_REFUSED
                                                              : CASE_FAILS;
    return case_list_count(list, name, counted, report->sentence);
}
