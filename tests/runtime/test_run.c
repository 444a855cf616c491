#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_sample.h"
#include "tests/oracle.h"

enum { C = 5, H = 3, W = 4, PIXELS = H * W, ELEMENTS = C * PIXELS };

static const float *numbers(void) {
    static float floats[ELEMENTS];
    check_fill(floats, ELEMENTS, -1, 1, 1);
    return floats;
}

static fmap_value image(fmap_model *model, const char *name) {
    return fmap_model_image_input(model, name, H, W, C);
}

/* ---- layouts ------------------------------------------------------------------------------------------------ */

static void build_relu(fmap_model *model, const void *what) {
    (void)what;
    fmap_model_output(model, fmap_model_relu(model, "y", image(model, "x")));
}

Test(run, each_port_has_the_layout_that_was_chosen) {
    float pixels[ELEMENTS], expected[2][ELEMENTS], y[ELEMENTS];
    oracle_channels_last(numbers(), 1, C, PIXELS, pixels);
    for (int i = 0; i < ELEMENTS; i++) {
        expected[FMAP_NCHW][i] = numbers()[i] > 0 ? numbers()[i] : 0;
        expected[FMAP_NHWC][i] = pixels[i] > 0 ? pixels[i] : 0;
    }
    fmap_model *model = net_model(build_relu, NULL);
    cr_assert(model);
    for (int i = 0; i < 4; i++) {
        fmap_layout in = i & 1 ? FMAP_NHWC : FMAP_NCHW, out = i & 2 ? FMAP_NHWC : FMAP_NCHW;
        fmap_port ports[2] = {{.name = "x", .layout = in}, {.name = "y", .layout = out}};
        cr_assert(net_once(model, &(fmap_plan_options){.ports = ports, .n_ports = 2},
                           in == FMAP_NHWC ? pixels : numbers(), y));
        cr_assert(check_same_bits("y", y, expected[out], ELEMENTS));
    }
    fmap_model_destroy(model);
}

/* Of an input, the lanes beyond the last channel are the caller's, whatever is in them. */
static void to_blocked(const float *pixels, float *blocked) {
    for (int p = 0; p < PIXELS; p++) {
        for (int lane = 0; lane < FMAP_BLOCKED_CHANNELS; lane++) {
            blocked[p * FMAP_BLOCKED_CHANNELS + lane] = lane < C ? pixels[p * C + lane] : NAN;
        }
    }
}

Test(run, blocked_ports_are_read_and_written_as_they_are) {
    enum { BLOCKED_ELEMENTS = PIXELS * FMAP_BLOCKED_CHANNELS };
    float pixels[ELEMENTS], x[BLOCKED_ELEMENTS], y[BLOCKED_ELEMENTS], plain[ELEMENTS];
    oracle_channels_last(numbers(), 1, C, PIXELS, pixels);
    to_blocked(pixels, x);
    fmap_model *model = net_model(build_relu, NULL);
    cr_assert(model);
    fmap_port ports[2] = {{.name = "x", .layout = FMAP_BLOCKED}, {.name = "y", .layout = FMAP_BLOCKED}};
    cr_assert(net_once(model, &(fmap_plan_options){.ports = ports, .n_ports = 2}, x, y));
    for (int i = 0; i < ELEMENTS; i++) {
        float expected = pixels[i] > 0 ? pixels[i] : 0;
        cr_assert_eq(y[i / C * FMAP_BLOCKED_CHANNELS + i % C], expected);
    }
    cr_assert(net_once(model, &(fmap_plan_options){.ports = ports, .n_ports = 1}, x, plain));
    for (int i = 0; i < ELEMENTS; i++) cr_assert_eq(plain[i], numbers()[i] > 0 ? numbers()[i] : 0);
    fmap_model_destroy(model);
}

static void build_nothing(fmap_model *model, const void *what) {
    (void)what;
    fmap_model_output(model, image(model, "x"));
}

Test(run, a_blocked_input_that_is_the_output_too_is_copied) {
    enum { BLOCKED_ELEMENTS = PIXELS * FMAP_BLOCKED_CHANNELS };
    float x[BLOCKED_ELEMENTS], y[BLOCKED_ELEMENTS];
    check_fill(x, BLOCKED_ELEMENTS, -1, 1, 1);
    fmap_model *model = net_model(build_nothing, NULL);
    cr_assert(model);
    fmap_port port = {.name = "x", .layout = FMAP_BLOCKED};
    cr_assert(net_once(model, &(fmap_plan_options){.ports = &port, .n_ports = 1}, x, y));
    cr_assert(check_same_bits("y", y, x, BLOCKED_ELEMENTS));
    fmap_model_destroy(model);
}

static void build_flat(fmap_model *model, const void *what) {
    (void)what;
    const int64_t dims[2] = {2, 30};
    fmap_model_output(model, fmap_model_relu(model, "y", net_input(model, "x", 2, dims)));
}

Test(run, layouts_mean_nothing_for_other_ranks) {
    fmap_model *model = net_model(build_flat, NULL);
    float y[60];
    fmap_port ports[2] = {{.name = "x", .layout = FMAP_NHWC}, {.name = "y", .layout = FMAP_NHWC}};
    cr_assert(net_once(model, &(fmap_plan_options){.ports = ports, .n_ports = 2}, numbers(), y));
    for (int i = 0; i < 60; i++) cr_assert_eq(y[i], numbers()[i] > 0 ? numbers()[i] : 0);
    fmap_model_destroy(model);
}

/* ---- the caller's buffers --------------------------------------------------------------------------------------- */

Test(run, buffers_need_no_alignment_and_are_not_overrun) {
    fmap_model *model = net_model(net_sample_build, NULL);
    float *x = net_sample_images(1, 1), expected[NET_SAMPLE_OUTPUTS];
    struct net net;
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    for (int isa = 0; isa < n_isas; isa++) {
        cr_assert(net_open(&net, model, &(fmap_plan_options){.max_isa = isas[isa]}));
        cr_assert(net_run(&net, x, expected));
        /* As near to the forbidden page behind as floats can be. */
        struct check_fenced in = check_fenced_create(NET_SAMPLE_INPUTS, sizeof(float));
        struct check_fenced out = check_fenced_create(NET_SAMPLE_OUTPUTS, sizeof(float));
        memcpy(in.data, x, NET_SAMPLE_INPUTS * sizeof *x);
        cr_assert(net_run(&net, in.data, out.data));
        cr_assert(check_same_bits("fenced", out.data, expected, NET_SAMPLE_OUTPUTS));
        cr_assert(check_fence_intact("output", &out));
        cr_assert(check_same_bits("input", in.data, x, NET_SAMPLE_INPUTS));
        check_fenced_destroy(&in);
        check_fenced_destroy(&out);
        net_close(&net);
    }
    fmap_model_destroy(model);
    free(x);
}

Test(run, null_is_refused) {
    fmap_model *model = net_model(build_relu, NULL);
    struct net net;
    fmap_error error = {0};
    float y[ELEMENTS];
    cr_assert(net_open(&net, model, NULL));
    const void *const *in = (const void *[]){numbers()}, *const *no_in = (const void *[]){NULL};
    void *const *out = (void *[]){y}, *const *no_out = (void *[]){NULL};
    cr_assert_eq(fmap_context_run(NULL, in, out, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_context_run(net.context, NULL, out, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_context_run(net.context, in, NULL, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_context_run(net.context, no_in, out, &error), FMAP_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, "input 0"), "%s", error.message);
    cr_assert_eq(fmap_context_run(net.context, in, no_out, &error), FMAP_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, "output 0"), "%s", error.message);
    fmap_context *context = NULL;
    cr_assert_eq(fmap_context_create(NULL, &context, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_context_create(net.plan, NULL, &error), FMAP_ERROR_ARGUMENT);
    net_close(&net);
    fmap_model_destroy(model);
}

/* ---- several inputs, several outputs ------------------------------------------------------------------------------ */

/* Outputs: the sum; an input itself; what another output is made of; the same value once more; a constant. */
static void build_many(fmap_model *model, const void *what) {
    (void)what;
    const int64_t three = 3;
    fmap_value a = image(model, "a"), b = image(model, "b");
    fmap_value relu = fmap_model_relu(model, "relu", a);
    fmap_value sum = fmap_model_add(model, "sum", relu, b);
    fmap_value constant = net_floats(model, numbers(), 1, &three);
    fmap_model_output(model, sum);
    fmap_model_output(model, b);
    fmap_model_output(model, relu);
    fmap_model_output(model, sum);
    fmap_model_output(model, constant);
}

static void check_many(const fmap_plan_options *options, bool pixels) {
    float b[ELEMENTS], relu[ELEMENTS], sum[ELEMENTS], walked[ELEMENTS];
    float y[5][ELEMENTS];
    check_fill(b, ELEMENTS, -1, 1, 2);
    for (int i = 0; i < ELEMENTS; i++) {
        relu[i] = numbers()[i] > 0 ? numbers()[i] : 0;
        sum[i] = relu[i] + b[i];
    }
    oracle_channels_last(sum, 1, C, PIXELS, walked);
    fmap_model *model = net_model(build_many, NULL);
    cr_assert(model);
    struct net net;
    cr_assert(net_open(&net, model, options));
    cr_assert_eq(fmap_context_run(net.context, (const void *[]){numbers(), b},
                                  (void *[]){y[0], y[1], y[2], y[3], y[4]}, NULL),
                 FMAP_OK);
    cr_assert(check_same_bits("sum", y[0], pixels ? walked : sum, ELEMENTS));
    cr_assert(check_same_bits("input", y[1], b, ELEMENTS));
    cr_assert(check_same_bits("relu", y[2], relu, ELEMENTS));
    cr_assert(check_same_bits("sum again", y[3], pixels ? walked : sum, ELEMENTS));
    cr_assert(check_same_bits("constant", y[4], numbers(), 3));
    net_close(&net);
    fmap_model_destroy(model);
}

Test(run, outputs_may_be_inputs_constants_used_and_named_twice) {
    fmap_port port = {.name = "sum", .layout = FMAP_NHWC};
    check_many(NULL, false);
    check_many(&(fmap_plan_options){.no_fusion = true, .threads = 2}, false);
    check_many(&(fmap_plan_options){.ports = &port, .n_ports = 1}, true);
}

/* ---- contexts ------------------------------------------------------------------------------------------------------- */

Test(run, a_run_leaves_nothing_behind) {
    fmap_model *model = net_model(net_sample_build, NULL);
    float *x = net_sample_images(2, 1), first[NET_SAMPLE_OUTPUTS], other[NET_SAMPLE_OUTPUTS],
          again[NET_SAMPLE_OUTPUTS];
    struct net net;
    cr_assert(net_open(&net, model, NULL));
    cr_assert(net_run(&net, x, first));
    cr_assert(net_run(&net, x + NET_SAMPLE_INPUTS, other));
    cr_assert(net_run(&net, x, again));
    cr_assert(check_same_bits("again", again, first, NET_SAMPLE_OUTPUTS));
    cr_assert(memcmp(first, other, sizeof first) != 0);
    net_close(&net);
    fmap_model_destroy(model);
    free(x);
}

/* NaN from one run must not hide in lanes that nobody meant to use and come out in the next. */
Test(run, a_run_with_nan_does_not_poison_the_next) {
    fmap_model *model = net_model(net_sample_build, NULL);
    float *x = net_sample_images(1, 1), *bad = net_sample_images(1, 1);
    float first[NET_SAMPLE_OUTPUTS], poisoned[NET_SAMPLE_OUTPUTS], again[NET_SAMPLE_OUTPUTS];
    for (int i = 0; i < NET_SAMPLE_INPUTS; i++) bad[i] = NAN;
    struct net net;
    cr_assert(net_open(&net, model, NULL));
    cr_assert(net_run(&net, x, first));
    cr_assert(net_run(&net, bad, poisoned));
    for (int i = 0; i < NET_SAMPLE_OUTPUTS; i++) cr_assert(isnan(poisoned[i]));
    cr_assert(net_run(&net, x, again));
    cr_assert(check_same_bits("again", again, first, NET_SAMPLE_OUTPUTS));
    for (int i = 0; i < NET_SAMPLE_OUTPUTS; i++) cr_assert(isfinite(again[i]));
    net_close(&net);
    fmap_model_destroy(model);
    free(x);
    free(bad);
}

Test(run, fusion_changes_no_bit) {
    fmap_model *model = net_model(net_sample_plain_build, NULL);
    float *x = net_sample_images(3, 1), fused[3 * NET_SAMPLE_OUTPUTS], plain[3 * NET_SAMPLE_OUTPUTS];
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    for (int i = 0; i < n_isas; i++) {
        cr_assert(net_once(model, &(fmap_plan_options){.batch = 3, .max_isa = isas[i]}, x, fused));
        cr_assert(net_once(model, &(fmap_plan_options){.batch = 3, .max_isa = isas[0], .no_fusion = true}, x,
                           plain));
        cr_assert(check_same_bits(fmap_isa_name(isas[i]), fused, plain, 3 * NET_SAMPLE_OUTPUTS));
    }
    fmap_model_destroy(model);
    free(x);
}

/* ---- profile ---------------------------------------------------------------------------------------------------------- */

static double total_seconds(const struct net *net) {
    double sum = 0;
    for (size_t i = 0; i < net_sample_layers(NULL); i++) {
        double seconds = fmap_context_layer_seconds(net->context, i);
        cr_assert(seconds >= 0);
        sum += seconds;
    }
    return sum;
}

Test(run, layers_are_timed_when_asked_and_only_then) {
    fmap_model *model = net_model(net_sample_build, NULL);
    float *x = net_sample_images(1, 1), y[NET_SAMPLE_OUTPUTS];
    for (int threads = 1; threads <= 2; threads++) {
        for (int profile = 0; profile <= 1; profile++) {
            struct net net;
            cr_assert(net_open(&net, model, &(fmap_plan_options){.profile = profile, .threads = threads}));
            cr_assert_eq(total_seconds(&net), 0.0);
            cr_assert(net_run(&net, x, y));
            cr_assert(profile ? total_seconds(&net) > 0 : total_seconds(&net) == 0);
            for (size_t i = 0; i < net_sample_layers(NULL); i++) {
                fmap_layer_info layer;
                cr_assert_eq(fmap_plan_layer(net.plan, i, &layer), FMAP_OK);
                if (layer.fused_into >= 0) cr_assert_eq(fmap_context_layer_seconds(net.context, i), 0.0);
            }
            cr_assert_eq(fmap_context_layer_seconds(net.context, 1000), 0.0);
            net_close(&net);
        }
    }
    cr_assert_eq(fmap_context_layer_seconds(NULL, 0), 0.0);
    fmap_model_destroy(model);
    free(x);
}
