/* Memory that runs out: at every call of the allocator in turn. No crash, no leak, and the status says why. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "runtime/storage.h"
#include "tests/fragile.h"
#include "tests/net_sample.h"

/* Many layers with weights that need a block of memory each, so that many calls can fail. */
static void build_long(fmap_model *model, const void *what) {
    static float weights[64 * 64 * 9];
    (void)what;
    net_sample_build(model, NULL);
    fmap_value x = fmap_model_image_input(model, "image", 8, 8, 64);
    for (int i = 0; i < 8; i++) {
        fmap_conv_2d conv = {.filters = 64,
                             .kernel_size = {3, 3},
                             .padding = FMAP_SAME,
                             .kernel = weights,
                             .bias = weights,
                             .activation = FMAP_RELU};
        x = fmap_model_conv_2d(model, NULL, x, &conv);
        for (int k = 0; k < 60; k++) x = fmap_model_relu(model, NULL, x);
    }
    fmap_model_output(model, x);
}

/* The sample network and some more layers: each moves the places where a block of memory ends and the next is asked
 * for. */
static void build_longer(fmap_model *model, const void *what) {
    net_sample_build(model, NULL);
    fmap_value x = fmap_model_image_input(model, "image", 3, 3, 1);
    for (int i = 0; i < *(const int *)what; i++) x = fmap_model_dropout(model, NULL, x, 0.5f);
    fmap_model_output(model, x);
}

struct journey {
    net_build *build;
    fmap_plan_options options;
    int more_layers;
};

/* Model, plan, context; everything is given back. */
static fmap_status travel(const struct journey *journey, const fmap_allocator *allocator, fmap_error *error) {
    fmap_model *model = NULL;
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    fmap_status status = net_try_model(journey->build, &journey->more_layers, allocator, &model, error);
    if (status == FMAP_OK) status = fmap_plan_create(model, &journey->options, &plan, error);
    if (status == FMAP_OK) status = fmap_context_create(plan, &context, error);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    return status;
}

/* `only_one`: a single call fails, and the library may not go on as if it had not. */
static void sweep(const struct journey *journey, bool only_one) {
    struct fragile whole = {0};
    fmap_allocator allocator = fragile_allocator(&whole);
    fmap_error error = {0};
    cr_assert_eq(travel(journey, &allocator, &error), FMAP_OK, "%s", error.message);
    cr_assert(whole.n_calls > 5);
    cr_assert_eq(whole.n_live, 0u);
    cr_assert_eq(whole.bytes_live, 0u);
    for (size_t k = 1; k <= whole.n_calls; k++) {
        struct fragile fragile = {.fail_at = k, .only_one = only_one};
        allocator = fragile_allocator(&fragile);
        error = (fmap_error){0};
        cr_assert_eq(travel(journey, &allocator, &error), FMAP_ERROR_MEMORY, "call %zu: %s", k,
                     error.message);
        cr_assert_eq(error.status, FMAP_ERROR_MEMORY);
        cr_assert(strstr(error.message, "memory"), "call %zu: %s", k, error.message);
        cr_assert_eq(fragile.n_live, 0u, "call %zu leaks %zu blocks", k, fragile.n_live);
        cr_assert_eq(fragile.bytes_live, 0u, "call %zu: released with another size", k);
    }
}

static const fmap_tap_request everything = {.layers = "*", .values = true, .statistics = true};

Test(allocator, may_fail_at_any_call) {
    struct journey journey = {.build = build_long, .options = {.threads = 2}};
    sweep(&journey, false);
    sweep(&journey, true);
}

Test(allocator, may_fail_at_any_call_with_taps) {
    struct journey journey = {
        .build = build_long,
        .options = {.taps = &everything, .n_taps = 1, .training = true, .profile = true}};
    sweep(&journey, false);
    sweep(&journey, true);
}

Test(allocator, may_fail_at_any_call_without_fusion) {
    struct journey journey = {.build = net_sample_build, .options = {.no_fusion = true, .batch = 40}};
    sweep(&journey, false);
    sweep(&journey, true);
}

Test(allocator, may_fail_wherever_a_block_of_memory_ends) {
    for (int more = 0; more < 120; more += 3) {
        struct journey journey = {.build = build_longer,
                                  .options = {.taps = &everything, .n_taps = 1, .training = more % 2},
                                  .more_layers = more};
        sweep(&journey, more % 4 < 2);
    }
}

/* ---- storage ----------------------------------------------------------------------------------------------------- */

Test(allocator, storage_is_aligned_zeroed_and_does_not_overlap) {
    struct fragile fragile = {0};
    fmap_allocator allocator = fragile_allocator(&fragile);
    struct fmap_storage storage = {.allocator = allocator};
    char *pieces[300];
    for (size_t i = 0; i < 300; i++) {
        size_t bytes = i * i * i % 5000;
        pieces[i] = fmap_storage_take(&storage, bytes, 1);
        cr_assert_not_null(pieces[i]);
        cr_assert_eq((uintptr_t)pieces[i] % 64, 0u);
        for (size_t k = 0; k < bytes; k++) cr_assert_eq(pieces[i][k], 0);
        memset(pieces[i], (int)i, bytes);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t k = 0; k < i * i * i % 5000; k++) cr_assert_eq(pieces[i][k], (char)i);
    }
    fmap_storage_release(&storage);
    cr_assert_eq(fragile.n_live, 0u);
    cr_assert_eq(fragile.bytes_live, 0u);
}

Test(allocator, storage_refuses_sizes_that_overflow) {
    struct fmap_storage storage = {.allocator = fmap_allocator_or_default(NULL)};
    cr_assert_null(fmap_storage_take(&storage, SIZE_MAX, 2));
    cr_assert_null(fmap_storage_take(&storage, SIZE_MAX, 1));
    cr_assert_null(fmap_storage_take(&storage, SIZE_MAX - 63, 1));
    cr_assert_not_null(fmap_storage_take(&storage, 0, 8));
    fmap_storage_release(&storage);
}

/* An allocator whose members are NULL is the default. */
Test(allocator, half_an_allocator_is_the_default) {
    fmap_allocator half = {.user = &half};
    fmap_model *model = NULL;
    cr_assert_eq(fmap_model_create(&half, &model, NULL), FMAP_OK);
    fmap_model_destroy(model);
}
