/* Writes small ONNX models into memory, so that a test says in a few lines what a file holds:
 *
 *     struct onnx_writer w = onnx_begin(13);
 *     onnx_input(&w, "x", "N 1 28 28");
 *     onnx_weights(&w, "w", "8 1 5 5", weights);
 *     onnx_node(&w, "Conv", "conv1", "x w", "y");
 *     onnx_ints(&w, "pads", "2 2 2 2");
 *     onnx_output(&w, "y");
 *     fmap_model *model;
 *     fmap_status status = onnx_load(&w, &model, &error);
 *     ...
 *     fmap_model_destroy(model);
 *     onnx_free(&w);
 *
 * Shapes, lists of integers and lists of names are words with spaces between them. Nothing is checked: what
 * is asked for is written, be it a model or not. When there is no more memory, the program ends.
 */
#ifndef FMAP_TESTS_ONNX_WRITER_H
#define FMAP_TESTS_ONNX_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include <fmap/fmap.h>

/* ---- protobuf: a message is its fields, one after the other ------------------------------------ */

struct onnx_bytes {
    uint8_t *data;
    size_t count;
    size_t capacity;
};

enum { ONNX_VARINT = 0, ONNX_FIXED64 = 1, ONNX_LENGTH = 2, ONNX_FIXED32 = 5 };

void onnx_put(struct onnx_bytes *bytes, const void *data, size_t count);
void onnx_put_varint(struct onnx_bytes *bytes, uint64_t value);
void onnx_put_tag(struct onnx_bytes *bytes, int field, int wire_type);
void onnx_put_int(struct onnx_bytes *message, int field, int64_t value);
void onnx_put_float(struct onnx_bytes *message, int field, float value);
void onnx_put_bytes(struct onnx_bytes *message, int field, const void *data, size_t count);
void onnx_put_text(struct onnx_bytes *message, int field, const char *text);

/* Puts a message into another and frees it. */
void onnx_put_message(struct onnx_bytes *message, int field, struct onnx_bytes *inner);

/* ---- models ------------------------------------------------------------------------------------ */

struct onnx_writer {
    int64_t ir_version;      /* 8 unless changed; 0: not written */
    int64_t opset;           /* 0: not written */
    struct onnx_bytes model; /* fields of the model; graph is appended at the end */
    struct onnx_bytes graph; /* fields of the graph */
    struct onnx_bytes node;  /* the last node, which attributes are added to */
};

struct onnx_writer onnx_begin(int64_t opset);

/* Inputs and outputs of the graph. Words of a shape that are no numbers are symbols: "batch 3 H W". */
void onnx_input(struct onnx_writer *w, const char *name, const char *shape);
void onnx_typed_input(struct onnx_writer *w, const char *name, int type, const char *shape);
void onnx_output(struct onnx_writer *w, const char *name);

/* Initializers with raw_data: float32, a list of int64, any type (`bytes` of elements). */
void onnx_weights(struct onnx_writer *w, const char *name, const char *shape, const float *values);
void onnx_int64s(struct onnx_writer *w, const char *name, const char *values);
void onnx_initializer(struct onnx_writer *w, const char *name, int type, const char *shape,
                      const void *elements, size_t bytes);

/* Starts a node. A name of NULL is not written; an input "-" is left out. */
void onnx_node(struct onnx_writer *w, const char *op, const char *name, const char *inputs,
               const char *outputs);

/* Attributes of the last node. */
void onnx_int(struct onnx_writer *w, const char *name, int64_t value);
void onnx_float(struct onnx_writer *w, const char *name, float value);
void onnx_string(struct onnx_writer *w, const char *name, const char *value);
void onnx_ints(struct onnx_writer *w, const char *name, const char *values);
void onnx_floats(struct onnx_writer *w, const char *name, size_t count, const float *values);
void onnx_tensor(struct onnx_writer *w, const char *name, struct onnx_bytes *tensor); /* frees it */

/* The file. It belongs to the writer and lives until onnx_free(). */
const void *onnx_end(struct onnx_writer *w, size_t *bytes);
void onnx_free(struct onnx_writer *w);

/* Ends the file and loads it under the name "test.onnx". The model borrows from the writer: destroy it
 * first. `error` may be NULL: then a failure goes to stderr. */
fmap_status onnx_load(struct onnx_writer *w, fmap_model **model, fmap_error *error);

/* ---- parts, for models that onnx_... above cannot write ------------------------------------------ */

/* A TensorProto without elements; name NULL: none. */
struct onnx_bytes onnx_tensor_head(const char *name, int type, const char *shape);

/* An AttributeProto without a value, of a type of AttributeProto.AttributeType. */
struct onnx_bytes onnx_attribute_head(const char *name, int type);

/* Numbers of fields, as published. */
enum {
    ONNX_MODEL_IR_VERSION = 1,
    ONNX_MODEL_GRAPH = 7,
    ONNX_MODEL_OPSET = 8,
    ONNX_OPSET_DOMAIN = 1,
    ONNX_OPSET_VERSION = 2,
    ONNX_GRAPH_NODE = 1,
    ONNX_GRAPH_INITIALIZER = 5,
    ONNX_GRAPH_INPUT = 11,
    ONNX_GRAPH_OUTPUT = 12,
    ONNX_GRAPH_SPARSE_INITIALIZER = 15,
    ONNX_NODE_INPUT = 1,
    ONNX_NODE_OUTPUT = 2,
    ONNX_NODE_NAME = 3,
    ONNX_NODE_OP = 4,
    ONNX_NODE_ATTRIBUTE = 5,
    ONNX_NODE_DOMAIN = 7,
    ONNX_ATTRIBUTE_NAME = 1,
    ONNX_ATTRIBUTE_F = 2,
    ONNX_ATTRIBUTE_I = 3,
    ONNX_ATTRIBUTE_S = 4,
    ONNX_ATTRIBUTE_T = 5,
    ONNX_ATTRIBUTE_G = 6,
    ONNX_ATTRIBUTE_FLOATS = 7,
    ONNX_ATTRIBUTE_INTS = 8,
    ONNX_ATTRIBUTE_TYPE = 20,
    ONNX_ATTRIBUTE_REF = 21,
    ONNX_TENSOR_DIMS = 1,
    ONNX_TENSOR_TYPE = 2,
    ONNX_TENSOR_FLOATS = 4,
    ONNX_TENSOR_INT32S = 5,
    ONNX_TENSOR_INT64S = 7,
    ONNX_TENSOR_NAME = 8,
    ONNX_TENSOR_RAW = 9,
    ONNX_TENSOR_DOUBLES = 10,
    ONNX_TENSOR_EXTERNAL = 13,
    ONNX_TENSOR_LOCATION = 14,
    ONNX_ENTRY_KEY = 1,
    ONNX_ENTRY_VALUE = 2,
    ONNX_VALUE_NAME = 1,
    ONNX_VALUE_TYPE = 2,
    ONNX_TYPE_TENSOR = 1,
    ONNX_TENSOR_TYPE_ELEMENT = 1,
    ONNX_TENSOR_TYPE_SHAPE = 2,
    ONNX_SHAPE_DIM = 1,
    ONNX_DIM_VALUE = 1,
    ONNX_DIM_SYMBOL = 2
};

#endif
