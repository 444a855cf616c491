#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/net_sample.h"

/* ---- what a layer costs, before it runs ----------------------------------------------------------------------- */

static void build_pointwise(fmap_model *model, const void *what) {
    fmap_value x = fmap_model_image_input(model, "x", 5, 6, 8);
    x = fmap_model_conv_2d(model, "a", x, &(fmap_conv_2d){.filters = 4, .kernel = what, .bias = what});
    x = fmap_model_relu(model, "b", x);
    fmap_model_output(model, fmap_model_flatten(model, "c", x, FMAP_NCHW));
}

Test(profile, a_layers_bytes_are_inputs_weights_and_outputs_once) {
    static const float weights[8 * 4];
    fmap_model *model = net_model(build_pointwise, weights);
    for (int batch = 1; batch <= 2; batch++) {
        for (int no_fusion = 0; no_fusion <= 1; no_fusion++) {
            struct net net;
            fmap_layer_info layer;
            fmap_plan_options options = {.batch = batch, .threads = 2, .no_fusion = no_fusion};
            cr_assert(net_open(&net, model, &options));
            cr_assert_eq(fmap_plan_layer(net.plan, 0, &layer), FMAP_OK);
            cr_expect_eq(layer.bytes, 4 * (batch * 8 * 30 + 4 * 8 + 4 + batch * 4 * 30));
            cr_expect(layer.threads == 1 || layer.threads == 2);
            cr_assert_eq(fmap_plan_layer(net.plan, 1, &layer), FMAP_OK);
            cr_expect_eq(layer.bytes, no_fusion ? 4 * 2 * batch * 4 * 30 : 0);
            cr_expect(no_fusion ? layer.threads > 0 : layer.threads == 0);
            net_close(&net);
        }
    }
    fmap_model_destroy(model);
}

static void build_large(fmap_model *model, const void *what) {
    fmap_value x = fmap_model_image_input(model, "x", 64, 64, 32);
    x = fmap_model_conv_2d(model, "a", x, &(fmap_conv_2d){.filters = 64, .kernel = what});
    fmap_model_output(model, x);
}

Test(profile, a_large_layer_can_be_shared_by_the_threads_of_the_plan) {
    static const float weights[32 * 64];
    fmap_model *model = net_model(build_large, weights);
    for (int threads = 1; threads <= 3; threads++) {
        struct net net;
        fmap_layer_info layer;
        cr_assert(net_open(&net, model, &(fmap_plan_options){.threads = threads}));
        cr_assert_eq(fmap_plan_layer(net.plan, 0, &layer), FMAP_OK);
        cr_expect_eq(layer.threads, threads);
        net_close(&net);
    }
    fmap_model_destroy(model);
}

/* ---- when it ran ---------------------------------------------------------------------------------------------- */

static double last_end(const struct net *net, size_t step, int threads) {
    double end = 0;
    for (int thread = 0; thread < threads; thread++) {
        fmap_span span;
        cr_assert_eq(fmap_context_step_span(net->context, step, thread, &span), FMAP_OK);
        if (span.end > end) end = span.end;
    }
    return end;
}

/* Steps follow each other; the threads' parts are the step's. */
static void check_spans(const struct net *net, int threads) {
    fmap_plan_info plan;
    double before = 0;
    fmap_plan_describe(net->plan, &plan);
    for (size_t i = 0; i < plan.n_steps; i++) {
        fmap_step_info step;
        int64_t parts = 0;
        cr_assert_eq(fmap_plan_step(net->plan, i, &step), FMAP_OK);
        cr_expect(step.layer >= -1 && step.layer < (int64_t)plan.n_layers && step.kernel[0]);
        for (int thread = 0; thread < threads; thread++) {
            fmap_span span;
            cr_assert_eq(fmap_context_step_span(net->context, i, thread, &span), FMAP_OK);
            cr_expect(before <= span.begin && span.begin <= span.end, "step %zu, thread %d", i, thread);
            cr_expect(span.parts >= 0);
            parts += span.parts;
        }
        cr_expect_eq(parts, step.parts, "step %zu", i);
        before = last_end(net, i, threads);
    }
}

/* A layer takes as long as its steps. */
static void check_layers(const struct net *net, int threads) {
    fmap_plan_info plan;
    fmap_plan_describe(net->plan, &plan);
    for (size_t i = 0; i < plan.n_layers; i++) {
        double sum = 0;
        for (size_t s = 0; s < plan.n_steps; s++) {
            fmap_step_info step;
            fmap_span span;
            cr_assert_eq(fmap_plan_step(net->plan, s, &step), FMAP_OK);
            cr_assert_eq(fmap_context_step_span(net->context, s, 0, &span), FMAP_OK);
            if (step.layer == (int64_t)i) sum += last_end(net, s, threads) - span.begin;
        }
        double seconds = fmap_context_layer_seconds(net->context, i);
        cr_expect(sum == 0 ? seconds == 0 : seconds > 0, "layer %zu: %g of %g", i, seconds, sum);
        if (threads == 1) cr_expect(fabs(seconds - sum) < 1e-9, "layer %zu: %g of %g", i, seconds, sum);
    }
}

Test(profile, every_step_has_its_time_on_every_thread) {
    fmap_model *model = net_model(net_sample_build, NULL);
    float *x = net_sample_images(1, 1), y[NET_SAMPLE_OUTPUTS];
    for (int threads = 1; threads <= 3; threads++) {
        struct net net;
        cr_assert(net_open(&net, model, &(fmap_plan_options){.profile = true, .threads = threads}));
        for (int again = 0; again < 3; again++) {
            cr_assert(net_run(&net, x, y));
            check_spans(&net, threads);
            check_layers(&net, threads);
        }
        net_close(&net);
    }
    free(x);
    fmap_model_destroy(model);
}

Test(profile, there_are_no_times_before_a_run_without_a_profile_or_beyond_the_last) {
    fmap_model *model = net_model(net_sample_build, NULL);
    float *x = net_sample_images(1, 1), y[NET_SAMPLE_OUTPUTS];
    for (int profile = 0; profile <= 1; profile++) {
        struct net net;
        fmap_span span;
        fmap_step_info step;
        fmap_plan_info plan;
        cr_assert(net_open(&net, model, &(fmap_plan_options){.profile = profile, .threads = 2}));
        fmap_plan_describe(net.plan, &plan);
        cr_expect_eq(fmap_context_step_span(net.context, 0, 0, &span), FMAP_ERROR_ARGUMENT);
        cr_assert(net_run(&net, x, y));
        cr_expect_eq(fmap_context_step_span(net.context, 0, 1, &span),
                     profile ? FMAP_OK : FMAP_ERROR_ARGUMENT);
        cr_expect_eq(fmap_context_step_span(net.context, 0, 2, &span), FMAP_ERROR_ARGUMENT);
        cr_expect_eq(fmap_context_step_span(net.context, 0, -1, &span), FMAP_ERROR_ARGUMENT);
        cr_expect_eq(fmap_context_step_span(net.context, 0, 0, NULL), FMAP_ERROR_ARGUMENT);
        cr_expect_eq(fmap_context_step_span(net.context, plan.n_steps, 0, &span), FMAP_ERROR_ARGUMENT);
        cr_expect_eq(fmap_context_step_span(NULL, 0, 0, &span), FMAP_ERROR_ARGUMENT);
        cr_expect_eq(fmap_plan_step(net.plan, plan.n_steps, &step), FMAP_ERROR_ARGUMENT);
        cr_expect_eq(fmap_plan_step(net.plan, 0, NULL), FMAP_ERROR_ARGUMENT);
        cr_expect_eq(fmap_plan_step(NULL, 0, &step), FMAP_ERROR_ARGUMENT);
        net_close(&net);
    }
    free(x);
    fmap_model_destroy(model);
}
