/* What passes may know of a Pad. */
#ifndef FMAP_LAYERS_PAD_H
#define FMAP_LAYERS_PAD_H

#include "runtime/graph.h"

enum fmap_pad_mode { FMAP_PAD_CONSTANT, FMAP_PAD_EDGE, FMAP_PAD_REFLECT, FMAP_PAD_WRAP };

/* What is added at the ends of each axis; negative: taken away. */
struct fmap_pads {
    enum fmap_pad_mode mode;
    uint8_t
        value[sizeof(int64_t)]; /* of FMAP_PAD_CONSTANT: an element of the input's type, zeros behind it */
    int64_t before[FMAP_MAX_RANK];
    int64_t after[FMAP_MAX_RANK];
};

/* What a Pad node does, from its attributes and constant inputs. Errors: MODEL, LIMIT; UNSUPPORTED for pads
 * that are computed. */
fmap_status fmap_pads_of(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         struct fmap_pads *pads, fmap_error *error);

/* Whether the constant is the float 0, or -0. */
bool fmap_pads_with_zero(const struct fmap_pads *pads);

/* Whether a node, whose shapes are known, puts out what it is given. */
bool fmap_pad_is_identity(const struct fmap_graph *graph, const struct fmap_graph_node *node);

#endif
