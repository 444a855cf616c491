/* Concat without copies: who writes into its slice, and that it changes nothing. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_passes.h"

enum { C = 16, SIZE = 5 };

struct joined {
    int64_t images;
    int64_t outputs[3]; /* of the convolutions that are joined */
    bool read_twice;    /* the first is an input of a second Concat, too, and an output */
    bool nested;        /* what was joined is joined with the second convolution once more */
    bool pooled;        /* a MaxPool and a Relu are inputs, too */
    bool same;          /* the first is joined with itself */
};

static fmap_value conv(fmap_model *model, fmap_value x, const char *name, int64_t channels, int64_t outputs,
                       int64_t kernel) {
    const int64_t dims[4] = {outputs, channels, kernel, kernel},
                  pads[4] = {kernel / 2, kernel / 2, kernel / 2, kernel / 2};
    float *weights = net_random((size_t)(outputs * channels * kernel * kernel), (uint64_t)(outputs + kernel));
    fmap_value inputs[2] = {x, net_floats(model, weights, 4, dims)};
    fmap_attribute attribute = net_list("pads", pads, 4);
    free(weights);
    return net_node(model, "Conv", name, inputs, 2, &attribute, 1);
}

static fmap_value join(fmap_model *model, const char *name, const fmap_value *inputs, size_t n) {
    fmap_attribute axis = net_int("axis", 1);
    return net_node(model, "Concat", name, inputs, n, &axis, 1);
}

static void build(fmap_model *model, const void *what) {
    const struct joined *joined = what;
    const int64_t dims[4] = {joined->images, C, SIZE, SIZE}, ones[2] = {1, 1};
    fmap_attribute pool = net_list("kernel_shape", ones, 2);
    fmap_value x = net_input(model, "x", 4, dims), parts[5];
    size_t n = 3;
    for (size_t i = 0; i < n; i++)
        parts[i] = conv(model, x, i == 0 ? "first" : NULL, C, joined->outputs[i], i == 1 ? 3 : 1);
    fmap_value first = parts[0], second = parts[1];
    if (joined->same) parts[2] = first;
    if (joined->pooled) {
        parts[n++] = net_node(model, "MaxPool", NULL, &x, 1, &pool, 1);
        parts[n++] = net_node(model, "Relu", NULL, &x, 1, NULL, 0);
    }
    fmap_value y = join(model, "concat", parts, n);
    if (joined->nested) y = join(model, "outer", (fmap_value[]){conv(model, x, NULL, C, 32, 1), y}, 2);
    fmap_model_output(model, net_node(model, "Tanh", NULL, &y, 1, NULL, 0));
    if (joined->read_twice) {
        fmap_model_output(model, first);
        fmap_model_output(model, join(model, "again", (fmap_value[]){second, first}, 2));
    }
}

/* Whether steps copy inputs of the Concat of that name. */
static bool copies(const fmap_model *model, const char *name, bool no_fusion) {
    struct net net;
    bool found = false;
    cr_assert(net_open(&net, model, &(fmap_plan_options){.no_fusion = no_fusion}));
    fmap_layer_info layer;
    for (size_t i = 0; fmap_plan_layer(net.plan, i, &layer) == FMAP_OK; i++) {
        if (strcmp(layer.name, name) == 0) found = strncmp(layer.kernel, "copy", 4) == 0;
    }
    net_close(&net);
    return found;
}

static bool copies_in(const struct joined *joined, const char *name) {
    fmap_model *model = net_model(build, joined);
    bool result = copies(model, name, false);
    cr_assert(copies(model, name, true), "as it is written, it copies");
    cr_assert(net_passes_change_no_bit(model));
    fmap_model_destroy(model);
    return result;
}

Test(concat_in_place, convolutions_of_whole_blocks_write_into_their_slice) {
    for (int64_t images = 1; images <= 3; images += 2) {
        cr_assert(!copies_in(&(struct joined){.images = images, .outputs = {16, 48, 32}}, "concat"));
        cr_assert(!copies_in(&(struct joined){.images = images, .outputs = {16, 48, 3}}, "concat"));
    }
}

Test(concat_in_place, channels_that_end_inside_a_block_are_copied) {
    for (int64_t images = 1; images <= 3; images += 2)
        cr_assert(copies_in(&(struct joined){.images = images, .outputs = {16, 17, 32}}, "concat"));
}

Test(concat_in_place, what_begins_on_a_block_is_written_there_and_the_rest_of_its_last_block_behind_it) {
    for (int64_t images = 1; images <= 3; images++) {
        cr_assert(copies_in(&(struct joined){.images = images, .outputs = {24, 8, 16}}, "concat"));
        cr_assert(copies_in(&(struct joined){.images = images, .outputs = {3, 5, 7}}, "concat"));
        cr_assert(
            copies_in(&(struct joined){.images = images, .outputs = {24, 8, 7}, .same = true}, "concat"));
    }
}

Test(concat_in_place, pools_and_activations_of_one_image_write_into_their_slice) {
    cr_assert(!copies_in(&(struct joined){.images = 1, .outputs = {16, 48, 32}, .pooled = true}, "concat"));
    cr_assert(copies_in(&(struct joined){.images = 3, .outputs = {16, 48, 32}, .pooled = true}, "concat"));
}

Test(concat_in_place, what_others_read_lies_in_one_slice_and_is_copied_to_the_other) {
    for (int64_t images = 1; images <= 3; images += 2) {
        const struct joined joined = {.images = images, .outputs = {16, 48, 32}, .read_twice = true};
        cr_assert_eq(copies_in(&joined, "concat"), images > 1);
        cr_assert(copies_in(&joined, "again"));
    }
}

Test(concat_in_place, the_slice_of_a_slice) {
    for (int64_t images = 1; images <= 3; images += 2) {
        const struct joined joined = {.images = images, .outputs = {16, 48, 32}, .nested = true};
        cr_assert(!copies_in(&joined, "concat") && !copies_in(&joined, "outer"));
        const struct joined copied = {.images = images, .outputs = {16, 17, 32}, .nested = true};
        cr_assert(copies_in(&copied, "concat"));
    }
}

Test(concat_in_place, the_same_value_twice) {
    for (int64_t images = 1; images <= 3; images += 2)
        cr_assert(
            copies_in(&(struct joined){.images = images, .outputs = {32, 48, 1}, .same = true}, "concat"));
}

Test(concat_in_place, a_tap_gets_what_lies_in_a_slice) {
    static float maps[2][3 * 16 * SIZE * SIZE], y[3 * 96 * SIZE * SIZE];
    for (int64_t images = 1; images <= 3; images += 2) {
        fmap_model *model = net_model(build, &(struct joined){.images = images, .outputs = {16, 48, 32}});
        float *x = net_random((size_t)images * C * SIZE * SIZE, 1);
        fmap_tap_request tap = {.layers = "first"};
        for (int i = 0; i < 2; i++) {
            struct net net;
            cr_assert(
                net_open(&net, model, &(fmap_plan_options){.taps = &tap, .n_taps = 1, .no_fusion = i == 0}));
            fmap_context_set_tap(net.context, 0, maps[i], NULL);
            cr_assert(net_run(&net, x, y));
            net_close(&net);
        }
        cr_assert(check_same_bits("tap", maps[0], maps[1], (size_t)images * 16 * SIZE * SIZE));
        fmap_model_destroy(model);
        free(x);
    }
}
