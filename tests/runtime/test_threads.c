#include <criterion/criterion.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/fragile.h"
#include "tests/net_sample.h"

enum { BATCH = 5, OUTPUTS = BATCH * NET_SAMPLE_OUTPUTS };

static fmap_model *sample(void) {
    fmap_model *model = net_model(net_sample_build, NULL);
    cr_assert(model);
    return model;
}

/* ---- the number of threads changes no bit ------------------------------------------------------------------- */

Test(threads, outputs_are_the_same_for_any_number) {
    static const int numbers[] = {1, 2, 3, 7, 16};
    fmap_model *model = sample();
    float *x = net_sample_images(BATCH, 1), first[OUTPUTS], y[OUTPUTS];
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    cr_assert(net_once(model, &(fmap_plan_options){.batch = BATCH, .threads = 1}, x, first));
    for (int isa = 0; isa < n_isas; isa++) {
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            fmap_plan_options options = {.batch = BATCH, .threads = numbers[i], .max_isa = isas[isa]};
            cr_assert(net_once(model, &options, x, y));
            cr_assert(check_same_bits("output", y, first, OUTPUTS), "%d threads", numbers[i]);
        }
    }
    free(x);
    fmap_model_destroy(model);
}

/* Large enough that layers are cut into many parts, along each of the ways to cut. */
static void build_large(fmap_model *model, const void *what) {
    const float *w = what;
    fmap_value x = fmap_model_image_input(model, "x", 40, 44, 3);
    fmap_conv_2d conv = {
        .filters = 32, .kernel_size = {3, 3}, .padding = FMAP_SAME, .kernel = w, .activation = FMAP_RELU};
    x = fmap_model_conv_2d(model, "a", x, &conv);
    x = fmap_model_conv_2d(model, "b", x, &conv);
    x = fmap_model_max_pooling_2d(model, "p", x, &(fmap_pool_2d){.pool_size = {2, 2}});
    conv.groups = 32;
    x = fmap_model_conv_2d(model, "c", x, &conv);
    conv.groups = 1;
    conv.kernel_size[0] = conv.kernel_size[1] = 1;
    x = fmap_model_conv_2d(model, "d", x, &conv);
    x = fmap_model_flatten(model, "f", x, FMAP_NHWC);
    x = fmap_model_dense(model, "e", x, &(fmap_dense){.units = 50, .kernel = w});
    fmap_model_output(model, fmap_model_softmax(model, "s", x));
}

Test(threads, layers_that_are_cut_into_many_parts_give_the_same_bits) {
    enum { WEIGHTS = 32 * 20 * 22 * 50, INPUTS = 3 * 40 * 44 };
    static const int numbers[] = {2, 3, 7, 64};
    float *w = net_random(WEIGHTS, 1), *x = net_random(3 * INPUTS, 2), first[3 * 50], y[3 * 50];
    for (int i = 0; i < WEIGHTS; i++) w[i] *= 0.0625f; /* so that softmax does not saturate */
    fmap_model *model = net_model(build_large, w);
    for (int batch = 1; batch <= 3; batch += 2) {
        cr_assert(net_once(model, &(fmap_plan_options){.batch = batch, .threads = 1}, x, first));
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            struct net net;
            cr_assert(net_open(&net, model, &(fmap_plan_options){.batch = batch, .threads = numbers[i]}));
            for (int again = 0; again < 10;
                 again++) { /* threads that get in each other's way do so now and then */
                cr_assert(net_run(&net, x, y));
                cr_assert(check_same_bits("output", y, first, (size_t)batch * 50), "%d threads", numbers[i]);
            }
            net_close(&net);
        }
    }
    free(w);
    free(x);
    fmap_model_destroy(model);
}

Test(threads, an_image_alone_gives_the_bits_that_it_gives_in_any_batch) {
    fmap_model *model = sample();
    float *x = net_sample_images(17, 1), alone[17][NET_SAMPLE_OUTPUTS], y[17][NET_SAMPLE_OUTPUTS];
    for (int i = 0; i < 17; i++) {
        cr_assert(net_once(model, &(fmap_plan_options){.threads = 1}, x + i * NET_SAMPLE_INPUTS, alone[i]));
    }
    for (int batch = 1; batch <= 17; batch++) {
        cr_assert(net_once(model, &(fmap_plan_options){.batch = batch, .threads = 1 + batch % 3}, x, y[0]));
        cr_assert(check_same_bits("batch", y[0], alone[0], (size_t)batch * NET_SAMPLE_OUTPUTS), "batch %d",
                  batch);
    }
    free(x);
    fmap_model_destroy(model);
}

/* ---- several contexts of one plan at once ---------------------------------------------------------------------- */

struct worker {
    pthread_t thread;
    const fmap_plan *plan;
    const float *x;
    float y[NET_SAMPLE_OUTPUTS], map[20 * 6 * 6];
    bool good;
};

static void *work(void *argument) {
    struct worker *worker = argument;
    struct net net = {.plan = NULL};
    float y[NET_SAMPLE_OUTPUTS], map[20 * 6 * 6];
    worker->good = fmap_context_create(worker->plan, &net.context, NULL) == FMAP_OK &&
                   fmap_context_set_tap(net.context, 0, worker->map, NULL) == FMAP_OK &&
                   net_run(&net, worker->x, worker->y);
    fmap_context_set_tap(net.context, 0, map, NULL);
    for (int i = 0; i < 20 && worker->good; i++) {
        worker->good = net_run(&net, worker->x, y) && memcmp(y, worker->y, sizeof y) == 0 &&
                       memcmp(map, worker->map, sizeof map) == 0;
    }
    fmap_context_destroy(net.context);
    return NULL;
}

static void check_contexts(int threads) {
    enum { WORKERS = 4 };
    static struct worker workers[WORKERS], alone[WORKERS];
    fmap_tap_request request = {.layers = "conv1", .point = FMAP_TAP_POST_POOL};
    fmap_model *model = sample();
    fmap_plan *plan = NULL;
    float *x = net_sample_images(WORKERS, 1);
    fmap_plan_options options = {.threads = threads, .taps = &request, .n_taps = 1};
    cr_assert_eq(fmap_plan_create(model, &options, &plan, NULL), FMAP_OK);
    for (int i = 0; i < WORKERS; i++) {
        alone[i] = workers[i] = (struct worker){.plan = plan, .x = x + i * NET_SAMPLE_INPUTS};
        work(&alone[i]);
        cr_assert(alone[i].good);
    }
    for (int i = 0; i < WORKERS; i++)
        cr_assert_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (int i = 0; i < WORKERS; i++) {
        cr_assert_eq(pthread_join(workers[i].thread, NULL), 0);
        cr_assert(workers[i].good);
        cr_assert(check_same_bits("output", workers[i].y, alone[i].y, NET_SAMPLE_OUTPUTS));
        cr_assert(check_same_bits("map", workers[i].map, alone[i].map, 20 * 6 * 6));
    }
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    free(x);
}

Test(threads, contexts_of_one_plan_run_at_the_same_time) {
    check_contexts(1);
    check_contexts(2);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

Test(threads, a_run_allocates_nothing) {
    struct fragile fragile = {0};
    fmap_allocator allocator = fragile_allocator(&fragile);
    fmap_tap_request requests[2] = {{.layers = "*", .values = true, .statistics = true},
                                    {.layers = "*", .point = FMAP_TAP_DROPOUT_MASK}};
    fmap_model *model = NULL;
    float *x = net_sample_images(BATCH, 1), y[OUTPUTS];
    cr_assert_eq(net_try_model(net_sample_build, NULL, &allocator, &model, NULL), FMAP_OK);
    for (int threads = 1; threads <= 3; threads++) {
        struct net net;
        fmap_plan_options options = {.batch = BATCH,
                                     .threads = threads,
                                     .taps = requests,
                                     .n_taps = 2,
                                     .training = true,
                                     .profile = true};
        cr_assert(net_open(&net, model, &options));
        size_t n_calls = fragile.n_calls, n_live = fragile.n_live;
        for (int i = 0; i < 3; i++) cr_assert(net_run(&net, x, y));
        cr_assert_eq(fragile.n_calls, n_calls);
        cr_assert_eq(fragile.n_live, n_live);
        net_close(&net);
    }
    fmap_model_destroy(model);
    cr_assert_eq(fragile.n_live, 0u);
    cr_assert_eq(fragile.bytes_live, 0u);
    free(x);
}
