/* The model: a graph of nodes over values, immutable once it is finished.
 *
 * Operators carry the names, inputs, outputs and attributes of ONNX
 * (https://onnx.ai/onnx/operators/), whichever way the model was made: the loaders and the Keras-like
 * functions of layers.h are written over fmap_model_node(). Images are n, c, h, w.
 */
#ifndef FMAP_MODEL_H
#define FMAP_MODEL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fmap_model fmap_model;

/* ---- loading --------------------------------------------------------------------------------- */

/* Loads a model from a file; the format is recognised by the content: ONNX (opsets 1 to 21), a file of Keras (.h5, .keras), or
 * a layers-model of Keras as TensorFlow.js writes it (model.json). Inputs and outputs of a Keras model that are images are n, c, h, w here; ports of
 * the layout FMAP_NHWC take and give them as Keras does.
 * The file is mapped and must not change while the model lives: weights are read from the mapping. So are files of
 * external data and weights, which must lie in the model's folder or below: absolute paths, ".." and symbolic links are
 * refused.
 * On success *model is finished and belongs to the caller. Errors: IO, FORMAT, UNSUPPORTED (the
 * sentence names the node and its operator), MODEL, LIMIT, MEMORY. */
FMAP_API fmap_status fmap_model_load(const char *path, const fmap_allocator *allocator, fmap_model **model,
                                     fmap_error *error);

/* The same from memory, which must stay and not change while the model lives; without external data. `name` stands for the
 * file name in error messages; NULL is "model". */
FMAP_API fmap_status fmap_model_load_memory(const void *data, size_t bytes, const char *name,
                                            const fmap_allocator *allocator, fmap_model **model,
                                            fmap_error *error);

/* Frees a model, finished or not. No plan of it may be alive. */
FMAP_API void fmap_model_destroy(fmap_model *model);

/* ---- building -------------------------------------------------------------------------------- */

/* Makes an empty model. Then add inputs, constants and nodes in an order in which every value exists
 * before it is used, name the outputs, and call fmap_model_finish().
 *
 * Building functions return a value, or a status, for convenience only: the first failure is kept,
 * later calls do nothing, and fmap_model_finish() reports it. So a network can be written without a
 * check on every line. A model that is being built belongs to one thread. */
FMAP_API fmap_status fmap_model_create(const fmap_allocator *allocator, fmap_model **model,
                                       fmap_error *error);

/* Something that a node reads or writes: an input, a constant or an output of a node. */
typedef int32_t fmap_value;

/* What a failed call returns, and how an optional input of a node is left out. */
#define FMAP_NO_VALUE ((fmap_value)0)

/* Names the model in error messages; a loader gives its file's name. Copied. */
FMAP_API fmap_status fmap_model_set_name(fmap_model *model, const char *name);

/* The version of the ONNX operator set that nodes added from now on are written in, 1 to 21.
 * 21 unless set. */
FMAP_API fmap_status fmap_model_set_opset(fmap_model *model, int version);

/* Calls release(resource) when the model is destroyed: for memory that constants are borrowed from.
 * When the call itself fails, release is called at once. */
FMAP_API fmap_status fmap_model_keep(fmap_model *model, void *resource, void (*release)(void *resource));

/* An input of the network. Dimensions, or the rank itself, may be FMAP_UNKNOWN; a plan must be able to fill them in. */
FMAP_API fmap_value fmap_model_input(fmap_model *model, const char *name, fmap_type type,
                                     const fmap_shape *shape);

typedef enum fmap_ownership {
    FMAP_COPY = 0, /* the data is copied before the call returns */
    FMAP_BORROW    /* the data stays the caller's and must outlive the model (see fmap_model_keep) */
} fmap_ownership;

/* A constant: weights, or an attribute that became an input. `name` may be NULL. */
FMAP_API fmap_value fmap_model_constant(fmap_model *model, const char *name, const fmap_tensor *tensor,
                                        fmap_ownership ownership);

typedef enum fmap_attribute_type {
    FMAP_ATTRIBUTE_INT = 1,
    FMAP_ATTRIBUTE_FLOAT,
    FMAP_ATTRIBUTE_STRING,
    FMAP_ATTRIBUTE_INTS,
    FMAP_ATTRIBUTE_FLOATS,
    FMAP_ATTRIBUTE_TENSOR
} fmap_attribute_type;

/* An attribute of a node; `type` says which members count. */
typedef struct fmap_attribute {
    const char *name;
    fmap_attribute_type type;
    int64_t i;
    float f;
    const char *s;
    const int64_t *ints; /* `count` of them */
    const float *floats; /* `count` of them */
    size_t count;
    fmap_tensor tensor;              /* its data is copied or borrowed as `tensor_ownership` says */
    fmap_ownership tensor_ownership; /* FMAP_COPY unless set */
} fmap_attribute;

/* A node to add. Everything it points at is copied. */
typedef struct fmap_node_definition {
    const char *op;   /* ONNX operator, such as "Conv" */
    const char *name; /* of the layer; NULL or "": made from the operator and a number. Unique. */
    const fmap_value *inputs;
    size_t n_inputs;                 /* FMAP_NO_VALUE leaves an optional input out */
    const char *const *output_names; /* NULL: made from the node's name; "" or NULL inside: not wanted */
    size_t n_outputs;
    const fmap_attribute *attributes;
    size_t n_attributes;
} fmap_node_definition;

/* Adds a node and stores its outputs' values in outputs[0 .. n_outputs). The operator, its inputs and
 * attributes are checked and its outputs' shapes inferred at once. */
FMAP_API fmap_status fmap_model_node(fmap_model *model, const fmap_node_definition *definition,
                                     fmap_value *outputs);

/* Makes a value an output of the network. The order of the calls is the order of the outputs. */
FMAP_API fmap_status fmap_model_output(fmap_model *model, fmap_value value);

/* Records a failure that the caller of the building functions found itself (a loader that met a
 * damaged file): as if the last call had failed with this status and sentence. Returns `status`. */
FMAP_API fmap_status fmap_model_fail(fmap_model *model, fmap_status status, const char *sentence);

/* Ends the building. Reports the first failure of any building call, or a network that has no output.
 * On success the model is immutable and may be shared between threads; on failure destroy it. */
FMAP_API fmap_status fmap_model_finish(fmap_model *model, fmap_error *error);

/* ---- asking (while building, or after) ------------------------------------------------------- */

/* The value with that name, or FMAP_NO_VALUE. */
FMAP_API fmap_value fmap_model_find_value(const fmap_model *model, const char *name);

typedef struct fmap_value_info {
    const char *name;
    fmap_type type;
    fmap_shape shape; /* dimensions that depend on a plan are FMAP_UNKNOWN */
    const void *data; /* of a constant; NULL for everything else */
} fmap_value_info;

/* Describes a value. Error: ARGUMENT when there is no such value. */
FMAP_API fmap_status fmap_model_value(const fmap_model *model, fmap_value value, fmap_value_info *info);

FMAP_API size_t fmap_model_input_count(const fmap_model *model);
FMAP_API size_t fmap_model_output_count(const fmap_model *model);

/* The i-th input or output; FMAP_NO_VALUE when there are not so many. */
FMAP_API fmap_value fmap_model_input_value(const fmap_model *model, size_t i);
FMAP_API fmap_value fmap_model_output_value(const fmap_model *model, size_t i);

/* Nodes, in the order in which they were added: the layers of the network. */
FMAP_API size_t fmap_model_node_count(const fmap_model *model);

typedef struct fmap_node_info {
    const char *name;
    const char *op;
    const fmap_value *inputs;
    size_t n_inputs;
    const fmap_value *outputs;
    size_t n_outputs;
} fmap_node_info;

/* Describes the i-th node. Error: ARGUMENT when there are not so many. */
FMAP_API fmap_status fmap_model_node_at(const fmap_model *model, size_t i, fmap_node_info *info);

FMAP_API const char *fmap_model_name(const fmap_model *model);

#ifdef __cplusplus
}
#endif

#endif
