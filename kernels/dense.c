/* Many images, weights of floats. */
#include "dense.h"

#define TILE(rows, vectors) \
    void K(dense_##rows##x##vectors)(const struct fmap_dense_tile *job); \
    void K(dense_##rows##x##vectors)(const struct fmap_dense_tile *job) { dense(job, rows, vectors, 0); }
TILES(TILE)
#undef TILE
