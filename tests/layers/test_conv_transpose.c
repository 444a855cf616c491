#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_layer.h"

struct transposed {
    int n, channels, outputs, groups; /* of all groups */
    int in[2], kernel[2], strides[2], dilations[2], pads[4], output_padding[2];
    bool one_dimension, bias;
    /* How the padding is told. */
    const char *auto_pad;
    bool output_shape;
    int out[2]; /* filled in */
};

/* By the definition: every input pixel adds its multiple of the kernel. */
static void oracle(const struct transposed *t, const float *x, const float *w, const float *bias, double *y,
                   double *magnitude) {
    int group_in = t->channels / t->groups, group_out = t->outputs / t->groups, area = t->out[0] * t->out[1];
    for (int i = 0; i < t->n * t->outputs * area; i++) {
        y[i] = bias ? (double)bias[i / area % t->outputs] : 0.0;
        magnitude[i] = fabs(y[i]);
    }
    for (int64_t at = 0; at < (int64_t)t->n * t->channels * t->in[0] * t->in[1]; at++) {
        int ix = (int)(at % t->in[1]), iy = (int)(at / t->in[1] % t->in[0]);
        int c = (int)(at / t->in[1] / t->in[0] % t->channels),
            n = (int)(at / t->in[1] / t->in[0] / t->channels);
        for (int k = 0; k < group_out * t->kernel[0] * t->kernel[1]; k++) {
            int kx = k % t->kernel[1], ky = k / t->kernel[1] % t->kernel[0],
                o = k / t->kernel[1] / t->kernel[0];
            int oy = iy * t->strides[0] - t->pads[0] + ky * t->dilations[0];
            int ox = ix * t->strides[1] - t->pads[1] + kx * t->dilations[1];
            if (oy < 0 || oy >= t->out[0] || ox < 0 || ox >= t->out[1]) continue;
            size_t to = (size_t)((n * t->outputs + c / group_in * group_out + o) * area + oy * t->out[1] +
                                 ox);
            double term = (double)x[at] *
                          (double)w[((c * group_out + o) * t->kernel[0] + ky) * t->kernel[1] + kx];
            y[to] += term;
            magnitude[to] += fabs(term);
        }
    }
}

/* The output's size, and the padding that auto_pad or output_shape means. False when nothing is left. */
static bool complete(struct transposed *t) {
    if (t->one_dimension) {
        t->in[0] = t->kernel[0] = t->strides[0] = t->dilations[0] = 1;
        t->pads[0] = t->pads[2] = t->output_padding[0] = 0;
    }
    for (int a = 0; a < 2; a++) {
        int full = t->strides[a] * (t->in[a] - 1) + t->output_padding[a] +
                   (t->kernel[a] - 1) * t->dilations[a] + 1;
        bool upper = t->auto_pad && t->auto_pad[5] == 'U', same = t->auto_pad && t->auto_pad[0] == 'S';
        if (t->auto_pad && !same) t->pads[a] = t->pads[a + 2] = 0;
        t->out[a] = full - t->pads[a] - t->pads[a + 2];
        if (same) t->out[a] = t->in[a] * t->strides[a];
        if (same || t->output_shape) {
            int total = full - t->out[a] > 0 ? full - t->out[a] : 0;
            t->pads[a] = upper ? total / 2 : total - total / 2;
        }
        if (t->out[a] < 1) return false;
    }
    return true;
}

static void add_list(struct net_layer *layer, const char *name, const int *values, int n, int skip,
                     int64_t *list) {
    size_t count = 0;
    for (int i = 0; i < n; i++) {
        if (!skip || i % 2 == 1) list[count++] = values[i];
    }
    net_layer_attribute(layer, net_list(name, list, count));
}

static void add_attributes(struct net_layer *layer, const struct transposed *t) {
    static int64_t lists[6][4];
    int skip = t->one_dimension;
    add_list(layer, "kernel_shape", t->kernel, 2, skip, lists[0]);
    add_list(layer, "strides", t->strides, 2, skip, lists[1]);
    add_list(layer, "dilations", t->dilations, 2, skip, lists[2]);
    add_list(layer, "output_padding", t->output_padding, 2, skip, lists[3]);
    if (t->output_shape)
        add_list(layer, "output_shape", t->out, 2, skip, lists[4]);
    else if (!t->auto_pad)
        add_list(layer, "pads", t->pads, 4, skip, lists[5]);
    if (t->auto_pad) net_layer_attribute(layer, net_string("auto_pad", t->auto_pad));
    net_layer_attribute(layer, net_int("group", t->groups));
}

static bool agrees(struct transposed t, uint64_t seed) {
    if (!complete(&t)) return true;
    int group_out = t.outputs / t.groups;
    size_t n_x = (size_t)(t.n * t.channels * t.in[0] * t.in[1]),
           n_w = (size_t)(t.channels * group_out * t.kernel[0] * t.kernel[1]),
           n_y = (size_t)(t.n * t.outputs * t.out[0] * t.out[1]);
    float *x = net_random(n_x, seed), *w = net_random(n_w, seed + 1),
          *bias = net_random((size_t)t.outputs, seed + 2);
    double *expected = calloc(n_y, sizeof *expected), *bounds = calloc(n_y, sizeof *bounds);
    oracle(&t, x, w, t.bias ? bias : NULL, expected, bounds);
    int terms = t.channels / t.groups * t.kernel[0] * t.kernel[1] + 1;
    for (size_t i = 0; i < n_y; i++) bounds[i] = check_bound(terms, bounds[i]);
    int64_t dims[4] = {t.n, t.channels, t.in[0], t.in[1]}, line[3] = {t.n, t.channels, t.in[1]};
    int64_t w_dims[4] = {t.channels, group_out, t.kernel[0], t.kernel[1]},
            w_line[3] = {t.channels, group_out, t.kernel[1]}, b_dims[1] = {t.outputs};
    struct net_layer layer = {.op = "ConvTranspose", .n_operands = t.bias ? 3 : 2, .batch = true};
    layer.operands[0] = t.one_dimension ? net_computed(3, line, x) : net_computed(4, dims, x);
    layer.operands[1] = t.one_dimension ? net_constant(3, w_line, w) : net_constant(4, w_dims, w);
    layer.operands[2] = net_constant(1, b_dims, bias);
    add_attributes(&layer, &t);
    bool good = net_layer_agrees(&layer, expected, bounds, n_y);
    free(x);
    free(w);
    free(bias);
    free(expected);
    free(bounds);
    return good;
}

static struct transposed random_case(uint64_t *seed) {
    static const char *const auto_pads[] = {"SAME_UPPER", "SAME_LOWER", "VALID", NULL, NULL, NULL};
    struct transposed t = {.n = check_between(seed, 1, 2),
                           .groups = check_between(seed, 0, 2) ? 1 : check_between(seed, 1, 3),
                           .one_dimension = check_between(seed, 0, 4) == 0,
                           .bias = check_between(seed, 0, 1),
                           .auto_pad = auto_pads[check_between(seed, 0, 5)]};
    t.channels = t.groups * check_between(seed, 1, 20);
    t.outputs = t.groups * check_between(seed, 1, 20);
    for (int a = 0; a < 2; a++) {
        t.in[a] = check_between(seed, 1, 9);
        t.kernel[a] = check_between(seed, 1, 5);
        t.strides[a] = check_between(seed, 1, 4);
        t.dilations[a] = check_between(seed, 1, 3);
        t.output_padding[a] = check_between(seed, 0, t.strides[a] - 1);
        t.pads[a] = check_between(seed, 0, 2);
        t.pads[a + 2] = check_between(seed, 0, 2);
    }
    t.output_shape = !t.auto_pad && check_between(seed, 0, 3) == 0;
    return t;
}

Test(conv_transpose, every_kind_has_the_oracles_sum) {
    uint64_t seed = 1;
    for (int i = 0; i < 150; i++) cr_assert(agrees(random_case(&seed), (uint64_t)i), "case %d", i);
}

Test(conv_transpose, what_networks_use_is_shared_between_threads_without_a_difference) {
    struct transposed doubling = {.n = 2,
                                  .channels = 64,
                                  .outputs = 32,
                                  .groups = 1,
                                  .in = {19, 23},
                                  .kernel = {2, 2},
                                  .strides = {2, 2},
                                  .dilations = {1, 1},
                                  .bias = true};
    cr_assert(agrees(doubling, 1));
    struct transposed overlapping = {.n = 1,
                                     .channels = 40,
                                     .outputs = 48,
                                     .groups = 1,
                                     .in = {17, 21},
                                     .kernel = {4, 4},
                                     .strides = {2, 2},
                                     .dilations = {1, 1},
                                     .pads = {1, 1, 1, 1}};
    cr_assert(agrees(overlapping, 2));
    struct transposed bilinear = {.n = 1,
                                  .channels = 21,
                                  .outputs = 21,
                                  .groups = 21,
                                  .in = {9, 9},
                                  .kernel = {16, 16},
                                  .strides = {8, 8},
                                  .dilations = {1, 1},
                                  .pads = {4, 4, 4, 4}};
    cr_assert(agrees(bilinear, 3));
}

/* Then all phases are one step. */
Test(conv_transpose, kernels_as_large_as_the_stride_have_the_oracles_sum) {
    uint64_t seed = 3;
    for (int i = 0; i < 40; i++) {
        struct transposed t = {.n = check_between(&seed, 1, 2),
                               .channels = check_between(&seed, 1, 40),
                               .outputs = check_between(&seed, 1, 40),
                               .groups = 1,
                               .dilations = {1, 1},
                               .bias = check_between(&seed, 0, 1),
                               .one_dimension = i % 6 == 0};
        for (int a = 0; a < 2; a++) {
            t.in[a] = check_between(&seed, 1, 30);
            t.kernel[a] = t.strides[a] = check_between(&seed, 1, 3);
        }
        cr_assert(agrees(t, (uint64_t)i), "case %d", i);
    }
}

/* A dilation that shares a factor with the stride leaves outputs that nothing is added to. */
Test(conv_transpose, outputs_that_no_input_reaches_are_the_bias) {
    struct transposed t = {.n = 1,
                           .channels = 3,
                           .outputs = 17,
                           .groups = 1,
                           .in = {4, 5},
                           .kernel = {3, 2},
                           .strides = {4, 3},
                           .dilations = {2, 3},
                           .bias = true};
    cr_assert(agrees(t, 4));
    t.kernel[0] = t.kernel[1] = 1;
    cr_assert(agrees(t, 5));
}

Test(conv_transpose, unknown_sizes_stay_unknown_until_a_plan) {
    static const int64_t dims[4] = {FMAP_UNKNOWN, 3, FMAP_UNKNOWN, 8}, w_dims[4] = {3, 5, 2, 2},
                         two[2] = {2, 2};
    static float w[60];
    struct net_layer layer = {.op = "ConvTranspose", .n_operands = 2};
    layer.operands[0] = net_computed(4, dims, NULL);
    layer.operands[1] = net_constant(4, w_dims, w);
    net_layer_attribute(&layer, net_list("strides", two, 2));
    cr_assert(net_layer_has_shape(&layer, 4, (int64_t[]){FMAP_UNKNOWN, 5, FMAP_UNKNOWN, 16}));
}

static struct net_layer layer_of(const char *list, const int64_t *values, size_t n) {
    static const int64_t dims[4] = {1, 4, 3, 3}, w_dims[4] = {4, 2, 3, 3};
    static float w[72];
    struct net_layer layer = {.op = "ConvTranspose", .n_operands = 2};
    layer.operands[0] = net_computed(4, dims, NULL);
    layer.operands[1] = net_constant(4, w_dims, w);
    if (list) net_layer_attribute(&layer, net_list(list, values, n));
    return layer;
}

Test(conv_transpose, what_does_not_fit_is_refused) {
    static const int64_t pads[4] = {3, 0, 3, 0}, two[2] = {2, 2}, negative[2] = {0, -1}, one[1] = {1},
                         huge[2] = {100, 100};
    static const int64_t wide[2] = {10000, 10000};
    struct net_layer layer = layer_of("pads", pads, 4);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "padding of 3 and 3 leaves nothing"));
    layer = layer_of("kernel_shape", two, 2);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'kernel_shape' says 2, but the weights have 3"));
    layer = layer_of("output_padding", negative, 2);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'output_padding' has the element -1"));
    layer = layer_of("output_shape", one, 1);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected rank 3"));
    layer = layer_of("strides", huge, 2);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "strides of 100 x 100"));
    layer = layer_of("strides", wide, 2);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "strides of 10000 x 10000"));
    layer = layer_of(NULL, NULL, 0);
    net_layer_attribute(&layer, net_int("group", 3));
    cr_assert(
        net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected the same number of channels, a multiple of 3"));
    layer = layer_of(NULL, NULL, 0);
    layer.operands[0].shape.dims[1] = 5;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected the same number of channels"));
}
