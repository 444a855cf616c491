#include <criterion/criterion.h>

#include <string.h>

#include "runtime/layers/strip.h"

/* An inverted residual of a square map. */
static struct fmap_strip_problem inverted(int64_t channels, int64_t expanded, int64_t size, int64_t stride) {
    int64_t out = (size - 1) / stride + 1;
    struct fmap_tiles_problem depthwise = {.images = 1,
                                           .channels = expanded,
                                           .in = {size, size},
                                           .outputs = expanded,
                                           .out = {out, out},
                                           .groups = expanded,
                                           .kernel = {3, 3},
                                           .strides = {stride, stride},
                                           .dilations = {1, 1},
                                           .pad_top = 1,
                                           .pad_left = 1};
    struct fmap_strip_problem problem = {.expands = true, .projects = true, .depthwise = depthwise};
    problem.expand = (struct fmap_tiles_problem){.images = 1, .channels = channels, .outputs = expanded};
    problem.project = (struct fmap_tiles_problem){.images = 1, .channels = expanded, .outputs = channels};
    return problem;
}

static int64_t bytes_of(const struct fmap_strip_problem *problem, int64_t rows) {
    const struct fmap_tiles_problem *depthwise = &problem->depthwise;
    int64_t blocks = depthwise->channels / FMAP_BLOCK;
    return 4 * blocks *
           (fmap_strip_plane(fmap_strip_source_rows(depthwise, rows), depthwise->in[1]) +
            fmap_strip_plane(rows, depthwise->out[1]));
}

Test(strip, rows_leave_half_of_the_second_cache_to_others) {
    for (int64_t stride = 1; stride <= 2; stride++) {
        struct fmap_strip_problem problem = inverted(24, 144, 56, stride);
        for (size_t near = 512 * 1024; near <= 4096 * 1024; near *= 2) {
            int64_t rows = fmap_strip_rows(&problem, near);
            cr_assert_geq(rows, 1);
            cr_assert_leq(bytes_of(&problem, rows), (int64_t)near / 2);
            if (rows < 16) cr_assert_gt(bytes_of(&problem, rows + 1), (int64_t)near / 2);
        }
    }
    struct fmap_strip_problem small = inverted(24, 144, 5, 1);
    cr_assert_eq(fmap_strip_rows(&small, 1024 * 1024), 5);
}

Test(strip, planes_do_not_meet_in_the_same_sets_of_a_cache) {
    for (int64_t rows = 1; rows <= 16; rows++) {
        int64_t plane = fmap_strip_plane(rows, 32);
        cr_assert_geq(plane, rows * 32 * FMAP_BLOCK);
        cr_assert_neq(plane % 1024, 0);
    }
}

Test(strip, maps_that_outgrow_the_second_cache_pay) {
    struct fmap_strip_room room = {.near_bytes = 1024 * 1024, .lanes = 16, .threads = 1};
    struct fmap_strip_problem large = inverted(16, 96, 112, 2), small = inverted(64, 384, 14, 1);
    struct fmap_strip_gain gain = fmap_strip_gain(&large, &room), less = fmap_strip_gain(&small, &room);
    cr_assert_gt(gain.cycles, 0, "%s", gain.why);
    cr_assert_gt(gain.cycles, 10 * less.cycles, "%s, %s", gain.why, less.why);
    cr_assert(strstr(gain.why, "strip of 3 layers") == gain.why, "%s", gain.why);
}

Test(strip, a_cache_that_holds_not_even_a_row_pays_nothing) {
    struct fmap_strip_room room = {.near_bytes = 128 * 1024, .lanes = 16, .threads = 1};
    struct fmap_strip_problem problem = inverted(64, 1024, 112, 1);
    struct fmap_strip_gain gain = fmap_strip_gain(&problem, &room);
    cr_assert_eq(gain.cycles, 0, "%s", gain.why);
    cr_assert(strstr(gain.why, "no strip") == gain.why && strstr(gain.why, "not even a row"), "%s", gain.why);
}

Test(strip, many_threads_on_few_rows_pay_nothing) {
    struct fmap_strip_room room = {.near_bytes = 1024 * 1024, .lanes = 16, .threads = 64};
    struct fmap_strip_problem problem = inverted(160, 960, 7, 1);
    struct fmap_strip_gain gain = fmap_strip_gain(&problem, &room);
    cr_assert_eq(gain.cycles, 0, "%s", gain.why);
}

Test(strip, threads_get_bands_of_an_image_or_images) {
    struct fmap_strip_problem problem = inverted(24, 144, 56, 1);
    for (int threads = 1; threads <= 8; threads *= 2) {
        struct fmap_share share = fmap_strip_cut(&problem, 1, threads, threads);
        cr_assert_geq(fmap_share_parts(&share), threads);
        cr_assert_geq(fmap_share_balance(&share, threads), 0.9);
        share = fmap_strip_cut(&problem, 16, threads, threads);
        cr_assert_eq(fmap_share_parts(&share), 16);
    }
}
