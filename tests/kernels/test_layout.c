#include <criterion/criterion.h>

#include "tests/cases/case.h"

/* Twice the widest vector, and one. */
enum { MAX_PIXELS = 33 };

/* The strides of NCHW and NHWC, dense and with gaps, and neither. */
static void assert_all_strides_hold(struct kernel_case *make(const struct reorder_shape *shape)) {
    for (int pixels = 1; pixels <= MAX_PIXELS; pixels++) {
        for (int lanes = 1; lanes <= FMAP_BLOCK; lanes++) {
            const struct reorder_shape shapes[] = {
                {.n_pixels = pixels, .n_lanes = lanes, .channel_stride = pixels, .pixel_stride = 1},
                {.n_pixels = pixels, .n_lanes = lanes, .channel_stride = pixels + 5, .pixel_stride = 1},
                {.n_pixels = pixels, .n_lanes = lanes, .channel_stride = 1, .pixel_stride = lanes},
                {.n_pixels = pixels, .n_lanes = lanes, .channel_stride = 1, .pixel_stride = lanes + 5},
                {.n_pixels = pixels, .n_lanes = lanes, .channel_stride = 2, .pixel_stride = 2 * lanes},
                {.n_pixels = pixels, .n_lanes = lanes, .channel_stride = 3 * pixels, .pixel_stride = 3},
            };
            for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
                cr_assert(kernel_case_holds_and_destroy(make(&shapes[i])));
            }
        }
    }
}

Test(layout, to_blocked_copies_every_element_and_zeroes_the_other_lanes) {
    assert_all_strides_hold(reorder_to_blocked_case);
}

Test(layout, to_plain_copies_every_element_and_writes_nothing_else) {
    assert_all_strides_hold(reorder_to_plain_case);
}

Test(layout, gather_takes_every_distance) {
    for (int n = 1; n <= MAX_PIXELS; n++) {
        for (ptrdiff_t distance = 1; distance <= 9; distance++) {
            cr_assert(kernel_case_holds_and_destroy(gather_case(&(struct gather_shape){n, distance})));
        }
    }
}

Test(layout, pixels_become_numbers_at_every_distance) {
    for (ptrdiff_t distance = 1; distance <= 9; distance++) {
        for (int n = 1; n <= 2 * MAX_PIXELS; n++)
            cr_assert(kernel_case_holds_and_destroy(gather_pixels_case(&(struct gather_shape){n, distance})));
        cr_assert(kernel_case_holds_and_destroy(gather_pixels_case(&(struct gather_shape){300, distance})));
    }
}
