/* Elements picked by indices that are only known in a run. */
#ifndef FMAP_LAYERS_GATHER_H
#define FMAP_LAYERS_GATHER_H

#include "runtime/layers/elements.h"

/* The i-th index of an axis of n: counted from the end when it is negative, and the nearest that exists when there is
 * none such, so that nothing outside of the tensor is read. */
static inline int64_t fmap_index_at(const void *indices, fmap_type type, int64_t i, int64_t n) {
    int64_t index = type == FMAP_INT32 ? ((const int32_t *)indices)[i] : ((const int64_t *)indices)[i];
    if (index < 0) index += n;
    return index < 0 ? 0 : index >= n ? n - 1 : index;
}

/* Checks that the indices of an input, as far as they are constants, are in the range of an axis of `n`, and that the
 * axis has elements if there are indices at all. */
fmap_status fmap_check_indices(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               size_t input, int64_t n, fmap_error *error);

/* Adds the step of a layer that makes output 0 of input 0 and the indices of input 1, all in plain form: the parts of
 * `cut`, if there are any. */
fmap_status fmap_plan_gather(struct fmap_planning *planning, const struct fmap_graph_node *node,
                             fmap_part *part, const void *job, size_t job_bytes, const struct fmap_cut *cut);

#define FMAP_INDEX_TYPES (FMAP_TYPES(FMAP_INT32) | FMAP_TYPES(FMAP_INT64))

#endif
