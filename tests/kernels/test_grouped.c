#include <criterion/criterion.h>

#include "tests/cases/case.h"

/* Twice the largest group of pixels, and one. */
enum { MAX_WIDTH = 29 };

static void assert_holds(const struct grouped_shape *shape) {
    if (!grouped_shape_has_output(shape)) return;
    cr_assert(kernel_case_holds_and_destroy(grouped_case(shape)));
}

Test(grouped, every_group_width_kernel_stride_and_padding_agrees_with_the_oracle) {
    for (int groups = 1; groups <= 8; groups *= 2) {
        for (int kernel = 1; kernel <= 4; kernel++) {
            for (int stride = 1; stride <= 3; stride++) {
                for (int width = 1; width <= MAX_WIDTH; width++) {
                    assert_holds(&(struct grouped_shape){.channels = 16,
                                                         .outputs = 16,
                                                         .groups = groups,
                                                         .in_h = 2 + width % 4,
                                                         .in_w = width,
                                                         .kernel_h = 3,
                                                         .kernel_w = kernel,
                                                         .stride = stride,
                                                         .dilation = 1 + (kernel > 1 && width % 5 == 0),
                                                         .pad = width % (kernel + 1)});
                }
            }
        }
    }
}

Test(grouped, groups_of_fewer_channels_than_outputs_and_of_several_blocks) {
    for (int groups = 1; groups <= 8; groups *= 2) {
        for (int channels = groups; channels <= (groups == 1 ? 64 : 16); channels *= 2) {
            assert_holds(&(struct grouped_shape){.channels = channels,
                                                 .outputs = 16,
                                                 .groups = groups,
                                                 .in_h = 5,
                                                 .in_w = 16,
                                                 .kernel_h = 3,
                                                 .kernel_w = 3,
                                                 .stride = 1,
                                                 .dilation = 1,
                                                 .pad = 1});
        }
    }
}

Test(grouped, every_activation_is_applied_and_nan_and_infinity_stay_in_their_group) {
    for (int i = 0; i < n_case_activations; i++) {
        for (int groups = 1; groups <= 8; groups *= 2) {
            assert_holds(&(struct grouped_shape){.channels = 16,
                                                 .outputs = 16,
                                                 .groups = groups,
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
