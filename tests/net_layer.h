/* A layer as a network of one node: in every form that its inputs may have, on every instruction set, for
 * several numbers of threads, with and without passes, for an image alone and in a batch. */
#ifndef TESTS_NET_LAYER_H
#define TESTS_NET_LAYER_H

#include "tests/net.h"

enum net_operand_kind {
    NET_COMPUTED,
    NET_CONSTANT,
    NET_PENDING, /* a constant that is only known when a plan is made */
    NET_LEFT_OUT
};

struct net_operand {
    enum net_operand_kind kind;
    fmap_shape shape;
    const float *floats; /* of NET_COMPUTED too: what the network is run with */
    fmap_type type;      /* of the elements, where there are no floats */
    const void *elements;
};

struct net_operand net_computed(int rank, const int64_t *dims, const float *floats);
struct net_operand net_constant(int rank, const int64_t *dims, const float *floats);
struct net_operand net_constant_ints(int64_t n, const int64_t *ints);

/* The same for elements of any type. */
struct net_operand net_computed_of(fmap_type type, int rank, const int64_t *dims, const void *elements);
struct net_operand net_constant_of(fmap_type type, int rank, const int64_t *dims, const void *elements);
struct net_operand net_pending_of(fmap_type type, int rank, const int64_t *dims, const void *elements);
struct net_operand net_pending_ints(int64_t n, const int64_t *ints);
struct net_operand net_left_out(void);

enum { NET_MAX_OPERANDS = 6, NET_MAX_ATTRIBUTES = 10, NET_MAX_OUTPUTS = 6 };

struct net_layer {
    const char *op;
    int opset; /* 0: the newest */
    struct net_operand operands[NET_MAX_OPERANDS];
    size_t n_operands;
    fmap_attribute attributes[NET_MAX_ATTRIBUTES];
    size_t n_attributes;
    size_t n_outputs; /* 0: one */
    size_t output;    /* the one that is looked at */
    /* The first dimension of what is computed is the batch: unknown in the model, and every image by itself
     * gives the same bits. */
    bool batch;
};

void net_layer_attribute(struct net_layer *layer, fmap_attribute attribute);

/* Whether all ways to run it give the same bits, within `bounds` (NULL: no distance at all) of what is
 * expected. */
bool net_layer_agrees(const struct net_layer *layer, const double *expected, const double *bounds, size_t n);

/* The same for a layer that only moves numbers. */
bool net_layer_moves(const struct net_layer *layer, const float *expected, size_t n);

/* The same for a layer whose output has elements of that type: all bits agree. */
bool net_layer_gives(const struct net_layer *layer, fmap_type type, const void *expected, size_t n);

/* The shape that is inferred when the node is added; rank -1 when it is refused. */
fmap_shape net_layer_shape(const struct net_layer *layer);
bool net_layer_has_shape(const struct net_layer *layer, int rank, const int64_t *dims);

/* Whether the node, or else a plan of it, is refused with that status and a sentence that has these words in
 * it and names the node. */
bool net_layer_refused(const struct net_layer *layer, fmap_status status, const char *words);

#endif
