/* The register tile for a stride of 1: pixels side by side. With the distance a constant, it begins in few instructions
 * and every address is part of its load. */
#include "tile.h"

#define TILE(pixels, vectors) \
    void K(tile_stride1_##pixels##x##vectors)(const struct fmap_tile *job); \
    void K(tile_stride1_##pixels##x##vectors)(const struct fmap_tile *job) { \
        tile(job, pixels, vectors, FMAP_BLOCK, 3); \
    }
TILES(TILE)
#undef TILE
