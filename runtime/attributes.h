/* Reading the attributes of a node that is being added.
 *
 * Attributes that a newer operator set made inputs (axes, pads, min, max, ...: old_forms.inc) are inputs by now: a
 * constant, for fmap_constant_ints() and the like. So is what was broadcast along an `axis` before opset 7. */
#ifndef FMAP_RUNTIME_ATTRIBUTES_H
#define FMAP_RUNTIME_ATTRIBUTES_H

#include "runtime/graph.h"

/* What a layer's parse function is given. Attributes that it never asks for are an error: guessing what an
 * unknown one means would give a wrong answer without a word. */
struct fmap_parsing {
    struct fmap_graph *graph;
    struct fmap_graph_node *node;
    const fmap_attribute *attributes;
    size_t n_attributes;
    bool *used; /* [n_attributes] */
    int opset;
    fmap_error *error;
};

/* The attribute's value, or `fallback` when it is missing, in *value. Errors: MODEL for a wrong type. */
fmap_status fmap_attribute_int(struct fmap_parsing *parsing, const char *name, int64_t fallback,
                               int64_t *value);
fmap_status fmap_attribute_float(struct fmap_parsing *parsing, const char *name, float fallback,
                                 float *value);
fmap_status fmap_attribute_string(struct fmap_parsing *parsing, const char *name, const char *fallback,
                                  const char **value);

/* A list of at most `capacity` integers; *n is 0 when the attribute is missing. */
fmap_status fmap_attribute_ints(struct fmap_parsing *parsing, const char *name, int64_t *values,
                                size_t capacity, size_t *n);

bool fmap_attribute_present(const struct fmap_parsing *parsing, const char *name);

/* An attribute that changes nothing in inference, or that says nothing new. */
void fmap_attribute_ignore(struct fmap_parsing *parsing, const char *name);

/* Error: UNSUPPORTED when an attribute was not asked for. */
fmap_status fmap_attributes_all_used(struct fmap_parsing *parsing);

/* Stores a copy of the layer's parameters in the node. */
fmap_status fmap_set_parameters(struct fmap_parsing *parsing, const void *parameters, size_t bytes);

/* A tensor of one element; *tensor is NULL when the attribute is missing. Error: MODEL for any other number. */
fmap_status fmap_attribute_element(struct fmap_parsing *parsing, const char *name,
                                   const fmap_tensor **tensor);

/* Input `i` of the node as a list of at most `capacity` int64 from a constant of int64 or int32 (an attribute that
 * became an input); *n is 0 when it was left out. Errors: UNSUPPORTED when it is computed, MODEL for a wrong type. */
fmap_status fmap_constant_ints(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                               int64_t *values, size_t capacity, size_t *n, fmap_error *error);

/* Input `i` as a list of different axes of a tensor of that rank; *n is 0 when it was left out. */
fmap_status fmap_constant_axes(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                               int rank, int *axes, size_t *n, fmap_error *error);

/* Input `i` as a list of floats, like fmap_constant_ints(). */
fmap_status fmap_constant_floats(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                                 float *values, size_t capacity, size_t *n, fmap_error *error);

/* Input `i` as one float from a constant, or `fallback` when it was left out. */
fmap_status fmap_constant_float(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                                float fallback, float *value, fmap_error *error);

#endif
