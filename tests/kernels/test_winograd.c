#include <criterion/criterion.h>

#include "tests/cases/case.h"

/* Of one line: rows and columns, for every kernel. */
static void lines_hold(const struct winograd_shape *shape) {
    static const int filters[][2] = {{4, 3}, {6, 3}, {4, 5}, {6, 5}, {3, 7}, {6, 7}};
    for (size_t i = 0; i < 2 * sizeof filters / sizeof *filters; i++) {
        struct winograd_shape line = *shape;
        line.line = i % 2 ? WINOGRAD_COLUMNS : WINOGRAD_ROWS;
        line.output = filters[i / 2][0];
        line.kernel = filters[i / 2][1];
        cr_expect(kernel_case_holds_and_destroy(winograd_input_case(&line)));
        cr_expect(kernel_case_holds_and_destroy(winograd_output_case(&line)));
        line.adds = true;
        cr_expect(kernel_case_holds_and_destroy(winograd_output_case(&line)));
    }
}

/* For every size of tile. */
static void both_hold(const struct winograd_shape *shape) {
    static const int outputs[] = {2, 4, 5, 6};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        struct winograd_shape sized = *shape;
        sized.output = outputs[i];
        cr_expect(kernel_case_holds_and_destroy(winograd_input_case(&sized)));
        cr_expect(kernel_case_holds_and_destroy(winograd_output_case(&sized)));
        sized.adds = true;
        cr_expect(kernel_case_holds_and_destroy(winograd_output_case(&sized)));
    }
    struct winograd_shape wide = *shape;
    wide.output = 2;
    wide.kernel = 5;
    cr_expect(kernel_case_holds_and_destroy(winograd_input_case(&wide)));
    cr_expect(kernel_case_holds_and_destroy(winograd_output_case(&wide)));
    struct winograd_shape strided = *shape;
    strided.output = strided.stride = 2;
    cr_expect(kernel_case_holds_and_destroy(winograd_input_case(&strided)));
    cr_expect(kernel_case_holds_and_destroy(winograd_output_case(&strided)));
    strided.adds = true;
    cr_expect(kernel_case_holds_and_destroy(winograd_output_case(&strided)));
    lines_hold(shape);
}

Test(winograd, every_size_of_output_agrees_with_the_matrices) {
    for (int out_h = 1; out_h <= 10; out_h++) {
        for (int out_w = 1; out_w <= 10; out_w++) {
            both_hold(&(struct winograd_shape){.out_h = out_h, .out_w = out_w, .per_call = 3});
        }
    }
}

Test(winograd, padding_on_each_side_is_zeros) {
    for (int pads = 0; pads < 81; pads++) {
        both_hold(&(struct winograd_shape){.out_h = 7,
                                           .out_w = 9,
                                           .pad_top = pads % 3,
                                           .pad_left = pads / 3 % 3,
                                           .pad_bottom = pads / 9 % 3,
                                           .pad_right = pads / 27,
                                           .per_call = 14});
    }
}

Test(winograd, padding_larger_than_a_patch_leaves_zeros) {
    both_hold(&(struct winograd_shape){.out_h = 24,
                                       .out_w = 21,
                                       .pad_top = 11,
                                       .pad_left = 9,
                                       .pad_bottom = 11,
                                       .pad_right = 10,
                                       .per_call = 5});
}

Test(winograd, every_activation_follows_the_output) {
    for (int i = 0; i < n_case_activations; i++) {
        both_hold(&(struct winograd_shape){.out_h = 6,
                                           .out_w = 5,
                                           .pad_top = 1,
                                           .pad_left = 1,
                                           .per_call = 4,
                                           .activate = case_activations[i]});
    }
}

/* With tiles of two and four. */
static void dilated_hold(const struct winograd_shape *shape) {
    for (int output = 2; output <= 4; output += 2) {
        struct winograd_shape sized = *shape;
        sized.output = output;
        cr_expect(kernel_case_holds_and_destroy(winograd_input_case(&sized)));
        cr_expect(kernel_case_holds_and_destroy(winograd_output_case(&sized)));
        sized.adds = true;
        cr_expect(kernel_case_holds_and_destroy(winograd_output_case(&sized)));
    }
}

Test(winograd, every_size_of_output_agrees_with_the_matrices_of_each_phase) {
    static const int dilations[][2] = {{2, 2}, {3, 2}, {4, 4}, {1, 2}, {2, 1}, {12, 12}};
    for (size_t i = 0; i < sizeof dilations / sizeof *dilations; i++) {
        for (int out_h = 1; out_h <= 19; out_h += 1 + out_h % 3) {
            for (int out_w = 1; out_w <= 22; out_w += 1 + out_w % 2) {
                const struct winograd_shape shape = {.dilations = {dilations[i][0], dilations[i][1]},
                                                     .out_h = out_h,
                                                     .out_w = out_w,
                                                     .per_call = 3};
                dilated_hold(&shape);
                lines_hold(&shape);
            }
        }
    }
}

Test(winograd, padding_of_any_size_is_zeros_in_each_phase) {
    for (int pads = 0; pads < 256; pads++) {
        int top = pads % 4, left = pads / 4 % 4, bottom = pads / 16 % 4, right = pads / 64;
        const struct winograd_shape shape = {.dilations = {3, 2},
                                             .out_h = 2 * top + bottom + 1,
                                             .out_w = 2 * left + right + 3,
                                             .pad_top = 2 * top,
                                             .pad_left = 2 * left,
                                             .pad_bottom = bottom,
                                             .pad_right = right,
                                             .per_call = 14};
        dilated_hold(&shape);
        lines_hold(&shape);
    }
}

Test(winograd, dilations_as_large_as_the_map_see_its_pixels_once) {
    for (int dilation = 5; dilation <= 20; dilation++) {
        dilated_hold(&(struct winograd_shape){.dilations = {dilation, dilation},
                                              .out_h = 9,
                                              .out_w = 7,
                                              .pad_top = dilation,
                                              .pad_left = dilation,
                                              .pad_bottom = dilation,
                                              .pad_right = dilation,
                                              .per_call = 5});
    }
}

Test(winograd, every_activation_follows_the_output_of_each_phase) {
    for (int i = 0; i < n_case_activations; i++) {
        const struct winograd_shape shape = {.dilations = {2, 2},
                                             .out_h = 11,
                                             .out_w = 9,
                                             .pad_top = 2,
                                             .pad_left = 2,
                                             .per_call = 4,
                                             .activate = case_activations[i]};
        dilated_hold(&shape);
        lines_hold(&shape);
    }
}
