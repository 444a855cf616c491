/* A network of layers while it is being built: which layers there are, and which are applied to what. */
#ifndef FMAP_FORMATS_KERAS_GRAPH_H
#define FMAP_FORMATS_KERAS_GRAPH_H

#include "keras_loader.h"

/* An output of a layer: the layer's index, which of its calls, which of that call's outputs; or a number. */
struct fmap_saved_reference {
    size_t layer, call, output;
    double number;
    bool is_number;
    const json_t *arguments; /* of the call that reads it; NULL: none */
};

struct fmap_saved_references {
    struct fmap_saved_reference *items;
    size_t count, capacity;
};

/* One application of a layer. */
struct fmap_saved_step {
    size_t layer;
    struct fmap_saved_references reads;
    size_t n_ready; /* of what it reads, the first so many are there */
    bool begun, done;
    struct fmap_saved_tensor *outputs;
    size_t n_outputs;
};

struct fmap_saved_network {
    struct fmap_saved_loader *loader;
    const char *around;        /* what is in front of the layers' paths: "outer/", or nothing */
    const char *node_around;   /* the same of their nodes' names: another when the network is applied again */
    const char *stored_around; /* the same of the places of weights that are numbered */
    bool names_are_free;       /* the layers' names were put aside for them */
    struct fmap_saved_tensor **inputs; /* NULL: it is the model, which makes its own */
    size_t n_inputs;
    struct fmap_saved_layer *layers;
    size_t n_layers;
    size_t *first_steps; /* of each layer; one more is the number of steps */
    struct fmap_saved_step *steps;
    json_t *by_name; /* names of layers to their indices */
    int depth;
};

/* The layers of a network's configuration; NULL when it has none. */
const json_t *fmap_saved_layers_of(const json_t *config);
/* Is it a network that stands where a layer could? */
bool fmap_saved_is_network(const char *class_name);
/* A layer's own name, valid text of a bearable length; NULL with a failure (keras_names.c). */
const char *fmap_saved_name_of(struct fmap_saved_loader *loader, const json_t *layer);
/* Puts the names of all layers aside, so that no helper of one takes that of another, and learns what some layer says of
 * the whole network: where the channels are. */
bool fmap_saved_look_through(struct fmap_saved_loader *loader, const json_t *config);

/* Reads what a node of Keras 2 ([[name, call, output, arguments], ...]) or 3 ({args, kwargs}) reads (keras_reference.c). */
bool fmap_saved_read_references(struct fmap_saved_network *network, const json_t *node, int depth,
                                struct fmap_saved_references *references);

/* Applies all layers of a functional network (keras_graph.c). Inputs are the outputs of their InputLayers. */
bool fmap_saved_run_graph(struct fmap_saved_network *network, const json_t *config);
/* The tensor that a reference means; NULL, with a failure, when there is none. */
struct fmap_saved_tensor *fmap_saved_resolve(struct fmap_saved_network *network,
                                             const struct fmap_saved_reference *reference);

/* Applies a layer or a whole network to tensors (keras_network.c). */
bool fmap_saved_apply_any(struct fmap_saved_network *network, struct fmap_saved_layer *layer,
                          struct fmap_saved_call *call, struct fmap_saved_tensor **outputs,
                          size_t *n_outputs);
/* The input that an InputLayer describes. */
bool fmap_saved_add_input_layer(struct fmap_saved_loader *loader, const struct fmap_saved_layer *layer,
                                struct fmap_saved_tensor *tensor);

#endif
