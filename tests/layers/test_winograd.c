#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_conv.h"

/* A convolution that Winograd may be chosen for, with any stride of 1 or 2 that it has. */
static struct net_conv any_conv(uint64_t *seed) {
    struct net_conv conv = {
        .shape = {.n = check_between(seed, 1, 2), .groups = 1, .window = oracle_window()}};
    conv.shape.channels = check_between(seed, 1, 50);
    conv.shape.filters = check_between(seed, 1, 70);
    conv.shape.in_h = check_between(seed, 5, 22);
    conv.shape.in_w = check_between(seed, 5, 32);
    struct oracle_window *w = &conv.shape.window;
    w->pad_top = check_between(seed, 0, 3);
    w->pad_left = check_between(seed, 0, 3);
    w->pad_bottom = check_between(seed, 0, 3);
    w->pad_right = check_between(seed, 0, 3);
    conv.in = check_between(seed, 0, 1) ? FMAP_NHWC : FMAP_NCHW;
    conv.out = check_between(seed, 0, 1) ? FMAP_NHWC : FMAP_NCHW;
    conv.threads = check_between(seed, 1, 3);
    static const fmap_algorithm algorithms[] = {FMAP_ALGORITHM_BEST,        FMAP_ALGORITHM_WINOGRAD_F2,
                                                FMAP_ALGORITHM_WINOGRAD_F4, FMAP_ALGORITHM_WINOGRAD_F5,
                                                FMAP_ALGORITHM_WINOGRAD_F6, FMAP_ALGORITHM_FASTEST};
    conv.algorithm = algorithms[check_between(seed, 0, 5)];
    return conv;
}

static struct net_conv winograd_conv(uint64_t *seed) {
    struct net_conv conv = any_conv(seed);
    struct oracle_window *w = &conv.shape.window;
    w->kernel_h = w->kernel_w = check_between(seed, 0, 3) ? 3 : 5;
    if (w->kernel_h == 3 && !check_between(seed, 0, 2)) w->stride_h = w->stride_w = 2;
    return conv;
}

/* With a kernel of one row or one column. */
static struct net_conv line_conv(uint64_t *seed) {
    struct net_conv conv = any_conv(seed);
    int length = 3 + 2 * check_between(seed, 0, 2), down = check_between(seed, 0, 1);
    conv.shape.window.kernel_h = down ? length : 1;
    conv.shape.window.kernel_w = down ? 1 : length;
    return conv;
}

/* The transforms mix the pixels of a patch, so an output's error goes with the largest sum near it and not with
 * its own: an output that sees nothing but padding is not the exact bias any more. The worst case of the chain of
 * all products is far above what the transforms add, but for few channels: they add as much as some. */
static void widen_bounds(const struct net_conv *conv, double *bounds) {
    size_t n = net_conv_outputs(conv);
    double largest = 0, roundings = 25.0 * conv->shape.channels / conv->shape.groups + 60;
    for (size_t i = 0; i < n; i++) largest = bounds[i] > largest ? bounds[i] : largest;
    for (size_t i = 0; i < n; i++) bounds[i] = check_bound(roundings, largest);
}

static void agrees(const struct net_conv *conv) {
    size_t n = net_conv_outputs(conv);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    float *first = malloc(n * sizeof *first), *got = malloc(n * sizeof *got);
    cr_assert(expected && bounds && first && got);
    oracle_conv_2d(&conv->shape, expected, bounds);
    widen_bounds(conv, bounds);
    for (fmap_isa isa = FMAP_ISA_SCALAR; isa <= FMAP_ISA_AVX512; isa++) {
        if (fmap_isa_select(isa) != isa) continue;
        float *dst = isa == FMAP_ISA_SCALAR ? first : got;
        cr_assert(net_conv_run(conv, isa, dst));
        cr_assert(check_near(fmap_isa_name(isa), dst, expected, bounds, n), "%s", net_conv_text(conv).text);
        cr_assert(check_same_bits(fmap_isa_name(isa), dst, first, n), "%s", net_conv_text(conv).text);
    }
    free(expected);
    free(bounds);
    free(first);
    free(got);
}

Test(winograd, agrees_with_the_oracle_and_between_instruction_sets) {
    uint64_t seed = 5;
    for (int i = 0; i < 40; i++) {
        struct net_conv conv = winograd_conv(&seed);
        cr_assert(net_conv_complete(&conv, check_between(&seed, 0, 1), seed));
        agrees(&conv);
        net_conv_free(&conv);
    }
}

Test(winograd, kernels_of_one_line_agree_with_the_oracle_and_between_instruction_sets) {
    uint64_t seed = 8;
    for (int i = 0; i < 60; i++) {
        struct net_conv conv = line_conv(&seed);
        cr_assert(net_conv_complete(&conv, check_between(&seed, 0, 1), seed));
        agrees(&conv);
        net_conv_free(&conv);
    }
}

Test(winograd, signals_of_one_dimension_are_lines) {
    uint64_t seed = 9;
    for (int i = 0; i < 24; i++) {
        struct net_conv conv = line_conv(&seed);
        struct oracle_window *w = &conv.shape.window;
        conv.one_dimension = true;
        conv.in = conv.out = FMAP_NCHW;
        conv.shape.in_h = 1;
        w->kernel_w = w->kernel_h > w->kernel_w ? w->kernel_h : w->kernel_w;
        w->kernel_h = 1;
        w->pad_top = w->pad_bottom = 0;
        w->dilation_w = 1 << check_between(&seed, 0, 3);
        conv.shape.in_w = check_between(&seed, 1, 90);
        if (!net_conv_complete(&conv, true, seed)) continue;
        agrees(&conv);
        net_conv_free(&conv);
    }
}

/* With maps down to one pixel, dilations beyond them, and any padding. */
static struct net_conv dilated_conv(uint64_t *seed) {
    static const int channels[] = {1, 5, 16, 17, 33};
    static const fmap_algorithm algorithms[] = {FMAP_ALGORITHM_BEST, FMAP_ALGORITHM_WINOGRAD_F2,
                                                FMAP_ALGORITHM_WINOGRAD_F4, FMAP_ALGORITHM_WINOGRAD_F6,
                                                FMAP_ALGORITHM_FASTEST};
    struct net_conv conv = {.shape = {.n = check_between(seed, 1, 2), .groups = 1, .window = oracle_window()},
                            .threads = check_between(seed, 1, 3),
                            .algorithm = algorithms[check_between(seed, 0, 4)]};
    struct oracle_window *w = &conv.shape.window;
    int line = check_between(seed, 0, 2); /* a row, a column */
    w->kernel_h = line == 1 ? 1 : line == 2 ? 3 + 2 * check_between(seed, 0, 2) : 3;
    w->kernel_w = line == 2 ? 1 : line == 1 ? 3 + 2 * check_between(seed, 0, 2) : 3;
    w->dilation_h = w->dilation_w = check_between(seed, 2, 7);
    if (!check_between(seed, 0, 3)) w->dilation_h = check_between(seed, 1, 4);
    conv.shape.channels = channels[check_between(seed, 0, 4)];
    conv.shape.filters = check_between(seed, 1, 40);
    conv.shape.in_h = check_between(seed, 1, 22);
    conv.shape.in_w = check_between(seed, 1, 26);
    w->pad_top = check_between(seed, 0, 2 * w->dilation_h);
    w->pad_left = check_between(seed, 0, 2 * w->dilation_w);
    w->pad_bottom = check_between(seed, 0, w->dilation_h + 1);
    w->pad_right = check_between(seed, 0, w->dilation_w + 1);
    conv.in = check_between(seed, 0, 1) ? FMAP_NHWC : FMAP_NCHW;
    conv.out = check_between(seed, 0, 1) ? FMAP_NHWC : FMAP_NCHW;
    return conv;
}

Test(winograd, of_a_dilation_each_phase_agrees_with_the_oracle_and_between_instruction_sets) {
    uint64_t seed = 7;
    for (int done = 0; done < 160;) {
        struct net_conv conv = dilated_conv(&seed);
        if (!net_conv_complete(&conv, check_between(&seed, 0, 1), seed)) continue;
        agrees(&conv);
        net_conv_free(&conv);
        done++;
    }
}

/* As in the pyramids of atrous convolutions that segmentation networks end with. */
Test(winograd, of_large_dilations_phases_have_a_few_pixels) {
    for (int dilation = 4; dilation <= 16; dilation += 2) {
        struct net_conv conv = {
            .shape = {.n = 1, .groups = 1, .channels = 17, .filters = 33, .in_h = 33, .in_w = 33}};
        conv.shape.window = (struct oracle_window){3,        3,        1,        1,        dilation,
                                                   dilation, dilation, dilation, dilation, dilation};
        conv.threads = 2;
        conv.algorithm = dilation % 4 ? FMAP_ALGORITHM_WINOGRAD_F2 : FMAP_ALGORITHM_WINOGRAD_F4;
        cr_assert(net_conv_complete(&conv, true, 8));
        agrees(&conv);
        net_conv_free(&conv);
    }
}

/* Of two to four groups, each whole blocks, any kernel that Winograd may be chosen for. */
static struct net_conv grouped_conv(uint64_t *seed) {
    int kind = check_between(seed, 0, 2);
    struct net_conv conv = kind == 0 ? dilated_conv(seed) : kind == 1 ? line_conv(seed) : winograd_conv(seed);
    conv.shape.groups = check_between(seed, 2, 4);
    conv.shape.channels = 16 * conv.shape.groups * check_between(seed, 1, 3);
    conv.shape.filters = 16 * conv.shape.groups * check_between(seed, 1, 3);
    return conv;
}

Test(winograd, groups_of_whole_blocks_agree_with_the_oracle_and_between_instruction_sets) {
    uint64_t seed = 10;
    for (int done = 0; done < 80;) {
        struct net_conv conv = grouped_conv(&seed);
        if (!net_conv_complete(&conv, check_between(&seed, 0, 1), seed)) continue;
        agrees(&conv);
        net_conv_free(&conv);
        done++;
    }
}

/* What belongs to another group is not even multiplied by zero. */
Test(winograd, infinite_weights_and_nan_pixels_stay_in_their_group) {
    enum { SIZE = 9, GROUP = 32, GROUPS = 4, PLANE = SIZE * SIZE, N = GROUP * GROUPS * PLANE };
    static float clean[N], got[N];
    struct net_conv conv = {.shape = {.n = 1,
                                      .groups = GROUPS,
                                      .channels = GROUP * GROUPS,
                                      .filters = GROUP * GROUPS,
                                      .in_h = SIZE,
                                      .in_w = SIZE,
                                      .window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}},
                            .threads = 2,
                            .algorithm = FMAP_ALGORITHM_WINOGRAD_F4};
    cr_assert(net_conv_complete(&conv, true, 11));
    cr_assert_eq(net_conv_outputs(&conv), N);
    cr_assert(net_conv_run(&conv, FMAP_ISA_SCALAR, clean));
    conv.src[GROUP * PLANE + 5] = NAN;
    conv.weights[3 * GROUP * GROUP * 9] = INFINITY;
    for (fmap_isa isa = FMAP_ISA_SCALAR; isa <= FMAP_ISA_AVX512; isa++) {
        if (fmap_isa_select(isa) != isa) continue;
        cr_assert(net_conv_run(&conv, isa, got));
        for (int group = 0; group < GROUPS; group += 2) {
            size_t at = (size_t)(group * GROUP * PLANE);
            cr_expect(check_same_bits(fmap_isa_name(isa), got + at, clean + at, GROUP * PLANE));
        }
        cr_expect(isnan(got[GROUP * PLANE + 5]) && !isfinite(got[3 * GROUP * PLANE]));
    }
    net_conv_free(&conv);
}

static void same_for_threads_and_batch(struct net_conv conv, uint64_t seed) {
    conv.shape.n = 3;
    conv.in = conv.out = FMAP_NCHW;
    cr_assert(net_conv_complete(&conv, true, seed));
    cr_assert(net_conv_same_for_threads_and_batch(&conv), "%s", net_conv_text(&conv).text);
    net_conv_free(&conv);
}

Test(winograd, the_number_of_threads_and_the_batch_change_no_bit) {
    uint64_t seed = 6;
    same_for_threads_and_batch(winograd_conv(&seed), seed);
    static const fmap_algorithm algorithms[] = {FMAP_ALGORITHM_WINOGRAD_F4, FMAP_ALGORITHM_WINOGRAD_F6};
    for (int i = 0; i < 12; i++) {
        struct net_conv conv = line_conv(&seed);
        conv.algorithm = algorithms[i % 2];
        same_for_threads_and_batch(conv, seed);
    }
    for (int i = 0; i < 6; i++) {
        struct net_conv conv = dilated_conv(&seed);
        conv.shape.in_h += 42;
        conv.shape.in_w += 42;
        same_for_threads_and_batch(conv, seed);
    }
    for (int i = 0; i < 8; i++) {
        struct net_conv conv = grouped_conv(&seed);
        conv.shape.in_h += 20;
        conv.shape.in_w += 20;
        same_for_threads_and_batch(conv, seed);
    }
}

static struct net_conv conv_of_channels(int channels, fmap_algorithm algorithm) {
    return (struct net_conv){.shape = {.n = 1,
                                       .groups = 1,
                                       .channels = channels,
                                       .filters = 24,
                                       .in_h = 14,
                                       .in_w = 14,
                                       .window = oracle_window()},
                             .threads = 1,
                             .algorithm = algorithm};
}

Test(winograd, errors_of_one_line_are_within_what_the_interface_promises) {
    static const struct {
        fmap_algorithm algorithm;
        int channels, length;
        double most;
    } promises[] = {{FMAP_ALGORITHM_WINOGRAD_F4, 512, 3, 1e-5}, {FMAP_ALGORITHM_WINOGRAD_F4, 512, 5, 2e-5},
                    {FMAP_ALGORITHM_WINOGRAD_F4, 512, 7, 3e-5}, {FMAP_ALGORITHM_WINOGRAD_F6, 512, 3, 2e-5},
                    {FMAP_ALGORITHM_WINOGRAD_F6, 512, 5, 5e-5}, {FMAP_ALGORITHM_WINOGRAD_F6, 512, 7, 1e-4},
                    {FMAP_ALGORITHM_BEST, 512, 3, 2e-5},        {FMAP_ALGORITHM_BEST, 512, 5, 2e-5},
                    {FMAP_ALGORITHM_BEST, 240, 7, 2e-5},        {FMAP_ALGORITHM_BEST, 512, 7, 2e-5}};
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        for (int down = 0; down < 2; down++) {
            struct net_conv conv = conv_of_channels(promises[i].channels, promises[i].algorithm);
            struct oracle_window *w = &conv.shape.window;
            w->kernel_h = down ? promises[i].length : 1;
            w->kernel_w = down ? 1 : promises[i].length;
            w->pad_top = w->pad_bottom = w->kernel_h / 2;
            w->pad_left = w->pad_right = w->kernel_w / 2;
            cr_assert(net_conv_complete(&conv, true, 7));
            double error = net_conv_largest_error(&conv);
            cr_expect(error <= promises[i].most, "algorithm %d, %d: %g", (int)promises[i].algorithm,
                      promises[i].length, error);
            net_conv_free(&conv);
        }
    }
}

Test(winograd, errors_are_within_what_the_interface_promises) {
    static const struct {
        fmap_algorithm algorithm;
        double most;
    } promises[] = {{FMAP_ALGORITHM_DIRECT, 1e-5},
                    {FMAP_ALGORITHM_WINOGRAD_F2, 1e-5},
                    {FMAP_ALGORITHM_WINOGRAD_F4, 2e-5},
                    {FMAP_ALGORITHM_WINOGRAD_F5, 4e-5},
                    {FMAP_ALGORITHM_WINOGRAD_F6, 8e-5}};
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        struct net_conv conv = conv_of_channels(512, promises[i].algorithm);
        struct oracle_window *w = &conv.shape.window;
        w->pad_top = w->pad_left = w->pad_bottom = w->pad_right = 1;
        static const int kernels[] = {3, 5, 3, 3}, strides[] = {1, 1, 2, 1}, dilations[] = {1, 1, 1, 2};
        for (int k = 0; k < 4; k++) {
            w->kernel_h = w->kernel_w = kernels[k];
            w->stride_h = w->stride_w = strides[k];
            w->dilation_h = w->dilation_w = dilations[k];
            cr_assert(net_conv_complete(&conv, true, 7));
            double error = net_conv_largest_error(&conv), most = kernels[k] == 5 ? 2e-5 : promises[i].most;
            cr_expect(error <= most, "algorithm %d, %d with stride %d, dilation %d: %g",
                      (int)promises[i].algorithm, kernels[k], strides[k], dilations[k], error);
            net_conv_free(&conv);
        }
    }
}
