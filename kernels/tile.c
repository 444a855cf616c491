/* The register tile for any distance between the source's pixels. */
#include "tile.h"

#define TILE(pixels, vectors) \
    void K(tile_##pixels##x##vectors)(const struct fmap_tile *job); \
    void K(tile_##pixels##x##vectors)(const struct fmap_tile *job) { \
        tile(job, pixels, vectors, job->src_pixel_stride, 0); \
    }
TILES(TILE)
#undef TILE
