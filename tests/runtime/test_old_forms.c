/* Operators as older operator sets write them. */
#include <criterion/criterion.h>

#include "tests/net_layer.h"

enum { N = 2, C = 3, W = 4, ALL = N * C * W };

static const int64_t dims[3] = {N, C, W};

static void count_up(float *x, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = (float)i - 7.5f;
}

Test(old_forms, reshape_said_its_shape_in_an_attribute) {
    static const int64_t sizes[2] = {0, -1}, wrong[2] = {5, -1};
    float x[ALL];
    count_up(x, ALL);
    struct net_layer layer = {.op = "Reshape", .opset = 1, .n_operands = 1};
    layer.operands[0] = net_computed(3, dims, x);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'shape' is missing in opset 1"));
    net_layer_attribute(&layer, net_list("shape", sizes, 2));
    cr_assert(net_layer_has_shape(&layer, 2, (const int64_t[]){N, C * W}));
    cr_assert(net_layer_moves(&layer, x, ALL));
    layer.opset = 5;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has 1 inputs, expected 2"));
    layer.operands[layer.n_operands++] = net_constant_ints(2, sizes);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "attribute 'shape' is not known in opset 5"));
    layer.opset = 4;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'shape' is no input yet in opset 4"));
    layer.n_operands = 1;
    layer.attributes[0] = net_list("shape", wrong, 2);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "cannot be reshaped"));
    layer.attributes[0] = net_string("shape", "6");
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "is neither a number nor a list of numbers"));
}

Test(old_forms, pad_called_its_pads_paddings) {
    static const int64_t ends[6] = {0, 0, 1, 0, 0, 0};
    float x[ALL], padded[N * C * (W + 1)];
    count_up(x, ALL);
    for (size_t i = 0; i < N * C; i++) {
        padded[i * (W + 1)] = 0.5f;
        for (size_t k = 0; k < W; k++) padded[i * (W + 1) + 1 + k] = x[i * W + k];
    }
    struct net_layer layer = {.op = "Pad", .opset = 1, .n_operands = 1};
    layer.operands[0] = net_computed(3, dims, x);
    net_layer_attribute(&layer, net_list("paddings", ends, 6));
    net_layer_attribute(&layer, net_float("value", 0.5f));
    cr_assert(net_layer_moves(&layer, padded, N * C * (W + 1)));
    layer.opset = 2;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'pads' is missing in opset 2"));
    layer.attributes[0].name = "pads";
    cr_assert(net_layer_moves(&layer, padded, N * C * (W + 1)));
}

Test(old_forms, second_operands_were_broadcast_along_an_axis) {
    static const int64_t channels = C;
    float x[ALL], b[C] = {100, 200, 400};
    double sums[ALL];
    count_up(x, ALL);
    for (size_t i = 0; i < ALL; i++) sums[i] = (double)x[i] + (double)b[i / W % C];
    for (int computed = 0; computed < 2; computed++) {
        for (int64_t axis = -2; axis < 2; axis += 3) {
            struct net_layer layer = {.op = "Add", .opset = computed ? 6 : 1, .n_operands = 2};
            layer.operands[0] = net_computed(3, dims, x);
            layer.operands[1] = computed ? net_computed(1, &channels, b) : net_constant(1, &channels, b);
            net_layer_attribute(&layer, net_int("broadcast", 1));
            net_layer_attribute(&layer, net_int("axis", axis));
            cr_assert(net_layer_agrees(&layer, sums, NULL, ALL), "axis %d", (int)axis);
            layer.opset = 7;
            cr_assert(
                net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "attribute 'broadcast' is not known"));
        }
    }
}

Test(old_forms, an_axis_that_does_not_fit_is_refused) {
    static const int64_t wide[2] = {C, W};
    struct net_layer layer = {.op = "Mul", .opset = 6, .n_operands = 2};
    layer.operands[0] = net_computed(3, dims, NULL);
    layer.operands[1] = net_computed(2, wide, NULL);
    net_layer_attribute(&layer, net_int("broadcast", 1));
    net_layer_attribute(&layer, net_int("axis", 2));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'axis' leaves no room"));
    layer.attributes[1].i = 3;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'axis' is no axis of the first input"));
    layer.attributes[1].i = 1;
    cr_assert(net_layer_has_shape(&layer, 3, dims));
}

Test(old_forms, one_element_stretches_along_any_axis) {
    static const int64_t one = 1;
    float x[ALL], two = 2;
    double doubled[ALL];
    count_up(x, ALL);
    for (size_t i = 0; i < ALL; i++) doubled[i] = 2 * (double)x[i];
    struct net_layer layer = {.op = "Mul", .opset = 6, .n_operands = 2};
    layer.operands[0] = net_computed(3, dims, x);
    layer.operands[1] = net_constant(1, &one, &two);
    net_layer_attribute(&layer, net_int("broadcast", 1));
    net_layer_attribute(&layer, net_int("axis", 0));
    cr_assert(net_layer_agrees(&layer, doubled, NULL, ALL));
}

Test(old_forms, attributes_that_say_nothing_are_known_as_long_as_they_existed) {
    static const int64_t none[1] = {0};
    float x[ALL];
    count_up(x, ALL);
    struct net_layer layer = {.op = "Dropout", .opset = 1, .n_operands = 1};
    layer.operands[0] = net_computed(3, dims, x);
    net_layer_attribute(&layer, net_int("is_test", 1));
    net_layer_attribute(&layer, net_list("consumed_inputs", none, 1));
    cr_assert(net_layer_moves(&layer, x, ALL));
    layer.opset = 6;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "attribute 'consumed_inputs' is not known"));
    layer.n_attributes = 1;
    cr_assert(net_layer_moves(&layer, x, ALL));
    layer.opset = 7;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "attribute 'is_test' is not known"));
}

Test(old_forms, concat_joined_channels_unless_told_otherwise) {
    struct net_layer layer = {.op = "Concat", .opset = 1, .n_operands = 2};
    layer.operands[0] = layer.operands[1] = net_computed(3, dims, NULL);
    cr_assert(net_layer_has_shape(&layer, 3, (const int64_t[]){N, 2 * C, W}));
    layer.opset = 4;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "there is no attribute 'axis'"));
}

Test(old_forms, slopes_were_one_for_each_channel) {
    static const int64_t channels = C;
    float x[ALL], slopes[C] = {2, 4, 8};
    double expected[ALL];
    count_up(x, ALL);
    for (size_t i = 0; i < ALL; i++)
        expected[i] = x[i] < 0 ? (double)(x[i] * slopes[i / W % C]) : (double)x[i];
    struct net_layer layer = {.op = "PRelu", .opset = 6, .n_operands = 2};
    layer.operands[0] = net_computed(3, dims, x);
    layer.operands[1] = net_constant(1, &channels, slopes);
    cr_assert(net_layer_agrees(&layer, expected, NULL, ALL));
    layer.opset = 7;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, ""));
}

Test(old_forms, upsample_had_a_scale_for_each_side) {
    static const int64_t image[4] = {1, 1, 2, 2};
    static const float x[4] = {1, 2, 3, 4}, wider[12] = {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4};
    static const float between[8] = {1, 1.5f, 2, 2, 3, 3.5f, 4, 4};
    struct net_layer layer = {.op = "Upsample", .opset = 1, .n_operands = 1};
    layer.operands[0] = net_computed(4, image, x);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'scales' is missing in opset 1"));
    net_layer_attribute(&layer, net_float("width_scale", 3));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'height_scale' is missing in opset 1"));
    net_layer_attribute(&layer, net_float("height_scale", 1));
    cr_assert(net_layer_moves(&layer, wider, 12));
    layer.attributes[0] = net_float("width_scale", 2);
    net_layer_attribute(&layer, net_string("mode", "bilinear"));
    cr_assert(net_layer_moves(&layer, between, 8));
    layer.attributes[2] = net_string("mode", "linear");
    cr_assert(
        net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "attribute 'mode' is 'linear', which is unknown"));
    layer.attributes[2] = net_string("mode", "bilinear");
    layer.attributes[1] = net_string("height_scale", "1");
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'height_scale' is no float32"));
    layer.opset = 7;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'scales' is missing in opset 7"));
}
