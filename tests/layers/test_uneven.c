#include <criterion/criterion.h>

#include <math.h>

#include "tests/check.h"
#include "tests/net_conv.h"

/* `groups` groups of `channels` channels and `filters` outputs each. */
static struct net_conv uneven_conv(int groups, int channels, int filters) {
    return (struct net_conv){.shape = {.n = 2,
                                       .channels = groups * channels,
                                       .in_h = 5,
                                       .in_w = 9,
                                       .filters = groups * filters,
                                       .groups = groups,
                                       .window = {1, 1, 1, 1, 1, 1, 0, 0, 0, 0}},
                             .threads = 1};
}

static void agrees(struct net_conv *conv, uint64_t seed) {
    if (!net_conv_complete(conv, seed % 2, seed)) return;
    cr_assert(net_conv_agrees(conv), "%s", net_conv_text(conv).text);
    net_conv_free(conv);
}

Test(uneven, groups_of_any_size_by_a_kernel_of_one_pixel) {
    uint64_t seed = 1;
    for (int channels = 5; channels <= 80; channels += 5) {
        for (int filters = 4; filters <= 48; filters += 4) {
            struct net_conv conv = uneven_conv(2 + (channels + filters) % 6, channels, filters);
            conv.threads = 1 + filters % 3;
            agrees(&conv, seed++);
        }
    }
}

Test(uneven, any_window) {
    uint64_t seed = 1;
    for (int filters = 3; filters <= 70; filters += 3) {
        for (int kernel = 1; kernel <= 4; kernel++) {
            struct net_conv conv = uneven_conv(3, 24, filters);
            struct oracle_window *w = &conv.shape.window;
            w->kernel_h = w->kernel_w = kernel;
            w->stride_h = w->stride_w = 1 + filters % 3;
            w->dilation_h = w->dilation_w = 1 + (filters + kernel) % 2;
            w->pad_top = w->pad_left = filters % 4;
            w->pad_bottom = w->pad_right = kernel / 2;
            conv.threads = kernel;
            conv.shape.in_w = 1 + filters % 31;
            agrees(&conv, seed++);
        }
    }
}

Test(uneven, more_outputs_than_fit_one_panel_and_lines_of_any_length) {
    for (int width = 1; width <= 30; width++) {
        struct net_conv conv = uneven_conv(5, 20, 130);
        conv.shape.in_w = width;
        conv.shape.in_h = 1 + width % 2;
        conv.threads = 1 + width % 4;
        agrees(&conv, (uint64_t)width);
    }
}

/* Groups that share a block of 16 channels share no number. */
Test(uneven, infinite_weights_and_nan_pixels_stay_in_their_group) {
    for (int channels = 3; channels <= 60; channels += 9) {
        struct net_conv conv = uneven_conv(4, channels, channels);
        cr_assert(net_conv_complete(&conv, true, (uint64_t)channels));
        conv.weights[0] = INFINITY;
        conv.weights[2 * channels * channels] = -INFINITY;
        conv.src[channels * conv.shape.in_h * conv.shape.in_w + 7] = NAN;
        cr_assert(net_conv_agrees(&conv), "%s", net_conv_text(&conv).text);
        net_conv_free(&conv);
    }
}
