#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/net_layer.h"

/* Both ways between n, c, size * h, size * w and n, size * size * c, h, w. */
static void assert_moved(int64_t n, int64_t c, int64_t h, int64_t w, int64_t size, bool channel_first) {
    const int64_t deep[4] = {n, c * size * size, h, w}, wide[4] = {n, c, h * size, w * size};
    size_t elements = (size_t)(n * c * h * w * size * size), at = 0;
    float *depth = net_random(elements, 3), *space = net_random(elements, 4);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < c; k++) {
            for (int64_t y = 0; y < wide[2]; y++) {
                for (int64_t x = 0; x < wide[3]; x++) {
                    int64_t square = y % size * size + x % size;
                    int64_t channel = channel_first ? k * size * size + square : square * c + k;
                    space[at++] = depth[((i * deep[1] + channel) * h + y / size) * w + x / size];
                }
            }
        }
    }
    struct net_layer layer = {
        .op = "DepthToSpace", .n_operands = 1, .operands = {net_computed(4, deep, depth)}};
    net_layer_attribute(&layer, net_int("blocksize", size));
    if (channel_first) net_layer_attribute(&layer, net_string("mode", "CRD"));
    layer.batch = true;
    cr_assert(net_layer_moves(&layer, space, elements));
    layer.operands[0] = net_computed_of(FMAP_INT32, 4, deep, depth);
    cr_assert(net_layer_gives(&layer, FMAP_INT32, space, elements));
    if (!channel_first) {
        layer = (struct net_layer){
            .op = "SpaceToDepth", .n_operands = 1, .operands = {net_computed(4, wide, space)}};
        net_layer_attribute(&layer, net_int("blocksize", size));
        cr_assert(net_layer_has_shape(&layer, 4, deep));
        layer.batch = true;
        cr_assert(net_layer_moves(&layer, depth, elements));
    }
    free(depth);
    free(space);
}

Test(depth_to_space, channels_become_pixels_and_pixels_channels) {
    for (int channel_first = 0; channel_first < 2; channel_first++) {
        assert_moved(2, 3, 4, 5, 2, channel_first);
        assert_moved(1, 16, 3, 3, 2, channel_first);
        assert_moved(2, 32, 3, 2, 3, channel_first);
        assert_moved(2, 1, 2, 7, 3, channel_first);
        assert_moved(1, 18, 2, 3, 4, channel_first);
        assert_moved(1, 5, 2, 3, 1, channel_first);
    }
}

Test(depth_to_space, what_does_not_fill_squares_is_refused) {
    static const float x[24] = {0};
    static const int64_t dims[4] = {1, 6, 2, 2};
    struct net_layer layer = {.op = "DepthToSpace", .n_operands = 1, .operands = {net_computed(4, dims, x)}};
    net_layer_attribute(&layer, net_int("blocksize", 2));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "does not consist of squares of 2 pixels"));
    layer.op = "SpaceToDepth";
    layer.attributes[0] = net_int("blocksize", 3);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "does not consist of squares of 3 pixels"));
    layer.attributes[0] = net_int("blocksize", 0);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected 1 or more"));
    layer.attributes[0] = net_int("blocksize", 2);
    net_layer_attribute(&layer, net_string("mode", "ABC"));
    layer.op = "DepthToSpace";
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'mode' is 'ABC'"));
}
