#include <criterion/criterion.h>

#include "tests/cases/case.h"

/* Twice the largest group of pixels, and one. */
enum { MAX_WIDTH = 29 };

static void assert_holds(const struct window_shape *shape) {
    if (!window_shape_has_output(shape)) return;
    cr_assert(kernel_case_holds_and_destroy(depthwise_case(shape)));
}

Test(depthwise, every_width_kernel_stride_and_padding_agrees_with_the_oracle) {
    for (int kernel = 1; kernel <= 5; kernel++) {
        for (int stride = 1; stride <= 3; stride++) {
            for (int pad = 0; pad <= kernel / 2; pad++) {
                for (int width = 1; width <= MAX_WIDTH; width++) {
                    assert_holds(&(struct window_shape){.in_h = 3,
                                                        .in_w = width,
                                                        .kernel_h = 3,
                                                        .kernel_w = kernel,
                                                        .stride = stride,
                                                        .dilation = 1,
                                                        .pad_before = pad,
                                                        .pad_after = pad});
                }
            }
        }
    }
}

Test(depthwise, dilated_windows_agree_with_the_oracle) {
    for (int kernel = 1; kernel <= 5; kernel += 2) {
        for (int dilation = 2; dilation <= 4; dilation++) {
            for (int pad = 0; pad <= 4; pad += 2) {
                for (int width = 1; width <= MAX_WIDTH; width += 2) {
                    assert_holds(&(struct window_shape){.in_h = 7,
                                                        .in_w = width,
                                                        .kernel_h = 2,
                                                        .kernel_w = kernel,
                                                        .stride = 1 + width % 3,
                                                        .dilation = dilation,
                                                        .pad_before = pad,
                                                        .pad_after = pad});
                }
            }
        }
    }
}

/* Two rows share what they load: all of a plane in one call, in calls that begin and end within a pair, and maps too
 * low for one. */
Test(depthwise, pairs_of_rows_agree_with_the_oracle) {
    for (int kernel = 2; kernel <= 9; kernel++) {
        for (int stride = 1; stride <= 4; stride++) {
            for (int height = 1; height <= 9; height++) {
                for (int rows = 0; rows <= 3; rows++) {
                    assert_holds(&(struct window_shape){.in_h = height,
                                                        .in_w = 5 + 2 * height,
                                                        .kernel_h = kernel,
                                                        .kernel_w = kernel,
                                                        .stride = stride,
                                                        .dilation = 1,
                                                        .pad_before = kernel / 2,
                                                        .pad_after = kernel / 2,
                                                        .rows_per_call = rows});
                }
            }
        }
    }
}

/* Windows of 3x3 and 5x5 take as many rows at once as stay in a cache: some such bands, and an odd rest. */
Test(depthwise, bands_of_rows_agree_with_the_oracle) {
    for (int n = 0; n < 4; n++) {
        int kernel = n < 2 ? 3 : 5, stride = 1 + n % 2;
        for (int width = 23; width <= 300; width = 2 * width + 7) {
            for (int rows = 0; rows <= 9; rows += 9) {
                for (int i = 0; i < n_case_activations; i += 4) {
                    assert_holds(&(struct window_shape){.in_h = 37,
                                                        .in_w = width,
                                                        .kernel_h = kernel,
                                                        .kernel_w = kernel,
                                                        .stride = stride,
                                                        .dilation = 1,
                                                        .pad_before = kernel / 2,
                                                        .pad_after = kernel / 2,
                                                        .rows_per_call = rows,
                                                        .activate = case_activations[i]});
                }
            }
        }
    }
}

Test(depthwise, kernels_need_not_be_square) {
    for (int kernel_h = 1; kernel_h <= 7; kernel_h += 3) {
        for (int kernel_w = 1; kernel_w <= 8; kernel_w++) {
            for (int stride = 1; stride <= 2; stride++) {
                assert_holds(&(struct window_shape){.in_h = 8,
                                                    .in_w = 16,
                                                    .kernel_h = kernel_h,
                                                    .kernel_w = kernel_w,
                                                    .stride = stride,
                                                    .dilation = 1});
            }
        }
    }
}

Test(depthwise, every_width_of_the_larger_kernels_agrees_with_the_oracle) {
    for (int kernel = 5; kernel <= 7; kernel += 2) {
        for (int stride = 1; stride <= 2; stride++) {
            for (int pad = 0; pad <= kernel; pad++) {
                for (int width = 1; width <= MAX_WIDTH; width++) {
                    assert_holds(&(struct window_shape){.in_h = 6,
                                                        .in_w = width,
                                                        .kernel_h = kernel,
                                                        .kernel_w = kernel,
                                                        .stride = stride,
                                                        .dilation = 1,
                                                        .pad_before = pad,
                                                        .pad_after = pad});
                }
            }
        }
    }
}

/* Every dilation-th row is paired with the next of its kind. */
Test(depthwise, rows_of_dilated_windows_are_paired) {
    for (int dilation = 2; dilation <= 5; dilation++) {
        for (int height = 1; height <= 14; height++) {
            for (int rows = 0; rows <= 5; rows += 5) {
                for (int pad = 0; pad <= 2 * dilation + 1; pad += dilation) {
                    assert_holds(&(struct window_shape){.in_h = height,
                                                        .in_w = height + 6,
                                                        .kernel_h = 3,
                                                        .kernel_w = 3,
                                                        .stride = 1,
                                                        .dilation = dilation,
                                                        .pad_before = pad,
                                                        .pad_after = pad,
                                                        .rows_per_call = rows});
                }
            }
        }
    }
}

Test(depthwise, channels_of_several_outputs_agree_with_the_oracle) {
    for (int multiplier = 2; multiplier <= 17; multiplier += multiplier < 4 ? 1 : 13) {
        for (int block = 0; block < multiplier; block++) {
            for (int kernel = 2; kernel <= 4; kernel++) {
                for (int stride = 1; stride <= 2; stride++) {
                    for (int width = 1; width <= 20; width += 1 + kernel % 2) {
                        assert_holds(&(struct window_shape){.in_h = 5,
                                                            .in_w = width,
                                                            .kernel_h = kernel,
                                                            .kernel_w = kernel,
                                                            .stride = stride,
                                                            .dilation = 1,
                                                            .pad_before = kernel / 2,
                                                            .pad_after = kernel / 2,
                                                            .multiplier = multiplier,
                                                            .multiplied_block = block});
                    }
                }
            }
        }
    }
}

Test(depthwise, padding_may_differ_before_and_after) {
    for (int before = 0; before <= 2; before++) {
        for (int after = 0; after <= 2; after++) {
            for (int width = 2; width <= 20; width += 3) {
                assert_holds(&(struct window_shape){.in_h = 4,
                                                    .in_w = width,
                                                    .kernel_h = 3,
                                                    .kernel_w = 3,
                                                    .stride = 1 + width % 2,
                                                    .dilation = 1,
                                                    .pad_before = before,
                                                    .pad_after = after});
            }
        }
    }
}

Test(depthwise, padding_larger_than_the_kernel_gives_the_bias_only) {
    struct window_shape shape = {.in_h = 2,
                                 .in_w = 3,
                                 .kernel_h = 3,
                                 .kernel_w = 3,
                                 .stride = 1,
                                 .dilation = 1,
                                 .pad_before = 7,
                                 .pad_after = 7};
    struct kernel_case *c = depthwise_case(&shape);
    cr_assert(kernel_case_holds(c));
    for (int lane = 0; lane < FMAP_BLOCK; lane++) { /* The corner: no window row is inside. */
        cr_expect_eq(c->dst.data[lane], c->sources[2].data[lane]);
    }
    kernel_case_destroy(c);
}

Test(depthwise, every_activation_is_applied_to_every_element) {
    for (int i = 0; i < n_case_activations; i++) {
        for (int width = 1; width <= MAX_WIDTH; width += 4) {
            assert_holds(&(struct window_shape){.in_h = 5,
                                                .in_w = width,
                                                .kernel_h = 3,
                                                .kernel_w = 3,
                                                .stride = 1,
                                                .dilation = 1,
                                                .pad_before = 1,
                                                .pad_after = 1,
                                                .rows_per_call = width % 3 * 2,
                                                .activate = case_activations[i]});
        }
    }
}

Test(depthwise, nan_and_infinity_reach_their_windows_and_no_other) {
    for (int i = 0; i < n_case_activations; i++) {
        for (int kernel = 1; kernel <= 7; kernel += 2) {
            assert_holds(&(struct window_shape){.in_h = 5,
                                                .in_w = 17,
                                                .kernel_h = kernel,
                                                .kernel_w = kernel,
                                                .stride = 1 + i % 2,
                                                .dilation = 1,
                                                .pad_before = kernel / 2,
                                                .pad_after = kernel / 2,
                                                .activate = case_activations[i],
                                                .fill = CASE_FILL_SPECIAL});
        }
    }
}
