/* Copies of channels between blocked tensors of the same pixels, wherever in a block they begin. */
#ifndef FMAP_LAYERS_CHANNELS_H
#define FMAP_LAYERS_CHANNELS_H

#include "runtime/planning.h"

/* `count` channels of the destination from dst_first on are those of the source from src_first on, or, where there is
 * a list, sources[0 .. count). */
struct fmap_channels {
    int64_t src_first, dst_first, count;
    const int64_t *sources;
};

/* A step that copies them. The lanes of the destination beside them keep what they hold. */
fmap_status fmap_plan_channel_copy(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                   const struct fmap_operand *src, const struct fmap_geometry *from,
                                   const struct fmap_operand *dst, const struct fmap_geometry *to,
                                   const struct fmap_channels *channels);

/* The same from the blocked form of `in` to that of `out`, which it makes. */
fmap_status fmap_plan_channels(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               fmap_value in, fmap_value out, const struct fmap_channels *channels);

#endif
