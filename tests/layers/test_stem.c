#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "runtime/layers/stem.h"
#include "runtime/layers/stem_job.h"
#include "tests/check.h"
#include "tests/net_conv.h"

/* A convolution of few channels: every tile, stride, dilation and padding comes up sooner or later. */
static struct net_conv stem_conv(uint64_t *seed) {
    struct net_conv conv = {
        .shape = {.n = check_between(seed, 1, 2), .groups = 1, .window = oracle_window()}};
    struct oracle_window *w = &conv.shape.window;
    static const int kernels[] = {1, 2, 3, 3, 5, 7, 11};
    w->kernel_h = kernels[check_between(seed, 0, 6)];
    w->kernel_w = kernels[check_between(seed, 0, 6)];
    w->stride_h = check_between(seed, 1, 4);
    w->stride_w = check_between(seed, 1, 4);
    w->dilation_h = check_between(seed, 1, 2);
    w->dilation_w = check_between(seed, 1, 3);
    w->pad_top = check_between(seed, 0, 4);
    w->pad_left = check_between(seed, 0, 4);
    w->pad_bottom = check_between(seed, 0, 4);
    w->pad_right = check_between(seed, 0, 4);
    conv.shape.channels = check_between(seed, 1, 8);
    conv.shape.filters = check_between(seed, 1, 70);
    conv.shape.in_h = (w->kernel_h - 1) * w->dilation_h + check_between(seed, 1, 9);
    conv.shape.in_w = (w->kernel_w - 1) * w->dilation_w + check_between(seed, 1, 60);
    conv.in = check_between(seed, 0, 1) ? FMAP_NHWC : FMAP_NCHW;
    conv.out = check_between(seed, 0, 1) ? FMAP_NHWC : FMAP_NCHW;
    conv.threads = check_between(seed, 1, 3);
    conv.algorithm = FMAP_ALGORITHM_DIRECT;
    return conv;
}

/* One that is computed by Winograd along its rows. */
static struct net_conv winograd_conv(uint64_t *seed) {
    struct net_conv conv = stem_conv(seed);
    struct oracle_window *w = &conv.shape.window;
    w->stride_w = check_between(seed, 1, FMAP_STEM_WINOGRAD_MAX_STRIDE);
    w->kernel_h = check_between(seed, 3, 7);
    w->kernel_w = w->stride_w * check_between(seed, 3, 5) - check_between(seed, 0, w->stride_w - 1);
    w->dilation_w = 1;
    conv.shape.channels = check_between(seed, 3, 8);
    conv.shape.filters = check_between(seed, 20, 70);
    conv.shape.in_h = (w->kernel_h - 1) * w->dilation_h + check_between(seed, 1, 9);
    conv.shape.in_w = w->kernel_w + w->stride_w * check_between(seed, 10, 350);
    conv.algorithm = FMAP_ALGORITHM_BEST;
    conv.roundings = conv.shape.channels * w->kernel_h * w->kernel_w + 60;
    return conv;
}

Test(stem, agrees_with_the_oracle_and_between_instruction_sets) {
    uint64_t seed = 11;
    for (int i = 0; i < 150; i++) {
        struct net_conv conv = stem_conv(&seed);
        cr_assert(net_conv_complete(&conv, check_between(&seed, 0, 1), seed));
        cr_assert(net_conv_agrees(&conv), "%s", net_conv_text(&conv).text);
        net_conv_free(&conv);
    }
}

static struct fmap_tiles_problem problem_of(const struct net_conv *conv) {
    const struct oracle_conv_2d *s = &conv->shape;
    const struct oracle_window *w = &s->window;
    return (struct fmap_tiles_problem){.images = s->n,
                                       .channels = s->channels,
                                       .outputs = s->filters,
                                       .in = {s->in_h, s->in_w},
                                       .out = {s->out_h, s->out_w},
                                       .groups = 1,
                                       .kernel = {w->kernel_h, w->kernel_w},
                                       .strides = {w->stride_h, w->stride_w},
                                       .dilations = {w->dilation_h, w->dilation_w}};
}

Test(stem, winograd_along_rows_agrees_with_the_oracle_and_between_instruction_sets) {
    uint64_t seed = 15;
    int n = 0;
    for (int i = 0; i < 80; i++) {
        struct net_conv conv = winograd_conv(&seed);
        cr_assert(net_conv_complete(&conv, check_between(&seed, 0, 1), seed));
        struct fmap_tiles_problem problem = problem_of(&conv);
        n += fmap_stem_winograd_wanted(&problem, FMAP_ALGORITHM_BEST);
        cr_assert(net_conv_agrees(&conv), "%s", net_conv_text(&conv).text);
        net_conv_free(&conv);
    }
    cr_expect(n > 40, "only %d of them are computed that way", n);
}

Test(stem, every_size_of_tile_comes_up) {
    uint64_t seed = 12;
    for (int width = 1; width <= 30; width++) {
        for (int filters = 8; filters <= 64; filters += 8) {
            struct net_conv conv = {.shape = {.n = 1,
                                              .groups = 1,
                                              .channels = 3,
                                              .filters = filters,
                                              .in_h = 2,
                                              .in_w = width,
                                              .window = oracle_window()},
                                    .threads = 1};
            struct oracle_window *w = &conv.shape.window;
            w->kernel_h = 1;
            w->kernel_w = 3;
            w->pad_left = w->pad_right = 1;
            cr_assert(net_conv_complete(&conv, true, seed));
            cr_assert(net_conv_agrees(&conv), "%s", net_conv_text(&conv).text);
            net_conv_free(&conv);
        }
    }
}

Test(stem, the_number_of_threads_and_the_batch_change_no_bit) {
    uint64_t seed = 13;
    struct net_conv conv = stem_conv(&seed);
    conv.shape.n = 3;
    conv.shape.in_h = 40;
    conv.in = conv.out = FMAP_NCHW;
    cr_assert(net_conv_complete(&conv, true, seed));
    cr_assert(net_conv_same_for_threads_and_batch(&conv));
    net_conv_free(&conv);
}

Test(stem, winograd_is_the_same_for_threads_and_batches) {
    uint64_t seed = 17;
    for (int i = 0; i < 4; i++) {
        struct net_conv conv = winograd_conv(&seed);
        conv.shape.n = 3;
        conv.in = conv.out = FMAP_NCHW;
        cr_assert(net_conv_complete(&conv, true, seed));
        cr_assert(net_conv_same_for_threads_and_batch(&conv), "%s", net_conv_text(&conv).text);
        net_conv_free(&conv);
    }
}

/* The largest error of F(4, n) relative to the root of the mean square is as small as that of F(4x4). */
Test(stem, winograd_keeps_the_error_that_the_interface_promises) {
    for (int taps = 3; taps <= 5; taps++) {
        struct net_conv conv = {.shape = {.n = 1,
                                          .groups = 1,
                                          .channels = 8,
                                          .filters = 64,
                                          .in_h = 16,
                                          .in_w = 128,
                                          .window = oracle_window()},
                                .threads = 1};
        conv.shape.window.kernel_h = 7;
        conv.shape.window.kernel_w = taps;
        cr_assert(net_conv_complete(&conv, true, 19));
        struct fmap_tiles_problem problem = problem_of(&conv);
        cr_expect(fmap_stem_winograd_wanted(&problem, FMAP_ALGORITHM_BEST), "%d taps", taps);
        double error = net_conv_largest_error(&conv);
        cr_expect(error > 0 && error <= 2e-5, "%d taps: %g", taps, error);
        net_conv_free(&conv);
    }
}

static struct fmap_tiles_problem resnet_stem(void) {
    return (struct fmap_tiles_problem){.images = 1,
                                       .channels = 3,
                                       .outputs = 64,
                                       .in = {224, 224},
                                       .out = {112, 112},
                                       .groups = 1,
                                       .kernel = {7, 7},
                                       .strides = {2, 2},
                                       .dilations = {1, 1}};
}

Test(stem, winograd_is_chosen_by_shape_and_option) {
    struct fmap_tiles_problem problem = resnet_stem();
    cr_expect(fmap_stem_winograd_wanted(&problem, FMAP_ALGORITHM_BEST));
    cr_expect(fmap_stem_winograd_wanted(&problem, FMAP_ALGORITHM_FASTEST));
    cr_expect_not(fmap_stem_winograd_wanted(&problem, FMAP_ALGORITHM_DIRECT));
    problem.dilations[1] = 2;
    cr_expect_not(fmap_stem_winograd_wanted(&problem, FMAP_ALGORITHM_BEST), "there is no such kernel");
    problem.dilations[1] = 1;
    problem.strides[1] = 5;
    cr_expect_not(fmap_stem_winograd_wanted(&problem, FMAP_ALGORITHM_BEST), "nor for that stride");
    problem.strides[1] = 2;
    problem.out[1] = 1;
    cr_expect_not(fmap_stem_winograd_wanted(&problem, FMAP_ALGORITHM_BEST),
                  "three of four outputs for nothing");
    problem.out[1] = 14;
    problem.outputs = 16;
    cr_expect_not(fmap_stem_winograd_wanted(&problem, FMAP_ALGORITHM_BEST), "sums that wait for themselves");
    problem.outputs = 64;
    problem.out[1] = 112;
    problem.kernel[0] = problem.kernel[1] = 3;
    problem.strides[0] = problem.strides[1] = 1;
    cr_expect_not(fmap_stem_winograd_wanted(&problem, FMAP_ALGORITHM_BEST),
                  "sums of 9 terms: products cost more");
}

Test(stem, is_chosen_by_the_shape_alone) {
    static float weights[64 * 8 * 7 * 7];
    struct fmap_tiles_problem problem = resnet_stem();
    problem.weights = weights;
    cr_assert(fmap_stem_wanted(&problem));
    problem.channels = 9;
    cr_assert_not(fmap_stem_wanted(&problem));
    problem.channels = 8;
    cr_assert(fmap_stem_wanted(&problem));
    problem.kernel[0] = problem.kernel[1] = 1;
    cr_assert_not(fmap_stem_wanted(&problem), "half a block is as good, uncopied");
    problem.channels = 3;
    cr_assert(fmap_stem_wanted(&problem));
    problem.kernel[0] = problem.kernel[1] = 7;
    problem.channels = 2;
    problem.groups = 2;
    cr_assert_not(fmap_stem_wanted(&problem));
    problem.groups = 1;
    problem.weights = NULL;
    cr_assert_not(fmap_stem_wanted(&problem), "weights that are computed in the run");
    problem.weights = weights;
    weights[17] = -INFINITY;
    cr_assert_not(fmap_stem_wanted(&problem), "padding times infinity");
    weights[17] = 0;
    problem.in[1] = INT64_MAX / 2;
    cr_assert_not(fmap_stem_wanted(&problem), "what would overflow");
}
