/* What the tests of the register tiles share. */
#ifndef TESTS_KERNELS_TILES_H
#define TESTS_KERNELS_TILES_H

#include <criterion/criterion.h>

#include "kernels/kernels.h"

/* For each number of vectors, every tile up to the largest is there and no other. */
static inline void assert_all_tiles(const struct fmap_kernels *kernels, const int *most_pixels,
                                    fmap_tile_function *const (*tiles)[FMAP_TILE_MAX_PIXELS + 1]) {
    for (int vectors = 0; vectors <= FMAP_TILE_MAX_VECTORS; vectors++) {
        for (int pixels = 0; pixels <= FMAP_TILE_MAX_PIXELS; pixels++) {
            bool expected = pixels >= 1 && pixels <= most_pixels[vectors];
            cr_assert_eq(tiles[vectors][pixels] != NULL, expected, "%s %dx%d", kernels->isa, pixels, vectors);
        }
    }
}

#endif
