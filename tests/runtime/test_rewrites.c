/* Networks that a rewrite of the graph could get wrong: what somebody else reads, puts out or taps has to stay. Each
 * is compared, bit for bit, with the network run as it is written. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net.h"

enum { C = 4, H = 5, W = 6, MOST = 4, MOST_FLOATS = 4096 };

static const float *weights(void) {
    static float floats[1024];
    check_fill(floats, 1024, -1, 1, 5);
    return floats;
}

static fmap_value image(fmap_model *model, const char *name) {
    return fmap_model_image_input(model, name, H, W, C);
}

static fmap_value conv(fmap_model *model, const char *name, fmap_value x) {
    fmap_conv_2d layer = {
        .filters = C, .kernel_size = {3, 3}, .padding = FMAP_SAME, .kernel = weights(), .bias = weights()};
    return fmap_model_conv_2d(model, name, x, &layer);
}

struct result {
    float output[MOST][MOST_FLOATS];
    float map[MOST_FLOATS];
    int64_t fused; /* layers */
};

/* All outputs and the map of one tap (NULL: none). Every input of the network gets the same numbers. */
static void run(const fmap_model *model, const char *tap, fmap_layout layout, bool no_fusion,
                struct result *result) {
    static float x[C * H * W];
    fmap_tap_request request = {.layers = tap, .layout = layout};
    fmap_plan_options options = {
        .taps = &request, .n_taps = tap ? 1 : 0, .no_fusion = no_fusion, .threads = 2};
    struct net net;
    const void *inputs[MOST];
    void *outputs[MOST];
    check_fill(x, C * H * W, -1, 1, 9);
    memset(result, 0, sizeof *result);
    for (int i = 0; i < MOST; i++) {
        inputs[i] = x;
        outputs[i] = result->output[i];
    }
    cr_assert(net_open(&net, model, &options));
    if (tap) {
        fmap_tap_info info;
        int64_t elements = 0;
        cr_assert_eq(fmap_plan_tap(net.plan, 0, &info), FMAP_OK);
        cr_assert(fmap_shape_elements(&info.shape, &elements) && elements <= MOST_FLOATS);
        cr_assert_eq(fmap_context_set_tap(net.context, 0, result->map, NULL), FMAP_OK);
    }
    cr_assert_eq(fmap_context_run(net.context, inputs, outputs, NULL), FMAP_OK);
    for (size_t i = 0; i < fmap_model_node_count(model); i++) {
        fmap_layer_info layer;
        cr_assert_eq(fmap_plan_layer(net.plan, i, &layer), FMAP_OK);
        result->fused += layer.fused_into >= 0;
    }
    net_close(&net);
}

static struct result fused, plain;

/* With no tap, and with each layer tapped in both layouts. `some_fused`: at least one layer is, without taps. */
static void rewrites_well(net_build *build, bool some_fused) {
    fmap_model *model = net_model(build, NULL);
    cr_assert(model);
    run(model, NULL, FMAP_NCHW, true, &plain);
    run(model, NULL, FMAP_NCHW, false, &fused);
    cr_assert(check_same_bits("outputs", fused.output[0], plain.output[0], MOST * MOST_FLOATS));
    cr_assert_eq(fused.fused > 0, some_fused, "%lld layers are fused", (long long)fused.fused);
    for (size_t i = 0; i < fmap_model_node_count(model); i++) {
        fmap_node_info node;
        cr_assert_eq(fmap_model_node_at(model, i, &node), FMAP_OK);
        for (int layout = FMAP_NCHW; layout <= FMAP_NHWC; layout++) {
            run(model, node.name, (fmap_layout)layout, true, &plain);
            run(model, node.name, (fmap_layout)layout, false, &fused);
            cr_assert(check_same_bits(node.name, fused.map, plain.map, MOST_FLOATS));
            cr_assert(check_same_bits("outputs", fused.output[0], plain.output[0], MOST * MOST_FLOATS), "%s",
                      node.name);
        }
    }
    fmap_model_destroy(model);
}

static void build_chain(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = fmap_model_zero_padding_2d(model, "pad", image(model, "x"), 1, 0, 2, 1);
    x = conv(model, "conv", x);
    x = fmap_model_relu(model, "relu", x);
    x = fmap_model_dropout(model, "dropout", x, 0.5f);
    fmap_model_output(model,
                      fmap_model_max_pooling_2d(model, "pool", x, &(fmap_pool_2d){.pool_size = {2, 2}}));
}

Test(rewrites, of_a_chain) { rewrites_well(build_chain, true); }

/* The value before the activation is an output too. */
static void build_output_inside(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = conv(model, "conv", image(model, "x"));
    fmap_model_output(model, fmap_model_relu(model, "relu", x));
    fmap_model_output(model, x);
}

Test(rewrites, keep_an_output_inside_of_a_chain) { rewrites_well(build_output_inside, false); }

/* Two layers read what a fusion would keep in registers. */
static void build_two_readers(fmap_model *model, const void *what) {
    (void)what;
    fmap_value pad = fmap_model_zero_padding_2d(model, "pad", image(model, "x"), 1, 1, 1, 1);
    fmap_value x = conv(model, "conv", pad);
    fmap_value relu = fmap_model_relu(model, "relu", x),
               tanh = fmap_model_activation(model, "tanh", x, FMAP_TANH);
    fmap_model_output(model, fmap_model_add(model, "add", relu, tanh));
    fmap_model_output(model, pad);
}

Test(rewrites, keep_what_two_layers_read) { rewrites_well(build_two_readers, false); }

/* A layer reads the same value twice. */
static void build_squares(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = conv(model, "conv", image(model, "x"));
    x = fmap_model_multiply(model, "square", x, x);
    x = fmap_model_relu(model, "relu", x);
    fmap_model_output(model, fmap_model_concatenate(model, "twice", (fmap_value[]){x, x, x}, 3));
}

Test(rewrites, of_a_value_read_twice_by_one_layer) { rewrites_well(build_squares, true); }

/* Layers that do nothing, at the beginning, at the end, and in a row. */
static void build_nothing(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = image(model, "x"), y = image(model, "y");
    x = fmap_model_dropout(model, "first", x, 0.5f);
    x = fmap_model_activation(model, "second", x, FMAP_LINEAR);
    fmap_model_output(model, fmap_model_dropout(model, "third", x, 0.1f));
    fmap_model_output(model, x);
    fmap_model_output(model, fmap_model_dropout(model, "of_y", y, 0.1f));
    fmap_model_output(model, conv(model, "conv", fmap_model_dropout(model, "before_conv", x, 0.1f)));
}

Test(rewrites, of_layers_that_do_nothing) {
    fmap_model *model = net_model(build_nothing, NULL);
    cr_assert(model);
    run(model, NULL, FMAP_NCHW, true, &plain);
    run(model, NULL, FMAP_NCHW, false, &fused);
    cr_assert(check_same_bits("outputs", fused.output[0], plain.output[0], MOST * MOST_FLOATS));
    static const char *const names[] = {"first", "second", "third", "of_y", "before_conv", "conv"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        run(model, names[i], FMAP_NHWC, true, &plain);
        run(model, names[i], FMAP_NHWC, false, &fused);
        cr_assert(check_same_bits(names[i], fused.map, plain.map, MOST_FLOATS));
        cr_assert(check_same_bits("outputs", fused.output[0], plain.output[0], MOST * MOST_FLOATS), "%s",
                  names[i]);
    }
    fmap_model_destroy(model);
}

/* Layers whose result nobody uses, and an input that nobody reads. */
static void build_dead(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = image(model, "x");
    image(model, "unread");
    fmap_value dead = conv(model, "dead_conv", x);
    fmap_model_relu(model, "dead_relu", dead);
    fmap_model_output(model, fmap_model_relu(model, "relu", conv(model, "conv", x)));
}

Test(rewrites, compute_what_nobody_uses_only_for_a_tap) {
    fmap_model *model = net_model(build_dead, NULL);
    struct net net;
    fmap_layer_info layer;
    fmap_tap_request request = {.layers = "dead_relu"};
    cr_assert(model && net_open(&net, model, NULL));
    cr_assert_eq(fmap_plan_layer(net.plan, 0, &layer), FMAP_OK);
    cr_assert_str_eq(layer.kernel, "");
    net_close(&net);
    cr_assert(net_open(&net, model, &(fmap_plan_options){.taps = &request, .n_taps = 1}));
    cr_assert_eq(fmap_plan_layer(net.plan, 0, &layer), FMAP_OK);
    cr_assert(*layer.kernel);
    net_close(&net);
    run(model, "dead_relu", FMAP_NCHW, true, &plain);
    run(model, "dead_relu", FMAP_NCHW, false, &fused);
    cr_assert(check_same_bits("map", fused.map, plain.map, MOST_FLOATS));
    cr_assert(fused.map[0] != 0 || fused.map[1] != 0 || fused.map[2] != 0);
    fmap_model_destroy(model);
}

/* Shapes only: flattening and reshaping in a row, and what comes out of them as an output. */
static void build_shapes(fmap_model *model, const void *what) {
    (void)what;
    const int64_t as_image[4] = {0, 6, 5, 4}, perm[4] = {0, 2, 3, 1};
    fmap_value x = conv(model, "conv", image(model, "x"));
    fmap_value flat = fmap_model_flatten(model, "flatten", x, FMAP_NHWC);
    fmap_value inputs[2] = {flat, net_ints(model, as_image, 4)};
    fmap_value other = net_node(model, "Reshape", "reshape", inputs, 2, NULL, 0);
    fmap_attribute order = net_list("perm", perm, 4);
    other = net_node(model, "Transpose", "transpose", &other, 1, &order, 1);
    fmap_model_output(model, fmap_model_relu(model, "relu", other));
    fmap_model_output(model, flat);
    fmap_model_output(model, fmap_model_flatten(model, "again", other, FMAP_NCHW));
    fmap_model_output(model,
                      fmap_model_max_pooling_2d(model, "pool", other, &(fmap_pool_2d){.pool_size = {2, 2}}));
}

Test(rewrites, of_shapes_in_a_row) { rewrites_well(build_shapes, false); }

/* What a normalization is folded into is an output itself: it must stay as it is. */
static void build_norm_of_output(fmap_model *model, const void *what) {
    (void)what;
    const float variance[C] = {1, 1, 1, 1};
    fmap_value x = conv(model, "conv", image(model, "x"));
    fmap_model_output(model, x);
    fmap_batch_normalization norm = {weights(), weights() + 1, weights() + 2, variance, 0};
    fmap_model_output(
        model, fmap_model_relu(model, "relu", fmap_model_batch_normalization(model, "norm", x, &norm)));
}

Test(rewrites, do_not_fold_into_an_output) { rewrites_well(build_norm_of_output, true); }

/* A pad of something else than zeros, or in front of a maximum, is no padding. */
static void build_pads(fmap_model *model, const void *what) {
    (void)what;
    const float ones[1] = {1};
    const int64_t pads[8] = {0, 0, 1, 1, 0, 0, 1, 1}, channels[8] = {0, 1, 0, 0, 0, 3, 0, 0};
    fmap_value x = image(model, "x");
    fmap_value one = net_floats(model, ones, 0, NULL);
    fmap_value inputs[3] = {x, net_ints(model, pads, 8), one};
    fmap_model_output(model, conv(model, "conv", net_node(model, "Pad", "ones", inputs, 3, NULL, 0)));
    fmap_value zeros = fmap_model_zero_padding_2d(model, "zeros", x, 1, 2, 0, 1);
    fmap_pool_2d pool = {.pool_size = {2, 2}, .strides = {1, 1}};
    fmap_model_output(model, fmap_model_max_pooling_2d(model, "max", zeros, &pool));
    fmap_model_output(model, fmap_model_average_pooling_2d(model, "average", zeros, &pool));
    fmap_value more[2] = {x, net_ints(model, channels, 8)};
    fmap_value wide = net_node(model, "Pad", "more_channels", more, 2, NULL, 0);
    fmap_conv_2d layer = {.filters = C, .kernel = weights()};
    fmap_model_output(model, fmap_model_conv_2d(model, "wide", wide, &layer));
}

Test(rewrites, of_pads_that_are_no_padding) { rewrites_well(build_pads, false); }

/* An average over a pad's zeros counts them, with padding of its own or hanging over the end. */
static void build_averages(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = image(model, "x");
    const fmap_pool_2d pools[4] = {
        {.pool_size = {3, 3}, .strides = {2, 2}},
        {.pool_size = {3, 3}, .strides = {2, 2}, .padding = FMAP_SAME},
        {.pool_size = {3, 3}, .strides = {2, 2}, .padding = FMAP_SAME, .count_padding = true},
        {.pool_size = {3, 3}, .strides = {2, 2}, .ceil_mode = true}};
    for (int i = 0; i < 4; i++) {
        fmap_value padded = fmap_model_zero_padding_2d(model, NULL, x, 1, 1, 1, 1);
        fmap_model_output(model, fmap_model_average_pooling_2d(model, NULL, padded, &pools[i]));
    }
}

Test(rewrites, of_averages_over_zeros) { rewrites_well(build_averages, true); }

/* Everything that can take an activation, with every activation. */
static void build_activations(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = image(model, "x");
    for (int i = FMAP_RELU; i <= FMAP_TANH; i++) {
        x = fmap_model_activation(model, NULL, conv(model, NULL, x), (fmap_activation)i);
        x = fmap_model_activation(model, NULL, fmap_model_add(model, NULL, x, x), (fmap_activation)i);
        x = fmap_model_activation(model, NULL, fmap_model_multiply(model, NULL, x, x), (fmap_activation)i);
        fmap_conv_2d depthwise = {
            .filters = C, .kernel_size = {3, 3}, .groups = C, .padding = FMAP_SAME, .kernel = weights()};
        x = fmap_model_activation(model, NULL, fmap_model_conv_2d(model, NULL, x, &depthwise),
                                  (fmap_activation)i);
    }
    fmap_model_output(model, x);
    x = fmap_model_flatten(model, NULL, x, FMAP_NCHW);
    for (int i = FMAP_RELU; i <= FMAP_SOFTMAX; i++) {
        x = fmap_model_dense(model, NULL, x,
                             &(fmap_dense){.units = i == FMAP_RELU ? 6 : 7 - i % 2,
                                           .kernel = weights(),
                                           .bias = weights() + 3,
                                           .activation = (fmap_activation)i});
    }
    fmap_model_output(model, x);
}

Test(rewrites, of_every_activation_behind_every_layer) { rewrites_well(build_activations, true); }
