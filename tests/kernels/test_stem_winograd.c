#include <criterion/criterion.h>

#include "tests/cases/case.h"

static void both_hold(const struct stem_winograd_shape *shape) {
    for (int taps = 3; taps <= 5; taps++) {
        struct stem_winograd_shape sized = *shape;
        sized.taps = taps;
        cr_expect(kernel_case_holds_and_destroy(stem_winograd_input_case(&sized)));
        cr_expect(kernel_case_holds_and_destroy(stem_winograd_output_case(&sized)));
    }
}

Test(stem_winograd, every_width_and_stride_agrees_with_the_matrices) {
    for (int width = 1; width <= 70; width++) {
        for (int stride = 1; stride <= FMAP_STEM_WINOGRAD_MAX_STRIDE; stride++)
            both_hold(&(struct stem_winograd_shape){.width = width, .stride = stride});
    }
}

Test(stem_winograd, every_activation_follows_the_output) {
    for (int i = 0; i < n_case_activations; i++)
        both_hold(&(struct stem_winograd_shape){.width = 23, .stride = 2, .activate = case_activations[i]});
}
