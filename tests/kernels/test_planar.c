#include <criterion/criterion.h>

#include "tests/cases/case.h"
#include "tests/kernels/tiles.h"

Test(planar, every_tile_up_to_the_largest_of_its_vectors_exists_and_no_other) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        if (!kernels) continue;
        assert_all_tiles(kernels, kernels->planar_pixels, kernels->planar);
        if (kernels->planar_stride2[1][1])
            assert_all_tiles(kernels, kernels->planar_pixels, kernels->planar_stride2);
    }
}

static void check(struct planar_shape shape) {
    for (int i = 0; i < 2; i++) {
        shape.stride2 = i;
        cr_assert(kernel_case_holds_and_destroy(planar_case(&shape)));
    }
}

/* One to 12 terms and those of 3x3x3: pairs with one left, threes of which none to three make a turn. */
Test(planar, every_size_of_tile_and_number_of_terms_agrees_with_the_oracle) {
    for (int vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS; vectors++) {
        for (int pixels = 1; pixels <= FMAP_TILE_MAX_PIXELS; pixels++) {
            for (int terms = 1; terms <= 13; terms++) {
                struct planar_shape shape = {.pixels = pixels,
                                             .vectors = vectors,
                                             .n_terms = terms == 13 ? 27 : terms,
                                             .repeats = 1 + terms % 3,
                                             .activate = case_activations[terms % n_case_activations]};
                check(shape);
                shape.threes = shape.n_terms % 3 == 0;
                if (shape.threes) check(shape);
            }
        }
    }
}

/* Numbers of terms that are constants of a tile: what one call stores of a tile while the next begins. */
Test(planar, rows_of_tiles_of_few_terms_agree_with_the_oracle) {
    for (int pixels = 1; pixels <= 4; pixels++) {
        for (int i = 0; i < 4 * n_case_activations; i++) {
            struct planar_shape shape = {.pixels = pixels,
                                         .vectors = 4,
                                         .n_terms = i % 2 ? 9 : 27,
                                         .repeats = 1 + i % 5,
                                         .threes = true,
                                         .within = i / 2 % 2,
                                         .activate = case_activations[i / 4]};
            check(shape);
        }
    }
}
