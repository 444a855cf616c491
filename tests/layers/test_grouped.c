#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_conv.h"

/* `groups` groups of `channels` channels and `filters` outputs each, 3x3 on 9 x 17 pixels; not by Winograd, which groups of
 * whole blocks have too. */
static struct net_conv grouped_conv(int groups, int channels, int filters) {
    return (struct net_conv){.shape = {.n = 1,
                                       .channels = groups * channels,
                                       .in_h = 9,
                                       .in_w = 17,
                                       .filters = groups * filters,
                                       .groups = groups,
                                       .window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1}},
                             .threads = 1,
                             .algorithm = FMAP_ALGORITHM_DIRECT};
}

static void agrees(struct net_conv *conv, uint64_t seed) {
    if (!net_conv_complete(conv, seed % 2, seed)) return;
    cr_assert(net_conv_agrees(conv), "%s", net_conv_text(conv).text);
    net_conv_free(conv);
}

Test(grouped, groups_of_any_power_of_two_with_a_last_block_of_any_size) {
    uint64_t seed = 1;
    for (int channels = 1; channels <= 32; channels *= 2) {
        for (int filters = 1; filters <= 32; filters *= 2) {
            for (int groups = 2; groups <= 17; groups += 3) {
                struct net_conv conv = grouped_conv(groups, channels, filters);
                conv.shape.n = 1 + groups % 2;
                conv.threads = 1 + groups % 3;
                agrees(&conv, seed++);
            }
        }
    }
}

Test(grouped, lines_of_any_length_with_any_stride_dilation_and_padding) {
    uint64_t seed = 1;
    for (int width = 1; width <= 33; width++) {
        for (int window = 0; window < 24; window++) {
            int kernel = 1 + window % 4, stride = 1 + window / 4 % 3, dilation = 1 + window / 12;
            struct net_conv conv = grouped_conv(3, 4 << window % 3, 4 << window % 3);
            conv.shape.in_h = 3 + width % 4;
            conv.shape.in_w = width;
            conv.shape.window = (struct oracle_window){3,        kernel, stride,    stride, dilation,
                                                       dilation, 1,      width % 3, 1,      kernel / 2};
            agrees(&conv, seed++);
        }
    }
}

Test(grouped, a_kernel_of_one_pixel_at_any_size_of_image) {
    uint64_t seed = 1;
    for (int channels = 2; channels <= 16; channels *= 2) {
        for (int width = 1; width <= 90; width += 1 + width / 8) {
            for (int threads = 1; threads <= 3; threads++) {
                struct net_conv conv = grouped_conv(5, channels, channels);
                conv.shape.in_w = width;
                conv.shape.window = oracle_window();
                conv.threads = threads;
                agrees(&conv, seed++);
            }
        }
    }
}

/* What belongs to another group is not even multiplied by zero. */
Test(grouped, infinite_weights_and_nan_pixels_stay_in_their_group) {
    for (int channels = 2; channels <= 24; channels += 2) {
        struct net_conv conv = grouped_conv(8, channels, channels);
        cr_assert(net_conv_complete(&conv, true, (uint64_t)channels));
        int plane = conv.shape.in_h * conv.shape.in_w;
        conv.weights[0] = INFINITY;
        conv.weights[3 * channels * channels * 9] = -INFINITY;
        conv.src[channels * plane + 5] = NAN;
        conv.src[5 * channels * plane + 20] = INFINITY;
        cr_assert(net_conv_agrees(&conv), "%s", net_conv_text(&conv).text);
        net_conv_free(&conv);
    }
}
