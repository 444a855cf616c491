/* Our runner of the network benchmarks. It sees the library as any user does, through its public header. */
#include <fmap/fmap.h>

#include <stdio.h>
#include <stdlib.h>

#include "protocol.h"

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

static json_t *load(void *state, const struct request *request, struct ports *ports) {
    struct session *session = state;
    const char *path = request->path;
    fmap_error error = {0};
    fmap_plan_info info;
    fmap_shape shape = {0};
    double start = now();
    unload(session);
    if (request->shape != NULL && !read_shape(request->shape, &shape))
        return failure("%s: the shape is none", path);
    if (fmap_model_load(path, NULL, &session->model, &error) != FMAP_OK ||
        plan(session, request->threads, (int64_t)request->batch, request->shape != NULL ? &shape : NULL,
             &error) != FMAP_OK) {
        return failure("%s", error.message);
    }
    double seconds = now() - start;
    if (!make_buffers(session)) {
        unload(session);
        return failure("%s: there is no memory, or not one input and outputs of float32", path);
    }
    *ports = (struct ports){session->input, session->output, session->n_inputs, session->n_outputs};
    fmap_plan_describe(session->plan, &info);
    size_t elements = session->n_inputs + session->n_outputs + (size_t)info.parameters;
    return json_pack("{s:b, s:f, s:s, s:s, s:I, s:f, s:f}", "ok", 1, "load_seconds", seconds, "version",
                     fmap_version(), "variant", fmap_isa_name(info.isa), "input_elements",
                     (json_int_t)session->n_inputs, "flops", 2 * (double)info.macs, "bytes",
                     (double)sizeof(float) * (double)elements);
}

static bool run(void *state, char reason[REASON_BYTES]) {
    const struct session *session = state;
    fmap_error error = {0};
    if (fmap_context_run(session->context, (const void *[]){session->input}, session->outputs, &error) ==
        FMAP_OK)
        return true;
    snprintf(reason, REASON_BYTES, "%s", error.message);
    return false;
}

int main(void) {
    struct session session = {0};
    serve(&(struct engine){&session, load, run});
    unload(&session);
    return 0;
}
