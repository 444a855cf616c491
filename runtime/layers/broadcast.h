/* numpy's broadcasting: operands of different shapes, element by element. */
#ifndef FMAP_LAYERS_BROADCAST_H
#define FMAP_LAYERS_BROADCAST_H

#include "runtime/planning.h"

/* Dimension i, counted from the end: 1 beyond the first. */
static inline int64_t fmap_dim_from_end(const fmap_shape *shape, int i) {
    return i < shape->rank ? shape->dims[shape->rank - 1 - i] : 1;
}

/* The shape of all inputs of the node together; sizes may be unknown. Error: MODEL when they do not fit. */
fmap_status fmap_broadcast_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                 fmap_shape *out, fmap_error *error);

/* The output cut into rows, as long as can be, along which each operand either runs or stands still. */
enum { FMAP_MOST_OPERANDS = 3 };

struct fmap_broadcast {
    int n_operands;
    int rank;                        /* of the rows; */
    int64_t dims[FMAP_MAX_RANK + 1]; /* the last one is their length */
    int64_t strides[FMAP_MOST_OPERANDS][FMAP_MAX_RANK + 1];
    int64_t n;
};
struct fmap_broadcast fmap_broadcast_of(const fmap_shape *const *operands, int n_operands,
                                        const fmap_shape *out);

static inline int64_t fmap_broadcast_length(const struct fmap_broadcast *rows) {
    return rows->dims[rows->rank];
}

/* How far an operand moves from one element of a row to the next: 1 or 0. */
static inline int64_t fmap_broadcast_step(const struct fmap_broadcast *rows, int operand) {
    return rows->strides[operand][rows->rank];
}

/* Where each operand's part of a row begins, in elements. */
void fmap_broadcast_offsets(const struct fmap_broadcast *rows, int64_t row, int64_t *offsets);

#endif
