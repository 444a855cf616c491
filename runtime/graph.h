/* The graph: nodes over values. A model holds one and never changes it; a plan works on a copy. */
#ifndef FMAP_RUNTIME_GRAPH_H
#define FMAP_RUNTIME_GRAPH_H

#include "runtime/shape.h"
#include "runtime/status.h"
#include "runtime/storage.h"

#include <string.h>

struct fmap_layer;

struct fmap_graph_value {
    const char *name;
    fmap_type type;
    fmap_shape shape;
    const void *data; /* of a constant, perhaps unaligned; NULL for everything else */
    int64_t producer; /* index of the node that makes it; -1: an input or a constant */
    fmap_value alias; /* in a plan: the value that has taken its place; 0: none */
    bool kept;        /* in a plan: somebody outside looks at it, so no pass may remove it */
};

struct fmap_graph_node {
    const struct fmap_layer *layer;
    const char *name;
    fmap_value *inputs;
    size_t n_inputs;
    fmap_value *outputs;
    size_t n_outputs;
    const void *parameters; /* what the layer's room made of the attributes */
    int64_t origin;         /* index of the model's node that it came from */
    bool dead;              /* in a plan: a pass has removed it */
    int64_t fused_into;     /* of a dead node: the origin of the node that computes it now; -1: none */
};

struct fmap_graph {
    struct fmap_storage storage;
    const char *name;
    struct fmap_graph_value *values; /* [0] is FMAP_NO_VALUE */
    size_t n_values, values_capacity;
    struct fmap_graph_node *nodes;
    size_t n_nodes, nodes_capacity;
    fmap_value *inputs;
    size_t n_inputs, inputs_capacity;
    fmap_value *outputs;
    size_t n_outputs, outputs_capacity;
    bool settled; /* a plan's: what a shape depends on is known now, or never will be */
};

/* An empty graph. False when there is no memory. */
bool fmap_graph_open(struct fmap_graph *graph, const fmap_allocator *allocator);

/* A copy that shares names, constants and parameters with `source`, which must outlive it. */
bool fmap_graph_copy(struct fmap_graph *graph, const struct fmap_graph *source,
                     const fmap_allocator *allocator);

void fmap_graph_close(struct fmap_graph *graph);

/* Appends a value, a node, an input, an output. FMAP_NO_VALUE, NULL or false when there is no memory. Pointers
 * to earlier values or nodes are void afterwards. The name is not copied. */
fmap_value fmap_graph_add_value(struct fmap_graph *graph, const struct fmap_graph_value *value);
struct fmap_graph_node *fmap_graph_add_node(struct fmap_graph *graph, const struct fmap_graph_node *node);
bool fmap_graph_add_input(struct fmap_graph *graph, fmap_value value);
bool fmap_graph_add_output(struct fmap_graph *graph, fmap_value value);

/* The value of an input of a node, aliases followed; FMAP_NO_VALUE for one that was left out. */
fmap_value fmap_graph_resolve(const struct fmap_graph *graph, fmap_value value);
fmap_value fmap_node_input(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i);

/* The same as a pointer; NULL for an input that was left out. */
struct fmap_graph_value *fmap_input_value(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                          size_t i);

/* The i-th output; the layer's shape function fills it in. */
struct fmap_graph_value *fmap_output_value(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                           size_t i);

/* The i-th float of an array that may be unaligned: the data of a constant that lies in a mapped file. */
static inline float fmap_float_at(const void *floats, int64_t i) {
    float result;
    memcpy(&result, (const char *)floats + i * (int64_t)sizeof result, sizeof result);
    return result;
}

/* Fails with "FILE: node 'NAME' (OP): " before the sentence. */
fmap_status fmap_fail_node(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                           fmap_error *error, fmap_status status, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Names of an input for such a sentence: "input 1 'conv1.weight' of shape 8x1x5x5". */
struct fmap_input_text {
    char text[400];
};
struct fmap_input_text fmap_input_text(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                       size_t i);

#endif
