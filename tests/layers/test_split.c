#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/net_layer.h"
#include "tests/net_passes.h"

struct split {
    int64_t dims[4];
    int axis;
    size_t n;
    int64_t sizes[4];
};

static size_t product(const int64_t *dims, int first, int end) {
    size_t n = 1;
    for (int i = first; i < end; i++) n *= (size_t)dims[i];
    return n;
}

/* One output, of any type. */
static void cut(const struct split *split, size_t output, const char *x, size_t bytes, char *y) {
    size_t before = product(split->dims, 0, split->axis),
           behind = product(split->dims, split->axis + 1, 4) * bytes;
    size_t first = 0, size = (size_t)split->sizes[output], whole = (size_t)split->dims[split->axis];
    for (size_t i = 0; i < output; i++) first += (size_t)split->sizes[i];
    for (size_t i = 0; i < before; i++)
        memcpy(y + i * size * behind, x + (i * whole + first) * behind, size * behind);
}

static void assert_outputs(const struct split *split, struct net_layer layer) {
    size_t n = product(split->dims, 0, 4);
    float *x = net_random(n, n), *y = net_random(n, 1);
    layer.n_outputs = split->n;
    layer.batch = split->axis != 0;
    for (layer.output = 0; layer.output < split->n; layer.output++) {
        size_t n_out = n / (size_t)split->dims[split->axis] * (size_t)split->sizes[layer.output];
        layer.operands[0] = net_computed(4, split->dims, x);
        cut(split, layer.output, (const char *)x, sizeof *x, (char *)y);
        cr_assert(net_layer_moves(&layer, y, n_out), "output %zu", layer.output);
        layer.operands[0] = net_computed_of(FMAP_INT32, 4, split->dims, x);
        cr_assert(net_layer_gives(&layer, FMAP_INT32, y, n_out), "output %zu", layer.output);
    }
    free(x);
    free(y);
}

static void assert_split(const struct split *split) {
    struct net_layer layer = {.op = "Split", .n_operands = 2};
    layer.operands[1] = net_constant_ints((int64_t)split->n, split->sizes);
    net_layer_attribute(&layer, net_int("axis", split->axis - 4));
    assert_outputs(split, layer);
    layer.operands[1] = net_pending_ints((int64_t)split->n, split->sizes);
    assert_outputs(split, layer);
}

Test(split, sizes_of_every_axis) {
    assert_split(&(struct split){{2, 5, 4, 3}, 0, 2, {1, 1}});
    assert_split(&(struct split){{1, 48, 4, 3}, 1, 2, {16, 32}});
    assert_split(&(struct split){{2, 50, 4, 3}, 1, 3, {16, 16, 18}});
    assert_split(&(struct split){{2, 50, 4, 3}, 1, 3, {7, 30, 13}});
    assert_split(&(struct split){{2, 18, 9, 3}, 2, 4, {1, 2, 0, 6}});
    assert_split(&(struct split){{2, 18, 3, 9}, 3, 2, {4, 5}});
}

Test(split, equal_pieces) {
    const struct split halves = {{2, 32, 4, 3}, 1, 2, {16, 16}}, thirds = {{1, 18, 4, 3}, 1, 3, {6, 6, 6}};
    struct net_layer layer = {.op = "Split", .opset = 13, .n_operands = 1};
    net_layer_attribute(&layer, net_int("axis", 1));
    assert_outputs(&halves, layer);
    assert_outputs(&thirds, layer);
}

Test(split, the_last_piece_may_be_smaller_from_opset_18_on) {
    const struct split split = {{1, 7, 2, 2}, 1, 3, {3, 3, 1}};
    static const float x[28] = {0};
    struct net_layer layer = {.op = "Split", .opset = 18, .n_operands = 1};
    net_layer_attribute(&layer, net_int("axis", 1));
    net_layer_attribute(&layer, net_int("num_outputs", 3));
    assert_outputs(&split, layer);
    layer.attributes[1] = net_int("num_outputs", 2);
    layer.n_outputs = 3;
    layer.operands[0] = net_computed(4, split.dims, x);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'num_outputs' is 2, but there are 3 outputs"));
    layer.opset = 13;
    layer.n_attributes = 1;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "into 3 equal pieces"));
}

Test(split, the_attribute_of_old_opsets) {
    const struct split split = {{1, 7, 3, 2}, 2, 2, {2, 1}};
    struct net_layer layer = {.op = "Split", .opset = 11, .n_operands = 1};
    net_layer_attribute(&layer, net_int("axis", 2));
    net_layer_attribute(&layer, net_list("split", split.sizes, 2));
    assert_outputs(&split, layer);
}

Test(split, sizes_that_do_not_add_up_are_refused) {
    static const float x[28] = {0};
    static const int64_t dims[4] = {1, 7, 2, 2}, sizes[2] = {3, 3}, negative[2] = {8, -1};
    struct net_layer layer = {.op = "Split", .n_operands = 2, .n_outputs = 2};
    layer.operands[0] = net_computed(4, dims, x);
    layer.operands[1] = net_constant_ints(2, sizes);
    net_layer_attribute(&layer, net_int("axis", 1));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "no sizes of 2 outputs that add up to axis 1"));
    layer.operands[1] = net_constant_ints(2, negative);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "no sizes of 2 outputs"));
    layer.attributes[0] = net_int("axis", 4);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has no axis 4"));
}

/* ShuffleNet's unit: half of the channels goes by, the other half through a convolution. */
static void build_unit(fmap_model *model, const void *what) {
    const int64_t *sizes = what, dims[4] = {sizes[0], sizes[1], 6, 5};
    const int64_t half[4] = {sizes[1] - sizes[2], sizes[1] - sizes[2], 1, 1};
    float *weights = net_random((size_t)(half[0] * half[1]), 7);
    fmap_value x = net_input(model, "x", 4, dims), halves[2];
    fmap_attribute axis = net_int("axis", 1);
    x = net_node(model, "Relu", NULL, &x, 1, NULL, 0);
    fmap_value inputs[2] = {x, net_ints(model, (int64_t[]){sizes[2], half[0]}, 2)};
    fmap_model_node(model,
                    &(fmap_node_definition){.op = "Split",
                                            .name = "split",
                                            .inputs = inputs,
                                            .n_inputs = 2,
                                            .n_outputs = 2,
                                            .attributes = &axis,
                                            .n_attributes = 1},
                    halves);
    fmap_value convolved[2] = {halves[1], net_floats(model, weights, 4, half)};
    halves[1] = net_node(model, "Conv", NULL, convolved, 2, NULL, 0);
    fmap_model_output(model, net_node(model, "Concat", "concat", halves, 2, &axis, 1));
    fmap_model_output(model, halves[0]);
    free(weights);
}

Test(split, halves_are_read_where_they_lie) {
    for (int64_t n = 1; n <= 3; n++) {
        for (int64_t c = 30; c <= 32; c++) {
            fmap_model *model = net_model(build_unit, (int64_t[]){n, c, 16});
            cr_assert(net_passes_change_no_bit(model));
            fmap_model_destroy(model);
            model = net_model(build_unit, (int64_t[]){n, c, 15});
            cr_assert(net_passes_change_no_bit(model));
            fmap_model_destroy(model);
        }
    }
}

Test(split, whole_blocks_of_one_image_are_not_copied) {
    fmap_model *model = net_model(build_unit, (int64_t[]){1, 32, 16});
    struct net net;
    fmap_layer_info layer;
    cr_assert(net_open(&net, model, NULL));
    for (size_t i = 0; fmap_plan_layer(net.plan, i, &layer) == FMAP_OK; i++) {
        if (strcmp(layer.name, "split") == 0) cr_assert(strncmp(layer.kernel, "copy", 4) != 0);
    }
    net_close(&net);
    fmap_model_destroy(model);
}
