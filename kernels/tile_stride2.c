/* The register tile for a stride of 2: every second pixel. With the distance a constant, it begins in few instructions
 * and every address is part of its load. */
#include "tile.h"

#define TILE(pixels, vectors) \
    void K(tile_stride2_##pixels##x##vectors)(const struct fmap_tile *job); \
    void K(tile_stride2_##pixels##x##vectors)(const struct fmap_tile *job) { \
        tile(job, pixels, vectors, 2 * FMAP_BLOCK, 1); \
    }
TILES(TILE)
#undef TILE
