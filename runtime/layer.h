/* A layer: one room (layers/x.c) answers every question about an operator. */
#ifndef FMAP_RUNTIME_LAYER_H
#define FMAP_RUNTIME_LAYER_H

#include "runtime/attributes.h"
#include "runtime/graph.h"

struct fmap_planning;

struct fmap_layer {
    const char *op; /* ONNX' name */
    size_t min_inputs, max_inputs, max_outputs;

    /* Checks the attributes and keeps what they say in node->parameters. NULL: there are none. */
    fmap_status (*parse)(struct fmap_parsing *parsing);

    /* Checks the inputs and fills in type and shape of the outputs. Runs when the node is added, with unknown
     * dimensions in the inputs (but never with an input of unknown rank or type: then the outputs are, too), and
     * again for every plan, where all are known. What depends on the elements of an input that are not known yet
     * is put off: fmap_input_pending(), fmap_defer_outputs(). */
    fmap_status (*shape)(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error);

    /* Says, before any step is planned, where the inputs had best lie. NULL: anywhere. */
    fmap_status (*reserve)(struct fmap_planning *planning, const struct fmap_graph_node *node);

    /* Adds the steps that compute the node. All shapes are known. */
    fmap_status (*plan)(struct fmap_planning *planning, const struct fmap_graph_node *node);

    /* Multiply-accumulates of the direct algorithm. NULL: none. */
    int64_t (*macs)(const struct fmap_graph *graph, const struct fmap_graph_node *node);

    /* Whether output 0 is nothing but input 0's elements in the same order, whatever its shape. NULL: it is not. */
    bool (*view)(const struct fmap_graph *graph, const struct fmap_graph_node *node);

    bool
        by_image; /* an image of the output is made of that image of every input that is none of a constant */
    bool from_shapes; /* the outputs depend on nothing but the shapes of the inputs */
    bool never_fold;  /* stays a step even where all inputs are constants */
    bool activation;  /* ends what a tap calls "pre-activation" */
    bool pool;        /* ends what a tap calls "post-pool" */
};

/* The layer of an operator; NULL when there is none. */
const struct fmap_layer *fmap_layer_find(const char *op);

#define LAYER(op, name) extern const struct fmap_layer fmap_layer_##name;
#include "runtime/layers.inc"
#undef LAYER

/* Output 0 gets the shape given and floats: what most shape functions end with. */
fmap_status fmap_set_output(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                            const fmap_shape *shape);

/* Output i, if somebody wants it, gets the type and the shape given. */
fmap_status fmap_set_output_type(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                                 fmap_type type, const fmap_shape *shape);

/* Errors: MODEL when input i is missing, UNSUPPORTED when it is not float32 or has no elements. */
fmap_status fmap_expect_floats(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                               fmap_error *error);

/* Error: MODEL when input i is missing, or its type is none of `types`, FMAP_TYPES of them joined with |. */
#define FMAP_TYPES(type)  (1u << (type))
#define FMAP_ANY_TYPE     0xffffffffu
#define FMAP_NUMBER_TYPES (FMAP_ANY_TYPE & ~FMAP_TYPES(FMAP_BOOL))
fmap_status fmap_expect_type(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                             unsigned types, fmap_error *error);

/* Whether input i is there, but its elements will only be known when a plan is made. */
bool fmap_input_pending(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i);

/* All outputs have an unknown rank and an unknown type until a plan is made. */
fmap_status fmap_defer_outputs(const struct fmap_graph *graph, const struct fmap_graph_node *node);

/* Calls the layer's shape function, or defers the outputs where an input's rank is unknown. */
fmap_status fmap_infer_outputs(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               fmap_error *error);

#endif
