#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/net_passes.h"

static const int64_t to_planes[4] = {0, 3, 1, 2}, to_pixels[4] = {0, 2, 3, 1};

static fmap_value transpose(fmap_model *model, const char *name, fmap_value x, const int64_t *permutation) {
    fmap_attribute attribute = net_list("perm", permutation, 4);
    return net_node(model, "Transpose", name, &x, 1, &attribute, 1);
}

static fmap_value conv(fmap_model *model, fmap_value x, int64_t c, int64_t outputs) {
    const int64_t dims[4] = {outputs, c, 3, 3}, pads[4] = {1, 1, 1, 1};
    float *weights = net_random((size_t)(outputs * c * 9), (uint64_t)outputs);
    fmap_value inputs[2] = {x, net_floats(model, weights, 4, dims)};
    fmap_attribute attribute = net_list("pads", pads, 4);
    free(weights);
    return net_node(model, "Conv", NULL, inputs, 2, &attribute, 1);
}

enum { C = 19 };

struct between {
    const char *op; /* between two convolutions, on pixels */
    int images;
    bool constant;  /* the second input */
    int rank;       /* of it */
    bool seen;      /* what it puts out is an output, too */
    bool one_sided; /* the second input comes from something that is no Transpose */
};

static fmap_value second_input(fmap_model *model, const struct between *between, fmap_value planes,
                               fmap_value pixels) {
    const int64_t dims[4] = {1, 6, 7, C}, pads[8] = {0, 1, 2, 0, 0, 0, 1, 0};
    if (strcmp(between->op, "Pad") == 0) return net_ints(model, pads, 8);
    if (between->one_sided) return net_node(model, "Sigmoid", "other", &pixels, 1, NULL, 0);
    if (!between->constant) return transpose(model, "second", conv(model, planes, C, C), to_pixels);
    float *numbers = net_random(6 * 7 * C, 3);
    fmap_value constant = net_floats(model, numbers, between->rank, dims + 4 - between->rank);
    free(numbers);
    return constant;
}

static void build(fmap_model *model, const void *what) {
    const struct between *between = what;
    const int64_t image[4] = {between->images, 6, 7, C};
    bool two = strstr("Add Mul Concat Pad", between->op) != NULL, joins = strcmp(between->op, "Concat") == 0;
    fmap_value x = net_input(model, "x", 4, image);
    fmap_value planes = conv(model, transpose(model, "first", x, to_planes), C, C);
    planes = net_node(model, "Relu", NULL, &planes, 1, NULL, 0); /* constants are not folded into weights */
    fmap_value inputs[2] = {transpose(model, "above", planes, to_pixels)};
    if (two) inputs[1] = second_input(model, between, planes, x);
    fmap_attribute axis = net_int("axis", between->constant ? 0 : -1);
    fmap_value y = net_node(model, between->op, "between", inputs, two ? 2 : 1, &axis, joins);
    if (between->seen) fmap_model_output(model, y);
    y = transpose(model, "below", y, to_planes);
    y = conv(model, y, joins && !between->constant ? 2 * C : C, 5);
    fmap_model_output(model, transpose(model, "last", y, to_pixels));
}

/* Whether the Transposes above and below are gone; the results are the same in any case. */
static bool cancels(struct between between) {
    bool gone = true;
    for (between.images = 1; between.images <= 3; between.images += 2) {
        fmap_model *model = net_model(build, &between);
        cr_assert(model && net_passes_change_no_bit(model), "%s", between.op);
        gone &= net_passes_remove(model, "above", NULL) && net_passes_remove(model, "below", NULL);
        cr_assert(!net_passes_remove(model, "below", &(struct net_passes){.without = "sink_transposes"}));
        cr_assert(!net_passes_remove(model, "below", &(struct net_passes){.without = "merge_transposes"}));
        fmap_model_destroy(model);
    }
    return gone;
}

Test(sink_transposes, activations_work_on_planes) {
    cr_assert(cancels((struct between){.op = "Relu"}));
    cr_assert(cancels((struct between){.op = "Tanh"}));
    cr_assert(cancels((struct between){.op = "LeakyRelu"}));
}

Test(sink_transposes, two_images_of_pixels) {
    cr_assert(cancels((struct between){.op = "Add"}));
    cr_assert(cancels((struct between){.op = "Mul"}));
    cr_assert(cancels((struct between){.op = "Concat"}));
}

Test(sink_transposes, constants_are_turned) {
    for (int rank = 0; rank <= 4; rank++) {
        cr_assert(cancels((struct between){.op = "Add", .constant = true, .rank = rank}));
        cr_assert(cancels((struct between){.op = "Mul", .constant = true, .rank = rank}));
    }
    cr_assert(cancels((struct between){.op = "Concat", .constant = true, .rank = 4}));
}

Test(sink_transposes, pads_of_rows_and_columns) { cr_assert(cancels((struct between){.op = "Pad"})); }

Test(sink_transposes, what_is_seen_keeps_its_transpose) {
    cr_assert(cancels((struct between){.op = "Relu", .seen = true}));
    cr_assert(cancels((struct between){.op = "Concat", .seen = true}));
}

Test(sink_transposes, pixels_from_elsewhere_stay_pixels) {
    cr_assert(!cancels((struct between){.op = "Add", .one_sided = true}));
}

struct reduced {
    const char *op;
    int64_t axes[3], n_axes, images, keep;
};

static void build_reduced(fmap_model *model, const void *what) {
    const struct reduced *reduced = what;
    const int64_t image[4] = {reduced->images, 6, 7, C};
    fmap_attribute keep = net_int("keepdims", reduced->keep);
    fmap_value x = net_input(model, "x", 4, image);
    x = conv(model, transpose(model, "first", x, to_planes), C, C);
    fmap_value inputs[2] = {transpose(model, "above", x, to_pixels),
                            net_ints(model, reduced->axes, reduced->n_axes)};
    x = net_node(model, reduced->op, "reduce", inputs, 2, &keep, 1);
    fmap_model_output(model, net_node(model, "Tanh", NULL, &x, 1, NULL, 0));
}

static bool reduces_planes(struct reduced reduced) {
    bool gone = true;
    for (reduced.images = 1; reduced.images <= 2; reduced.images++) {
        for (reduced.keep = 0; reduced.keep < 2; reduced.keep++) {
            fmap_model *model = net_model(build_reduced, &reduced);
            cr_assert(model && net_passes_change_no_bit(model), "%s", reduced.op);
            gone &= net_passes_remove(model, "above", NULL);
            cr_assert(!net_passes_remove(model, "above", &(struct net_passes){.without = "sink_transposes"}));
            fmap_model_destroy(model);
        }
    }
    return gone;
}

Test(sink_transposes, reductions_of_pixels_or_of_channels) {
    static const char *const ops[] = {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceL2"};
    for (int i = 0; i < 4; i++) {
        cr_assert(reduces_planes((struct reduced){.op = ops[i], .axes = {1, 2}, .n_axes = 2}));
        cr_assert(reduces_planes((struct reduced){.op = ops[i], .axes = {-1}, .n_axes = 1}));
        cr_assert(reduces_planes((struct reduced){.op = ops[i], .axes = {0, 2, 1}, .n_axes = 3}));
        cr_assert(!reduces_planes((struct reduced){.op = ops[i], .axes = {2}, .n_axes = 1}));
        cr_assert(!reduces_planes((struct reduced){.op = ops[i], .axes = {1, 2, 3}, .n_axes = 3}));
    }
}

Test(sink_transposes, a_tap_sees_pixels) {
    const struct between between = {.op = "Relu", .images = 1};
    enum { N = 6 * 7 * C };
    fmap_model *model = net_model(build, &between);
    fmap_tap_request tap = {.layers = "between", .values = true};
    float *x = net_random(N, 5), *y = net_random(6 * 7 * 5, 6), map[2][N];
    for (int i = 0; i < 2; i++) {
        struct net net;
        fmap_plan_options options = {.taps = &tap, .n_taps = 1, .no_fusion = i == 1};
        cr_assert(net_open(&net, model, &options));
        cr_assert_eq(fmap_context_set_tap(net.context, 0, map[i], NULL), FMAP_OK);
        cr_assert(net_run(&net, x, y));
        net_close(&net);
    }
    cr_assert_eq(memcmp(map[0], map[1], sizeof map[0]), 0);
    free(x);
    free(y);
    fmap_model_destroy(model);
}
