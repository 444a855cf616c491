#include "tests/keras_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- text -------------------------------------------------------------------------------------------- */

/* A test that cannot go on. */
static void must(bool good, const char *what) {
    if (good) return;
    (void)fprintf(stderr, "keras_writer: %s\n", what);
    abort();
}

static void *grow(void *memory, size_t bytes) {
    void *larger = realloc(memory, bytes);
    if (!larger) abort();
    return larger;
}

char *keras_json(const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) abort();
    va_end(arguments);
    for (char *c = text; *c; c++) *c = (char)(*c == '\'' ? '"' : *c);
    return text;
}

static void append(struct keras_text *list, const char *json) {
    size_t bytes = strlen(json);
    list->text = grow(list->text, list->bytes + bytes + 3);
    if (list->bytes) list->text[list->bytes++] = ',';
    memcpy(list->text + list->bytes, json, bytes + 1);
    list->bytes += bytes;
}

void keras_layer(struct keras_writer *w, const char *json) { append(&w->layers, json); }

void keras_input(struct keras_writer *w, const char *shape) {
    char *json = keras_json(
        "{'class_name': 'InputLayer', 'name': 'x', 'inbound_nodes': [], 'config': {'name': 'x', "
        "'dtype': 'float32', 'batch_input_shape': [%s]}}",
        shape);
    keras_layer(w, json);
    free(json);
}

/* ---- weights ----------------------------------------------------------------------------------------- */

float *keras_numbers(size_t n, unsigned seed) {
    float *numbers = grow(NULL, (n + 1) * sizeof *numbers);
    uint32_t state = seed * 2654435761u + 12345;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        numbers[i] = (float)(int32_t)state * 0x1p-31f;
    }
    return numbers;
}

void keras_entry(struct keras_writer *w, const char *json, const void *data, size_t bytes) {
    append(&w->weights, json);
    w->data = grow(w->data, w->data_bytes + bytes + 1);
    if (bytes) memcpy(w->data + w->data_bytes, data, bytes);
    w->data_bytes += bytes;
}

float *keras_weights(struct keras_writer *w, const char *name, const char *shape) {
    size_t n = 1;
    for (const char *c = shape; *c;) {
        char *end;
        n *= (size_t)strtoul(c, &end, 10);
        c = end + strspn(end, ", ");
    }
    char *json = keras_json("{'name': '%s', 'shape': [%s], 'dtype': 'float32'}", name, shape);
    float *numbers = keras_numbers(n, ++w->seed);
    keras_entry(w, json, numbers, n * sizeof *numbers);
    free(json);
    free(numbers);
    return (float *)(void *)(w->data + w->data_bytes - n * sizeof(float));
}

/* ---- files ------------------------------------------------------------------------------------------- */

static size_t n_shards(const struct keras_writer *w) {
    size_t n = 0;
    while (n < KERAS_MOST_SHARDS && w->shard_bytes[n]) n++;
    return w->data_bytes ? n + 1 : 0;
}

char *keras_model_json(const struct keras_writer *w) {
    static const char sequential[] =
        "{'class_name': 'Sequential', 'config': {'name': 'net', 'layers': [%s]}}";
    const char *around = w->network ? w->network : sequential;
    const char *hole = strstr(around, "%s");
    char paths[256] = "";
    for (size_t i = 0; i < n_shards(w); i++) {
        size_t used = strlen(paths);
        (void)snprintf(paths + used, sizeof paths - used, "%s'shard%zu.bin'", i ? ", " : "", i);
    }
    return keras_json(
        "{'format': 'layers-model', 'modelTopology': {'keras_version': '%s', 'backend': 'tensorflow', "
        "'model_config': %.*s%s%s}, 'weightsManifest': [{'paths': [%s], 'weights': [%s]}]}",
        w->version ? w->version : "2.10.0", (int)(hole - around), around,
        w->layers.text ? w->layers.text : "", hole + 2, paths, w->weights.text ? w->weights.text : "");
}

static void write_file(const char *folder, const char *name, const void *data, size_t bytes) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "wb");
    must(stream != NULL, path);
    must(fwrite(data, 1, bytes, stream) == bytes, path);
    must(fclose(stream) == 0, path);
}

void keras_write(struct keras_writer *w, const char *json) {
    char name[32];
    size_t at = 0, n = n_shards(w);
    strcpy(w->folder, "/tmp/fmap-keras-XXXXXX");
    must(mkdtemp(w->folder) != NULL, w->folder);
    (void)snprintf(w->path, sizeof w->path, "%s/model.json", w->folder);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = i + 1 < n ? w->shard_bytes[i] : w->data_bytes - at;
        (void)snprintf(name, sizeof name, "shard%zu.bin", i);
        write_file(w->folder, name, w->data + at, bytes);
        at += bytes;
    }
    char *own = json ? NULL : keras_model_json(w);
    write_file(w->folder, "model.json", json ? json : own, strlen(json ? json : own));
    free(own);
}

void keras_free(struct keras_writer *w) {
    char path[128];
    for (int i = 0; i <= KERAS_MOST_SHARDS && *w->folder; i++) {
        (void)snprintf(path, sizeof path, "%s/shard%d.bin", w->folder, i);
        (void)unlink(path);
    }
    if (*w->folder) {
        (void)unlink(w->path);
        must(rmdir(w->folder) == 0, w->folder);
    }
    free(w->layers.text);
    free(w->weights.text);
    free(w->data);
    *w = (struct keras_writer){.folder = ""};
}

/* ---- running ----------------------------------------------------------------------------------------- */

fmap_status keras_load(struct keras_writer *w, fmap_model **model, fmap_error *error) {
    return fmap_model_load(w->path, NULL, model, error);
}

/* A shape in the order that the model's own has: n, c, h, w for images. */
static fmap_shape model_order(const fmap_shape *keras) {
    fmap_shape shape = *keras;
    if (keras->rank == 4) {
        shape.dims[1] = keras->dims[3];
        shape.dims[2] = keras->dims[1];
        shape.dims[3] = keras->dims[2];
    }
    return shape;
}

static fmap_shape keras_order(const fmap_shape *model) {
    fmap_shape shape = *model;
    if (model->rank == 4) {
        shape.dims[1] = model->dims[2];
        shape.dims[2] = model->dims[3];
        shape.dims[3] = model->dims[1];
    }
    return shape;
}

static fmap_plan *plan_for(const fmap_model *model, const fmap_tensor *inputs, size_t n_inputs) {
    fmap_port ports[8] = {{0}};
    fmap_shape shapes[8];
    size_t n = 0;
    for (; n < n_inputs; n++) {
        fmap_value_info info;
        must(fmap_model_value(model, fmap_model_input_value(model, n), &info) == FMAP_OK, "no such port");
        shapes[n] = model_order(&inputs[n].shape);
        ports[n] = (fmap_port){.name = info.name, .shape = &shapes[n], .layout = FMAP_NHWC};
    }
    fmap_value_info output;
    must(fmap_model_value(model, fmap_model_output_value(model, 0), &output) == FMAP_OK, "no such port");
    if (output.shape.rank == 4) ports[n++] = (fmap_port){.name = output.name, .layout = FMAP_NHWC};
    fmap_plan *plan = NULL;
    fmap_error error = {0};
    must(fmap_plan_create(model, &(fmap_plan_options){.ports = ports, .n_ports = n}, &plan, &error) ==
             FMAP_OK,
         error.message);
    return plan;
}

float *keras_run(struct keras_writer *w, const fmap_tensor *inputs, size_t n_inputs,
                 fmap_shape *output_shape) {
    fmap_model *model = NULL;
    fmap_context *context = NULL;
    fmap_error error = {0};
    if (!*w->folder) keras_write(w, NULL);
    must(keras_load(w, &model, &error) == FMAP_OK, error.message);
    must(fmap_model_input_count(model) == n_inputs, "another number of inputs");
    fmap_plan *plan = plan_for(model, inputs, n_inputs);
    must(fmap_context_create(plan, &context, &error) == FMAP_OK, error.message);
    const void *data[8];
    void *outputs[8];
    fmap_shape shape;
    for (size_t i = 0; i < n_inputs; i++) data[i] = inputs[i].data;
    for (size_t i = 0; i < fmap_model_output_count(model); i++) {
        int64_t n = 0;
        must(fmap_plan_output_shape(plan, i, &shape) == FMAP_OK, "no such port");
        must(fmap_shape_elements(&shape, &n), "an unknown shape");
        outputs[i] = grow(NULL, (size_t)n * sizeof(float) + 1);
    }
    must(fmap_context_run(context, data, outputs, &error) == FMAP_OK, error.message);
    must(fmap_plan_output_shape(plan, 0, &shape) == FMAP_OK, "no such port");
    *output_shape = keras_order(&shape);
    for (size_t i = 1; i < fmap_model_output_count(model); i++) free(outputs[i]);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    return outputs[0];
}
