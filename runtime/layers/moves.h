/* What layers share that only move elements: arrays in memory, copies between them, and views that need none. */
#ifndef FMAP_LAYERS_MOVES_H
#define FMAP_LAYERS_MOVES_H

#include "runtime/planning.h"

/* The shape of the memory in that form, row-major: blocks of channels and their lanes are axes of their own. Returns
 * the rank, up to FMAP_MAX_RANK + 1. */
int fmap_memory_dims(const fmap_shape *shape, enum fmap_form form, int64_t *dims);

/* Row-major strides of such an array. */
void fmap_memory_strides(int rank, const int64_t *dims, int64_t *strides);

/* Computes `out` by copying elements of `in`, both in that form; the strides are elements of the two's memory. */
fmap_status fmap_plan_move(struct fmap_planning *planning, const struct fmap_graph_node *node, fmap_value in,
                           fmap_value out, enum fmap_form form, const struct fmap_strided *strided);

/* Whether `out` may be a part of the memory of `in`: a chunk's memory does not outlive it. */
bool fmap_can_view(const struct fmap_planning *planning, fmap_value out);

/* `out` in that form is the memory of `in` from this element on: nothing has to be done. */
fmap_status fmap_plan_part(struct fmap_planning *planning, fmap_value in, fmap_value out, enum fmap_form form,
                           int64_t first);

#endif
