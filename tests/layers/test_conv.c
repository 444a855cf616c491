#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_conv.h"

static void agrees(struct net_conv *conv) {
    cr_assert(net_conv_agrees(conv), "%s", net_conv_text(conv).text);
    net_conv_free(conv);
}

/* Groups: none, one a channel (depthwise, with a multiplier), or pieces of any odd size. */
static void random_channels(struct oracle_conv_2d *s, uint64_t *seed) {
    switch (check_between(seed, 0, 3)) {
    case 0:
        s->groups = s->channels = check_between(seed, 1, 40);
        s->filters = s->groups * check_between(seed, 1, 3);
        break;
    case 1:
        s->groups = check_between(seed, 2, 7);
        s->channels = s->groups * check_between(seed, 1, 6);
        s->filters = s->groups * check_between(seed, 1, 6);
        break;
    default:
        s->groups = 1;
        s->channels = check_between(seed, 1, 40);
        s->filters = check_between(seed, 1, 40);
    }
}

static void random_window(struct net_conv *conv, uint64_t *seed) {
    struct oracle_window *w = &conv->shape.window;
    w->kernel_h = check_between(seed, 1, 5);
    w->kernel_w = check_between(seed, 1, 5);
    w->stride_h = check_between(seed, 1, 3);
    w->stride_w = check_between(seed, 1, 3);
    w->dilation_h = check_between(seed, 1, 3);
    w->dilation_w = check_between(seed, 1, 3);
    w->pad_top = check_between(seed, 0, 4);
    w->pad_left = check_between(seed, 0, 4);
    w->pad_bottom = check_between(seed, 0, 4);
    w->pad_right = check_between(seed, 0, 4);
    if (conv->one_dimension) {
        w->kernel_h = w->stride_h = w->dilation_h = 1;
        w->pad_top = w->pad_bottom = 0;
    }
}

static struct net_conv random_conv(uint64_t *seed) {
    static const char *const auto_pads[] = {NULL, NULL, NULL, "VALID", "SAME_UPPER", "SAME_LOWER"};
    struct net_conv conv = {.shape = {.n = check_between(seed, 1, 3)}};
    random_channels(&conv.shape, seed);
    conv.one_dimension = check_between(seed, 0, 7) == 0;
    conv.shape.in_h = conv.one_dimension ? 1 : check_between(seed, 1, 12);
    conv.shape.in_w = check_between(seed, 1, 40);
    random_window(&conv, seed);
    conv.auto_pad = auto_pads[check_between(seed, 0, 5)];
    if (conv.auto_pad) net_conv_resolve_auto_pad(&conv);
    conv.say_kernel_shape = check_between(seed, 0, 1);
    conv.in = check_between(seed, 0, 1) ? FMAP_NHWC : FMAP_NCHW;
    conv.out = check_between(seed, 0, 1) ? FMAP_NHWC : FMAP_NCHW;
    conv.threads = check_between(seed, 1, 3);
    conv.no_fusion = check_between(seed, 0, 1);
    return conv;
}

Test(conv, agrees_with_the_oracle_and_between_instruction_sets) {
    uint64_t seed = 1;
    for (int done = 0; done < 400;) {
        struct net_conv conv = random_conv(&seed);
        if (!net_conv_complete(&conv, check_between(&seed, 0, 1), seed)) continue;
        agrees(&conv);
        done++;
    }
}

/* 3 channels of 6 x 7 pixels to 5, by a kernel of 3 x 3. */
static struct net_conv small_conv(void) {
    return (struct net_conv){.shape = {.n = 1,
                                       .channels = 3,
                                       .in_h = 6,
                                       .in_w = 7,
                                       .filters = 5,
                                       .groups = 1,
                                       .window = {3, 3, 1, 1, 1, 1, 0, 0, 0, 0}},
                             .threads = 1};
}

Test(conv, any_number_of_channels) {
    for (int channels = 1; channels <= 40; channels++) {
        for (int filters = 1; filters <= 40; filters += channels % 7 + 1) {
            struct net_conv conv = small_conv();
            conv.shape.channels = channels;
            conv.shape.filters = filters;
            cr_assert(net_conv_complete(&conv, true, (uint64_t)(channels * 100 + filters)));
            agrees(&conv);
        }
    }
}

Test(conv, groups_that_begin_inside_a_block) {
    for (int channels = 1; channels <= 18; channels++) {
        for (int filters = 1; filters <= 18; filters += 3) {
            struct net_conv conv = small_conv();
            conv.shape.groups = 5;
            conv.shape.channels = 5 * channels;
            conv.shape.filters = 5 * filters;
            cr_assert(net_conv_complete(&conv, true, (uint64_t)(channels * 100 + filters)));
            agrees(&conv);
        }
    }
}

Test(conv, depthwise_of_any_number_of_channels_and_stride) {
    for (int channels = 1; channels <= 40; channels++) {
        struct net_conv conv = small_conv();
        struct oracle_window *w = &conv.shape.window;
        conv.shape.groups = conv.shape.channels = conv.shape.filters = channels;
        w->kernel_h = 1 + channels % 5;
        w->stride_h = 1 + channels % 3;
        w->stride_w = 1 + channels % 2;
        w->pad_top = channels % 4;
        w->pad_left = 1;
        w->pad_bottom = 2;
        cr_assert(net_conv_complete(&conv, channels % 2, (uint64_t)channels));
        agrees(&conv);
    }
}

Test(conv, lines_of_any_length) {
    for (int width = 1; width <= 64; width++) {
        struct net_conv conv = small_conv();
        conv.shape.in_w = width;
        conv.shape.in_h = 2;
        conv.shape.channels = 17;
        conv.shape.filters = 33;
        conv.shape.window = (struct oracle_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
        cr_assert(net_conv_complete(&conv, true, (uint64_t)width));
        agrees(&conv);
    }
}

Test(conv, images_of_one_pixel_in_any_batch) {
    for (int batch = 1; batch <= 17; batch++) {
        struct net_conv conv = small_conv();
        conv.shape.n = batch;
        conv.shape.in_h = conv.shape.in_w = 1;
        conv.shape.channels = 1 + 3 * batch;
        conv.shape.window = oracle_window();
        cr_assert(net_conv_complete(&conv, true, (uint64_t)batch));
        agrees(&conv);
    }
}

Test(conv, a_kernel_as_large_as_the_image) {
    struct net_conv conv = small_conv();
    conv.shape.window = (struct oracle_window){6, 7, 1, 1, 1, 1, 0, 0, 0, 0};
    cr_assert(net_conv_complete(&conv, true, 1));
    agrees(&conv);
}

Test(conv, a_large_kernel_with_a_large_stride) {
    struct net_conv conv = small_conv();
    conv.shape.in_h = conv.shape.in_w = 37;
    conv.shape.window = (struct oracle_window){11, 11, 4, 4, 1, 1, 2, 2, 2, 2};
    cr_assert(net_conv_complete(&conv, true, 1));
    agrees(&conv);
}

Test(conv, weights_of_a_panel_that_outgrow_the_second_cache) {
    for (int stride = 1; stride <= 2; stride++) {
        struct net_conv conv = small_conv();
        conv.shape.channels = 203;
        conv.shape.filters = 50;
        conv.shape.in_h = 5;
        conv.shape.window = (struct oracle_window){9, 9, stride, 1, 1, 1, 4, 4, 4, 4};
        cr_assert(net_conv_complete(&conv, true, (uint64_t)stride));
        cr_assert(net_conv_same_for_threads_and_batch(&conv), "%s", net_conv_text(&conv).text);
        agrees(&conv);
    }
}

/* Columns of the output times the stride are more than an int holds: column 2 falls on pixel 1, all others outside. */
Test(conv, strides_and_paddings_as_large_as_they_can_be) {
    for (int groups = 1; groups <= 2; groups++) {
        const float src[6] = {1, 2, 3, 4, 5, 6}, weights[4] = {10, 20, 30, 40}, bias[2] = {0.5f, 0.25f};
        const float by_one_group[8] = {0.5f, 0.5f, 120.5f, 0.5f, 0.25f, 0.25f, 260.25f, 0.25f};
        const float by_two_groups[8] = {0.5f, 0.5f, 20.5f, 0.5f, 0.25f, 0.25f, 100.25f, 0.25f};
        struct net_conv conv = small_conv();
        conv.shape = (struct oracle_conv_2d){.n = 1,
                                             .channels = 2,
                                             .in_h = 1,
                                             .in_w = 3,
                                             .filters = 2,
                                             .groups = groups,
                                             .out_h = 1,
                                             .out_w = 4,
                                             .src = src,
                                             .weights = weights,
                                             .bias = bias};
        conv.shape.window = (struct oracle_window){1, 1, 1, 1 << 30, 1, 1, 0, INT32_MAX, 0, INT32_MAX - 1};
        fmap_isa isas[NET_MAX_ISAS];
        int n_isas = net_isas(isas);
        for (int i = 0; i < n_isas; i++) {
            float dst[8];
            cr_assert(net_conv_run(&conv, isas[i], dst));
            cr_assert(
                check_same_bits(fmap_isa_name(isas[i]), dst, groups == 1 ? by_one_group : by_two_groups, 8));
        }
    }
}

Test(conv, dilations_far_larger_than_the_image) {
    for (int groups = 1; groups <= 2; groups++) {
        struct net_conv conv = small_conv();
        conv.shape.channels = conv.shape.filters = 2;
        conv.shape.groups = groups;
        conv.shape.in_h = 1;
        conv.shape.in_w = 3;
        conv.shape.window = (struct oracle_window){1, 2, 1, 1, 1, 1 << 29, 0, 1 << 28, 0, (1 << 28) + 5};
        cr_assert(net_conv_complete(&conv, true, 1));
        agrees(&conv);
    }
}

Test(conv, padding_larger_than_the_kernel_gives_bias_only) {
    struct net_conv conv = small_conv();
    conv.shape.window = (struct oracle_window){3, 3, 1, 1, 1, 1, 9, 8, 7, 6};
    cr_assert(net_conv_complete(&conv, true, 1));
    float *dst = net_random(net_conv_outputs(&conv), 1);
    cr_assert(net_conv_run(&conv, FMAP_ISA_BEST, dst));
    int pixels = conv.shape.out_h * conv.shape.out_w;
    for (int o = 0; o < conv.shape.filters; o++) {
        cr_assert_eq(dst[o * pixels], conv.bias[o]);
        cr_assert_eq(dst[o * pixels + pixels - 1], conv.bias[o]);
    }
    free(dst);
    agrees(&conv);
}

/* Padding is left out of the sum, not multiplied by zero: NaN and infinity reach exactly what they touch. */
Test(conv, infinite_weights_and_nan_pixels_stay_where_they_belong) {
    struct net_conv conv = small_conv();
    conv.shape.window = (struct oracle_window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
    cr_assert(net_conv_complete(&conv, true, 1));
    conv.weights[0] = INFINITY;
    conv.src[9] = NAN;
    agrees(&conv);
}

Test(conv, an_image_alone_gives_the_bits_that_it_gives_in_a_batch) {
    uint64_t seed = 5;
    for (int done = 0; done < 60;) {
        struct net_conv conv = random_conv(&seed);
        conv.shape.n = check_between(&seed, 2, 9);
        if (!net_conv_complete(&conv, true, seed)) continue;
        size_t n = net_conv_outputs(&conv), each = n / (size_t)conv.shape.n;
        float *together = net_random(n, 1), *single = net_random(each, 2);
        cr_assert(net_conv_run(&conv, FMAP_ISA_BEST, together));
        struct net_conv alone = conv;
        alone.shape.n = alone.threads = 1;
        for (int i = 0; i < conv.shape.n; i++) {
            alone.shape.src = conv.src + (size_t)i * net_conv_inputs(&alone);
            cr_assert(net_conv_run(&alone, FMAP_ISA_BEST, single));
            cr_assert(check_same_bits("alone", single, together + (size_t)i * each, each), "%s",
                      net_conv_text(&conv).text);
        }
        free(together);
        free(single);
        net_conv_free(&conv);
        done++;
    }
}

/* ---- what is refused ------------------------------------------------------------------------------- */

static void refused_as(struct net_conv conv, fmap_status status, const char *word) {
    static const float weights[4096] = {0};
    fmap_error error = {0};
    fmap_model *model = NULL;
    conv.shape.weights = weights;
    cr_assert_eq(net_try_model(net_conv_build, &conv, NULL, &model, &error), status, "%s", error.message);
    cr_assert(strstr(error.message, "'y'") && strstr(error.message, word), "%s", error.message);
}

static void refused(struct net_conv conv, const char *word) { refused_as(conv, FMAP_ERROR_MODEL, word); }

Test(conv, a_kernel_larger_than_the_padded_image_is_refused) {
    struct net_conv conv = small_conv();
    conv.shape.window.kernel_h = 7;
    refused(conv, "7");
}

Test(conv, attributes_out_of_range_are_refused) {
    struct net_conv conv = small_conv();
    conv.shape.window.stride_w = 0;
    refused(conv, "strides");
    conv = small_conv();
    conv.shape.window.dilation_h = 0;
    refused(conv, "dilations");
    conv = small_conv();
    conv.auto_pad = "SAME";
    refused(conv, "SAME");
    conv = small_conv();
    conv.shape.groups = 2; /* of 3 channels */
    refused(conv, "");
    conv = small_conv();
    conv.shape.channels = 4;
    conv.shape.groups = 2; /* of 5 filters */
    refused(conv, "");
}

Test(conv, cropping_is_not_supported) {
    struct net_conv conv = small_conv();
    conv.shape.window.pad_left = -1;
    refused_as(conv, FMAP_ERROR_UNSUPPORTED, "pads");
}

static void build_wrong_weights(fmap_model *model, const void *what) {
    static const float weights[400] = {0};
    const int64_t in[4] = {1, 3, 6, 7}, *kernel = what, five = 5;
    fmap_value inputs[3] = {net_input(model, "x", 4, in), net_floats(model, weights, 4, kernel),
                            net_floats(model, weights, 1, &five)};
    fmap_model_output(model, net_node(model, "Conv", "y", inputs, 3, NULL, 0));
}

Test(conv, weights_that_do_not_fit_are_refused_with_their_shape) {
    const int64_t wrong_channels[4] = {5, 4, 3, 3}, wrong_bias[4] = {4, 3, 3, 3};
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(net_try_model(build_wrong_weights, wrong_channels, NULL, &model, &error), FMAP_ERROR_MODEL);
    cr_assert(strstr(error.message, "5x4x3x3"), "%s", error.message);
    cr_assert_eq(net_try_model(build_wrong_weights, wrong_bias, NULL, &model, &error), FMAP_ERROR_MODEL);
    cr_assert(strstr(error.message, "'y'"), "%s", error.message);
}
