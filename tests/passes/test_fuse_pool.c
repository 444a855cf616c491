#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_passes.h"

/* Conv, an activation, a pool. */
struct pooled {
    const char *op; /* NULL: MaxPool */
    int64_t channels, filters, height, width;
    int64_t kernel, stride, pad; /* of the convolution */
    bool line;                   /* a kernel of one row */
    int64_t dilation, groups;    /* 0: 1 */
    int64_t pool, pool_stride, pool_pad, pool_dilation;
    const char *activation; /* NULL: none */
    bool ceil_mode, seen;   /* the convolution's output is an output too */
    bool count_padding;     /* of an AveragePool */
    bool adds;              /* the convolution's input, before the activation */
};

static fmap_value add_pool(fmap_model *model, fmap_value x, const struct pooled *p) {
    int64_t kernel[2] = {p->pool, p->pool}, strides[2] = {p->pool_stride, p->pool_stride};
    int64_t pads[4] = {p->pool_pad, p->pool_pad, p->pool_pad, p->pool_pad};
    int64_t dilations[2] = {p->pool_dilation, p->pool_dilation};
    fmap_attribute attributes[6] = {
        net_list("kernel_shape", kernel, 2), net_list("strides", strides, 2),
        net_list("pads", pads, 4),           net_list("dilations", dilations, 2),
        net_int("ceil_mode", p->ceil_mode),  net_int("count_include_pad", p->count_padding)};
    if (p->op && p->op[0] == 'G') return net_node(model, p->op, "pool", &x, 1, NULL, 0);
    if (p->op) return net_node(model, p->op, "pool", &x, 1, attributes, 6);
    return net_node(model, "MaxPool", "pool", &x, 1, attributes, 5);
}

static void build(fmap_model *model, const void *what) {
    const struct pooled *p = what;
    int64_t image[4] = {2, p->channels, p->height, p->width};
    int64_t groups = p->groups ? p->groups : 1, bias[1] = {p->filters};
    int64_t kernel[4] = {p->filters, p->channels / groups, p->line ? 1 : p->kernel, p->kernel};
    int64_t strides[2] = {p->stride, p->stride}, pads[4] = {p->pad, p->pad, p->pad, p->pad};
    float *w = net_random((size_t)(p->filters * p->channels * p->kernel * p->kernel), 5);
    float *b = net_random((size_t)p->filters, 6);
    fmap_value inputs[3] = {net_input(model, "x", 4, image), net_floats(model, w, 4, kernel),
                            net_floats(model, b, 1, bias)};
    free(w);
    free(b);
    int64_t dilation = p->dilation ? p->dilation : 1, dilations[2] = {dilation, dilation};
    fmap_attribute attributes[4] = {net_list("strides", strides, 2), net_list("pads", pads, 4),
                                    net_list("dilations", dilations, 2), net_int("group", groups)};
    fmap_value x = net_node(model, "Conv", "conv", inputs, 3, attributes, 4);
    if (p->seen) fmap_model_output(model, x);
    if (p->adds) x = net_node(model, "Add", "add", (fmap_value[]){x, inputs[0]}, 2, NULL, 0);
    if (p->activation) x = net_node(model, p->activation, "activation", &x, 1, NULL, 0);
    fmap_model_output(model, add_pool(model, x, p));
}

/* Threads that share rows and panels in other ways than those of net_passes_change_no_bit. */
static bool threads_change_no_bit(const fmap_model *model) {
    static const int threads[] = {2, 7};
    struct net net;
    size_t n;
    if (!net_open(&net, model, NULL)) return false;
    float *x = net_random(net_input_elements(&net, 0), 1);
    net_close(&net);
    float *one = net_passes_outputs(model, &(fmap_plan_options){.threads = 1}, x, &n);
    bool good = true;
    for (int i = 0; i < 2 && good; i++) {
        float *several = net_passes_outputs(model, &(fmap_plan_options){.threads = threads[i]}, x, &n);
        good = check_same_bits("threads", several, one, n);
        free(several);
    }
    free(one);
    free(x);
    return good;
}

static void check(const struct pooled *p, bool fuses) {
    fmap_model *model = net_model(build, p);
    cr_assert(model);
    cr_assert(net_passes_change_no_bit(model), "%dx%dx%d", (int)p->channels, (int)p->height, (int)p->width);
    cr_assert_eq(net_passes_remove(model, "pool", NULL), fuses, "%dx%dx%d", (int)p->channels, (int)p->height,
                 (int)p->width);
    cr_assert(!net_passes_remove(model, "pool", &(struct net_passes){.without = "fuse_pool"}));
    if (fuses) {
        cr_assert_str_eq(net_passes_fused_into(model, "pool"), "conv");
        cr_assert(threads_change_no_bit(model));
        cr_assert(!net_passes_remove(model, "pool", &(struct net_passes){.kept = "conv"}));
    }
    fmap_model_destroy(model);
}

static struct pooled winograd(int64_t height, int64_t width) {
    return (struct pooled){.channels = 16,
                           .filters = 24,
                           .height = height,
                           .width = width,
                           .kernel = 3,
                           .stride = 1,
                           .pad = 1,
                           .pool = 2,
                           .pool_stride = 2,
                           .pool_dilation = 1,
                           .activation = "Relu"};
}

Test(fuse_pool, winograd_takes_the_largest_of_four_while_they_are_in_registers) {
    for (int64_t height = 4; height <= 11; height++) {
        for (int64_t width = 4; width <= 13; width++) {
            struct pooled p = winograd(height, width);
            check(&p, true);
        }
    }
}

Test(fuse_pool, winograd_averages_four_while_they_are_in_registers) {
    for (int64_t height = 4; height <= 11; height++) {
        for (int64_t width = 4; width <= 13; width += 1 + height % 2) {
            struct pooled p = winograd(height, width);
            p.op = "AveragePool";
            p.activation = height % 3 ? "Relu" : NULL;
            p.count_padding = width % 2;
            check(&p, true);
        }
    }
    struct pooled large = winograd(7, 7);
    large.op = "AveragePool";
    large.channels = 200;
    large.filters = 160;
    check(&large, true);
}

Test(fuse_pool, groups_that_go_by_winograd_pool_in_registers) {
    for (int64_t groups = 2; groups <= 4; groups++) {
        struct pooled p = winograd(10, 11 + groups);
        p.op = groups == 3 ? "AveragePool" : NULL;
        p.groups = groups;
        p.channels = 16 * groups;
        p.filters = 32 * groups;
        check(&p, true);
        p.channels = 24 * groups; /* groups begin inside of blocks */
        check(&p, false);
    }
}

Test(fuse_pool, tiles_of_phases_of_a_dilation_hold_no_windows) {
    struct pooled p = winograd(8, 8);
    p.channels = p.filters = 64;
    check(&p, true);
    p.dilation = p.pad = 2;
    check(&p, false);
}

Test(fuse_pool, winograd_leaves_other_pools_alone) {
    struct pooled p = winograd(9, 9);
    p.ceil_mode = true;
    check(&p, false);
    p.height = p.width = 10;
    check(&p, true);
    p.pool = 3;
    check(&p, false);
    p.pool = 2;
    p.pool_stride = 1;
    check(&p, false);
    p.pool_stride = 2;
    p.pool_pad = 1;
    check(&p, false);
    p.pool_pad = 0;
    p.activation = "Sigmoid";
    check(&p, false);
    p.activation = NULL;
    check(&p, true);
    struct pooled line = winograd(20, 20);
    line.channels = 48;
    line.line = true;
    check(&line, false);
}

Test(fuse_pool, large_weights_of_small_maps_pool_too) {
    struct pooled p = winograd(7, 7);
    p.channels = 200;
    p.filters = 160;
    check(&p, true);
}

Test(fuse_pool, the_stem_keeps_a_ring_of_rows) {
    uint64_t seed = 3;
    for (int i = 0; i < 40; i++) {
        static const char *const activations[] = {NULL, "Relu", "Tanh"};
        struct pooled p = {.channels = check_between(&seed, 1, 4),
                           .filters = check_between(&seed, 1, 40),
                           .height = check_between(&seed, 12, 60),
                           .width = check_between(&seed, 12, 40),
                           .kernel = check_between(&seed, 1, 7),
                           .stride = check_between(&seed, 1, 2),
                           .pad = check_between(&seed, 0, 3),
                           .pool = check_between(&seed, 2, 3),
                           .pool_stride = check_between(&seed, 1, 4),
                           .pool_pad = check_between(&seed, 0, 1),
                           .pool_dilation = check_between(&seed, 1, 2),
                           .activation = activations[check_between(&seed, 0, 2)],
                           .ceil_mode = check_between(&seed, 0, 1)};
        check(&p, true);
        p.op = "AveragePool";
        p.count_padding = check_between(&seed, 0, 1);
        check(&p, true);
    }
}

/* Rings of all outputs, and of some where weights are large. */
Test(fuse_pool, register_tiles_keep_a_ring_of_rows) {
    uint64_t seed = 5;
    for (int i = 0; i < 32; i++) {
        static const char *const activations[] = {NULL, "Relu", "Tanh"};
        int64_t kernel = check_between(&seed, 0, 2) * 3 + 1, stride = check_between(&seed, 1, 2);
        struct pooled p = {.op = i % 2 ? "AveragePool" : NULL,
                           .channels = check_between(&seed, 9, 24),
                           .filters = check_between(&seed, 1, 4) * 16,
                           .height = check_between(&seed, 14, 19),
                           .width = check_between(&seed, 14, 26),
                           .kernel = kernel,
                           .stride = stride,
                           .pad = check_between(&seed, 0, kernel > 1 ? 2 : 0),
                           .pool = check_between(&seed, 2, 3),
                           .pool_stride = check_between(&seed, 1, 4),
                           .pool_pad = check_between(&seed, 0, 1),
                           .pool_dilation = check_between(&seed, 1, 2),
                           .activation = activations[check_between(&seed, 0, 2)],
                           .ceil_mode = check_between(&seed, 0, 1),
                           .count_padding = check_between(&seed, 0, 1)};
        int64_t width = (p.width + 2 * p.pad - p.kernel) / p.stride + 1;
        check(&p, width >= 5 && p.pool_stride > 1);
    }
    struct pooled large = {.op = "AveragePool",
                           .channels = 256,
                           .filters = 304,
                           .height = 7,
                           .width = 8,
                           .kernel = 2,
                           .stride = 1,
                           .pad = 1,
                           .pool = 3,
                           .pool_stride = 2,
                           .pool_dilation = 1,
                           .activation = "Relu"};
    check(&large, true);
    large.op = NULL;
    check(&large, true);
}

Test(fuse_pool, whole_maps_are_pooled_a_few_outputs_at_a_time) {
    static const char *const ops[] = {"GlobalAveragePool", "GlobalMaxPool"};
    static const struct {
        int64_t kernel, stride, pad, height, width;
    } sizes[] = {{1, 1, 0, 7, 7},  {1, 1, 0, 13, 5}, {1, 2, 0, 9, 6},
                 {2, 1, 1, 1, 40}, {4, 2, 1, 12, 9}, {1, 1, 0, 1, 2}};
    for (size_t i = 0; i < 12; i++) {
        struct pooled p = {.op = ops[i % 2],
                           .channels = 33 + (int64_t)i,
                           .filters = 256 + 11 * (int64_t)i,
                           .kernel = sizes[i / 2].kernel,
                           .stride = sizes[i / 2].stride,
                           .pad = sizes[i / 2].pad,
                           .height = sizes[i / 2].height,
                           .width = sizes[i / 2].width,
                           .activation = i % 3 ? "Relu" : NULL};
        check(&p, true);
        p.filters = 64;
        check(&p, false);
    }
}

Test(fuse_pool, whole_maps_are_pooled_behind_a_residual_and_its_activation) {
    for (int64_t channels = 256; channels <= 300; channels += 22) {
        struct pooled p = {.op = "GlobalAveragePool",
                           .channels = channels,
                           .filters = channels,
                           .kernel = 1,
                           .stride = 1,
                           .height = 7,
                           .width = channels % 8 + 3,
                           .activation = "Relu",
                           .adds = true};
        check(&p, true);
        p.op = "AveragePool"; /* of a window: the residual does not lie as the ring does */
        p.pool = p.pool_stride = 2;
        p.pool_dilation = 1;
        check(&p, false);
    }
}

Test(fuse_pool, what_somebody_looks_at_stays) {
    struct pooled p = winograd(8, 8);
    p.activation = NULL;
    p.seen = true;
    check(&p, false);
}

Test(fuse_pool, other_convolutions_keep_their_pools) {
    struct pooled p = winograd(10, 10);
    p.filters = 3; /* by the kernel for few outputs */
    p.stride = 2;
    check(&p, false);
    p.filters = 24;
    p.width = 8; /* narrow lines */
    check(&p, false);
}
