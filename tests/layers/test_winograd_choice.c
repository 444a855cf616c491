#include <criterion/criterion.h>

#include "runtime/layers/winograd.h"

Test(winograd_choice, kernels_of_5x5_take_tiles_of_two_where_it_pays) {
    struct fmap_tiles_problem problem = {.images = 1,
                                         .channels = 48,
                                         .outputs = 64,
                                         .out = {35, 35},
                                         .groups = 1,
                                         .kernel = {5, 5},
                                         .strides = {1, 1},
                                         .dilations = {1, 1},
                                         .weights = ""};
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 2);
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F4), 0, "there is no such kernel");
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_DIRECT), 0);
    problem.channels = 6;
    problem.outputs = 16;
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 0, "transforms would cost too much");
    problem.channels = 64;
    problem.kernel[1] = 3;
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 0);
}

/* Of 17x17 with padding that keeps the size. */
static struct fmap_tiles_problem line_problem(int64_t height, int64_t width) {
    return (struct fmap_tiles_problem){.images = 1,
                                       .channels = 128,
                                       .in = {17, 17},
                                       .outputs = 192,
                                       .out = {17, 17},
                                       .groups = 1,
                                       .kernel = {height, width},
                                       .pad_top = height / 2,
                                       .pad_left = width / 2,
                                       .strides = {1, 1},
                                       .dilations = {1, 1},
                                       .weights = ""};
}

Test(winograd_choice, kernels_of_one_line_have_tiles_of_one_line_where_they_pay) {
    for (int down = 0; down < 2; down++) {
        struct fmap_tiles_problem seven = line_problem(down ? 7 : 1, down ? 1 : 7),
                                  five = line_problem(down ? 5 : 1, down ? 1 : 5),
                                  three = line_problem(down ? 3 : 1, down ? 1 : 3);
        cr_expect_eq(fmap_winograd_choose(&seven, FMAP_ALGORITHM_BEST), 3);
        cr_expect_eq(fmap_winograd_choose(&seven, FMAP_ALGORITHM_FASTEST), 6);
        cr_expect_eq(fmap_winograd_points(&seven, 3), 9);
        cr_expect_eq(fmap_winograd_tiles(&seven, 3, down ? 0 : 1), 6);
        cr_expect_eq(fmap_winograd_tiles(&seven, 3, down ? 1 : 0), 17);
        cr_expect_eq(fmap_winograd_choose(&five, FMAP_ALGORITHM_BEST), 4);
        cr_expect_eq(fmap_winograd_choose(&five, FMAP_ALGORITHM_FASTEST), 6);
        cr_expect_eq(fmap_winograd_choose(&three, FMAP_ALGORITHM_BEST), 6, "as exact as F(4x4, 3x3)");
        cr_expect_eq(fmap_winograd_choose(&three, FMAP_ALGORITHM_WINOGRAD_F4), 4);
        cr_expect_eq(fmap_winograd_choose(&seven, FMAP_ALGORITHM_WINOGRAD_F6), 6);
        cr_expect_eq(fmap_winograd_choose(&seven, FMAP_ALGORITHM_WINOGRAD_F2), 0, "there is no such kernel");
        cr_expect_eq(fmap_winograd_choose(&seven, FMAP_ALGORITHM_DIRECT), 0);
        seven.channels = 256;
        cr_expect_eq(fmap_winograd_choose(&seven, FMAP_ALGORITHM_BEST), 0, "its error would be too large");
        cr_expect_eq(fmap_winograd_choose(&seven, FMAP_ALGORITHM_FASTEST), 6);
        seven.channels = 128;
        three.out[0] = three.out[1] = three.in[0] = three.in[1] = 8;
        cr_expect_eq(fmap_winograd_choose(&three, FMAP_ALGORITHM_BEST), 4, "two tiles without a rest");
        seven.out[0] = seven.out[1] = seven.in[0] = seven.in[1] = 4;
        cr_expect_eq(fmap_winograd_choose(&seven, FMAP_ALGORITHM_BEST), 0, "most taps are outside");
        five.channels = 6;
        five.outputs = 16;
        cr_expect_eq(fmap_winograd_choose(&five, FMAP_ALGORITHM_BEST), 0, "transforms would cost too much");
        five = line_problem(down ? 5 : 1, down ? 1 : 5);
        five.strides[1 - down] = 2;
        cr_expect_eq(fmap_winograd_choose(&five, FMAP_ALGORITHM_WINOGRAD_F4), 0, "it cannot");
        five = line_problem(down ? 9 : 1, down ? 1 : 9);
        cr_expect_eq(fmap_winograd_choose(&five, FMAP_ALGORITHM_WINOGRAD_F4), 0, "it cannot");
    }
}

Test(winograd_choice, dilated_lines_have_tiles_of_each_phase_where_they_pay) {
    for (int axis = 0; axis < 2; axis++) {
        struct fmap_tiles_problem line = line_problem(axis == 0 ? 3 : 1, axis == 0 ? 1 : 3);
        int64_t *pad = axis == 0 ? &line.pad_top : &line.pad_left;
        line.dilations[axis] = *pad = 4;
        cr_expect_eq(fmap_winograd_tiles(&line, 4, axis), 2 + 1 + 1 + 1, "of 5, 4, 4 and 4 outputs");
        cr_expect_eq(fmap_winograd_choose(&line, FMAP_ALGORITHM_BEST), 4);
        line.dilations[1 - axis] = 50;
        cr_expect_eq(fmap_winograd_tiles(&line, 4, 1 - axis), 17, "across a line there is nothing to dilate");
        cr_expect_eq(fmap_winograd_choose(&line, FMAP_ALGORITHM_BEST), 4);
        line.dilations[axis] = *pad = 9;
        cr_expect_eq(fmap_winograd_choose(&line, FMAP_ALGORITHM_BEST), 0, "phases of one or two outputs");
        cr_expect_eq(fmap_winograd_choose(&line, FMAP_ALGORITHM_WINOGRAD_F6), 6,
                     "asked for, it need not pay");
        line.dilations[axis] = *pad = 17;
        cr_expect_eq(fmap_winograd_choose(&line, FMAP_ALGORITHM_WINOGRAD_F6), 0, "only pixels of their own");
    }
}

Test(winograd_choice, stride_two_has_tiles_of_two_where_they_pay) {
    struct fmap_tiles_problem problem = {.images = 1,
                                         .channels = 128,
                                         .outputs = 128,
                                         .out = {28, 28},
                                         .groups = 1,
                                         .kernel = {3, 3},
                                         .strides = {2, 2},
                                         .dilations = {1, 1},
                                         .weights = ""};
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 2);
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F4), 0, "there is no such kernel");
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_DIRECT), 0);
    problem.out[0] = problem.out[1] = 7;
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 0,
                 "a quarter of the tiles would be empty");
    problem.out[0] = problem.out[1] = 28;
    problem.channels = 32;
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_FASTEST), 0, "transforms would cost too much");
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F2), 2, "asked for, it need not pay");
    problem.kernel[0] = problem.kernel[1] = 5;
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F2), 0);
}

Test(winograd_choice, dilated_kernels_have_tiles_of_each_phase_where_they_pay) {
    struct fmap_tiles_problem problem = {.images = 1,
                                         .channels = 128,
                                         .outputs = 128,
                                         .in = {33, 33},
                                         .out = {33, 33},
                                         .groups = 1,
                                         .kernel = {3, 3},
                                         .strides = {1, 1},
                                         .dilations = {4, 4},
                                         .pad_top = 4,
                                         .pad_left = 4,
                                         .weights = ""};
    cr_expect_eq(fmap_winograd_tiles(&problem, 4, 1), 3 + 2 + 2 + 2, "of 9, 8, 8 and 8 outputs");
    cr_expect_eq(fmap_winograd_tiles(&problem, 2, 0), 5 + 4 + 4 + 4);
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 4);
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_FASTEST), 4);
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F2), 2);
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F6), 0, "there is no such kernel");
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_DIRECT), 0);
    problem.dilations[0] = problem.dilations[1] = problem.pad_top = problem.pad_left = 12;
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 0,
                 "phases of 2 and 3 fill few tiles, and many of the direct sum's taps are padding");
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F4), 4, "asked for, it need not pay");
    problem.dilations[0] = problem.dilations[1] = problem.pad_top = problem.pad_left = 33;
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F4), 0, "only pixels of their own");
    problem.dilations[0] = problem.dilations[1] = problem.pad_top = problem.pad_left = 2;
    problem.strides[0] = problem.strides[1] = 2;
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F2), 0, "of stride 1 alone");
    problem.strides[0] = problem.strides[1] = 1;
    problem.kernel[0] = problem.kernel[1] = 5;
    cr_expect_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F2), 0, "of 3x3 alone");
}

static struct fmap_tiles_problem groups_problem(int64_t channels, int64_t outputs, int64_t size,
                                                int64_t groups) {
    return (struct fmap_tiles_problem){.images = 1,
                                       .channels = channels * groups,
                                       .in = {size, size},
                                       .outputs = outputs * groups,
                                       .out = {size, size},
                                       .groups = groups,
                                       .kernel = {3, 3},
                                       .strides = {1, 1},
                                       .dilations = {1, 1},
                                       .pad_top = 1,
                                       .pad_left = 1,
                                       .weights = ""};
}

Test(winograd_choice, groups_of_whole_blocks_are_chosen_for_each_by_itself) {
    struct fmap_tiles_problem five = groups_problem(48, 128, 27, 2), one = groups_problem(48, 128, 27, 1);
    five.kernel[0] = five.kernel[1] = one.kernel[0] = one.kernel[1] = 5;
    cr_expect_eq(fmap_winograd_choose(&five, FMAP_ALGORITHM_BEST), 2);
    cr_expect_eq(fmap_winograd_choose(&five, FMAP_ALGORITHM_DIRECT), 0);
    cr_expect_float_eq(fmap_winograd_cost(&five, 2), 2 * fmap_winograd_cost(&one, 2), 1);
    struct fmap_tiles_problem three = groups_problem(16, 16, 28, 4);
    cr_expect_eq(fmap_winograd_choose(&three, FMAP_ALGORITHM_BEST), 4);
    three = groups_problem(24, 32, 28, 4);
    cr_expect_eq(fmap_winograd_choose(&three, FMAP_ALGORITHM_WINOGRAD_F4), 0,
                 "groups begin inside of blocks");
    three = groups_problem(32, 24, 28, 4);
    cr_expect_eq(fmap_winograd_choose(&three, FMAP_ALGORITHM_WINOGRAD_F4), 0, "groups end inside of blocks");
    three = groups_problem(16, 16, 7, 4);
    cr_expect_eq(fmap_winograd_choose(&three, FMAP_ALGORITHM_BEST), 0, "few tiles of narrow groups");
    cr_expect_eq(fmap_winograd_choose(&three, FMAP_ALGORITHM_WINOGRAD_F4), 4, "asked for, it need not pay");
    three = groups_problem(16, 48, 7, 8);
    cr_expect_eq(fmap_winograd_choose(&three, FMAP_ALGORITHM_BEST), 4);
    three = groups_problem(48, 48, 7, 8);
    cr_expect_eq(fmap_winograd_choose(&three, FMAP_ALGORITHM_BEST), 2, "the weights of F(4x4) are too large");
    struct fmap_tiles_problem seven = line_problem(1, 7);
    seven.channels = 512;
    seven.outputs = 512;
    cr_expect_eq(fmap_winograd_choose(&seven, FMAP_ALGORITHM_BEST), 0, "its error would be too large");
    seven.groups = 4;
    cr_expect_eq(fmap_winograd_choose(&seven, FMAP_ALGORITHM_BEST), 3, "sums of 128 channels");
}

Test(winograd_choice, is_chosen_by_the_shape_alone) {
    struct fmap_tiles_problem problem = {.images = 1,
                                         .channels = 64,
                                         .outputs = 64,
                                         .out = {14, 14},
                                         .groups = 1,
                                         .kernel = {3, 3},
                                         .strides = {1, 1},
                                         .dilations = {1, 1},
                                         .weights = ""};
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 4);
    problem.images = 16;
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 4);
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_FASTEST), 5, "14 is nearly three times five");
    problem.out[0] = problem.out[1] = 54;
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_FASTEST), 6);
    problem.strides[1] = 2;
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 0);
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F4), 0, "it cannot");
    problem.strides[1] = 1;
    problem.channels = 3;
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 0);
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F2), 2, "asked for, it need not pay");
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F5), 5);
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_WINOGRAD_F6), 6);
    problem.channels = 64;
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_DIRECT), 0);
    problem.out[0] = problem.out[1] = 7;
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 4);
    problem.channels = problem.outputs = 512;
    cr_assert_eq(fmap_winograd_choose(&problem, FMAP_ALGORITHM_BEST), 2,
                 "the weights of F(4x4) are too large");
}
