/* Inference, attributes, the mask as an output; the masks' numbers are tested with training as a whole. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_layer.h"

Test(dropout, is_the_identity_in_inference) {
    static const int64_t dims[4] = {2, 19, 3, 4};
    static const float ratio = 0.9f, x_of_special[4] = {INFINITY, NAN, -0.0f, 1};
    float *x = net_random(2 * 19 * 12, 1);
    memcpy(x, x_of_special, sizeof x_of_special);
    for (int rank = 1; rank <= 4; rank++) {
        size_t n = 1;
        for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
        struct net_layer layer = {.op = "Dropout", .n_operands = 2};
        layer.operands[0] = net_computed(rank, dims, x);
        layer.operands[1] = net_constant(0, NULL, &ratio);
        cr_assert(net_layer_moves(&layer, x, n), "rank %d", rank);
        layer.n_operands = 1;
        layer.opset = 7;
        net_layer_attribute(&layer, net_float("ratio", ratio));
        cr_assert(net_layer_moves(&layer, x, n), "rank %d", rank);
    }
    free(x);
}

Test(dropout, what_does_not_fit_is_refused) {
    static const int64_t dims[2] = {2, 3};
    static const float bad[] = {1, -0.1f, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct net_layer layer = {.op = "Dropout", .n_operands = 2};
        layer.operands[0] = net_computed(2, dims, NULL);
        layer.operands[1] = net_constant(0, NULL, &bad[i]);
        cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected 0 or more, less than 1"));
        layer.opset = 11;
        cr_assert(
            net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'ratio' is no input yet in opset 11"));
        layer.n_operands = 1;
        net_layer_attribute(&layer, net_float("ratio", bad[i]));
        cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected 0 or more, less than 1"));
        layer.opset = 12;
        cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "attribute 'ratio' is not known"));
    }
}

enum { C = 19, PIXELS = 7 * 9, N = 2 * C * PIXELS };

/* The mask is an output of the network, and is multiplied once more. */
static void build_mask(fmap_model *model, const void *what) {
    static const int64_t dims[4] = {2, C, 7, 9};
    const float *ratio = what;
    fmap_value x = net_input(model, "x", 4, dims), inputs[2] = {x, net_floats(model, ratio, 0, NULL)},
               outputs[2];
    fmap_node_definition node = {
        .op = "Dropout", .name = "d", .inputs = inputs, .n_inputs = 2, .n_outputs = 2};
    fmap_model_node(model, &node, outputs);
    fmap_value masked[2] = {x, outputs[1]};
    fmap_model_output(model, outputs[0]);
    fmap_model_output(model, outputs[1]);
    fmap_model_output(model, net_node(model, "Mul", NULL, masked, 2, NULL, 0));
}

static void run_mask(const fmap_model *model, fmap_plan_options options, uint64_t step, const float *x,
                     float results[3][N]) {
    struct net net;
    cr_assert(net_open(&net, model, &options));
    fmap_context_set_step(net.context, step);
    cr_assert_eq(fmap_context_run(net.context, (const void *[]){x},
                                  (void *[]){results[0], results[1], results[2]}, NULL),
                 FMAP_OK);
    net_close(&net);
}

Test(dropout, the_mask_can_be_an_output_and_an_input) {
    static float results[3][N], again[3][N];
    const float ratio = 0.25f;
    float *x = net_random(N, 1);
    fmap_model *model = net_model(build_mask, &ratio);
    for (int training = 0; training < 2; training++) {
        run_mask(model, (fmap_plan_options){.training = training, .seed = 5}, 3, x, results);
        for (int i = 0; i < N; i++) {
            cr_assert(results[1][i] == 1.0f || (training && results[1][i] == 0.0f));
            cr_assert_eq(results[2][i], x[i] * results[1][i]);
            cr_assert_eq(results[0][i], training ? x[i] * results[1][i] * (float)(1 / 0.75) : x[i]);
        }
        run_mask(model, (fmap_plan_options){.training = training, .seed = 5, .no_fusion = true, .threads = 3},
                 3, x, again);
        cr_assert(check_same_bits("without passes", &again[0][0], &results[0][0], 3 * N));
    }
    fmap_model_destroy(model);
    free(x);
}

Test(dropout, about_the_share_that_was_asked_for_is_dropped) {
    static float results[3][N];
    static const float ratios[] = {0, 0.1f, 0.5f, 0.9f};
    float *x = net_random(N, 1);
    for (size_t r = 0; r < sizeof ratios / sizeof ratios[0]; r++) {
        fmap_model *model = net_model(build_mask, &ratios[r]);
        double dropped = 0, p = (double)ratios[r];
        for (uint64_t step = 0; step < 16; step++) {
            run_mask(model, (fmap_plan_options){.training = true}, step, x, results);
            for (int i = 0; i < N; i++) dropped += results[1][i] == 0.0f;
        }
        /* Five standard deviations: once in two million. */
        cr_assert(fabs(dropped - 16 * N * p) <= 5 * sqrt(16 * N * p * (1 - p)), "ratio %g", p);
        fmap_model_destroy(model);
    }
    free(x);
}
