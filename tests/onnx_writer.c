#include "onnx_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- protobuf ---------------------------------------------------------------------------------- */

void onnx_put(struct onnx_bytes *bytes, const void *data, size_t count) {
    if (count == 0) return;
    if (bytes->count + count > bytes->capacity) {
        bytes->capacity = 2 * (bytes->count + count);
        bytes->data = realloc(bytes->data, bytes->capacity);
        if (!bytes->data) abort();
    }
    memcpy(bytes->data + bytes->count, data, count);
    bytes->count += count;
}

void onnx_put_varint(struct onnx_bytes *bytes, uint64_t value) {
    uint8_t encoded[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) encoded[n++] = (uint8_t)(value | 0x80);
    encoded[n++] = (uint8_t)value;
    onnx_put(bytes, encoded, n);
}

void onnx_put_tag(struct onnx_bytes *bytes, int field, int wire_type) {
    onnx_put_varint(bytes, (uint64_t)field << 3 | (uint64_t)wire_type);
}

void onnx_put_int(struct onnx_bytes *message, int field, int64_t value) {
    onnx_put_tag(message, field, ONNX_VARINT);
    onnx_put_varint(message, (uint64_t)value);
}

void onnx_put_float(struct onnx_bytes *message, int field, float value) {
    onnx_put_tag(message, field, ONNX_FIXED32);
    onnx_put(message, &value, sizeof value);
}

void onnx_put_bytes(struct onnx_bytes *message, int field, const void *data, size_t count) {
    onnx_put_tag(message, field, ONNX_LENGTH);
    onnx_put_varint(message, count);
    onnx_put(message, data, count);
}

void onnx_put_text(struct onnx_bytes *message, int field, const char *text) {
    onnx_put_bytes(message, field, text, strlen(text));
}

void onnx_put_message(struct onnx_bytes *message, int field, struct onnx_bytes *inner) {
    onnx_put_bytes(message, field, inner->data, inner->count);
    free(inner->data);
    *inner = (struct onnx_bytes){0};
}

/* ---- words ------------------------------------------------------------------------------------- */

enum { WORD_BYTES = 256 };

/* Copies the next word; false when there is none. */
static bool next_word(const char **words, char word[static WORD_BYTES]) {
    *words += strspn(*words, " ");
    size_t bytes = strcspn(*words, " ");
    if (bytes == 0) return false;
    (void)snprintf(word, WORD_BYTES, "%.*s", (int)bytes, *words);
    *words += bytes;
    return true;
}

static bool is_number(const char *word, int64_t *number) {
    char *end;
    *number = strtoll(word, &end, 10);
    return *end == 0;
}

static void put_ints(struct onnx_bytes *message, int field, const char *values) {
    struct onnx_bytes packed = {0};
    char word[WORD_BYTES];
    while (next_word(&values, word)) onnx_put_varint(&packed, (uint64_t)strtoll(word, NULL, 10));
    onnx_put_message(message, field, &packed);
}

static void put_names(struct onnx_bytes *message, int field, const char *names) {
    char word[WORD_BYTES];
    while (next_word(&names, word)) onnx_put_text(message, field, strcmp(word, "-") == 0 ? "" : word);
}

/* ---- models ------------------------------------------------------------------------------------ */

struct onnx_writer onnx_begin(int64_t opset) {
    return (struct onnx_writer){.ir_version = 8, .opset = opset};
}

static struct onnx_bytes shape_of(const char *words) {
    struct onnx_bytes shape = {0};
    char word[WORD_BYTES];
    while (next_word(&words, word)) {
        struct onnx_bytes dimension = {0};
        int64_t number;
        if (is_number(word, &number)) {
            onnx_put_int(&dimension, ONNX_DIM_VALUE, number);
        } else {
            onnx_put_text(&dimension, ONNX_DIM_SYMBOL, word);
        }
        onnx_put_message(&shape, ONNX_SHAPE_DIM, &dimension);
    }
    return shape;
}

void onnx_typed_input(struct onnx_writer *w, const char *name, int type, const char *shape) {
    struct onnx_bytes value = {0}, type_of_value = {0}, tensor = {0};
    struct onnx_bytes dims = shape_of(shape);
    onnx_put_int(&tensor, ONNX_TENSOR_TYPE_ELEMENT, type);
    onnx_put_message(&tensor, ONNX_TENSOR_TYPE_SHAPE, &dims);
    onnx_put_message(&type_of_value, ONNX_TYPE_TENSOR, &tensor);
    onnx_put_text(&value, ONNX_VALUE_NAME, name);
    onnx_put_message(&value, ONNX_VALUE_TYPE, &type_of_value);
    onnx_put_message(&w->graph, ONNX_GRAPH_INPUT, &value);
}

void onnx_input(struct onnx_writer *w, const char *name, const char *shape) {
    onnx_typed_input(w, name, FMAP_FLOAT32, shape);
}

void onnx_output(struct onnx_writer *w, const char *name) {
    struct onnx_bytes value = {0};
    onnx_put_text(&value, ONNX_VALUE_NAME, name);
    onnx_put_message(&w->graph, ONNX_GRAPH_OUTPUT, &value);
}

struct onnx_bytes onnx_tensor_head(const char *name, int type, const char *shape) {
    struct onnx_bytes tensor = {0};
    put_ints(&tensor, ONNX_TENSOR_DIMS, shape);
    onnx_put_int(&tensor, ONNX_TENSOR_TYPE, type);
    if (name) onnx_put_text(&tensor, ONNX_TENSOR_NAME, name);
    return tensor;
}

void onnx_initializer(struct onnx_writer *w, const char *name, int type, const char *shape,
                      const void *elements, size_t bytes) {
    struct onnx_bytes tensor = onnx_tensor_head(name, type, shape);
    onnx_put_bytes(&tensor, ONNX_TENSOR_RAW, elements, bytes);
    onnx_put_message(&w->graph, ONNX_GRAPH_INITIALIZER, &tensor);
}

void onnx_weights(struct onnx_writer *w, const char *name, const char *shape, const float *values) {
    size_t elements = 1;
    const char *words = shape;
    char word[WORD_BYTES];
    while (next_word(&words, word)) elements *= (size_t)strtoll(word, NULL, 10);
    onnx_initializer(w, name, FMAP_FLOAT32, shape, values, elements * sizeof *values);
}

void onnx_int64s(struct onnx_writer *w, const char *name, const char *values) {
    struct onnx_bytes elements = {0};
    int64_t count = 0;
    char word[WORD_BYTES];
    while (next_word(&values, word)) {
        int64_t value = strtoll(word, NULL, 10);
        onnx_put(&elements, &value, sizeof value);
        count++;
    }
    (void)snprintf(word, sizeof word, "%lld", (long long)count);
    onnx_initializer(w, name, FMAP_INT64, word, elements.data, elements.count);
    free(elements.data);
}

/* ---- nodes ------------------------------------------------------------------------------------- */

static void close_node(struct onnx_writer *w) {
    if (w->node.count) onnx_put_message(&w->graph, ONNX_GRAPH_NODE, &w->node);
}

void onnx_node(struct onnx_writer *w, const char *op, const char *name, const char *inputs,
               const char *outputs) {
    close_node(w);
    put_names(&w->node, ONNX_NODE_INPUT, inputs);
    put_names(&w->node, ONNX_NODE_OUTPUT, outputs);
    if (name) onnx_put_text(&w->node, ONNX_NODE_NAME, name);
    onnx_put_text(&w->node, ONNX_NODE_OP, op);
}

struct onnx_bytes onnx_attribute_head(const char *name, int type) {
    struct onnx_bytes attribute = {0};
    onnx_put_text(&attribute, ONNX_ATTRIBUTE_NAME, name);
    onnx_put_int(&attribute, ONNX_ATTRIBUTE_TYPE, type);
    return attribute;
}

enum { TYPE_FLOAT = 1, TYPE_INT, TYPE_STRING, TYPE_TENSOR, TYPE_GRAPH, TYPE_FLOATS, TYPE_INTS };

void onnx_int(struct onnx_writer *w, const char *name, int64_t value) {
    struct onnx_bytes attribute = onnx_attribute_head(name, TYPE_INT);
    onnx_put_int(&attribute, ONNX_ATTRIBUTE_I, value);
    onnx_put_message(&w->node, ONNX_NODE_ATTRIBUTE, &attribute);
}

void onnx_float(struct onnx_writer *w, const char *name, float value) {
    struct onnx_bytes attribute = onnx_attribute_head(name, TYPE_FLOAT);
    onnx_put_float(&attribute, ONNX_ATTRIBUTE_F, value);
    onnx_put_message(&w->node, ONNX_NODE_ATTRIBUTE, &attribute);
}

void onnx_string(struct onnx_writer *w, const char *name, const char *value) {
    struct onnx_bytes attribute = onnx_attribute_head(name, TYPE_STRING);
    onnx_put_text(&attribute, ONNX_ATTRIBUTE_S, value);
    onnx_put_message(&w->node, ONNX_NODE_ATTRIBUTE, &attribute);
}

void onnx_ints(struct onnx_writer *w, const char *name, const char *values) {
    struct onnx_bytes attribute = onnx_attribute_head(name, TYPE_INTS);
    put_ints(&attribute, ONNX_ATTRIBUTE_INTS, values);
    onnx_put_message(&w->node, ONNX_NODE_ATTRIBUTE, &attribute);
}

void onnx_floats(struct onnx_writer *w, const char *name, size_t count, const float *values) {
    struct onnx_bytes attribute = onnx_attribute_head(name, TYPE_FLOATS);
    onnx_put_bytes(&attribute, ONNX_ATTRIBUTE_FLOATS, values, count * sizeof *values);
    onnx_put_message(&w->node, ONNX_NODE_ATTRIBUTE, &attribute);
}

void onnx_tensor(struct onnx_writer *w, const char *name, struct onnx_bytes *tensor) {
    struct onnx_bytes attribute = onnx_attribute_head(name, TYPE_TENSOR);
    onnx_put_message(&attribute, ONNX_ATTRIBUTE_T, tensor);
    onnx_put_message(&w->node, ONNX_NODE_ATTRIBUTE, &attribute);
}

/* ---- the file ---------------------------------------------------------------------------------- */

const void *onnx_end(struct onnx_writer *w, size_t *bytes) {
    struct onnx_bytes file = {0};
    close_node(w);
    if (w->ir_version) onnx_put_int(&file, ONNX_MODEL_IR_VERSION, w->ir_version);
    onnx_put(&file, w->model.data, w->model.count);
    onnx_put_message(&file, ONNX_MODEL_GRAPH, &w->graph);
    if (w->opset) {
        struct onnx_bytes set = {0};
        onnx_put_int(&set, ONNX_OPSET_VERSION, w->opset);
        onnx_put_message(&file, ONNX_MODEL_OPSET, &set);
    }
    free(w->model.data);
    w->model = file;
    *bytes = file.count;
    return file.data;
}

void onnx_free(struct onnx_writer *w) {
    free(w->model.data);
    free(w->graph.data);
    free(w->node.data);
    *w = (struct onnx_writer){0};
}

fmap_status onnx_load(struct onnx_writer *w, fmap_model **model, fmap_error *error) {
    size_t bytes;
    const void *file = onnx_end(w, &bytes);
    fmap_error own = {0};
    fmap_status status = fmap_model_load_memory(file, bytes, "test.onnx", NULL, model, error ? error : &own);
    if (!error && status != FMAP_OK) fprintf(stderr, "%s: %s\n", fmap_status_name(status), own.message);
    return status;
}
