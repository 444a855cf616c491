/* Reading Keras: the parts of the loader, in keras.c and keras_*.c.
 *
 * Keras says channels last where the model says n, c, h, w. So a tensor is held in one of two orders, or in both: plain, as
 * Keras has it, or moved, with the channels in front of the pixels. Layers over images ask for the moved order, layers over
 * elements take what is there, and those whose meaning depends on the order, such as Reshape, ask for the plain one. Inputs
 * of images are moved from the start, unless the network is written for channels first. */
#ifndef FMAP_FORMATS_KERAS_LOADER_H
#define FMAP_FORMATS_KERAS_LOADER_H

#include <jansson.h>

#include "format.h"
#include "name_set.h"
#include "scratch.h"
#include "text.h"

/* How deep models may lie in models, and how many layers there may be when all of them are written out. */
enum { FMAP_SAVED_MAX_DEPTH = 16, FMAP_SAVED_MAX_CALLS = 100000, FMAP_SAVED_NAME_BYTES = 400 };

/* ---- weights ----------------------------------------------------------------------------------- */

struct fmap_saved_shard {
    const uint8_t *data;
    size_t bytes;
};

/* Files that hold the weights of a list, one behind the other. */
struct fmap_saved_group {
    struct fmap_saved_shard *shards;
    size_t n_shards;
    size_t bytes; /* of all */
};

/* Weights as the file has them: one array of numbers. */
struct fmap_saved_weight {
    const char *name; /* such as "conv1/kernel" */
    fmap_shape shape;
    const char *type;      /* of the elements: "float32" */
    const char *stored;    /* of the elements in the file: `type` itself, unless they are quantised */
    double scale, minimum; /* of elements quantised as integers: q * scale + minimum */
    const struct fmap_saved_group *group;
    size_t offset, bytes; /* in that group's files, taken as one */
    const float *floats;  /* NULL: not asked for yet */
    fmap_value as_it_is;  /* a constant of these elements; FMAP_NO_VALUE: none yet */
    fmap_value reordered; /* the same of elements in another order */
};

struct fmap_saved_weights {
    struct fmap_saved_weight *weights;
    size_t n_weights;
    json_t *by_name;  /* whole names to indices */
    json_t *by_layer; /* "layer/kernel" to indices, whatever lies around and between the two */
};

/* ---- the loader -------------------------------------------------------------------------------- */

struct fmap_saved_loader {
    fmap_model *model;
    const struct fmap_source *source;
    struct fmap_scratch scratch;
    struct fmap_scratch *kept;  /* lives as long as the model: weights that had to be converted */
    struct fmap_name_set names; /* of nodes */
    struct fmap_saved_weights weights;
    bool channels_first; /* some layer says so: then inputs come in that order too */
    bool keras_3;        /* a few activations have changed there */
    bool numbered;       /* weights are "layers/conv2d_1/vars/0" instead of "conv/kernel" */
    size_t n_calls;
};

/* Gives the model a failure; always false, so that a caller can return it. */
bool fmap_saved_fail(struct fmap_saved_loader *loader, fmap_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool fmap_saved_out_of_memory(struct fmap_saved_loader *loader);

/* Text, or any other part of the file, as it may be quoted. */
struct fmap_text_shown fmap_saved_show(const char *text);
struct fmap_text_shown fmap_saved_show_json(const json_t *json);

/* "first" and "second" in scratch memory, with `between`; NULL, and a failure, without memory. */
const char *fmap_saved_join(struct fmap_saved_loader *loader, const char *first, const char *between,
                            const char *second);

/* A loader for a model, and the end of it; the model has the failure. */
void fmap_saved_begin(struct fmap_saved_loader *loader, fmap_model *model, const struct fmap_source *source);
void fmap_saved_end(struct fmap_saved_loader *loader);

/* The network as JSON; NULL with a failure. */
json_t *fmap_saved_parse(struct fmap_saved_loader *loader, const char *text, size_t bytes);

/* All arrays of a group and of those inside of it, by their paths, as weights (keras_hdf5.c). */
struct fmap_hdf5;
bool fmap_saved_read_hdf5(struct fmap_saved_loader *loader, struct fmap_hdf5 *file, uint64_t group);
/* Reads the list of weights in the file, and maps their files (keras_manifest.c). */
bool fmap_saved_read_manifest(struct fmap_saved_loader *loader, const json_t *manifest);
/* Indexes the weights by their names (keras_weights.c). */
bool fmap_saved_index_weights(struct fmap_saved_loader *loader);

/* The elements in float32, borrowed from the file where they lie in one piece (keras_manifest.c); NULL with a failure. */
const float *fmap_saved_floats(struct fmap_saved_loader *loader, struct fmap_saved_weight *weight);

/* ---- tensors ----------------------------------------------------------------------------------- */

struct fmap_saved_tensor {
    fmap_value plain; /* FMAP_NO_VALUE: not there in this order */
    fmap_value moved;
};

/* A layer of the file. */
struct fmap_saved_layer {
    const char *path; /* its name behind those of the models around it: "outer/inner" */
    const char *own_name;
    const char *stored; /* where its weights are, when they are numbered: "layers/conv2d_1" */
    const char *class_name;
    const json_t *config;
    size_t n_calls; /* so far */
};

/* A layer that is being applied to tensors. */
struct fmap_saved_call {
    struct fmap_saved_loader *loader;
    const struct fmap_saved_layer *layer;
    const char *name;  /* of its node: the layer's, with a number for all calls but the first */
    bool name_is_free; /* nobody else can have taken it, for it was put aside */
    struct fmap_saved_tensor **inputs;
    size_t n_inputs;
    const json_t *arguments; /* of the call, by name; may be NULL */
};

/* "MODEL: layer 'NAME' (CLASS): " and the sentence; always false. */
bool fmap_saved_refuse(const struct fmap_saved_call *call, fmap_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A tensor's shape in Keras' order. */
bool fmap_saved_shape(const struct fmap_saved_call *call, const struct fmap_saved_tensor *tensor,
                      fmap_shape *shape);

/* The tensor in one of the orders; a Transpose is added where it is not there yet. */
bool fmap_saved_plain(struct fmap_saved_call *call, struct fmap_saved_tensor *tensor, fmap_value *value);
bool fmap_saved_moved(struct fmap_saved_call *call, struct fmap_saved_tensor *tensor, fmap_value *value);

/* Whichever order is there, the moved one first. */
fmap_value fmap_saved_any(const struct fmap_saved_tensor *tensor);
/* A tensor of one value in the order of another tensor. */
struct fmap_saved_tensor fmap_saved_like(const struct fmap_saved_tensor *tensor, fmap_value value);
/* An axis of Keras' order, 0 .. rank - 1, in the moved order. */
int64_t fmap_saved_moved_axis(int64_t axis, int rank);

/* ---- nodes ------------------------------------------------------------------------------------- */

struct fmap_saved_node {
    const char *op;
    const char *part; /* NULL: the node is the layer; else it becomes NAME/part */
    const fmap_value *inputs;
    size_t n_inputs;
    const fmap_attribute *attributes;
    size_t n_attributes;
};

/* The layer's name for a node, or NAME/part: unique, and NULL with a failure. */
const char *fmap_saved_name_node(struct fmap_saved_call *call, const char *part);
/* Adds a node of one output. */
bool fmap_saved_add(struct fmap_saved_call *call, const struct fmap_saved_node *node, fmap_value *output);
/* Adds a node of one input without attributes. */
bool fmap_saved_add_plain(struct fmap_saved_call *call, const char *op, const char *part, fmap_value input,
                          fmap_value *output);
/* Adds a node of two inputs without attributes. */
bool fmap_saved_add_pair(struct fmap_saved_call *call, const char *op, const char *part, fmap_value a,
                         fmap_value b, fmap_value *output);
/* Adds the layer's node of one input and one attribute. */
bool fmap_saved_add_with(struct fmap_saved_call *call, const char *op, fmap_value input,
                         fmap_attribute attribute, fmap_value *output);

/* Adds the layer's node of a value's elements between two numbers. */
bool fmap_saved_clip(struct fmap_saved_call *call, fmap_value input, double low, double high,
                     fmap_value *output);

fmap_attribute fmap_saved_int_attribute(const char *name, int64_t value);
fmap_attribute fmap_saved_float_attribute(const char *name, double value);
fmap_attribute fmap_saved_ints_attribute(const char *name, const int64_t *values, size_t n);
fmap_attribute fmap_saved_text_attribute(const char *name, const char *value);

/* Constants without a name. */
fmap_value fmap_saved_scalar(struct fmap_saved_call *call, double value);
fmap_value fmap_saved_ints(struct fmap_saved_call *call, const int64_t *values, size_t n);
fmap_value fmap_saved_floats_constant(struct fmap_saved_call *call, const fmap_shape *shape,
                                      const float *floats);

/* ---- weights of a layer (keras_weights.c) ------------------------------------------------------ */

/* The layer's weights of that name, which have to be of that shape. */
struct fmap_saved_weight *fmap_saved_find(struct fmap_saved_call *call, const char *name,
                                          const fmap_shape *shape);
bool fmap_saved_has_weight(struct fmap_saved_call *call, const char *name);
/* As a constant with the elements as they lie in the file. */
bool fmap_saved_constant(struct fmap_saved_call *call, const char *name, const fmap_shape *shape,
                         fmap_value *value);
/* As a constant with the axes in another order: axis i of the constant is order[i] of the weights, and then of the shape
 * `becomes`, which has as many elements. */
bool fmap_saved_reordered(struct fmap_saved_call *call, const char *name, const fmap_shape *shape,
                          const int *order, const fmap_shape *becomes, fmap_value *value);
/* Memory for floats that lives as long as the model. */
float *fmap_saved_keep(struct fmap_saved_loader *loader, const fmap_shape *shape);

/* ---- what a layer's configuration says (keras_config.c) ---------------------------------------- */

/* Each leaves `value` alone where the key is missing or null, and fails where it has another type. */
bool fmap_saved_get_int(const struct fmap_saved_call *call, const char *key, int64_t *value);
bool fmap_saved_get_bool(const struct fmap_saved_call *call, const char *key, bool *value);
bool fmap_saved_get_number(const struct fmap_saved_call *call, const char *key, double *value);
bool fmap_saved_get_text(const struct fmap_saved_call *call, const char *key, const char **value);
/* n numbers, or one for all of them. */
bool fmap_saved_get_ints(const struct fmap_saved_call *call, const char *key, size_t n, int64_t *values);
/* The same of at least 1 each. */
bool fmap_saved_get_sizes(const struct fmap_saved_call *call, const char *key, size_t n, int64_t *values);
/* An axis of a tensor of that rank, counted from 0; below 0 from the end. Also the only one of a list. */
bool fmap_saved_get_axis(const struct fmap_saved_call *call, const char *key, int rank, int64_t *axis);
/* False in *first: channels last, which is also what no word about it means. */
bool fmap_saved_get_channels_first(const struct fmap_saved_call *call, bool *first);

/* The tensor as a layer over images wants it, channels in front, and the way back for its output. */
struct fmap_saved_image {
    fmap_value value;
    fmap_shape shape; /* n, c, ... */
    bool moved;
};
bool fmap_saved_get_image(struct fmap_saved_call *call, int rank, struct fmap_saved_image *image);
struct fmap_saved_tensor fmap_saved_image_output(const struct fmap_saved_image *image, fmap_value value);
/* The number of its channels, which has to be known. */
bool fmap_saved_get_channels(const struct fmap_saved_call *call, const struct fmap_saved_image *image,
                             int64_t *channels);

/* ---- layers ------------------------------------------------------------------------------------ */

typedef bool fmap_saved_build(struct fmap_saved_call *call, struct fmap_saved_tensor *output);

/* Applies a layer: finds its class and lets that build it (keras_layer.c). */
fmap_saved_build fmap_saved_apply;

/* What the classes are built by: one row each in keras_layers.inc. */
#define KERAS(class, build, least, most) fmap_saved_build fmap_saved_##build;
#include "keras_layers.inc"
#undef KERAS

/* Applies an activation as Keras writes it down, a name or a layer, to what a layer has put out; none is the identity. The
 * node is called NAME_relu, NAME_softmax, ... (keras_activation.c). */
bool fmap_saved_activate(struct fmap_saved_call *call, const char *key, struct fmap_saved_tensor *tensor);

/* The activation of that name as the layer itself. */
bool fmap_saved_activate_by_name(struct fmap_saved_call *call, const char *name,
                                 struct fmap_saved_tensor *tensor);

/* The quotient of two inputs, which no layer of Keras is (keras_merge.c). */
fmap_saved_build fmap_saved_divide;

/* ---- networks (keras_network.c) ---------------------------------------------------------------- */

/* Builds the whole model from its class (Sequential or Functional) and configuration. */
bool fmap_saved_build_model(struct fmap_saved_loader *loader, const json_t *network);

#endif
