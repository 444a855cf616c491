/* The pointwise tile with weights from the third cache or from memory. */
#include "pointwise.h"

#define TILE(pixels, vectors) \
    void K(pointwise_far_##pixels##x##vectors)(const struct fmap_tile *job); \
    void K(pointwise_far_##pixels##x##vectors)(const struct fmap_tile *job) { \
        pointwise(job, pixels, vectors, 1); \
    }
TILES(TILE)
#undef TILE
