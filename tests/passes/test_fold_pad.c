#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/net_passes.h"

struct padded {
    const char *op; /* behind the Pad */
    const char *mode;
    float value;
    int64_t ends[8]; /* n, c, h, w before; n, c, h, w after */
    int64_t own[4];
    const char *auto_pad;
    bool ceil_mode, count_padding, second_reader, one_dimension;
    int stride;
};

static fmap_value add_pad(fmap_model *model, const struct padded *padded, fmap_value x) {
    const char *mode = padded->mode ? padded->mode : "constant";
    const int64_t line[6] = {padded->ends[0], padded->ends[1], padded->ends[3],
                             padded->ends[4], padded->ends[5], padded->ends[7]};
    fmap_value inputs[3] = {x};
    fmap_attribute attribute = net_string("mode", mode);
    inputs[1] = padded->one_dimension ? net_ints(model, line, 6) : net_ints(model, padded->ends, 8);
    inputs[2] = net_floats(model, &padded->value, 0, NULL);
    return net_node(model, "Pad", "pad", inputs, 3, &attribute, 1);
}

static void build(fmap_model *model, const void *what) {
    const struct padded *padded = what;
    static const int64_t image[4] = {2, 5, 9, 10}, line[3] = {2, 5, 10}, weights[4] = {7, 5, 3, 3},
                         one_weights[3] = {7, 5, 3};
    static const int64_t kernel[2] = {3, 3};
    const int64_t strides[2] = {padded->stride ? padded->stride : 1, padded->stride ? padded->stride : 1};
    const int64_t own_line[2] = {padded->own[1], padded->own[3]};
    bool conv = padded->op[0] == 'C', flat = padded->one_dimension;
    size_t n = 0, dims = flat ? 1 : 2;
    fmap_attribute attributes[6];
    fmap_value x = flat ? net_input(model, "x", 3, line) : net_input(model, "x", 4, image);
    fmap_value inputs[2] = {add_pad(model, padded, x)};
    float *w = net_random(7 * 5 * 9, 3);
    inputs[1] = flat ? net_floats(model, w, 3, one_weights) : net_floats(model, w, 4, weights);
    free(w);
    attributes[n++] = net_list("kernel_shape", kernel, dims);
    attributes[n++] = net_list("strides", strides, dims);
    attributes[n++] = padded->auto_pad ? net_string("auto_pad", padded->auto_pad)
                      : flat           ? net_list("pads", own_line, 2)
                                       : net_list("pads", padded->own, 4);
    if (padded->ceil_mode) attributes[n++] = net_int("ceil_mode", 1);
    if (padded->count_padding) attributes[n++] = net_int("count_include_pad", 1);
    fmap_model_output(model, net_node(model, padded->op, "next", inputs, conv ? 2 : 1, attributes, n));
    if (padded->second_reader) fmap_model_output(model, net_node(model, "Relu", "relu", inputs, 1, NULL, 0));
}

/* Whether the Pad disappears in the next layer; the results must be the same either way. */
static bool is_folded(struct padded padded) {
    fmap_model *model = net_model(build, &padded);
    cr_assert(model);
    cr_assert(net_passes_change_no_bit(model));
    const char *into = net_passes_fused_into(model, "pad");
    bool removed = net_passes_remove(model, "pad", NULL);
    cr_assert_eq(removed, into && strcmp(into, "next") == 0);
    cr_assert(!net_passes_remove(model, "pad", &(struct net_passes){.without = "fold_pad"}));
    fmap_model_destroy(model);
    return removed;
}

static const struct padded conv = {.op = "Conv", .ends = {0, 0, 1, 2, 0, 0, 3, 0}};
static const struct padded average = {.op = "AveragePool", .ends = {0, 0, 1, 2, 0, 0, 2, 0}};

Test(fold_pad, a_convolution_pads_itself_on_every_side_and_in_addition_to_its_own) {
    struct padded padded = conv;
    cr_assert(is_folded(padded));
    padded.own[0] = 2;
    padded.own[3] = 1;
    cr_assert(is_folded(padded));
    padded.stride = 2;
    cr_assert(is_folded(padded));
    padded.one_dimension = true;
    cr_assert(is_folded(padded));
}

Test(fold_pad, automatic_padding_counts_from_the_padded_size) {
    static const char *const names[] = {"SAME_UPPER", "SAME_LOWER", "VALID"};
    for (int i = 0; i < 9; i++) {
        struct padded padded = conv;
        padded.auto_pad = names[i / 3];
        padded.stride = i % 3 + 1;
        cr_assert(is_folded(padded), "%s, stride %d", padded.auto_pad, padded.stride);
    }
}

Test(fold_pad, only_zeros_around_the_image_are_folded) {
    struct padded padded = conv;
    padded.value = 1;
    cr_assert(!is_folded(padded));
    padded = conv;
    padded.mode = "edge";
    cr_assert(!is_folded(padded));
    padded = conv;
    padded.ends[0] = 1;
    cr_assert(!is_folded(padded));
    padded = conv;
    padded.ends[2] = -1;
    cr_assert(!is_folded(padded));
}

Test(fold_pad, an_average_takes_zeros_that_it_counts) {
    struct padded padded = average;
    cr_assert(is_folded(padded));
    padded.stride = 2;
    cr_assert(is_folded(padded));
    padded.auto_pad = "VALID";
    cr_assert(is_folded(padded));
    padded = average;
    padded.own[0] = padded.own[3] = 1;
    cr_assert(!is_folded(padded));
    padded.count_padding = true;
    cr_assert(is_folded(padded));
    padded.ceil_mode = true;
    padded.stride = 2;
    cr_assert(!is_folded(padded));
    padded = average;
    padded.auto_pad = "SAME_UPPER";
    cr_assert(!is_folded(padded));
}

Test(fold_pad, a_maximum_does_not_take_zeros) {
    struct padded padded = average;
    padded.op = "MaxPool";
    cr_assert(!is_folded(padded));
    padded.value = -INFINITY;
    cr_assert(is_folded(padded));
    padded.own[0] = padded.own[3] = 1;
    padded.ceil_mode = true;
    padded.stride = 2;
    cr_assert(is_folded(padded));
}

Test(fold_pad, a_pad_that_others_need_stays_for_them) {
    struct padded padded = conv;
    padded.second_reader = true;
    cr_assert(!is_folded(padded));
}

Test(fold_pad, a_pad_that_is_tapped_stays_for_the_tap) {
    fmap_model *model = net_model(build, &conv);
    cr_assert(!net_passes_remove(model, "pad", &(struct net_passes){.kept = "pad"}));
    fmap_model_destroy(model);
}
