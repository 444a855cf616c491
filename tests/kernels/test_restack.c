#include <criterion/criterion.h>

#include "tests/cases/case.h"

Test(restack, any_number_of_blocks_and_pixels) {
    for (int blocks = 1; blocks <= 5; blocks++) {
        for (int pixels = 1; pixels <= 14; pixels++) {
            cr_assert(kernel_case_holds_and_destroy(
                restack_case(&(struct restack_shape){.n_blocks = blocks,
                                                     .n_pixels = pixels,
                                                     .src_pixel_stride = blocks * FMAP_BLOCK + pixels % 3})));
        }
    }
}
