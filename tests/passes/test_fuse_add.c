#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_passes.h"

enum { SIZE = 7, N = 2 * 32 * SIZE * SIZE };

/* Conv "first" of the input, Conv "second" of its activation, Add of both or of one and the input, an activation. */
struct added {
    int64_t channels, kernel, group;
    int64_t dilation;       /* 0: 1 */
    const char *activation; /* behind the Add; NULL: none */
    bool between;           /* an activation before the Add */
    bool both;              /* the first convolution is added, not the input */
    bool swapped;           /* the operands of the Add */
    bool broadcast;         /* one number a row is added */
    bool seen;              /* the second's output is an output too */
    bool pooled;            /* a pool comes behind */
    bool line;              /* kernels of one column */
};

static fmap_value conv(fmap_model *model, fmap_value x, const char *name, const struct added *a) {
    int64_t c = a->channels, k = a->kernel, width = a->line ? 1 : k;
    int64_t dims[4] = {c, c / a->group, k, width}, bias[1] = {c};
    int64_t d = a->dilation ? a->dilation : 1, dilations[2] = {d, d};
    int64_t pads[4] = {k / 2 * d, width / 2 * d, k / 2 * d, width / 2 * d};
    float *w = net_random((size_t)(c * c * k * k), (uint64_t)name[0]);
    fmap_value inputs[3] = {x, net_floats(model, w, 4, dims), net_floats(model, w + 1, 1, bias)};
    free(w);
    fmap_attribute attributes[3] = {net_list("pads", pads, 4), net_list("dilations", dilations, 2),
                                    net_int("group", a->group)};
    return net_node(model, "Conv", name, inputs, 3, attributes, 3);
}

static void build(fmap_model *model, const void *what) {
    const struct added *a = what;
    int64_t image[4] = {2, a->channels, SIZE, SIZE}, one[4] = {1, 1, SIZE, 1}, pool[2] = {2, 2};
    fmap_value x = net_input(model, "x", 4, image), first = conv(model, x, "first", a);
    fmap_value middle = net_node(model, "Relu", NULL, &first, 1, NULL, 0);
    fmap_value second = conv(model, middle, "second", a);
    if (a->seen) fmap_model_output(model, second);
    if (a->between) second = net_node(model, "Relu", NULL, &second, 1, NULL, 0);
    fmap_value other = a->both ? first : x;
    float *numbers = net_random((size_t)a->channels, 9);
    if (a->broadcast) other = net_floats(model, numbers, 4, one);
    free(numbers);
    fmap_value operands[2] = {a->swapped ? other : second, a->swapped ? second : other};
    fmap_value y = net_node(model, "Add", "add", operands, 2, NULL, 0);
    if (a->activation) y = net_node(model, a->activation, "activation", &y, 1, NULL, 0);
    fmap_attribute kernel = net_list("kernel_shape", pool, 2);
    if (a->pooled) y = net_node(model, "MaxPool", NULL, &y, 1, &kernel, 1);
    fmap_model_output(model, y);
}

static void check(const struct added *a, bool fuses) {
    fmap_model *model = net_model(build, a);
    cr_assert(model && net_passes_change_no_bit(model));
    cr_assert_eq(net_passes_remove(model, "add", NULL), fuses);
    cr_assert(!net_passes_remove(model, "add", &(struct net_passes){.without = "fuse_add"}));
    if (fuses) cr_assert_str_eq(net_passes_fused_into(model, "add"), "second");
    if (fuses && a->activation) cr_assert(net_passes_remove(model, "activation", NULL));
    fmap_model_destroy(model);
}

static const struct added pointwise = {.channels = 32, .kernel = 1, .group = 1};

Test(fuse_add, a_residual_joins_a_convolution_and_changes_no_bit) {
    static const char *const activations[] = {NULL, "Relu", "LeakyRelu", "Sigmoid"};
    for (size_t i = 0; i < 4; i++) {
        for (int k = 0; k < 8; k++) {
            struct added a = pointwise;
            a.activation = activations[i];
            a.swapped = k % 2;
            a.both = k / 2 % 2;
            a.channels = k / 4 ? 19 : 32;
            check(&a, true);
            a.kernel = 3 + 2 * (k % 3); /* by Winograd, and not */
            check(&a, true);
            a.line = true;
            check(&a, true);
        }
    }
}

Test(fuse_add, a_residual_joins_the_tiles_of_each_phase_of_a_dilation) {
    static const char *const activations[] = {NULL, "Relu", "LeakyRelu", "Sigmoid"};
    for (size_t i = 0; i < 4; i++) {
        struct added a = {.channels = 32, .kernel = 3, .group = 1, .dilation = 2};
        a.activation = activations[i];
        a.both = i % 2;
        check(&a, true);
        a.channels = 19; /* the direct sum */
        check(&a, true);
        a.channels = 32;
        a.line = true;
        check(&a, true);
    }
}

Test(fuse_add, a_residual_joins_groups_that_go_by_winograd) {
    for (int line = 0; line < 2; line++) {
        struct added a = {.channels = 64, .kernel = 3, .group = 2, .activation = "Relu", .line = line};
        check(&a, true);
        a.channels = 96;
        a.group = 3;
        a.both = true;
        check(&a, true);
        a.channels = 48; /* narrow ones have a kernel that adds nothing */
        check(&a, false);
        a.group = 2; /* begin inside of a block */
        check(&a, false);
    }
}

Test(fuse_add, a_residual_is_added_once_to_channels_summed_in_chunks) {
    struct added a = {.channels = 200, .kernel = 9, .group = 1, .activation = "Relu"};
    check(&a, true);
}

Test(fuse_add, a_pool_behind_it_is_one_of_the_sum) {
    struct added a = pointwise;
    a.pooled = true;
    check(&a, true);
    a.kernel = 3; /* Winograd's outputs would take the pool or the sum, not both */
    check(&a, true);
    a.line = true; /* and of one line the sum alone */
    check(&a, true);
}

Test(fuse_add, what_cannot_be_added_stays_apart) {
    struct added cases[] = {pointwise, pointwise, pointwise, pointwise};
    cases[0].between = true;
    cases[1].broadcast = true;
    cases[2].seen = true;
    cases[3].group = 32; /* depthwise */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check(&cases[i], false);
}

/* Two convolutions of the input to few outputs, one added to the other. */
static void build_narrow(fmap_model *model, const void *what) {
    const int64_t *kernel = what;
    int64_t image[4] = {2, 16, SIZE, SIZE}, dims[4] = {2, 16, *kernel, *kernel};
    fmap_value x = net_input(model, "x", 4, image), sums[2];
    for (int i = 0; i < 2; i++) {
        float *w = net_random((size_t)(2 * 16 * *kernel * *kernel), (uint64_t)i + 1);
        fmap_value inputs[2] = {x, net_floats(model, w, 4, dims)};
        sums[i] = net_node(model, "Conv", i ? "second" : "first", inputs, 2, NULL, 0);
        free(w);
    }
    fmap_model_output(model, net_node(model, "Add", "add", sums, 2, NULL, 0));
}

Test(fuse_add, a_convolution_to_few_outputs_has_a_kernel_that_adds_nothing) {
    for (int64_t kernel = 1; kernel <= 5; kernel += 2) {
        fmap_model *model = net_model(build_narrow, &kernel);
        cr_assert(model && net_passes_change_no_bit(model));
        cr_assert(!net_passes_remove(model, "add", NULL));
        fmap_model_destroy(model);
    }
}

Test(fuse_add, a_tap_before_it_keeps_them_apart_and_sees_the_same) {
    static float maps[2][N], y[N];
    struct added a = pointwise;
    a.activation = "Relu";
    fmap_model *model = net_model(build, &a);
    cr_assert(!net_passes_remove(model, "add", &(struct net_passes){.kept = "second"}));
    float *x = net_random(N, 1);
    static const char *const tapped[] = {"second", "add", "activation"};
    for (size_t t = 0; t < 3; t++) {
        fmap_tap_request tap = {.layers = tapped[t]};
        for (int i = 0; i < 2; i++) {
            struct net net;
            cr_assert(
                net_open(&net, model, &(fmap_plan_options){.taps = &tap, .n_taps = 1, .no_fusion = i == 0}));
            fmap_context_set_tap(net.context, 0, maps[i], NULL);
            cr_assert(net_run(&net, x, y));
            net_close(&net);
        }
        cr_assert(check_same_bits(tapped[t], maps[0], maps[1], N));
    }
    fmap_model_destroy(model);
    free(x);
}
