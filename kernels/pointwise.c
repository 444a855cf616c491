/* The pointwise tile with weights from a near cache. */
#include "pointwise.h"

#define TILE(pixels, vectors) \
    void K(pointwise_##pixels##x##vectors)(const struct fmap_tile *job); \
    void K(pointwise_##pixels##x##vectors)(const struct fmap_tile *job) { \
        if (pointwise_is_plain(job)) \
            pointwise_plain(job, pixels, vectors); \
        else \
            pointwise(job, pixels, vectors, 0); \
    }
TILES(TILE)
#undef TILE
