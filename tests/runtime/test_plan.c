#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_sample.h"

static fmap_model *sample(void) {
    fmap_model *model = net_model(net_sample_build, NULL);
    cr_assert(model);
    return model;
}

/* Planning fails with that status, and the sentence says the word. */
static void refused(const fmap_model *model, fmap_plan_options options, fmap_status status,
                    const char *word) {
    fmap_plan *plan = (fmap_plan *)&status; /* must become NULL */
    fmap_error error = {0};
    cr_assert_eq(fmap_plan_create(model, &options, &plan, &error), status, "%s", error.message);
    cr_assert_eq(error.status, status);
    cr_assert(strstr(error.message, word), "%s", error.message);
    cr_assert_null(plan);
}

/* ---- what a plan says ------------------------------------------------------------------------------------ */

Test(plan, counts_parameters_and_multiply_accumulates) {
    static const struct {
        const char *name;
        int64_t parameters, macs; /* of one image */
    } expected[] = {{"conv1", 3 * 9 * 20 + 20, 12 * 13 * 3 * 9 * 20},
                    {"norm1", 4 * 20, 0},
                    {"conv2", 9 * 20 + 20, 6 * 6 * 9 * 20},
                    {"conv3", 20 * 20 + 20, 6 * 6 * 20 * 20},
                    {"conv4", 5 * 9 * 16, 3 * 3 * 5 * 9 * 16},
                    {"dense1", 144 * 24 + 24, 144 * 24},
                    {"dense2", 24 * 10 + 10, 24 * 10}};
    fmap_model *model = sample();
    fmap_plan *plan = NULL;
    int64_t parameters = 0, macs = 0;
    const int64_t batch = 3;
    cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.batch = batch}, &plan, NULL), FMAP_OK);
    for (size_t i = 0; i < net_sample_layers(NULL); i++) {
        fmap_layer_info layer;
        cr_assert_eq(fmap_plan_layer(plan, i, &layer), FMAP_OK);
        for (size_t k = 0; k < sizeof expected / sizeof expected[0]; k++) {
            if (strcmp(layer.name, expected[k].name) != 0) continue;
            cr_assert_eq(layer.parameters, expected[k].parameters, "%s", layer.name);
            cr_assert_eq(layer.macs, batch * expected[k].macs, "%s", layer.name);
            parameters += expected[k].parameters;
            macs += batch * expected[k].macs;
        }
    }
    fmap_plan_info info;
    fmap_plan_describe(plan, &info);
    cr_assert_eq(info.macs, macs);
    /* Neither a Clip's bounds, nor a Dropout's rate, nor a Pad's sizes are parameters. */
    cr_assert_eq(info.parameters, parameters, "%lld instead of %lld", (long long)info.parameters,
                 (long long)parameters);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

Test(plan, describes_the_layers_of_the_model_as_it_was_built) {
    const char *const *names;
    size_t n = net_sample_layers(&names);
    fmap_model *model = sample();
    fmap_plan *plan = NULL;
    fmap_plan_info info;
    cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.threads = 3}, &plan, NULL), FMAP_OK);
    fmap_plan_describe(plan, &info);
    cr_assert_eq(info.n_layers, n);
    cr_assert_eq(info.threads, 3);
    cr_assert(info.n_steps > 0 && info.arena_bytes > 0 && info.weights_bytes > 0);
    for (size_t i = 0; i < n; i++) {
        fmap_layer_info layer;
        fmap_node_info node;
        cr_assert_eq(fmap_plan_layer(plan, i, &layer), FMAP_OK);
        cr_assert_eq(fmap_model_node_at(model, i, &node), FMAP_OK);
        cr_assert_str_eq(layer.name, names[i]);
        cr_assert_str_eq(layer.op, node.op);
        cr_assert_not_null(layer.kernel);
        /* A fused layer points to one that is computed. */
        cr_assert(layer.fused_into >= -1 && layer.fused_into < (int64_t)n && layer.fused_into != (int64_t)i);
        if (layer.fused_into < 0) continue;
        fmap_layer_info host;
        cr_assert_eq(fmap_plan_layer(plan, (size_t)layer.fused_into, &host), FMAP_OK);
        cr_assert_eq(host.fused_into, -1, "%s is fused into %s, which is fused itself", layer.name,
                     host.name);
        cr_assert(*host.kernel, "%s is fused into %s, which does nothing", layer.name, host.name);
    }
    fmap_layer_info layer;
    cr_assert_eq(fmap_plan_layer(plan, n, &layer), FMAP_ERROR_ARGUMENT);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

Test(plan, without_fusion_no_layer_is_fused) {
    fmap_model *model = sample();
    fmap_plan *plan = NULL;
    cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.no_fusion = true}, &plan, NULL), FMAP_OK);
    for (size_t i = 0; i < net_sample_layers(NULL); i++) {
        fmap_layer_info layer;
        cr_assert_eq(fmap_plan_layer(plan, i, &layer), FMAP_OK);
        cr_assert_eq(layer.fused_into, -1, "%s", layer.name);
    }
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

Test(plan, knows_every_shape) {
    fmap_model *model = sample();
    fmap_plan *plan = NULL;
    fmap_shape shape;
    cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.batch = 5}, &plan, NULL), FMAP_OK);
    cr_assert_eq(fmap_plan_input_shape(plan, 0, &shape), FMAP_OK);
    cr_assert(shape.rank == 4 && shape.dims[0] == 5 && shape.dims[1] == NET_SAMPLE_C &&
              shape.dims[2] == NET_SAMPLE_H && shape.dims[3] == NET_SAMPLE_W);
    cr_assert_eq(fmap_plan_output_shape(plan, 0, &shape), FMAP_OK);
    cr_assert(shape.rank == 2 && shape.dims[0] == 5 && shape.dims[1] == NET_SAMPLE_OUTPUTS);
    cr_assert_eq(fmap_plan_input_shape(plan, 1, &shape), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_plan_output_shape(plan, 1, &shape), FMAP_ERROR_ARGUMENT);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

Test(plan, the_environment_caps_the_instruction_set) {
    fmap_model *model = sample();
    fmap_plan *plan = NULL;
    fmap_plan_info info;
    setenv("FMAP_MAX_ISA", "scalar", 1);
    cr_assert_eq(fmap_plan_create(model, NULL, &plan, NULL), FMAP_OK);
    fmap_plan_describe(plan, &info);
    cr_assert_eq(info.isa, FMAP_ISA_SCALAR);
    fmap_plan_destroy(plan);
    setenv("FMAP_MAX_ISA", "sse9", 1);
    refused(model, (fmap_plan_options){0}, FMAP_ERROR_ARGUMENT, "sse9");
    setenv("FMAP_MAX_ISA", "best", 1);
    cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.max_isa = FMAP_ISA_SCALAR}, &plan, NULL),
                 FMAP_OK);
    fmap_plan_describe(plan, &info);
    cr_assert_eq(info.isa, FMAP_ISA_SCALAR);
    fmap_plan_destroy(plan);
    unsetenv("FMAP_MAX_ISA");
    refused(model, (fmap_plan_options){.max_isa = (fmap_isa)9}, FMAP_ERROR_ARGUMENT, "instruction set 9");
    fmap_model_destroy(model);
}

/* ---- what is refused ---------------------------------------------------------------------------------------- */

Test(plan, numbers_out_of_range_are_refused) {
    fmap_model *model = sample();
    refused(model, (fmap_plan_options){.batch = -1}, FMAP_ERROR_ARGUMENT, "-1");
    refused(model, (fmap_plan_options){.threads = -1}, FMAP_ERROR_ARGUMENT, "-1");
    refused(model, (fmap_plan_options){.threads = 1000000}, FMAP_ERROR_ARGUMENT, "1000000");
    refused(model, (fmap_plan_options){.batch = INT64_MAX}, FMAP_ERROR_LIMIT, "too large");
    refused(model, (fmap_plan_options){.batch = INT64_MAX / 468}, FMAP_ERROR_LIMIT, "too large");
    fmap_model_destroy(model);
}

Test(plan, a_model_that_is_not_finished_is_refused) {
    fmap_model *model = NULL;
    cr_assert_eq(fmap_model_create(NULL, &model, NULL), FMAP_OK);
    refused(model, (fmap_plan_options){0}, FMAP_ERROR_ARGUMENT, "finished");
    refused(NULL, (fmap_plan_options){0}, FMAP_ERROR_ARGUMENT, "NULL");
    fmap_model_destroy(model);
    fmap_plan_destroy(NULL);
    fmap_context_destroy(NULL);
}

Test(plan, ports_that_do_not_fit_are_refused) {
    const fmap_shape good = {.rank = 4, .dims = {2, 3, 12, 13}},
                     wrong_rank = {.rank = 3, .dims = {3, 12, 13}};
    const fmap_shape wrong_height = {.rank = 4, .dims = {2, 3, 11, 13}},
                     unknown = {.rank = 4, .dims = {-1, 3, 12, 13}};
    const fmap_shape empty = {.rank = 4, .dims = {0, 3, 12, 13}};
    const struct {
        fmap_port port;
        const char *word;
    } ports[] = {{{.name = "nobody"}, "nobody"},
                 {{.name = NULL}, "NULL"},
                 {{.name = "conv1"}, "conv1"}, /* a value, but neither input nor output */
                 {{.name = "softmax", .shape = &good}, "softmax"},
                 {{.name = "x", .shape = &wrong_rank}, "3x12x13"},
                 {{.name = "x", .shape = &wrong_height}, "2x3x11x13"},
                 {{.name = "x", .shape = &unknown}, "'x'"},
                 {{.name = "x", .shape = &empty}, "'x'"},
                 {{.name = "x", .layout = (fmap_layout)5}, "5"}};
    fmap_model *model = sample();
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        refused(model, (fmap_plan_options){.ports = &ports[i].port, .n_ports = 1}, FMAP_ERROR_ARGUMENT,
                ports[i].word);
    }
    fmap_model_destroy(model);
}

/* ---- shapes that a plan settles -------------------------------------------------------------------------------- */

static void build_of_any_size(fmap_model *model, const void *what) {
    (void)what;
    static const float weights[9];
    fmap_value x = fmap_model_image_input(model, "x", FMAP_UNKNOWN, FMAP_UNKNOWN, 1);
    x = fmap_model_conv_2d(model, "c", x,
                           &(fmap_conv_2d){.filters = 1, .kernel_size = {3, 3}, .kernel = weights});
    fmap_model_output(model, x);
}

Test(plan, one_model_serves_pictures_of_any_size) {
    fmap_model *model = net_model(build_of_any_size, NULL);
    cr_assert(model);
    refused(model, (fmap_plan_options){0}, FMAP_ERROR_ARGUMENT, "'x'");
    for (int64_t size = 3; size < 9; size++) {
        fmap_shape shape = {.rank = 4, .dims = {2, 1, size, size + 1}};
        fmap_port port = {.name = "x", .shape = &shape};
        fmap_plan *plan = NULL;
        cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.ports = &port, .n_ports = 1}, &plan, NULL),
                     FMAP_OK);
        cr_assert_eq(fmap_plan_output_shape(plan, 0, &shape), FMAP_OK);
        cr_assert(shape.dims[0] == 2 && shape.dims[2] == size - 2 && shape.dims[3] == size - 1);
        fmap_plan_destroy(plan);
    }
    fmap_shape small = {.rank = 4, .dims = {1, 1, 2, 9}};
    fmap_port port = {.name = "x", .shape = &small};
    refused(model, (fmap_plan_options){.ports = &port, .n_ports = 1}, FMAP_ERROR_MODEL, "'c'");
    fmap_model_destroy(model);
}

Test(plan, plans_of_one_model_do_not_disturb_each_other) {
    fmap_model *model = sample();
    float *x = net_sample_images(3, 1), first[3 * NET_SAMPLE_OUTPUTS], second[3 * NET_SAMPLE_OUTPUTS];
    struct net one, three;
    cr_assert(net_open(&one, model, &(fmap_plan_options){.batch = 1}));
    cr_assert(net_open(&three, model, &(fmap_plan_options){.batch = 3}));
    cr_assert(net_run(&three, x, first));
    cr_assert(net_run(&one, x, second));
    cr_assert_arr_eq(first, second, NET_SAMPLE_OUTPUTS * sizeof(float));
    net_close(&one);
    cr_assert(net_run(&three, x, second));
    cr_assert_arr_eq(first, second, sizeof first);
    net_close(&three);
    fmap_model_destroy(model);
    free(x);
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

/* Pools, so that the map is not the caller's own, and then layers that compute element by element. */
static void build_elementwise(fmap_model *model, const void *what) {
    static const float numbers[16] = {0.5f, 1, 2, 3};
    static const float ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    (void)what;
    fmap_value x = fmap_model_image_input(model, "x", 8, 8, 16);
    fmap_value a = fmap_model_max_pooling_2d(model, "pool", x, &(fmap_pool_2d){.pool_size = {1, 1}});
    a = fmap_model_activation(model, "tanh", a, FMAP_TANH);
    fmap_batch_normalization norm = {.gamma = ones, .beta = numbers, .mean = numbers, .variance = ones};
    a = fmap_model_batch_normalization(model, "norm", a, &norm);
    fmap_value b = fmap_model_activation(model, "sigmoid", a, FMAP_SIGMOID);
    a = fmap_model_multiply(model, "swish", a, b);
    a = fmap_model_add(model, "twice", a, a);
    a = fmap_model_leaky_relu(model, "leaky", a, 0.5f);
    fmap_model_output(model, fmap_model_max_pooling_2d(model, "last", a, &(fmap_pool_2d){0}));
}

Test(plan, layers_that_compute_element_by_element_do_so_in_place) {
    enum { MAP = 8 * 8 * 16, INPUTS = MAP, OUTPUTS = MAP / 4 };
    fmap_model *model = net_model(build_elementwise, NULL);
    float *x = net_random(INPUTS, 3), expected[OUTPUTS], got[OUTPUTS];
    fmap_tap_request everything = {.layers = "*"};
    fmap_plan_options tapped = {.no_fusion = true, .threads = 2, .taps = &everything, .n_taps = 1};
    cr_assert(net_once(model, &tapped, x, expected)); /* Whatever is looked at keeps its place. */
    struct net net;
    fmap_plan_info info;
    cr_assert(net_open(&net, model, &(fmap_plan_options){.no_fusion = true, .threads = 2}));
    fmap_plan_describe(net.plan, &info);
    cr_assert_eq(info.least_bytes, 2 * MAP * sizeof(float)); /* swish reads two maps */
    cr_assert_leq(info.least_bytes, info.maps_bytes);
    cr_assert_leq(info.maps_bytes, info.arena_bytes);
    cr_assert(net_run(&net, x, got));
    cr_assert(check_same_bits("output", got, expected, OUTPUTS));
    net_close(&net);
    fmap_model_destroy(model);
    free(x);
}
