#include <criterion/criterion.h>
#include <math.h>

#include "tests/cases/case.h"

/* Twice the largest group of pixels, and one. */
enum { MAX_WIDTH = 29 };

typedef struct kernel_case *make_case(const struct window_shape *shape);

static void assert_holds(make_case *make, const struct window_shape *shape) {
    if (!window_shape_has_output(shape)) return;
    cr_assert(kernel_case_holds_and_destroy(make(shape)));
}

static void every_window(make_case *make, bool count_padding) {
    for (int kernel = 1; kernel <= 4; kernel++) {
        for (int stride = 1; stride <= 3; stride++) {
            for (int pad = 0; pad <= kernel / 2; pad++) {
                for (int width = 1; width <= MAX_WIDTH; width++) {
                    assert_holds(make, &(struct window_shape){.in_h = 5,
                                                              .in_w = width,
                                                              .kernel_h = 2,
                                                              .kernel_w = kernel,
                                                              .stride = stride,
                                                              .dilation = 1,
                                                              .pad_before = pad,
                                                              .pad_after = pad,
                                                              .count_padding = count_padding});
                }
            }
        }
    }
}

static void hanging_windows(make_case *make, bool count_padding) {
    for (int kernel = 2; kernel <= 5; kernel++) {
        for (int stride = 2; stride <= 4; stride++) {
            for (int width = 1; width <= 18; width++) {
                assert_holds(make, &(struct window_shape){.in_h = width,
                                                          .in_w = width,
                                                          .kernel_h = kernel,
                                                          .kernel_w = kernel,
                                                          .stride = stride,
                                                          .dilation = 1,
                                                          .pad_before = kernel / 2,
                                                          .pad_after = kernel / 2,
                                                          .ceil_mode = true,
                                                          .count_padding = count_padding});
            }
        }
    }
}

static void dilated_windows(make_case *make) {
    for (int dilation = 2; dilation <= 4; dilation++) {
        for (int width = 1; width <= MAX_WIDTH; width += 2) {
            assert_holds(make, &(struct window_shape){.in_h = 9,
                                                      .in_w = width,
                                                      .kernel_h = 3,
                                                      .kernel_w = 3,
                                                      .stride = 1 + width % 3,
                                                      .dilation = dilation,
                                                      .pad_before = 1,
                                                      .pad_after = 1,
                                                      .rows_per_call = width % 4});
        }
    }
}

static void special_values(make_case *make) {
    for (int kernel = 1; kernel <= 3; kernel++) {
        for (int stride = 1; stride <= 2; stride++) {
            assert_holds(make, &(struct window_shape){.in_h = 12,
                                                      .in_w = 31,
                                                      .kernel_h = kernel,
                                                      .kernel_w = kernel,
                                                      .stride = stride,
                                                      .dilation = 1,
                                                      .pad_before = kernel / 2,
                                                      .pad_after = kernel / 2,
                                                      .fill = CASE_FILL_SPECIAL});
        }
    }
}

Test(pool, maximum_of_every_window_agrees_with_the_oracle) { every_window(max_pool_case, false); }
Test(pool, maximum_of_windows_that_hang_over_the_end) { hanging_windows(max_pool_case, false); }
Test(pool, maximum_of_dilated_windows) { dilated_windows(max_pool_case); }
Test(pool, maximum_is_nan_wherever_in_the_window_a_nan_is) { special_values(max_pool_case); }

/* Lines ahead are fetched there, behind the end of the plane, too. */
Test(pool, maximum_of_a_plane_that_outgrows_the_caches) {
    assert_holds(max_pool_case,
                 &(struct window_shape){
                     .in_h = 7, .in_w = 2405, .kernel_h = 2, .kernel_w = 2, .stride = 2, .dilation = 1});
}

Test(pool, maximum_of_an_empty_window_is_minus_infinity) {
    struct window_shape shape = {.in_h = 1,
                                 .in_w = 1,
                                 .kernel_h = 2,
                                 .kernel_w = 2,
                                 .stride = 1,
                                 .dilation = 1,
                                 .pad_before = 3,
                                 .pad_after = 3};
    struct kernel_case *c = max_pool_case(&shape);
    cr_assert(kernel_case_holds(c));
    cr_expect_eq(c->dst.data[0], -INFINITY);
    kernel_case_destroy(c);
}

Test(pool, average_over_the_elements_inside_agrees_with_the_oracle) {
    every_window(average_pool_case, false);
}
Test(pool, average_over_the_padding_too_agrees_with_the_oracle) { every_window(average_pool_case, true); }
Test(pool, average_of_windows_that_hang_over_the_end) { hanging_windows(average_pool_case, false); }
Test(pool, average_does_not_count_what_hangs_over_the_padding) { hanging_windows(average_pool_case, true); }
Test(pool, average_of_dilated_windows) { dilated_windows(average_pool_case); }
Test(pool, average_of_nan_and_infinity) { special_values(average_pool_case); }

Test(pool, average_of_an_empty_window_is_zero) {
    struct window_shape shape = {.in_h = 1,
                                 .in_w = 1,
                                 .kernel_h = 2,
                                 .kernel_w = 2,
                                 .stride = 1,
                                 .dilation = 1,
                                 .pad_before = 3,
                                 .pad_after = 3};
    struct kernel_case *c = average_pool_case(&shape);
    cr_assert(kernel_case_holds(c));
    cr_expect_eq(c->sources[1].data[0], 0.0f); /* The divisor, of rows and columns. */
    cr_expect_eq(c->dst.data[0], 0.0f);
    kernel_case_destroy(c);
}
