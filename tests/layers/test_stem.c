#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "runtime/layers/stem.h"
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

Test(stem, is_chosen_by_the_shape_alone) {
    static float weights[64 * 8 * 7 * 7];
    struct fmap_tiles_problem problem = {.images = 1,
                                         .channels = 3,
                                         .outputs = 64,
                                         .in = {224, 224},
                                         .out = {112, 112},
                                         .groups = 1,
                                         .kernel = {7, 7},
                                         .strides = {2, 2},
                                         .dilations = {1, 1},
                                         .weights = weights};
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
