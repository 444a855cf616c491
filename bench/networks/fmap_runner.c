/* Our runner of the network benchmarks: reads requests from the standard input, one JSON object a line, and answers
 * each with a line (docs: runners.py). It sees the library as any user does, through its public header. */
#include <fmap/fmap.h>

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handoff.h"

enum { MOST_RUNS = 1000 * 1000 };

/* The network that was loaded last. */
struct session {
    fmap_model *model;
    fmap_plan *plan;
    fmap_context *context;
    float *input;
    float *output;   /* all of them, one behind the other */
    void **outputs;  /* where each begins */
    size_t n_inputs; /* elements */
    size_t n_outputs;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static json_t *failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
static json_t *failure(const char *format, ...) {
    char sentence[2 * FMAP_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return json_pack("{s:b, s:s}", "ok", 0, "error", sentence);
}

static void unload(struct session *session) {
    free(session->input);
    free(session->output);
    free(session->outputs);
    fmap_context_destroy(session->context);
    fmap_plan_destroy(session->plan);
    fmap_model_destroy(session->model);
    *session = (struct session){0};
}

/* Elements of an input or output; false when they are not float32. */
static bool port_elements(const struct session *session, bool output, size_t i, size_t *n) {
    fmap_shape shape;
    int64_t elements = 0;
    fmap_type type = output ? fmap_plan_output_type(session->plan, i)
                            : fmap_plan_input_type(session->plan, i);
    if (type != FMAP_FLOAT32) return false;
    fmap_status status = output ? fmap_plan_output_shape(session->plan, i, &shape)
                                : fmap_plan_input_shape(session->plan, i, &shape);
    if (status != FMAP_OK || !fmap_shape_elements(&shape, &elements)) return false;
    *n = (size_t)elements;
    return true;
}

/* Memory for the input and the outputs; false when there is none, or for what a request cannot describe. */
static bool make_buffers(struct session *session) {
    size_t n = fmap_model_output_count(session->model), elements = 0;
    if (fmap_model_input_count(session->model) != 1 ||
        !port_elements(session, false, 0, &session->n_inputs)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!port_elements(session, true, i, &elements)) return false;
        session->n_outputs += elements;
    }
    session->input = calloc(session->n_inputs + 1, sizeof(float));
    session->output = calloc(session->n_outputs + 1, sizeof(float));
    session->outputs = calloc(n + 1, sizeof(void *));
    if (session->input == NULL || session->output == NULL || session->outputs == NULL) return false;
    float *begin = session->output;
    for (size_t i = 0; i < n; i++) {
        session->outputs[i] = begin;
        if (port_elements(session, true, i, &elements)) begin += elements;
    }
    return true;
}

/* The shape that a request asks the only input to have; false when it is none. */
static bool read_shape(const json_t *sizes, fmap_shape *shape) {
    size_t rank = json_array_size(sizes);
    if (rank == 0 || rank > FMAP_MAX_RANK) return false;
    shape->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) shape->dims[i] = json_integer_value(json_array_get(sizes, i));
    return true;
}

/* A plan for so many threads and pictures, of this shape unless it is NULL. */
static fmap_status plan(struct session *session, int threads, int64_t batch, const fmap_shape *shape,
                        fmap_error *error) {
    fmap_plan_options options = {.batch = batch, .threads = threads};
    fmap_value_info input = {0};
    fmap_port port = {.shape = shape};
    if (shape != NULL &&
        fmap_model_value(session->model, fmap_model_input_value(session->model, 0), &input) == FMAP_OK) {
        port.name = input.name;
        options.ports = &port;
        options.n_ports = 1;
    }
    fmap_status status = fmap_plan_create(session->model, &options, &session->plan, error);
    return status == FMAP_OK ? fmap_context_create(session->plan, &session->context, error) : status;
}

static json_t *load(struct session *session, const char *path, int threads, int64_t batch,
                    const json_t *sizes) {
    fmap_error error = {0};
    fmap_plan_info info;
    fmap_shape shape = {0};
    double start = now();
    unload(session);
    if (sizes != NULL && !read_shape(sizes, &shape)) return failure("%s: the shape is none", path);
    if (fmap_model_load(path, NULL, &session->model, &error) != FMAP_OK ||
        plan(session, threads, batch, sizes != NULL ? &shape : NULL, &error) != FMAP_OK) {
        return failure("%s", error.message);
    }
    double seconds = now() - start;
    if (!make_buffers(session)) {
        unload(session);
        return failure("%s: there is no memory, or not one input and outputs of float32", path);
    }
    fmap_plan_describe(session->plan, &info);
    size_t elements = session->n_inputs + session->n_outputs + (size_t)info.parameters;
    return json_pack("{s:b, s:f, s:s, s:s, s:I, s:f, s:f}", "ok", 1, "load_seconds", seconds, "version",
                     fmap_version(), "variant", fmap_isa_name(info.isa), "input_elements",
                     (json_int_t)session->n_inputs, "flops", 2 * (double)info.macs, "bytes",
                     (double)sizeof(float) * (double)elements);
}

static bool read_floats(const char *path, float *values, size_t n) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    bool good = fread(values, sizeof *values, n, file) == n && fgetc(file) == EOF;
    return fclose(file) == 0 && good;
}

static bool write_floats(const char *path, const float *values, size_t n) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) return false;
    bool good = fwrite(values, sizeof *values, n, file) == n;
    return fclose(file) == 0 && good;
}

/* Runs once; the seconds, or -1 and why. */
static double run_once(const struct session *session, fmap_error *error) {
    double start = now();
    fmap_status status = fmap_context_run(session->context, (const void *[]){session->input},
                                          session->outputs, error);
    return status == FMAP_OK ? now() - start : -1;
}

static json_t *run(const struct session *session, const char *input, const char *output) {
    fmap_error error = {0};
    if (session->context == NULL) return failure("a run was asked for before a load");
    if (!read_floats(input, session->input, session->n_inputs)) {
        return failure("%s does not hold %zu floats", input, session->n_inputs);
    }
    double seconds = run_once(session, &error);
    if (seconds < 0) return failure("%s", error.message);
    if (!write_floats(output, session->output, session->n_outputs))
        return failure("%s: cannot write", output);
    return json_pack("{s:b, s:f}", "ok", 1, "seconds", seconds);
}

static json_t *measure(const struct session *session, json_int_t repetitions, double min_seconds) {
    fmap_error error = {0};
    if (session->context == NULL) return failure("a time was asked for before a load");
    json_t *times = json_array();
    double start = now();
    for (json_int_t i = 0; i < MOST_RUNS && (i < repetitions || now() - start < min_seconds); i++) {
        double seconds = run_once(session, &error);
        if (seconds < 0) {
            json_decref(times);
            return failure("%s", error.message);
        }
        json_array_append_new(times, json_real(seconds));
    }
    return json_pack("{s:b, s:o}", "ok", 1, "seconds", times);
}

/* What to say to a request; NULL to "quit". */
static json_t *answer(struct session *session, json_t *request) {
    const char *path = NULL, *output = NULL;
    json_int_t batch = 1, repetitions = 1;
    int threads = 1;
    double min_seconds = 0;
    if (json_object_get(request, "quit") != NULL) return NULL;
    if (json_object_get(request, "handoff") != NULL) {
        return json_pack("{s:b, s:f}", "ok", 1, "seconds", handoff_seconds());
    }
    if (json_unpack(request, "{s:s, s?i, s?I}", "load", &path, "threads", &threads, "batch", &batch) == 0) {
        return load(session, path, threads, (int64_t)batch, json_object_get(request, "shape"));
    }
    if (json_unpack(request, "{s:s, s:s}", "run", &path, "output", &output) == 0) {
        return run(session, path, output);
    }
    if (json_unpack(request, "{s:{s?I, s?F}}", "time", "repetitions", &repetitions, "min_seconds",
                    &min_seconds) == 0) {
        return measure(session, repetitions, min_seconds);
    }
    return failure("a request is {\"load\"...}, {\"run\"...}, {\"time\"...} or {\"quit\"...}");
}

int main(void) {
    struct session session = {0};
    char *line = NULL;
    size_t capacity = 0;
    bool more = true;
    while (more && getline(&line, &capacity, stdin) > 0) {
        json_error_t error;
        json_t *request = json_loads(line, 0, &error);
        json_t *reply = request != NULL ? answer(&session, request) : failure("no JSON: %s", error.text);
        more = reply != NULL;
        if (more) {
            json_dumpf(reply, stdout, JSON_COMPACT);
            putchar('\n');
            more = fflush(stdout) == 0;
        }
        json_decref(reply);
        json_decref(request);
    }
    free(line);
    unload(&session);
    return 0;
}
