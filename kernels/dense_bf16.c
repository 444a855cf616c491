/* Many images, weights of bfloat16: each tile widens them anew, so that few tiles should need them. */
#include "dense.h"

#define TILE(rows, vectors) \
    void K(dense_bf16_##rows##x##vectors)(const struct fmap_dense_tile *job); \
    void K(dense_bf16_##rows##x##vectors)(const struct fmap_dense_tile *job) { dense(job, rows, vectors, 1); }
TILES(TILE)
#undef TILE
