#include <criterion/criterion.h>

#include "tests/cases/case.h"
#include "tests/kernels/tiles.h"

static struct tile_shape shape_of(int pixels, int vectors) {
    return (struct tile_shape){.pixels = pixels,
                               .vectors = vectors,
                               .n_blocks = 2,
                               .last_lanes = FMAP_BLOCK,
                               .n_positions = 2,
                               .kernel_size = 2,
                               .src_pixel_stride = FMAP_BLOCK,
                               .dst_pixel_stride = FMAP_BLOCK};
}

static void assert_holds(const struct tile_shape *shape) {
    cr_assert(kernel_case_holds_and_destroy(tile_case(shape)));
}

Test(tile, every_tile_up_to_the_largest_of_its_vectors_exists_and_no_other) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        for (int distance = 0; kernels && distance <= 2; distance++)
            assert_all_tiles(kernels, kernels->tile_pixels, kernels->tile[distance]);
    }
}

Test(tile, every_size_of_tile_agrees_with_the_oracle) {
    for (int vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS; vectors++) {
        for (int pixels = 1; pixels <= FMAP_TILE_MAX_PIXELS; pixels++) {
            struct tile_shape shape = shape_of(pixels, vectors);
            assert_holds(&shape);
            shape.src_pixel_stride = 2 * FMAP_BLOCK;
            assert_holds(&shape);
            shape.src_pixel_stride = 3 * FMAP_BLOCK;
            assert_holds(&shape);
        }
    }
}

Test(tile, what_is_added_comes_before_the_activation) {
    for (int vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS; vectors++) {
        for (int pixels = 1; pixels <= FMAP_TILE_MAX_PIXELS; pixels++) {
            struct tile_shape shape = shape_of(pixels, vectors);
            shape.adds = true;
            shape.activate = case_activations[(pixels + vectors) % n_case_activations];
            assert_holds(&shape);
            shape.dst_pixel_stride = 3 * FMAP_BLOCK;
            assert_holds(&shape);
            shape.n_positions = shape.kernel_size = 1;
            shape.repeats = 1;
            shape.activate = case_activations[pixels % n_case_activations];
            assert_holds(&shape);
        }
    }
}

Test(tile, the_lanes_of_the_first_and_of_the_last_block_are_exact) {
    for (int n_blocks = 1; n_blocks <= 3; n_blocks++) {
        for (int first_lane = 0; first_lane < FMAP_BLOCK; first_lane++) {
            for (int last_lanes = 1; last_lanes <= FMAP_BLOCK; last_lanes++) {
                if (n_blocks == 1 && last_lanes <= first_lane) continue;
                struct tile_shape shape = shape_of(3, 1 + last_lanes % 2);
                shape.n_blocks = n_blocks;
                shape.first_lane = first_lane;
                shape.last_lanes = last_lanes;
                assert_holds(&shape);
            }
        }
    }
}

Test(tile, pixels_outside_of_a_position_s_range_neither_read_nor_count) {
    for (int n_positions = 1; n_positions <= 9; n_positions += 4) {
        for (int vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS; vectors++) {
            for (int pixels = 1; pixels <= FMAP_TILE_MAX_PIXELS; pixels++) {
                struct tile_shape shape = shape_of(pixels, vectors);
                shape.n_blocks = 1;
                shape.last_lanes = 5;
                shape.n_positions = shape.kernel_size = n_positions;
                shape.ranged = true;
                assert_holds(&shape);
            }
        }
    }
}

Test(tile, positions_choose_their_weights_by_index) {
    for (int kernel_size = 1; kernel_size <= 9; kernel_size++) {
        struct tile_shape shape = shape_of(5, 2);
        shape.kernel_size = kernel_size;
        for (shape.n_positions = 1; shape.n_positions <= 9; shape.n_positions += 2) assert_holds(&shape);
    }
}

Test(tile, no_position_gives_the_bias_only) {
    struct tile_shape shape = shape_of(6, 2);
    shape.n_positions = 0;
    assert_holds(&shape);
}

Test(tile, any_distance_between_pixels_is_good) {
    static const ptrdiff_t strides[] = {1, 5, 16, 17, 32, 48, 100};
    for (size_t i = 0; i < sizeof strides / sizeof *strides; i++) {
        for (int pixels = 1; pixels <= FMAP_TILE_MAX_PIXELS; pixels += 3) {
            struct tile_shape shape = shape_of(pixels, 2);
            shape.src_pixel_stride = strides[i];
            shape.dst_pixel_stride = FMAP_BLOCK * (1 + pixels % 3);
            shape.last_lanes = 7;
            assert_holds(&shape);
        }
    }
}

Test(tile, every_activation_is_applied_to_every_element) {
    for (int i = 0; i < n_case_activations; i++) {
        for (int vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS; vectors++) {
            for (int pixels = 1; pixels <= FMAP_TILE_MAX_PIXELS; pixels += 4) {
                struct tile_shape shape = shape_of(pixels, vectors);
                shape.activate = case_activations[i];
                shape.dst_pixel_stride = 2 * FMAP_BLOCK;
                assert_holds(&shape);
            }
        }
    }
}

Test(tile, nan_and_infinity_pass_through) {
    for (int i = 0; i < n_case_activations; i++) {
        struct tile_shape shape = shape_of(FMAP_TILE_MAX_PIXELS, 1 + i % 2);
        shape.fill = CASE_FILL_SPECIAL;
        shape.n_blocks = 1;
        shape.last_lanes = 4;
        shape.ranged = i % 2 == 0;
        shape.activate = case_activations[i];
        assert_holds(&shape);
    }
}

/* ---- the pointwise tile ---------------------------------------------------------------------------------------- */

static struct tile_shape pointwise_shape(int pixels, int vectors, int repeats) {
    struct tile_shape shape = shape_of(pixels, vectors);
    shape.n_positions = shape.kernel_size = 1;
    shape.src_pixel_stride = FMAP_BLOCK;
    shape.repeats = repeats;
    return shape;
}

Test(pointwise, every_size_exists_where_the_tile_does_and_agrees_with_the_oracle) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        if (!kernels) continue;
        assert_all_tiles(kernels, kernels->tile_pixels, kernels->pointwise);
        assert_all_tiles(kernels, kernels->tile_pixels, kernels->pointwise_far);
    }
    for (int vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS; vectors++) {
        for (int pixels = 1; pixels <= FMAP_TILE_MAX_PIXELS; pixels++) {
            struct tile_shape shape = pointwise_shape(pixels, vectors, 1);
            assert_holds(&shape);
            shape.far = true;
            assert_holds(&shape);
        }
    }
}

Test(pointwise, every_rest_of_channels_is_exact) {
    for (int n_blocks = 1; n_blocks <= 3; n_blocks++) {
        for (int last_lanes = 1; last_lanes <= FMAP_BLOCK; last_lanes++) {
            struct tile_shape shape = pointwise_shape(6, 1 + last_lanes % 2, 1);
            shape.n_blocks = n_blocks;
            shape.last_lanes = last_lanes;
            assert_holds(&shape);
        }
    }
}

Test(pointwise, it_repeats_itself_over_pixels) {
    for (int repeats = 2; repeats <= 7; repeats++) {
        for (int pixels = repeats; pixels <= FMAP_TILE_MAX_PIXELS; pixels += repeats) {
            struct tile_shape shape = pointwise_shape(pixels, 1 + pixels % FMAP_TILE_MAX_VECTORS, repeats);
            shape.last_lanes = 1 + pixels;
            shape.dst_pixel_stride = FMAP_BLOCK * (1 + repeats % 2);
            assert_holds(&shape);
        }
    }
}

Test(pointwise, every_activation_and_special_value) {
    for (int i = 0; i < n_case_activations; i++) {
        for (int vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS; vectors++) {
            struct tile_shape shape = pointwise_shape(6, vectors, 2);
            shape.activate = case_activations[i];
            shape.fill = vectors % 2 ? CASE_FILL_SPECIAL : shape.fill;
            assert_holds(&shape);
        }
    }
}

Test(pointwise, what_is_added_comes_before_the_activation_of_pixels_side_by_side_or_apart) {
    for (int i = 0; i < n_case_activations; i++) {
        for (int pixels = 1; pixels <= FMAP_TILE_MAX_PIXELS; pixels++) {
            struct tile_shape shape = pointwise_shape(pixels, 1 + (pixels + i) % FMAP_TILE_MAX_VECTORS, 1);
            shape.adds = true;
            shape.activate = case_activations[i];
            shape.dst_pixel_stride = FMAP_BLOCK * (1 + i % 2);
            assert_holds(&shape);
            if (pixels % 3 != 0) continue;
            shape.repeats = 3;
            shape.dst_pixel_stride = FMAP_BLOCK;
            assert_holds(&shape);
        }
    }
}
