/* What a layer could cost, and where its label stands. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tools/roofline.h"
#include "tests/net.h"

/* ---- roofs, with a machine of round numbers --------------------------------------------------- */

/* 8 channels of 5 x 6 to 4 by 1x1, a ReLU that is fused into it, zeros around: 1920 operations on 1584 bytes. */
static void build(fmap_model *model, const void *what) {
    fmap_value x = fmap_model_image_input(model, "x", 5, 6, 8);
    x = fmap_model_conv_2d(model, "a", x, &(fmap_conv_2d){.filters = 4, .kernel = what, .bias = what});
    x = fmap_model_relu(model, "b", x);
    fmap_model_output(model, fmap_model_zero_padding_2d(model, "c", x, 1, 1, 1, 1));
}

struct fixture {
    fmap_model *model;
    double seconds[3];
    struct trial trial;
};

static void open_fixture(struct fixture *fixture) {
    static const float weights[32];
    *fixture = (struct fixture){.model = net_model(build, weights), .seconds = {3e-6, 0, 1e-6}};
    struct trial *trial = &fixture->trial;
    fmap_plan_options options = {.threads = 1, .max_isa = FMAP_ISA_SCALAR};
    cr_assert_eq(fmap_plan_create(fixture->model, &options, &trial->plan, NULL), FMAP_OK);
    fmap_plan_describe(trial->plan, &trial->info);
    cr_assert_eq(trial->info.n_layers, 3);
    trial->layer_seconds = fixture->seconds;
    trial->has_roofs = true;
    trial->machine = (fmap_machine){.threads = 1,
                                    .flops_per_second = 1.92e9,
                                    .bytes_per_second = {1.584e9, 1e9, 0.5e9, 0.25e9},
                                    .level_bytes = {2048, 4096, 8192, 1 << 20}};
}

static void close_fixture(struct fixture *fixture) {
    fmap_plan_destroy(fixture->trial.plan);
    fmap_model_destroy(fixture->model);
}

Test(roofline, a_layer_is_compared_with_the_slower_of_operations_and_bytes) {
    struct fixture fixture;
    struct layer_cost cost;
    open_fixture(&fixture);
    cr_assert(trial_layer_cost(&fixture.trial, 0, &cost));
    cr_expect_eq(cost.flops, 1920);
    cr_expect_float_eq(cost.share, 0.75, 1e-12);
    cr_expect_str_eq(cost.isa, "scalar");
    cr_expect_null(strstr(cost.algorithm, "scalar"));
    cr_expect_eq(cost.level, FMAP_LEVEL_L1);
    cr_expect_float_eq(cost.roof_seconds, 1e-6, 1e-12);
    fixture.trial.machine.flops_per_second = 1e12;
    cr_assert(trial_layer_cost(&fixture.trial, 0, &cost));
    cr_expect(cost.memory_bound && strcmp(layer_cost_limit(&cost), "L1") == 0);
    fixture.trial.machine.flops_per_second = 0.96e9;
    cr_assert(trial_layer_cost(&fixture.trial, 0, &cost));
    cr_expect(!cost.memory_bound && strcmp(layer_cost_limit(&cost), "peak") == 0);
    cr_expect_float_eq(cost.roof_seconds, 2e-6, 1e-12);
    close_fixture(&fixture);
}

Test(roofline, the_level_is_the_nearest_that_holds_the_bytes) {
    struct fixture fixture;
    struct layer_cost cost;
    open_fixture(&fixture);
    size_t *bytes = fixture.trial.machine.level_bytes;
    for (int level = FMAP_LEVEL_L1; level < FMAP_LEVELS; level++) {
        cr_assert(trial_layer_cost(&fixture.trial, 0, &cost));
        cr_expect_eq((int)cost.level, level);
        bytes[level] = 1000; /* too small now; 0 is a level that is not there */
        cr_assert(trial_layer_cost(&fixture.trial, 0, &cost));
        cr_expect_neq(cost.level, level == FMAP_LEVEL_MEMORY ? FMAP_LEVEL_L1 : (fmap_memory_level)level);
    }
    close_fixture(&fixture);
}

Test(roofline, layers_that_take_no_time_cost_nothing) {
    struct fixture fixture;
    struct layer_cost cost;
    open_fixture(&fixture);
    cr_expect_not(trial_layer_cost(&fixture.trial, 1, &cost));
    cr_assert(trial_layer_cost(&fixture.trial, 2, &cost));
    cr_expect_eq(cost.flops, 0);
    cr_expect_gt(cost.roof_seconds, 0);
    close_fixture(&fixture);
}

Test(roofline, only_layers_with_operations_become_points) {
    struct fixture fixture;
    struct roofline roofline;
    fmap_error error;
    open_fixture(&fixture);
    cr_assert_eq(roofline_collect(&roofline, "net", &fixture.trial, &error), FMAP_OK);
    cr_expect_eq(roofline.n_points, 1);
    cr_expect_eq(roofline.n_left_out, 1);
    cr_expect_float_eq(roofline.share_left_out, 0.25, 1e-12);
    cr_expect_str_eq(roofline.points[0].name, "a");
    cr_expect_float_eq(roofline.points[0].intensity, 1920.0 / 1584, 1e-9);
    cr_expect_float_eq(roofline.points[0].gflops, 0.64, 1e-9);
    roofline_release(&roofline);
    fixture.seconds[0] = 0;
    cr_expect_eq(roofline_collect(&roofline, "net", &fixture.trial, &error), FMAP_ERROR_UNSUPPORTED);
    cr_expect_not_null(strstr(error.message, "'net' has no layer with multiply-adds"));
    roofline_release(&roofline);
    close_fixture(&fixture);
}

/* ---- labels ------------------------------------------------------------------------------------ */

enum { POINTS = 60 };

static struct roofline_box box_of(const struct roofline_point *point) {
    double width = roofline_text_width(point->name, ROOFLINE_LABEL_SIZE);
    return (struct roofline_box){point->label_x, point->label_y - 9, point->label_x + width, point->label_y};
}

static bool overlap(const struct roofline_box *a, const struct roofline_box *b) {
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* Points in a heap: labels have to look for room. Returns how many found it. */
static size_t check_labels(double spread) {
    static struct roofline_point points[POINTS];
    const struct roofline_box area = {0, 0, 800, 600}, taken = {380, 200, 420, 400};
    float *random = net_random(2 * POINTS, 1);
    size_t n_labelled = 0;
    for (int i = 0; i < POINTS; i++) {
        points[i] = (struct roofline_point){.x = 400 + spread * random[2 * i],
                                            .y = 300 + spread * random[2 * i + 1],
                                            .radius = 3 + 0.1 * (POINTS - i)};
        snprintf(points[i].name, sizeof points[i].name, "layer_%d", i);
    }
    roofline_place_labels(points, POINTS, &area, &taken, 1);
    for (int i = 0; i < POINTS; i++) {
        if (!points[i].labelled) continue;
        struct roofline_box box = box_of(&points[i]);
        n_labelled++;
        cr_expect(box.left >= 0 && box.right <= 800 && box.top >= 0 && box.bottom <= 600, "%s",
                  points[i].name);
        cr_expect_not(overlap(&box, &taken), "%s", points[i].name);
        for (int k = 0; k < i; k++) {
            struct roofline_box other = box_of(&points[k]);
            cr_expect_not(points[k].labelled && overlap(&box, &other), "%s, %s", points[i].name,
                          points[k].name);
        }
    }
    free(random);
    return n_labelled;
}

Test(roofline, labels_hide_nothing) {
    cr_expect_geq(check_labels(290), 50);
    cr_expect_geq(check_labels(60), 20);
    cr_expect_geq(check_labels(0), 10);
}
