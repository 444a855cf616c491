#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/net_passes.h"

/* Conv 1x1 "expand", a depthwise Conv, Conv 1x1 "project", an activation behind each of the first two. */
struct inverted {
    int64_t images, channels, expanded, multiplier, filters;
    int64_t height, width, kernel, stride, pad, dilation;
    bool expands, projects, adds; /* adds: the input to the output, which then has its shape */
    const char *activation;       /* NULL: none */
    const char *seen;             /* the node whose output is an output too; NULL: none */
};

static fmap_value conv(fmap_model *model, fmap_value x, const char *name, int64_t channels, int64_t filters,
                       int64_t group, const struct inverted *window) {
    int64_t k = window ? window->kernel : 1, dims[4] = {filters, channels / group, k, k}, bias[1] = {filters};
    float *w = net_random((size_t)(filters * channels / group * k * k), (uint64_t)name[0]);
    float *b = net_random((size_t)filters, (uint64_t)name[1]);
    fmap_value inputs[3] = {x, net_floats(model, w, 4, dims), net_floats(model, b, 1, bias)};
    free(w);
    free(b);
    if (!window) return net_node(model, "Conv", name, inputs, 3, NULL, 0);
    int64_t strides[2] = {window->stride, window->stride}, p = window->pad, pads[4] = {p, p, p, p};
    int64_t dilations[2] = {window->dilation, window->dilation};
    fmap_attribute attributes[4] = {net_list("pads", pads, 4), net_list("strides", strides, 2),
                                    net_list("dilations", dilations, 2), net_int("group", group)};
    return net_node(model, "Conv", name, inputs, 3, attributes, 4);
}

static fmap_value end_of(fmap_model *model, fmap_value x, const struct inverted *i, const char *name) {
    if (i->seen && strcmp(i->seen, name) == 0) fmap_model_output(model, x);
    return i->activation ? net_node(model, i->activation, NULL, &x, 1, NULL, 0) : x;
}

static void build(fmap_model *model, const void *what) {
    const struct inverted *i = what;
    int64_t image[4] = {i->images, i->channels, i->height, i->width};
    fmap_value input = net_input(model, "x", 4, image), x = input;
    int64_t inside = i->expands ? i->expanded : i->channels, outside = inside * i->multiplier;
    if (i->expands) x = end_of(model, conv(model, x, "expand", i->channels, inside, 1, NULL), i, "expand");
    x = end_of(model, conv(model, x, "depthwise", inside, outside, inside, i), i, "depthwise");
    if (i->projects) x = conv(model, x, "project", outside, i->filters, 1, NULL);
    if (i->adds) x = net_node(model, "Add", "add", (fmap_value[]){x, input}, 2, NULL, 0);
    fmap_model_output(model, x);
}

/* Some plan of the network against the one that is as written. */
static void check_plan(const fmap_model *model, const struct inverted *i, fmap_plan_options options,
                       const float *x, const float *expected, size_t n) {
    size_t n_got;
    float *got = net_passes_outputs(model, &options, x, &n_got);
    char text[200];
    snprintf(text, sizeof text, "%s %d threads, %dx%dx%dx%d to %dx%d to %d, kernel %d stride %d pad %d",
             fmap_isa_name(options.max_isa), options.threads, (int)i->images, (int)i->channels,
             (int)i->height, (int)i->width, (int)i->expanded, (int)i->multiplier, (int)i->filters,
             (int)i->kernel, (int)i->stride, (int)i->pad);
    cr_assert_eq(n_got, n);
    cr_assert(check_same_bits(text, got, expected, n), "%s", text);
    free(got);
}

/* In a strip, with the passes before that and without any: the same bits, on every instruction set, for any threads. */
static void check_bits(const fmap_model *model, const struct inverted *i) {
    static const int threads[] = {1, 2, 3, 7};
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    size_t n;
    float *x = net_random((size_t)(i->images * i->channels * i->height * i->width), 1);
    float *expected = net_passes_outputs(
        model, &(fmap_plan_options){.max_isa = isas[0], .threads = 1, .no_fusion = true}, x, &n);
    for (int k = 0; k < 4 * n_isas; k++) {
        fmap_plan_options options = {.max_isa = isas[k / 4], .threads = threads[k % 4]};
        options.strips = FMAP_STRIPS_ALWAYS;
        check_plan(model, i, options, x, expected, n);
        options.strips = FMAP_STRIPS_NEVER;
        if (k % 4 == 0) check_plan(model, i, options, x, expected, n);
    }
    free(x);
    free(expected);
}

static void check(const struct inverted *i, bool fuses) {
    fmap_model *model = net_model(build, i);
    cr_assert(model);
    struct net_passes passes = {.strips = FMAP_STRIPS_ALWAYS};
    if (i->expands) cr_assert_eq(net_passes_remove(model, "expand", &passes), fuses);
    if (i->projects) cr_assert_eq(net_passes_remove(model, "depthwise", &passes), fuses);
    passes.without = "fuse_depthwise";
    cr_assert(!net_passes_remove(model, "depthwise", &passes));
    check_bits(model, i);
    fmap_model_destroy(model);
}

static const struct inverted usual = {.images = 2,
                                      .channels = 24,
                                      .expanded = 40,
                                      .multiplier = 1,
                                      .filters = 24,
                                      .height = 17,
                                      .width = 13,
                                      .kernel = 3,
                                      .stride = 1,
                                      .pad = 1,
                                      .dilation = 1,
                                      .expands = true,
                                      .projects = true,
                                      .activation = "Relu"};

static int64_t one_of(uint64_t *seed, const int64_t *list, int64_t n) {
    return list[check_between(seed, 0, (int)n - 1)];
}

static bool has_output(const struct inverted *i) {
    int64_t reach = (i->kernel - 1) * i->dilation + 1;
    return i->height + 2 * i->pad >= reach && i->width + 2 * i->pad >= reach;
}

static void check_shapes(bool expands, bool projects, uint64_t seed) {
    static const int64_t channels[] = {9, 10, 16, 24, 40}, kernels[] = {3, 5, 7};
    static const char *const activations[] = {NULL, "Relu", "HardSwish"};
    for (int n = 0; n < 60;) {
        struct inverted i = {.images = check_between(&seed, 1, 3),
                             .channels = one_of(&seed, channels, 5),
                             .expanded = one_of(&seed, channels, 5),
                             .multiplier = check_between(&seed, 0, 3) ? 1 : 2,
                             .filters = one_of(&seed, channels, 5),
                             .height = check_between(&seed, 1, 17),
                             .width = check_between(&seed, 1, 17),
                             .kernel = one_of(&seed, kernels, 3),
                             .stride = check_between(&seed, 1, 2),
                             .pad = check_between(&seed, 0, 3),
                             .dilation = check_between(&seed, 0, 3) ? 1 : 2,
                             .expands = expands,
                             .projects = projects,
                             .activation = activations[check_between(&seed, 0, 2)]};
        if (!has_output(&i)) continue;
        check(&i, true);
        n++;
    }
}

Test(fuse_depthwise, between_two_convolutions_it_changes_no_bit, .timeout = 300) {
    check_shapes(true, true, 1);
}

Test(fuse_depthwise, before_a_convolution_it_changes_no_bit, .timeout = 300) { check_shapes(false, true, 2); }

Test(fuse_depthwise, behind_a_convolution_it_changes_no_bit, .timeout = 300) { check_shapes(true, false, 3); }

Test(fuse_depthwise, a_residual_is_added_to_what_a_strip_makes) {
    struct inverted i = usual;
    i.adds = true;
    for (i.height = 1; i.height <= 17; i.height += 4) check(&i, true);
    i.expands = false;
    i.filters = i.channels;
    check(&i, true);
}

Test(fuse_depthwise, maps_of_many_strips_change_no_bit) {
    struct inverted i = usual;
    i.images = 1;
    i.height = 61;
    i.width = 50;
    i.expanded = 300;
    for (i.stride = 1; i.stride <= 3; i.stride++) check(&i, true);
}

Test(fuse_depthwise, steps_over_rows_that_no_window_sees_change_no_bit) {
    struct inverted i = usual;
    i.kernel = 2;
    i.pad = 0;
    for (i.stride = 3; i.stride <= 5; i.stride++) check(&i, true);
}

Test(fuse_depthwise, what_somebody_looks_at_stays) {
    static const char *const seen[] = {"expand", "depthwise"};
    struct inverted i = usual;
    for (size_t k = 0; k < 2; k++) {
        i.seen = seen[k];
        fmap_model *model = net_model(build, &i);
        struct net_passes passes = {.strips = FMAP_STRIPS_ALWAYS};
        cr_assert_eq(net_passes_remove(model, "expand", &passes), k == 1);
        cr_assert_eq(net_passes_remove(model, "depthwise", &passes), k == 0);
        check_bits(model, &i);
        fmap_model_destroy(model);
    }
}

Test(fuse_depthwise, other_convolutions_around_it_stay_apart) {
    struct inverted i = usual;
    i.channels = 4; /* the expansion is a stem's */
    i.filters = 3;  /* the projection a dot product's */
    fmap_model *model = net_model(build, &i);
    cr_assert(!net_passes_remove(model, "expand", &(struct net_passes){.strips = FMAP_STRIPS_ALWAYS}));
    cr_assert(!net_passes_remove(model, "depthwise", &(struct net_passes){.strips = FMAP_STRIPS_ALWAYS}));
    check_bits(model, &i);
    fmap_model_destroy(model);
}

/* Batches that go image by image; as many outputs as images, which do not make weights a batch. */
Test(fuse_depthwise, images_that_go_alone_change_no_bit) {
    struct inverted i = usual;
    i.images = 16;
    i.channels = i.filters = 16;
    check(&i, true);
    i.adds = true;
    check(&i, true);
}

Test(fuse_depthwise, a_tap_inside_keeps_them_apart_and_sees_the_same) {
    static const char *const tapped[] = {"expand", "depthwise", "project"};
    struct inverted i = usual;
    fmap_model *model = net_model(build, &i);
    size_t most = (size_t)(i.images * i.expanded * i.height * i.width), n = (size_t)i.images * 24 * 17 * 13;
    float *x = net_random(n, 1), *maps[2] = {net_random(most, 2), net_random(most, 3)}, *y = net_random(n, 4);
    for (size_t t = 0; t < 3; t++) {
        fmap_tap_request tap = {.layers = tapped[t]};
        for (int k = 0; k < 2; k++) {
            struct net net;
            fmap_plan_options options = {
                .taps = &tap, .n_taps = 1, .no_fusion = k == 0, .strips = FMAP_STRIPS_ALWAYS};
            cr_assert(net_open(&net, model, &options));
            fmap_context_set_tap(net.context, 0, maps[k], NULL);
            cr_assert(net_run(&net, x, y));
            net_close(&net);
        }
        cr_assert(check_same_bits(tapped[t], maps[0], maps[1], t == 2 ? n : most));
    }
    fmap_model_destroy(model);
    free(x);
    free(y);
    for (int k = 0; k < 2; k++) free(maps[k]);
}

/* What the first step whose kernel begins with that word says; "": there is none. */
static void find_step(const fmap_model *model, const fmap_plan_options *options, const char *kernel,
                      char why[400]) {
    fmap_plan *plan;
    fmap_step_info step;
    why[0] = '\0';
    cr_assert_eq(fmap_plan_create(model, options, &plan, NULL), FMAP_OK);
    for (size_t k = 0; fmap_plan_step(plan, k, &step) == FMAP_OK && !why[0]; k++) {
        if (strncmp(step.kernel, kernel, strlen(kernel)) == 0) snprintf(why, 400, "%s", step.why);
    }
    fmap_plan_destroy(plan);
}

Test(fuse_depthwise, a_plan_says_why_it_made_a_strip_and_why_not) {
    struct inverted i = usual;
    char why[400];
    i.images = 1;
    i.height = i.width = 7;
    i.expanded = 960;
    fmap_model *model = net_model(build, &i);
    fmap_plan_options options = {.threads = 64, .strips = FMAP_STRIPS_AUTO};
    find_step(model, &options, "depthwise", why);
    cr_assert(strstr(why, "no strip of 3 layers"), "%s", why);
    options.strips = FMAP_STRIPS_ALWAYS;
    find_step(model, &options, "strip", why);
    cr_assert(strstr(why, "strips of "), "%s", why);
    options.strips = FMAP_STRIPS_NEVER;
    find_step(model, &options, "depthwise", why);
    cr_assert(why[0] && !strstr(why, "strip"), "%s", why);
    fmap_model_destroy(model);
    i.height = i.width = 112; /* MobileNetV2's first, where most is saved */
    i.channels = 16;
    i.expanded = 96;
    i.stride = 2;
    model = net_model(build, &i);
    options = (fmap_plan_options){.threads = 1, .strips = FMAP_STRIPS_AUTO};
    find_step(model, &options, "strip", why);
    cr_assert(strstr(why, "strip of 3 layers"), "'%s'", why);
    fmap_model_destroy(model);
}

Test(fuse_depthwise, the_environment_decides_where_the_options_do_not) {
    struct inverted i = usual;
    char why[400];
    fmap_model *model = net_model(build, &i);
    fmap_error error;
    fmap_plan *plan;
    setenv("FMAP_STRIPS", "always", 1);
    find_step(model, NULL, "strip", why);
    cr_assert(why[0]);
    find_step(model, &(fmap_plan_options){.strips = FMAP_STRIPS_NEVER}, "strip", why);
    cr_assert(!why[0], "%s", why);
    setenv("FMAP_STRIPS", "never", 1);
    find_step(model, NULL, "strip", why);
    cr_assert(!why[0], "%s", why);
    setenv("FMAP_STRIPS", "sometimes", 1);
    cr_assert_eq(fmap_plan_create(model, NULL, &plan, &error), FMAP_ERROR_ARGUMENT);
    cr_assert(strstr(error.message, "sometimes"), "%s", error.message);
    unsetenv("FMAP_STRIPS");
    cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.strips = (fmap_strips)9}, &plan, &error),
                 FMAP_ERROR_ARGUMENT);
    fmap_model_destroy(model);
}

Test(fuse_depthwise, measured_strips_change_no_bit) {
    struct inverted i = usual;
    i.images = 1;
    i.height = i.width = 40;
    i.expanded = 200;
    fmap_model *model = net_model(build, &i);
    char file[] = "/tmp/fmap-strips-XXXXXX", why[400];
    int descriptor = mkstemp(file);
    cr_assert(descriptor >= 0);
    close(descriptor);
    fmap_plan_options options = {
        .threads = 2, .strips = FMAP_STRIPS_ALWAYS, .tuning = FMAP_TUNING_MEASURE, .tuning_file = file};
    find_step(model, &options, "strip", why);
    cr_assert(strstr(why, "; measured: best of "), "%s", why);
    size_t n;
    float *x = net_random((size_t)(24 * 40 * 40), 1);
    float *expected = net_passes_outputs(model, &(fmap_plan_options){.no_fusion = true}, x, &n);
    check_plan(model, &i, options, x, expected, n);
    unlink(file);
    free(x);
    free(expected);
    fmap_model_destroy(model);
}
