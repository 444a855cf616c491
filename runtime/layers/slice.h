/* What passes may know of a Slice. */
#ifndef FMAP_LAYERS_SLICE_H
#define FMAP_LAYERS_SLICE_H

#include "runtime/graph.h"

/* Of each axis of the input: the first element that is taken, how many, and how far they are apart. */
struct fmap_slices {
    int64_t first[FMAP_MAX_RANK];
    int64_t count[FMAP_MAX_RANK]; /* may be FMAP_UNKNOWN */
    int64_t step[FMAP_MAX_RANK];
};

/* What a Slice node does, from its constant inputs. Errors: MODEL; UNSUPPORTED for what is computed. */
fmap_status fmap_slices_of(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                           struct fmap_slices *slices, fmap_error *error);

/* Whether a node, whose shapes are known, puts out what it is given. */
bool fmap_slice_is_identity(const struct fmap_graph *graph, const struct fmap_graph_node *node);

#endif
