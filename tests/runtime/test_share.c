/* How work is cut: every piece once, and the threads' loads nearly even. */
#include "runtime/share.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/plan.h"
#include "tests/net_conv.h"

Test(share, pieces_cover_the_whole_once_and_differ_by_one) {
    for (int64_t total = 0; total < 70; total++) {
        for (int64_t n = 1; n <= 66; n++) {
            int64_t at = 0;
            for (int64_t i = 0; i < n; i++) {
                int64_t length = fmap_piece_length(total, n, i);
                cr_assert_eq(fmap_piece_begin(total, n, i), at);
                cr_assert(length == total / n || length == total / n + 1);
                at += length;
            }
            cr_assert_eq(at, total);
        }
    }
}

Test(share, balance_is_the_average_over_the_most) {
    struct fmap_share seven = fmap_share_units(7, 7);
    cr_expect_float_eq(fmap_share_balance(&seven, 1), 1, 1e-12);
    cr_expect_float_eq(fmap_share_balance(&seven, 2), 3.5 / 4, 1e-12);
    cr_expect_float_eq(fmap_share_balance(&seven, 64), 7.0 / 64, 1e-12);
    struct fmap_share two = {{{.total = 3, .pieces = 2}, {.total = 5, .pieces = 1}}};
    cr_expect_float_eq(fmap_share_most(&two, 2), 2.0 / 3, 1e-12);
    two.along[0].overhead = 0.5;
    cr_expect_float_eq(fmap_share_most(&two, 2), 2.5 / 3, 1e-12);
}

Test(share, improving_never_ends_later_and_leaves_one_thread_alone) {
    for (int threads = 1; threads <= 64; threads++) {
        for (int64_t tiles = 1; tiles < 40; tiles++) {
            struct fmap_share share = {{{.total = 1, .pieces = 1},
                                        {.total = tiles, .pieces = 1, .overhead = 0.1},
                                        {.total = 4, .pieces = 1}}};
            double before = fmap_share_most(&share, threads);
            fmap_share_improve(&share, threads);
            cr_assert_leq(fmap_share_most(&share, threads), before);
            cr_assert(share.along[1].pieces <= tiles && share.along[2].pieces <= 4);
            if (threads == 1) cr_assert_eq(fmap_share_parts(&share), 1);
        }
    }
}

Test(share, units_are_shared_by_as_many_parts_as_is_even) {
    cr_expect_eq(fmap_share_units_parts(10, 8, 2), 2);
    cr_expect_eq(fmap_share_units_parts(16, 8, 2), 8);
    cr_expect_eq(fmap_share_units_parts(3, 8, 4), 3);
}

/* ---- layers of well-known networks ---------------------------------------------------------------------- */

struct shape {
    int channels, filters, size, kernel, stride, groups;
};

static const struct shape shapes[] = {
    {3, 64, 224, 3, 1, 1},     {64, 64, 224, 3, 1, 1},  {128, 128, 112, 3, 1, 1}, {256, 256, 56, 3, 1, 1},
    {512, 512, 28, 3, 1, 1},   {512, 512, 14, 3, 1, 1}, {3, 64, 224, 7, 2, 1},    {64, 256, 56, 1, 1, 1},
    {256, 64, 56, 1, 1, 1},    {128, 128, 28, 3, 1, 1}, {256, 512, 56, 1, 2, 1},  {1024, 256, 14, 1, 1, 1},
    {512, 2048, 7, 1, 1, 1},   {512, 512, 7, 3, 1, 1},  {3, 32, 224, 3, 2, 1},    {96, 96, 112, 3, 2, 96},
    {144, 144, 56, 3, 1, 144}, {384, 64, 14, 1, 1, 1},  {960, 960, 7, 3, 1, 960}, {320, 1280, 7, 1, 1, 1}};

/* Parts of less than this many multiply-adds are not worth a thread. */
static const double LEAST_WORK = 200000;

/* How many threads' worth of work is done at once is at least this share of those that there is work for, as
 * docs/profiling.md promises. Small maps have too few pieces for 64 threads to be even. */
static double floor_of(const char *kernel, double wanted) {
    if (strncmp(kernel, "depthwise", 9) == 0) return 0.95;
    if (strncmp(kernel, "stem", 4) == 0) return wanted <= 16 ? 0.9 : 0.75;
    return wanted <= 4 ? 0.85 : wanted <= 16 ? 0.7 : 0.55;
}

static void expect_even(const fmap_model *model, const struct shape *shape, int64_t batch, int threads) {
    struct net net;
    fmap_plan_options options = {.batch = batch, .threads = threads};
    cr_assert_eq(fmap_plan_create(model, &options, &net.plan, NULL), FMAP_OK);
    fmap_plan_info info;
    fmap_plan_describe(net.plan, &info);
    for (size_t s = 0; s < info.n_steps; s++) {
        fmap_step_info step;
        cr_assert_eq(fmap_plan_step(net.plan, s, &step), FMAP_OK);
        if (step.why[0] == '\0') continue; /* it only brings elements into another order */
        double wanted = (double)info.macs / LEAST_WORK;
        if (wanted > threads) wanted = threads;
        double reached = step.balance * threads;
        cr_expect_leq(step.threads, threads);
        cr_expect_geq(reached, floor_of(step.kernel, wanted) * wanted - 1e-9,
                      "%d channels to %d, %d pixels, %dx%d stride %d, batch %d, %d threads: %s in %d parts "
                      "keeps %.2f of %.2f threads busy",
                      shape->channels, shape->filters, shape->size, shape->kernel, shape->kernel,
                      shape->stride, (int)batch, threads, step.kernel, (int)step.parts, reached, wanted);
    }
    fmap_plan_destroy(net.plan);
}

static fmap_model *model_of(const struct shape *shape, struct net_conv *conv) {
    int pad = shape->kernel / 2;
    *conv = (struct net_conv){.shape = {.n = 1,
                                        .channels = shape->channels,
                                        .filters = shape->filters,
                                        .groups = shape->groups,
                                        .in_h = shape->size,
                                        .in_w = shape->size,
                                        .window = {.kernel_h = shape->kernel,
                                                   .kernel_w = shape->kernel,
                                                   .stride_h = shape->stride,
                                                   .stride_w = shape->stride,
                                                   .dilation_h = 1,
                                                   .dilation_w = 1,
                                                   .pad_top = pad,
                                                   .pad_left = pad,
                                                   .pad_bottom = pad,
                                                   .pad_right = pad}}};
    cr_assert(net_conv_complete(conv, false, 1));
    fmap_model *model = net_model(net_conv_build, conv);
    cr_assert(model);
    return model;
}

Test(share, layers_of_known_networks_are_even_for_up_to_64_threads) {
    static const int threads[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct shape *shape = &shapes[i];
        struct net_conv conv;
        fmap_model *model = model_of(shape, &conv);
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            expect_even(model, shape, 1, threads[t]);
            if (t % 3 == 1) expect_even(model, shape, 3, threads[t]);
        }
        fmap_model_destroy(model);
        net_conv_free(&conv);
    }
}

/* The most threads that a step keeps busy, of so many; steps that bring elements into another order count if `moves`. */
static int most_threads(const struct shape *shape, int threads, bool moves) {
    struct net_conv conv;
    fmap_model *model = model_of(shape, &conv);
    fmap_plan *plan;
    fmap_step_info step;
    int most = 0;
    cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.threads = threads}, &plan, NULL), FMAP_OK);
    for (size_t s = 0; fmap_plan_step(plan, s, &step) == FMAP_OK; s++) {
        bool counts = moves || strncmp(step.kernel, "reorder", 7) != 0;
        if (counts && step.threads > most) most = step.threads;
    }
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    net_conv_free(&conv);
    return most;
}

/* Few multiply-adds, but each thread would wait longer for what the others have written, or for weights. */
Test(share, layers_that_memory_holds_up_are_shared_by_two_threads) {
    static const struct shape small[] = {
        {256, 1001, 1, 1, 1, 1}, {480, 256, 1, 1, 1, 1}, {128, 128, 8, 3, 1, 128}, {64, 64, 16, 3, 2, 64}};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        cr_expect_eq(most_threads(&small[i], 2, false), 2, "shape %zu", i);
}

Test(share, small_layers_are_left_to_fewer_threads) {
    static const struct shape small[] = {
        {3, 8, 128, 3, 2, 1}, {8, 8, 64, 3, 1, 8}, {16, 32, 14, 3, 1, 1}, {64, 64, 14, 1, 1, 1}};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        cr_expect_leq(most_threads(&small[i], 64, true), 16, "shape %zu", i);
}

/* A part fetches its own weights ahead and reads them all: more parts than threads would do so more often. */
Test(share, two_threads_take_one_part_each_of_what_is_even) {
    static const struct shape even[] = {
        {1024, 256, 14, 1, 1, 1}, {2048, 512, 7, 1, 1, 1}, {512, 2048, 7, 1, 1, 1}, {512, 512, 14, 3, 2, 1}};
    for (size_t i = 0; i < sizeof even / sizeof *even; i++) {
        struct net_conv conv;
        fmap_model *model = model_of(&even[i], &conv);
        fmap_plan *plan;
        fmap_step_info step;
        int steps = 0;
        cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.threads = 2}, &plan, NULL), FMAP_OK);
        for (size_t s = 0; fmap_plan_step(plan, s, &step) == FMAP_OK; s++) {
            if (strncmp(step.kernel, "pointwise", 9) != 0 && strncmp(step.kernel, "direct", 6) != 0) continue;
            cr_expect_eq(step.parts, 2, "shape %zu in %d parts", i, (int)step.parts);
            cr_expect_geq(step.balance, 0.97, "shape %zu", i);
            steps++;
        }
        cr_expect_eq(steps, 1, "shape %zu", i);
        fmap_plan_destroy(plan);
        fmap_model_destroy(model);
        net_conv_free(&conv);
    }
}
