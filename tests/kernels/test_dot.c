#include <criterion/criterion.h>

#include "tests/cases/case.h"

/* Twice the largest tile of pixels, and one. */
enum { MAX_WIDTH = 33 };

static void assert_holds(const struct grouped_shape *shape) {
    if (!grouped_shape_has_output(shape)) return;
    cr_assert(kernel_case_holds_and_destroy(dot_case(shape)));
}

Test(dot, every_width_kernel_stride_and_padding_agrees_with_the_oracle) {
    for (int outputs = 1; outputs <= FMAP_DOT_OUTPUTS; outputs++) {
        for (int kernel = 1; kernel <= 3; kernel++) {
            for (int stride = 1; stride <= 3; stride++) {
                for (int width = 1; width <= MAX_WIDTH; width++) {
                    assert_holds(&(struct grouped_shape){.channels = 1 + width * 7 % 40,
                                                         .outputs = outputs,
                                                         .groups = 1,
                                                         .in_h = 2 + width % 3,
                                                         .in_w = width,
                                                         .kernel_h = 2,
                                                         .kernel_w = kernel,
                                                         .stride = stride,
                                                         .dilation = 1 + (width % 5 == 0),
                                                         .pad = width % (kernel + 1)});
                }
            }
        }
    }
}

Test(dot, any_number_of_channels) {
    for (int channels = 1; channels <= 65; channels++) {
        assert_holds(&(struct grouped_shape){.channels = channels,
                                             .outputs = 1 + channels % FMAP_DOT_OUTPUTS,
                                             .groups = 1,
                                             .in_h = 4,
                                             .in_w = 20,
                                             .kernel_h = 3,
                                             .kernel_w = 3,
                                             .stride = 1,
                                             .dilation = 1,
                                             .pad = 1});
    }
}

Test(dot, every_activation_is_applied_and_nan_and_infinity_stay_in_their_windows) {
    for (int i = 0; i < n_case_activations; i++) {
        for (int outputs = 1; outputs <= FMAP_DOT_OUTPUTS; outputs++) {
            assert_holds(&(struct grouped_shape){.channels = 20,
                                                 .outputs = outputs,
                                                 .groups = 1,
                                                 .in_h = 5,
                                                 .in_w = 17,
                                                 .kernel_h = 3,
                                                 .kernel_w = 3,
                                                 .stride = 1 + i % 2,
                                                 .dilation = 1,
                                                 .pad = 1,
                                                 .activate = case_activations[i],
                                                 .fill = i % 3 ? CASE_FILL_SPECIAL : CASE_FILL_UNIFORM});
        }
    }
}
