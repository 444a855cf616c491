/* Packed weights: what plans of one model share, what they do not, and when it is given back. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/packed.h"
#include "tests/check.h"
#include "tests/fragile.h"
#include "tests/net_sample.h"

static fmap_model *sample(void) {
    fmap_model *model = net_model(net_sample_build, NULL);
    cr_assert(model);
    return model;
}

static fmap_plan *plan_of(const fmap_model *model, fmap_plan_options options) {
    fmap_plan *plan = NULL;
    fmap_error error = {0};
    cr_assert_eq(fmap_plan_create(model, &options, &plan, &error), FMAP_OK, "%s", error.message);
    return plan;
}

static fmap_plan_info info_of(const fmap_plan *plan) {
    fmap_plan_info info;
    fmap_plan_describe(plan, &info);
    return info;
}

static fmap_packing packing_of(const fmap_plan *plan, size_t i) {
    fmap_packing packing;
    cr_assert_eq(fmap_plan_packing(plan, i, &packing), FMAP_OK);
    return packing;
}

/* Packings of some bytes that both plans have, by address. */
static size_t count_shared(const fmap_plan *a, const fmap_plan *b) {
    size_t n = 0;
    for (size_t i = 0; i < fmap_plan_packing_count(a); i++) {
        for (size_t k = 0; k < fmap_plan_packing_count(b); k++) {
            fmap_packing x = packing_of(a, i), y = packing_of(b, k);
            if (x.bytes == 0 || y.bytes == 0) continue;
            cr_assert_eq(x.data == y.data, strcmp(x.key, y.key) == 0, "%s\n%s", x.key, y.key);
            n += x.data == y.data;
        }
    }
    return n;
}

static size_t count(const fmap_plan *plan) {
    size_t n = 0;
    for (size_t i = 0; i < fmap_plan_packing_count(plan); i++) n += packing_of(plan, i).bytes > 0;
    return n;
}

Test(packed, a_second_plan_of_the_same_kind_packs_nothing) {
    fmap_model *model = sample();
    fmap_plan *first = plan_of(model, (fmap_plan_options){.threads = 1});
    fmap_plan *second = plan_of(model, (fmap_plan_options){.threads = 1});
    cr_assert_gt(count(first), 5u);
    cr_assert_eq(count_shared(first, second), count(first));
    size_t sum = 0;
    for (size_t i = 0; i < fmap_plan_packing_count(first); i++) sum += packing_of(first, i).bytes;
    cr_assert_eq(info_of(first).shared_bytes, 0u);
    cr_assert_eq(info_of(second).shared_bytes, sum);
    cr_assert_eq(info_of(second).weights_bytes + sum, info_of(first).weights_bytes);
    fmap_plan_destroy(first);
    fmap_plan_destroy(second);
    fmap_model_destroy(model);
}

Test(packed, plans_of_another_batch_share_what_does_not_depend_on_it) {
    fmap_model *model = sample();
    fmap_plan *one = plan_of(model, (fmap_plan_options){.threads = 1});
    fmap_plan *four = plan_of(model, (fmap_plan_options){.threads = 1, .batch = 4});
    cr_assert_gt(count_shared(one, four), 3u);
    cr_assert_lt(info_of(four).weights_bytes, info_of(one).weights_bytes);
    fmap_plan_destroy(one);
    fmap_plan_destroy(four);
    fmap_model_destroy(model);
}

Test(packed, other_instruction_sets_share_nothing) {
    fmap_isa isas[NET_MAX_ISAS];
    int n = net_isas(isas);
    fmap_model *model = sample();
    fmap_plan *plain = plan_of(model, (fmap_plan_options){.max_isa = isas[0]});
    for (int i = 1; i < n; i++) {
        fmap_plan *other = plan_of(model, (fmap_plan_options){.max_isa = isas[i]});
        cr_assert_eq(count_shared(plain, other), 0u);
        cr_assert_eq(info_of(other).shared_bytes, 0u);
        fmap_plan_destroy(other);
    }
    fmap_plan_destroy(plain);
    fmap_model_destroy(model);
}

static void build_winograd(fmap_model *model, const void *weights) {
    fmap_value x = fmap_model_image_input(model, "image", 24, 24, 32);
    fmap_conv_2d conv = {.filters = 32, .kernel_size = {3, 3}, .padding = FMAP_SAME, .kernel = weights};
    fmap_model_output(model, fmap_model_conv_2d(model, NULL, x, &conv));
}

Test(packed, other_algorithms_share_nothing) {
    float *weights = net_random(32 * 32 * 9, 5);
    fmap_model *model = net_model(build_winograd, weights);
    static const fmap_algorithm algorithms[] = {FMAP_ALGORITHM_DIRECT, FMAP_ALGORITHM_WINOGRAD_F2,
                                                FMAP_ALGORITHM_WINOGRAD_F4, FMAP_ALGORITHM_WINOGRAD_F5,
                                                FMAP_ALGORITHM_WINOGRAD_F6};
    enum { N = sizeof algorithms / sizeof *algorithms };
    fmap_plan *plans[N];
    for (int i = 0; i < N; i++) {
        plans[i] = plan_of(model, (fmap_plan_options){.algorithm = algorithms[i]});
        cr_assert_eq(count(plans[i]), 1u);
        for (int k = 0; k < i; k++) cr_assert_eq(count_shared(plans[i], plans[k]), 0u);
    }
    for (int i = 0; i < N; i++) fmap_plan_destroy(plans[i]);
    fmap_model_destroy(model);
    free(weights);
}

/* Two of its layers are dense. */
Test(packed, bfloat16_and_floats_share_all_but_dense_layers) {
    fmap_model *model = sample();
    fmap_plan *floats = plan_of(model, (fmap_plan_options){.threads = 1});
    fmap_plan *halves = plan_of(model, (fmap_plan_options){.threads = 1, .weights = FMAP_WEIGHTS_BF16});
    cr_assert_eq(count(halves), count(floats));
    cr_assert_eq(count_shared(floats, halves), count(floats) - 2);
    cr_assert_eq(info_of(floats).weights, FMAP_WEIGHTS_F32);
    cr_assert_eq(info_of(halves).weights, FMAP_WEIGHTS_BF16);
    fmap_plan_destroy(floats);
    fmap_plan *again = plan_of(model, (fmap_plan_options){.threads = 1, .weights = FMAP_WEIGHTS_BF16});
    cr_assert_eq(count_shared(halves, again), count(halves));
    fmap_plan_destroy(halves);
    fmap_plan_destroy(again);
    fmap_model_destroy(model);
}

Test(packed, weights_of_no_known_kind_are_refused) {
    fmap_model *model = sample();
    fmap_plan *plan = NULL;
    fmap_error error = {0};
    fmap_plan_options options = {.weights = (fmap_weights)2};
    cr_assert_eq(fmap_plan_create(model, &options, &plan, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_str_eq(error.message, "weights of kind 2 are unknown");
    cr_assert_null(plan);
    fmap_model_destroy(model);
}

/* With the normalization folded into them, weights are others than without. */
Test(packed, what_a_pass_has_changed_is_another_packing) {
    fmap_model *model = sample();
    fmap_plan *folded = plan_of(model, (fmap_plan_options){.threads = 1});
    fmap_plan *plain = plan_of(model, (fmap_plan_options){.threads = 1, .no_fusion = true});
    size_t shared = count_shared(folded, plain);
    cr_assert_lt(shared, count(plain));
    cr_assert_gt(shared, 0u);
    fmap_plan_destroy(folded);
    fmap_plan_destroy(plain);
    fmap_model_destroy(model);
}

static void run(const fmap_plan *plan, const float *images, float *outputs) {
    fmap_context *context = NULL;
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_run(context, (const void *[]){images}, (void *[]){outputs}, NULL), FMAP_OK);
    fmap_context_destroy(context);
}

Test(packed, what_a_plan_has_packed_outlives_it_with_those_that_use_it) {
    struct fragile fragile = {0};
    fmap_allocator allocator = fragile_allocator(&fragile);
    fmap_model *model = NULL;
    cr_assert_eq(net_try_model(net_sample_build, NULL, &allocator, &model, NULL), FMAP_OK);
    size_t before = fragile.bytes_live;
    float *images = net_sample_images(1, 9), expected[NET_SAMPLE_OUTPUTS], got[NET_SAMPLE_OUTPUTS];
    fmap_plan *first = plan_of(model, (fmap_plan_options){.threads = 1});
    run(first, images, expected);
    fmap_plan *second = plan_of(model, (fmap_plan_options){.threads = 1});
    fmap_plan_destroy(first);
    run(second, images, got);
    cr_assert(check_same_bits("output", got, expected, NET_SAMPLE_OUTPUTS));
    fmap_plan_destroy(second);
    cr_assert_eq(fragile.bytes_live, before);
    fmap_model_destroy(model);
    cr_assert_eq(fragile.bytes_live, 0u);
    free(images);
}

/* ---- from several threads -------------------------------------------------------------------------------- */

struct racer {
    const fmap_model *model;
    pthread_barrier_t *start;
    fmap_plan *plan;
};

static void *race(void *argument) {
    struct racer *racer = argument;
    (void)pthread_barrier_wait(racer->start);
    for (int i = 0; i < 20; i++) {
        fmap_plan_destroy(racer->plan);
        racer->plan = NULL;
        if (fmap_plan_create(racer->model, &(fmap_plan_options){.threads = 1}, &racer->plan, NULL) != FMAP_OK)
            return NULL;
    }
    return NULL;
}

Test(packed, threads_that_plan_at_once_share_too) {
    enum { N = 4 };
    fmap_model *model = sample();
    pthread_barrier_t start;
    pthread_t threads[N];
    struct racer racers[N];
    cr_assert_eq(pthread_barrier_init(&start, NULL, N), 0);
    for (int i = 0; i < N; i++) {
        racers[i] = (struct racer){.model = model, .start = &start};
        cr_assert_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < N; i++) (void)pthread_join(threads[i], NULL);
    for (int i = 0; i < N; i++) {
        cr_assert_not_null(racers[i].plan);
        cr_assert_eq(count_shared(racers[0].plan, racers[i].plan), count(racers[0].plan));
    }
    for (int i = 0; i < N; i++) fmap_plan_destroy(racers[i].plan);
    fmap_model_destroy(model);
    (void)pthread_barrier_destroy(&start);
}

/* ---- what was packed before ------------------------------------------------------------------------------ */

Test(packed, a_packing_of_another_size_is_not_taken) {
    fmap_allocator allocator = fmap_allocator_or_default(NULL);
    struct fmap_packed *packed = fmap_packed_create(&allocator);
    static _Alignas(64) const char before[64] = "before";
    bool made;
    cr_assert(fmap_packed_add(packed, "weights", before, 32));
    struct fmap_storage storage = {.allocator = allocator};
    struct fmap_packings packings = {.packed = packed, .storage = &storage, .threads = 1};
    char *now = fmap_packings_get(&packings, "weights", 64, &made);
    cr_assert(made && now != before);
    strcpy(now, "now");
    fmap_packings_made(&packings);
    cr_assert_eq(fmap_packings_get(&packings, "weights", 32, &made), before);
    cr_assert_not(made);
    cr_assert_eq(fmap_packings_get(&packings, "weights", 64, &made), now);
    cr_assert_not(made);
    cr_assert_eq(packings.own_bytes, 64u);
    cr_assert_eq(packings.shared_bytes, 32u);
    cr_assert_not(fmap_packings_know(&packings, "weights"));
    cr_assert(fmap_packings_note(&packings, "weights"));
    cr_assert(fmap_packings_know(&packings, "weights"));
    fmap_packings_release(&packings);
    fmap_storage_release(&storage);
    fmap_packed_destroy(packed);
}

Test(packed, there_are_no_packings_beyond_the_last) {
    fmap_model *model = sample();
    fmap_plan *plan = plan_of(model, (fmap_plan_options){0});
    fmap_packing packing;
    size_t n = fmap_plan_packing_count(plan);
    cr_assert_eq(fmap_plan_packing(plan, n, &packing), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_plan_packing(plan, 0, NULL), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_plan_packing(NULL, 0, &packing), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_plan_packing_count(NULL), 0u);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

/* ---- memory that holds anything -------------------------------------------------------------------------- */

/* What is not a number stays none, whatever it is added to or multiplied with. */
static void *allocate_nan(void *user, size_t bytes, size_t alignment) {
    (void)user;
    void *memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    return memory ? memset(memory, 0xff, bytes) : NULL;
}

static void release_nan(void *user, void *memory, size_t bytes) {
    (void)user;
    (void)bytes;
    free(memory);
}

Test(packed, neither_packing_nor_running_relies_on_what_memory_held_before) {
    const fmap_allocator nan = {.allocate = allocate_nan, .release = release_nan};
    fmap_isa isas[NET_MAX_ISAS];
    int n = net_isas(isas);
    float *images = net_sample_images(3, 9), expected[3 * NET_SAMPLE_OUTPUTS], got[3 * NET_SAMPLE_OUTPUTS];
    fmap_model *model = sample(), *on_nan = NULL;
    cr_assert_eq(net_try_model(net_sample_build, NULL, &nan, &on_nan, NULL), FMAP_OK);
    for (int i = 0; i < 4 * n; i++) {
        fmap_plan_options options = {
            .batch = 3, .max_isa = isas[i / 4], .threads = 1 + i % 2, .no_fusion = i / 2 % 2};
        fmap_plan *a = plan_of(model, options), *b = plan_of(on_nan, options);
        run(a, images, expected);
        run(b, images, got);
        cr_assert(check_same_bits("output", got, expected, 3 * NET_SAMPLE_OUTPUTS));
        fmap_plan_destroy(a);
        fmap_plan_destroy(b);
    }
    fmap_model_destroy(model);
    fmap_model_destroy(on_nan);
    free(images);
}
