/* The table of this instruction set's kernels. */
#include "template.h"

#define TILE(pixels, vectors) \
    fmap_tile_function K(tile_##pixels##x##vectors), K(tile_stride1_##pixels##x##vectors), \
        K(tile_stride2_##pixels##x##vectors), K(pointwise_##pixels##x##vectors), \
        K(pointwise_far_##pixels##x##vectors);
TILES(TILE)
#undef TILE

#define TILE(pixels, vectors) \
    fmap_tile_function K(planar_##pixels##x##vectors), K(planar_stride2_##pixels##x##vectors);
PLANAR_TILES(TILE)
#undef TILE

#define TILE(rows, vectors) fmap_dense_function K(dense_##rows##x##vectors), K(dense_bf16_##rows##x##vectors);
TILES(TILE)
#undef TILE

#define NAME_(isa) #isa
#define NAME(isa)  NAME_(isa)

const struct fmap_kernels K(kernels) = {.isa = NAME(FMAP_ISA),
                                        .lanes = LANES,
                                        .tile_pixels = TILE_PIXELS,
                                        .planar_pixels = PLANAR_PIXELS,
                                        .reads_images = READS_IMAGES,
                                        .fetches_far_weights = FETCHES_FAR_WEIGHTS,
                                        .gemv_streams = GEMV_STREAMS,
                                        .gemv_vectors = GEMV_VECTORS,
#define TILE(pixels, vectors) \
    .tile[0][vectors][pixels] = K(tile_##pixels##x##vectors), \
    .tile[1][vectors][pixels] = K(tile_stride1_##pixels##x##vectors), \
    .tile[2][vectors][pixels] = K(tile_stride2_##pixels##x##vectors),
                                        TILES(TILE)
#undef TILE
#define TILE(pixels, vectors) .pointwise[vectors][pixels] = K(pointwise_##pixels##x##vectors),
                                            TILES(TILE)
#undef TILE
#define TILE(pixels, vectors) .pointwise_far[vectors][pixels] = K(pointwise_far_##pixels##x##vectors),
                                                TILES(TILE)
#undef TILE
#define TILE(pixels, vectors) .planar[vectors][pixels] = K(planar_##pixels##x##vectors),
                                                    PLANAR_TILES(TILE)
#undef TILE
#ifdef PLANAR_THREES
#define TILE(pixels, vectors) .planar_stride2[vectors][pixels] = K(planar_stride2_##pixels##x##vectors),
                                                        PLANAR_TILES(TILE)
#undef TILE
#endif
#define TILE(rows, vectors) \
    .dense[vectors][rows] = K(dense_##rows##x##vectors), \
    .dense_bf16[vectors][rows] = K(dense_bf16_##rows##x##vectors),
                                                            TILES(TILE)
#undef TILE
#define KERNEL(name, job) .name = K(name),
#include "kernels.inc"
#undef KERNEL
};
