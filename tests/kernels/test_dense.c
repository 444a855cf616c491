#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "tests/cases/case.h"

/* With weights of floats, and of bfloat16. */
static void assert_holds(const struct dense_shape *shape) {
    struct dense_shape narrow = *shape;
    narrow.bf16 = true;
    cr_assert(kernel_case_holds_and_destroy(dense_case(shape)));
    cr_assert(kernel_case_holds_and_destroy(dense_case(&narrow)));
}

Test(dense, every_tile_agrees_with_the_oracle) {
    for (int rows = 1; rows <= FMAP_TILE_MAX_PIXELS; rows++) {
        for (int vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS; vectors++) {
            assert_holds(&(struct dense_shape){.rows = rows, .vectors = vectors, .n_blocks = 2});
            assert_holds(&(struct dense_shape){.rows = rows,
                                               .vectors = vectors,
                                               .n_blocks = 3,
                                               .n_rests = 2,
                                               .rest_lanes = 1 + (5 * rows + vectors) % 15,
                                               .first_blocks = 1 + rows % 2});
        }
    }
}

Test(dense, every_length_of_the_sum_is_exact) {
    for (int n_blocks = 0; n_blocks <= 2; n_blocks++) {
        for (int n_rests = 0; n_rests <= 3; n_rests++) {
            for (int lanes = 1; lanes < FMAP_BLOCK; lanes++) {
                assert_holds(&(struct dense_shape){.rows = 1 + lanes % 7,
                                                   .vectors = 1 + lanes % 4,
                                                   .n_blocks = n_blocks,
                                                   .n_rests = n_rests,
                                                   .rest_lanes = lanes});
            }
        }
    }
}

Test(dense, every_activation_and_special_value) {
    for (int i = 0; i < n_case_activations; i++) {
        for (int special = 0; special <= 1; special++) {
            assert_holds(&(struct dense_shape){.rows = 5,
                                               .vectors = 3,
                                               .n_blocks = special ? 1 : 3,
                                               .activate = case_activations[i],
                                               .fill = special ? CASE_FILL_SPECIAL : CASE_FILL_UNIFORM});
        }
    }
}

/* All there are: NaN, infinities and denormals too. */
Test(widen, every_bfloat16_becomes_the_float_of_its_bits) {
    enum { ALL = 1 << 16 };
    static uint16_t halves[ALL];
    static float floats[ALL];
    for (int i = 0; i < ALL; i++) halves[i] = (uint16_t)i;
    for (int k = 0; k < fmap_kernels_count(); k++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(k);
        if (!kernels) continue;
        memset(floats, 0x55, sizeof floats);
        kernels->widen(&(struct fmap_widen){.src = halves, .dst = floats, .n = ALL});
        for (uint32_t i = 0; i < ALL; i++) {
            uint32_t bits;
            memcpy(&bits, &floats[i], sizeof bits);
            cr_assert_eq(bits, i << 16, "%s: %08x for %04x", kernels->isa, bits, i);
        }
    }
}
