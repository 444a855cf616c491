/* Dropout in training: masks are a function of seed, layer, step and element, and of nothing else. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_sample.h"
#include "tests/oracle.h"

enum { C = 19, H = 9, W = 11, ELEMENTS = C * H * W };

/* A node before, so that the layer's number is not 0, and one behind, so that fusion has something to gain. */
static void build(fmap_model *model, const void *what) {
    const float *rate = what;
    fmap_value x = fmap_model_leaky_relu(model, "before", fmap_model_image_input(model, "x", H, W, C), 0.5f);
    x = fmap_model_dropout(model, "dropout", x, *rate);
    fmap_model_output(model, fmap_model_leaky_relu(model, "behind", x, 1));
}

/* The key of a layer's masks: the number of SplitMix64's that its index counts, from the plan's seed on. Masks stay
 * the same from one release to the next. */
static uint64_t key_of(uint64_t seed, int layer) {
    uint64_t key = 0;
    for (int i = 0; i <= layer; i++) key = check_random(&seed);
    return key;
}

struct trained {
    float output[3 * ELEMENTS], map[3 * ELEMENTS], mask[3 * ELEMENTS];
};

static void train(struct trained *result, float rate, uint64_t step, fmap_plan_options options,
                  const float *x) {
    fmap_tap_request requests[2] = {{.layers = "dropout"}, {.layers = "*", .point = FMAP_TAP_DROPOUT_MASK}};
    fmap_model *model = net_model(build, &rate);
    struct net net;
    options.taps = requests;
    options.n_taps = 2;
    cr_assert(model && net_open(&net, model, &options));
    cr_assert_eq(fmap_plan_tap_count(net.plan), 2u);
    fmap_context_set_tap(net.context, 0, result->map, NULL);
    fmap_context_set_tap(net.context, 1, result->mask, NULL);
    fmap_context_set_step(net.context, step);
    cr_assert(net_run(&net, x, result->output));
    net_close(&net);
    fmap_model_destroy(model);
}

static void check_training(const struct trained *got, const float *x, size_t n, float rate, uint64_t seed,
                           uint64_t step) {
    const float scale = (float)(1 / (1 - (double)rate));
    const uint64_t threshold = (uint64_t)ldexp((double)rate, 32), key = key_of(seed, 1);
    for (size_t i = 0; i < n; i++) {
        float before = x[i] < 0 ? 0.5f * x[i] : x[i];
        float mask = oracle_dropout_mask(key, step, i, threshold);
        cr_assert_eq(got->mask[i], mask, "element %zu", i);
        cr_assert_eq(got->map[i], before * mask * scale, "element %zu", i);
        cr_assert_eq(got->output[i], got->map[i], "element %zu", i);
    }
}

static struct trained first, second;

Test(training, masks_are_philox_and_survivors_are_scaled) {
    static const float rates[] = {0, 0.1f, 0.25f, 0.5f, 0.9f};
    float *x = net_random(2 * ELEMENTS, 1);
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    for (int isa = 0; isa < n_isas; isa++) {
        for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
            fmap_plan_options options = {
                .training = true, .seed = 7 + i, .batch = 2, .threads = 2, .max_isa = isas[isa]};
            train(&first, rates[i], i * 1000, options, x);
            check_training(&first, x, 2 * ELEMENTS, rates[i], 7 + i, i * 1000);
        }
    }
    free(x);
}

Test(training, large_seeds_and_steps_count_in_full) {
    float *x = net_random(ELEMENTS, 1);
    const uint64_t seed = UINT64_C(0xFEDCBA9876543210), step = UINT64_C(0x123456789ABCDEF0);
    train(&first, 0.5f, step, (fmap_plan_options){.training = true, .seed = seed}, x);
    check_training(&first, x, ELEMENTS, 0.5f, seed, step);
    free(x);
}

static bool same_mask(void) { return memcmp(first.mask, second.mask, ELEMENTS * sizeof(float)) == 0; }

Test(training, another_seed_or_step_makes_another_mask) {
    float *x = net_random(ELEMENTS, 1);
    train(&first, 0.5f, 4, (fmap_plan_options){.training = true, .seed = 1}, x);
    train(&second, 0.5f, 4, (fmap_plan_options){.training = true, .seed = 1}, x);
    cr_assert(same_mask());
    train(&second, 0.5f, 5, (fmap_plan_options){.training = true, .seed = 1}, x);
    cr_assert_not(same_mask());
    train(&second, 0.5f, 4, (fmap_plan_options){.training = true, .seed = 2}, x);
    cr_assert_not(same_mask());
    free(x);
}

Test(training, threads_layouts_and_fusion_do_not_change_masks) {
    float *x = net_random(ELEMENTS, 1);
    train(&first, 0.3f, 4, (fmap_plan_options){.training = true, .seed = 1, .threads = 1}, x);
    for (int threads = 2; threads <= 7; threads += threads == 3 ? 4 : 1) {
        train(&second, 0.3f, 4, (fmap_plan_options){.training = true, .seed = 1, .threads = threads}, x);
        cr_assert(same_mask());
        cr_assert(check_same_bits("output", second.output, first.output, ELEMENTS));
    }
    train(&second, 0.3f, 4, (fmap_plan_options){.training = true, .seed = 1, .no_fusion = true}, x);
    cr_assert(same_mask());
    cr_assert(check_same_bits("output", second.output, first.output, ELEMENTS));
    free(x);
}

/* The share that is dropped: within five standard deviations of the binomial distribution. */
Test(training, drops_the_share_that_was_asked_for) {
    float *x = net_random(3 * ELEMENTS, 1);
    const double rate = 0.25, n = 3 * ELEMENTS;
    double dropped = 0;
    train(&first, (float)rate, 0, (fmap_plan_options){.training = true, .batch = 3}, x);
    for (int i = 0; i < 3 * ELEMENTS; i++) dropped += first.mask[i] == 0;
    cr_assert(fabs(dropped / n - rate) < 5 * sqrt(rate * (1 - rate) / n));
    free(x);
}

Test(training, in_inference_the_mask_is_all_ones) {
    float *x = net_random(ELEMENTS, 1);
    train(&first, 0.5f, 3, (fmap_plan_options){.seed = 5}, x);
    for (int i = 0; i < ELEMENTS; i++) {
        cr_assert_eq(first.mask[i], 1.0f);
        cr_assert_eq(first.map[i], x[i] < 0 ? 0.5f * x[i] : x[i]);
    }
    free(x);
}

/* In the sample network: taps of training are those of the unfused network too, and layers have masks of their own. */
Test(training, taps_are_those_of_the_unfused_network) {
    fmap_model *model = net_model(net_sample_plain_build, NULL);
    float *x = net_sample_images(1, 1);
    float y[2][NET_SAMPLE_OUTPUTS], mask[2][24], map[2][20 * 6 * 6];
    fmap_tap_request requests[2] = {{.layers = "dropout2", .point = FMAP_TAP_DROPOUT_MASK},
                                    {.layers = "conv1", .point = FMAP_TAP_POST_POOL}};
    for (int plain = 0; plain < 2; plain++) {
        struct net net;
        cr_assert(net_open(&net, model,
                           &(fmap_plan_options){.training = true,
                                                .seed = 11,
                                                .no_fusion = plain,
                                                .taps = requests,
                                                .n_taps = 2,
                                                .threads = 1 + plain}));
        fmap_context_set_tap(net.context, 0, mask[plain], NULL);
        fmap_context_set_tap(net.context, 1, map[plain], NULL);
        cr_assert(net_run(&net, x, y[plain]));
        net_close(&net);
    }
    cr_assert(check_same_bits("output", y[0], y[1], NET_SAMPLE_OUTPUTS));
    cr_assert(check_same_bits("mask", mask[0], mask[1], 24));
    cr_assert(check_same_bits("map", map[0], map[1], 20 * 6 * 6));
    float inference[NET_SAMPLE_OUTPUTS];
    cr_assert(net_once(model, NULL, x, inference));
    cr_assert(memcmp(inference, y[0], sizeof inference) != 0);
    fmap_model_destroy(model);
    free(x);
}
