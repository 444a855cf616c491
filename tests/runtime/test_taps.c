#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/plan.h"
#include "tests/check.h"
#include "tests/net_sample.h"
#include "tests/oracle.h"

/* ---- which layers a pattern means --------------------------------------------------------------------------- */

Test(taps, patterns_match_as_file_names_do) {
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {{"conv1", "conv1", true},
                 {"conv1", "conv10", false},
                 {"conv1", "conv", false},
                 {"*", "anything", true},
                 {"*", "", true},
                 {"", "", true},
                 {"", "x", false},
                 {"conv?", "conv1", true},
                 {"conv?", "conv", false},
                 {"conv?", "conv12", false},
                 {"conv*", "conv", true},
                 {"conv*", "conv12", true},
                 {"*relu", "conv_relu", true},
                 {"*relu", "relu2", false},
                 {"*a*b*", "xaxxbx", true},
                 {"*a*b*", "xbxxax", false},
                 {"**", "x", true},
                 {"a*b*c", "abcbc", true},
                 {"a*b*c", "abcbd", false},
                 {"*?", "", false},
                 {"*?", "x", true},
                 {"[a]", "a", false},
                 {"CONV1", "conv1", false},
                 {"*/relu", "block/1/relu", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(fmap_pattern_matches(cases[i].pattern, cases[i].name), cases[i].matches, "%s %s",
                     cases[i].pattern, cases[i].name);
    }
}

/* A pattern that would take an exponential time if it were tried naively. */
Test(taps, patterns_of_many_stars_end, .timeout = 10) {
    char name[2001];
    memset(name, 'a', 2000);
    name[2000] = '\0';
    cr_assert_not(fmap_pattern_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", name));
}

/* ---- running with taps ----------------------------------------------------------------------------------------- */

enum { BATCH = 3, MOST_TAPS = 64 };

static fmap_model *sample(void) {
    fmap_model *model = net_model(net_sample_build, NULL);
    cr_assert(model);
    return model;
}

/* The maps of all taps of a plan after one run. */
struct maps {
    struct net net;
    size_t n;
    fmap_tap_info info[MOST_TAPS];
    size_t elements[MOST_TAPS];
    float *map[MOST_TAPS];
    float output[BATCH * NET_SAMPLE_OUTPUTS];
};

static void run_taps(struct maps *maps, const fmap_model *model, fmap_plan_options options) {
    float *x = net_sample_images(BATCH, 1);
    options.batch = BATCH;
    cr_assert(net_open(&maps->net, model, &options));
    maps->n = fmap_plan_tap_count(maps->net.plan);
    cr_assert(maps->n <= MOST_TAPS);
    for (size_t i = 0; i < maps->n; i++) {
        int64_t elements = 0;
        cr_assert_eq(fmap_plan_tap(maps->net.plan, i, &maps->info[i]), FMAP_OK);
        cr_assert(fmap_shape_elements(&maps->info[i].shape, &elements));
        maps->elements[i] = (size_t)elements;
        maps->map[i] = net_random(maps->elements[i], 99); /* something that has to be overwritten */
        cr_assert_eq(fmap_context_set_tap(maps->net.context, i, maps->map[i], NULL), FMAP_OK);
    }
    cr_assert(net_run(&maps->net, x, maps->output));
    free(x);
}

static void free_maps(struct maps *maps) {
    for (size_t i = 0; i < maps->n; i++) free(maps->map[i]);
    net_close(&maps->net);
}

/* The map of one layer at one point. */
static void one_map(struct maps *maps, const fmap_model *model, const char *layer, fmap_tap_point point,
                    fmap_plan_options options) {
    fmap_tap_request request = {.layers = layer, .point = point};
    options.taps = &request;
    options.n_taps = 1;
    run_taps(maps, model, options);
    cr_assert_eq(maps->n, 1u);
}

static void same_maps(const struct maps *a, const struct maps *b) {
    cr_assert_eq(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        cr_assert_str_eq(a->info[i].layer, b->info[i].layer);
        cr_assert_eq(a->elements[i], b->elements[i]);
        cr_assert(check_same_bits(a->info[i].layer, a->map[i], b->map[i], a->elements[i]));
    }
    cr_assert(check_same_bits("output", a->output, b->output, BATCH * NET_SAMPLE_OUTPUTS));
}

/* Points of every layer, each in a plan of its own and all in one, on every instruction set. */
static void check_point(fmap_tap_point point, fmap_layout layout) {
    fmap_model *model = net_model(net_sample_plain_build, NULL);
    cr_assert(model);
    fmap_tap_request all = {.layers = "*", .point = point, .layout = layout};
    fmap_plan_options options = {.taps = &all, .n_taps = 1, .threads = 2};
    fmap_plan_options plain = options;
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    struct maps expected, got;
    plain.no_fusion = true;
    plain.max_isa = FMAP_ISA_SCALAR;
    run_taps(&expected, model, plain);
    for (int i = 0; i < n_isas; i++) {
        options.max_isa = isas[i];
        run_taps(&got, model, options);
        same_maps(&got, &expected);
        free_maps(&got);
    }
    for (size_t i = 0; i < expected.n; i++) {
        fmap_tap_request one = {.layers = expected.info[i].layer, .point = point, .layout = layout};
        run_taps(&got, model, (fmap_plan_options){.taps = &one, .n_taps = 1});
        cr_assert_eq(got.n, 1u);
        cr_assert(check_same_bits(one.layers, got.map[0], expected.map[i], expected.elements[i]));
        cr_assert(check_same_bits("output", got.output, expected.output, BATCH * NET_SAMPLE_OUTPUTS));
        free_maps(&got);
    }
    free_maps(&expected);
    fmap_model_destroy(model);
}

Test(taps, the_output_of_every_layer_is_that_of_the_unfused_network) {
    check_point(FMAP_TAP_OUTPUT, FMAP_NCHW);
}

Test(taps, what_goes_into_activations_is_that_of_the_unfused_network) {
    check_point(FMAP_TAP_PRE_ACTIVATION, FMAP_NHWC);
}

Test(taps, what_comes_out_of_activations_is_that_of_the_unfused_network) {
    check_point(FMAP_TAP_POST_ACTIVATION, FMAP_NCHW);
}

Test(taps, what_comes_out_of_pools_is_that_of_the_unfused_network) {
    check_point(FMAP_TAP_POST_POOL, FMAP_NHWC);
}

/* A tap keeps a value, and changes no other bit: neither of the outputs nor of other taps. */
Test(taps, change_nothing) {
    fmap_model *model = sample();
    struct maps without, with;
    run_taps(&without, model, (fmap_plan_options){0});
    cr_assert_eq(without.n, 0u);
    for (size_t i = 0; i < net_sample_layers(NULL); i++) {
        const char *const *names;
        net_sample_layers(&names);
        one_map(&with, model, names[i], FMAP_TAP_OUTPUT, (fmap_plan_options){0});
        cr_assert(check_same_bits(names[i], with.output, without.output, BATCH * NET_SAMPLE_OUTPUTS));
        free_maps(&with);
    }
    free_maps(&without);
    fmap_model_destroy(model);
}

/* Folding a normalization into a convolution's weights rounds differently; the map is still within what the roundings
 * of either way can make of the exact one. */
Test(taps, a_folded_normalization_is_exact_up_to_roundings) {
    enum { CHANNELS = 20, PIXELS = 12 * 13, TERMS = 3 * 3 * 3 };
    fmap_model *model = sample();
    struct maps conv, norm[2];
    one_map(&conv, model, "conv1", FMAP_TAP_OUTPUT, (fmap_plan_options){0});
    one_map(&norm[0], model, "norm1", FMAP_TAP_OUTPUT, (fmap_plan_options){0});
    one_map(&norm[1], model, "norm1", FMAP_TAP_OUTPUT, (fmap_plan_options){.no_fusion = true});
    float w[8192], variance[64];
    check_fill(w, 8192, -0.5f, 0.5f, 3);
    check_fill(variance, 64, 0.25f, 1.0f, 4);
    for (size_t i = 0; i < conv.elements[0]; i++) {
        size_t c = i / PIXELS % CHANNELS;
        double scale = (double)w[1 + c] / sqrt((double)variance[c] + 1e-3);
        double exact = ((double)conv.map[0][i] - (double)w[3 + c]) * scale + (double)w[2 + c];
        /* Inputs are below 1 in magnitude, weights, bias, mean and beta below 0.5. */
        double bound = check_bound(TERMS + 8, fabs(scale) * (TERMS * 0.5 + 0.5 + 0.5) + 0.5);
        cr_assert(fabs((double)norm[0].map[0][i] - exact) <= bound, "element %zu", i);
        cr_assert(fabs((double)norm[1].map[0][i] - exact) <= bound, "element %zu", i);
    }
    free_maps(&conv);
    free_maps(&norm[0]);
    free_maps(&norm[1]);
    fmap_model_destroy(model);
}

/* ---- which value a point is ---------------------------------------------------------------------------------------- */

/* The point of `layer` is the output of `other`. */
static void point_is(const fmap_model *model, const char *layer, fmap_tap_point point, const char *other) {
    struct maps at_point, at_output;
    one_map(&at_point, model, layer, point, (fmap_plan_options){0});
    one_map(&at_output, model, other, FMAP_TAP_OUTPUT, (fmap_plan_options){0});
    cr_assert_str_eq(at_point.info[0].layer, layer);
    cr_assert_eq(at_point.elements[0], at_output.elements[0], "%s: %s", layer, other);
    cr_assert(check_same_bits(layer, at_point.map[0], at_output.map[0], at_output.elements[0]));
    free_maps(&at_point);
    free_maps(&at_output);
}

Test(taps, points_of_a_convolution_with_everything_behind_it) {
    fmap_model *model = sample();
    point_is(model, "conv1", FMAP_TAP_OUTPUT, "conv1");
    point_is(model, "conv1", FMAP_TAP_PRE_ACTIVATION, "norm1");
    point_is(model, "conv1", FMAP_TAP_POST_ACTIVATION, "relu1");
    point_is(model, "conv1", FMAP_TAP_POST_POOL, "pool1");
    point_is(model, "norm1", FMAP_TAP_PRE_ACTIVATION, "norm1");
    point_is(model, "norm1", FMAP_TAP_POST_ACTIVATION, "relu1");
    point_is(model, "relu1", FMAP_TAP_PRE_ACTIVATION, "norm1");
    point_is(model, "relu1", FMAP_TAP_POST_ACTIVATION, "relu1");
    point_is(model, "relu1", FMAP_TAP_POST_POOL, "pool1");
    point_is(model, "dropout1", FMAP_TAP_POST_POOL, "pool1");
    point_is(model, "pool1", FMAP_TAP_POST_POOL, "pool1");
    fmap_model_destroy(model);
}

Test(taps, points_of_other_layers) {
    fmap_model *model = sample();
    point_is(model, "conv2", FMAP_TAP_PRE_ACTIVATION,
             "conv2"); /* the activation that Keras' argument added */
    point_is(model, "conv2", FMAP_TAP_POST_ACTIVATION, "conv2_relu6");
    point_is(model, "conv3", FMAP_TAP_PRE_ACTIVATION, "add1"); /* through the Add */
    point_is(model, "conv3", FMAP_TAP_POST_ACTIVATION, "relu3");
    point_is(model, "conv4", FMAP_TAP_POST_ACTIVATION, "leaky4");
    point_is(model, "conv4", FMAP_TAP_POST_POOL, "pool4");
    point_is(model, "dense1", FMAP_TAP_PRE_ACTIVATION, "dense1");
    point_is(model, "dense1", FMAP_TAP_POST_ACTIVATION, "dense1_tanh");
    point_is(model, "pool1", FMAP_TAP_PRE_ACTIVATION, "pool1"); /* two readers: nothing follows */
    fmap_model_destroy(model);
}

Test(taps, only_layers_before_a_pool_have_a_point_after_it) {
    static const char *const with_pool[] = {"conv1", "norm1", "relu1",  "dropout1",
                                            "pool1", "conv4", "leaky4", "pool4"};
    fmap_model *model = sample();
    fmap_tap_request all = {.layers = "*", .point = FMAP_TAP_POST_POOL};
    struct maps maps;
    run_taps(&maps, model, (fmap_plan_options){.taps = &all, .n_taps = 1});
    cr_assert_eq(maps.n, sizeof with_pool / sizeof with_pool[0]);
    for (size_t i = 0; i < maps.n; i++) cr_assert_str_eq(maps.info[i].layer, with_pool[i]);
    free_maps(&maps);
    fmap_model_destroy(model);
}

/* ---- requests ------------------------------------------------------------------------------------------------------- */

Test(taps, come_in_the_order_of_requests_and_layers) {
    fmap_model *model = sample();
    fmap_tap_request requests[3] = {
        {.layers = "relu?"}, {.layers = "conv*", .layout = FMAP_NHWC}, {.layers = "pad*"}};
    static const char *const expected[] = {"relu1",       "relu3", "conv1", "conv2",
                                           "conv2_relu6", "conv3", "conv4", "padding"};
    static const size_t request[] = {0, 0, 1, 1, 1, 1, 1, 2};
    struct maps maps;
    run_taps(&maps, model, (fmap_plan_options){.taps = requests, .n_taps = 3});
    cr_assert_eq(maps.n, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < maps.n; i++) {
        cr_assert_str_eq(maps.info[i].layer, expected[i]);
        cr_assert_eq(maps.info[i].request, request[i]);
        cr_assert_eq(maps.info[i].layout, request[i] == 1 ? FMAP_NHWC : FMAP_NCHW);
        fmap_node_info node;
        cr_assert_eq(fmap_model_node_at(model, maps.info[i].layer_index, &node), FMAP_OK);
        cr_assert_str_eq(node.name, expected[i]);
    }
    fmap_tap_info info;
    cr_assert_eq(fmap_plan_tap(maps.net.plan, maps.n, &info), FMAP_ERROR_ARGUMENT);
    free_maps(&maps);
    fmap_model_destroy(model);
}

Test(taps, both_layouts_of_one_map_hold_the_same) {
    fmap_model *model = sample();
    fmap_tap_request requests[2] = {{.layers = "relu1"}, {.layers = "relu1", .layout = FMAP_NHWC}};
    struct maps maps;
    run_taps(&maps, model, (fmap_plan_options){.taps = requests, .n_taps = 2});
    cr_assert_eq(maps.n, 2u);
    const int64_t *dims = maps.info[1].shape.dims; /* in the order n, c, h, w whatever the layout */
    cr_assert(dims[0] == BATCH && dims[1] == 20 && dims[2] == 12 && dims[3] == 13);
    float *pixels = net_random(maps.elements[0], 1);
    oracle_channels_last(maps.map[0], BATCH, 20, 12 * 13, pixels);
    cr_assert(check_same_bits("NHWC", maps.map[1], pixels, maps.elements[0]));
    free(pixels);
    free_maps(&maps);
    fmap_model_destroy(model);
}

static void refused(const fmap_model *model, fmap_tap_request request, const char *word) {
    fmap_plan *plan = NULL;
    fmap_error error = {0};
    fmap_plan_options options = {.taps = &request, .n_taps = 1};
    cr_assert_eq(fmap_plan_create(model, &options, &plan, &error), FMAP_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, word), "%s", error.message);
    cr_assert_null(plan);
}

Test(taps, of_nothing_are_refused) {
    fmap_model *model = sample();
    refused(model, (fmap_tap_request){.layers = "nobody*"}, "nobody*");
    refused(model, (fmap_tap_request){.layers = ""}, "''");
    refused(model, (fmap_tap_request){.layers = NULL}, "NULL");
    refused(model, (fmap_tap_request){.layers = "dense1", .point = FMAP_TAP_POST_POOL}, "dense1");
    refused(model, (fmap_tap_request){.layers = "conv1", .point = FMAP_TAP_DROPOUT_MASK}, "conv1");
    refused(model, (fmap_tap_request){.layers = "conv1", .point = (fmap_tap_point)9}, "conv1");
    refused(model, (fmap_tap_request){.layers = "conv1", .layout = (fmap_layout)9}, "layout 9");
    fmap_model_destroy(model);
}

Test(taps, a_map_that_nobody_wants_is_not_written) {
    fmap_model *model = sample();
    fmap_tap_request request = {.layers = "*"};
    float *x = net_sample_images(1, 1), y[NET_SAMPLE_OUTPUTS], expected[NET_SAMPLE_OUTPUTS];
    struct net net;
    cr_assert(net_once(model, NULL, x, expected));
    cr_assert(net_open(&net, model, &(fmap_plan_options){.taps = &request, .n_taps = 1}));
    cr_assert(net_run(&net, x, y));
    cr_assert(check_same_bits("output", y, expected, NET_SAMPLE_OUTPUTS));
    float *map = net_random(20 * 12 * 13, 1), *before = net_random(20 * 12 * 13, 1);
    cr_assert_eq(fmap_context_set_tap(net.context, 1, map, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_set_tap(net.context, 1, NULL, NULL), FMAP_OK);
    cr_assert(net_run(&net, x, y));
    cr_assert(check_same_bits("map", map, before, 20 * 12 * 13));
    fmap_error error = {0};
    cr_assert_eq(fmap_context_set_tap(net.context, 1000, map, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_context_set_tap(NULL, 0, map, &error), FMAP_ERROR_ARGUMENT);
    net_close(&net);
    fmap_model_destroy(model);
    free(map);
    free(before);
    free(x);
}

Test(taps, maps_are_not_overrun) {
    fmap_model *model = sample();
    float *x = net_sample_images(1, 1), y[NET_SAMPLE_OUTPUTS];
    for (int layout = FMAP_NCHW; layout <= FMAP_NHWC; layout++) {
        fmap_tap_request request = {.layers = "*", .layout = (fmap_layout)layout};
        struct net net;
        struct check_fenced map[MOST_TAPS];
        cr_assert(net_open(&net, model, &(fmap_plan_options){.taps = &request, .n_taps = 1, .threads = 2}));
        size_t n = fmap_plan_tap_count(net.plan);
        for (size_t i = 0; i < n; i++) {
            fmap_tap_info info;
            int64_t elements = 0;
            cr_assert_eq(fmap_plan_tap(net.plan, i, &info), FMAP_OK);
            cr_assert(fmap_shape_elements(&info.shape, &elements));
            map[i] = check_fenced_create((size_t)elements, sizeof(float));
            fmap_context_set_tap(net.context, i, map[i].data, NULL);
        }
        cr_assert(net_run(&net, x, y));
        for (size_t i = 0; i < n; i++) {
            cr_assert(check_fence_intact("map", &map[i]));
            for (size_t k = 0; k < map[i].n; k++) cr_assert(map[i].data[k] == map[i].data[k], "tap %zu", i);
            check_fenced_destroy(&map[i]);
        }
        net_close(&net);
    }
    fmap_model_destroy(model);
    free(x);
}
