#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_passes.h"

/* Conv, an activation, MaxPool. */
struct pooled {
    int64_t channels, filters, height, width;
    int64_t kernel, stride, pad; /* of the convolution */
    int64_t pool, pool_stride, pool_pad, pool_dilation;
    const char *activation; /* NULL: none */
    bool ceil_mode, seen;   /* the convolution's output is an output too */
};

static fmap_value add_pool(fmap_model *model, fmap_value x, const struct pooled *p) {
    int64_t kernel[2] = {p->pool, p->pool}, strides[2] = {p->pool_stride, p->pool_stride};
    int64_t pads[4] = {p->pool_pad, p->pool_pad, p->pool_pad, p->pool_pad};
    int64_t dilations[2] = {p->pool_dilation, p->pool_dilation};
    fmap_attribute attributes[5] = {net_list("kernel_shape", kernel, 2), net_list("strides", strides, 2),
                                    net_list("pads", pads, 4), net_list("dilations", dilations, 2),
                                    net_int("ceil_mode", p->ceil_mode)};
    return net_node(model, "MaxPool", "pool", &x, 1, attributes, 5);
}

static void build(fmap_model *model, const void *what) {
    const struct pooled *p = what;
    int64_t image[4] = {2, p->channels, p->height, p->width};
    int64_t kernel[4] = {p->filters, p->channels, p->kernel, p->kernel}, bias[1] = {p->filters};
    int64_t strides[2] = {p->stride, p->stride}, pads[4] = {p->pad, p->pad, p->pad, p->pad};
    float *w = net_random((size_t)(p->filters * p->channels * p->kernel * p->kernel), 5);
    float *b = net_random((size_t)p->filters, 6);
    fmap_value inputs[3] = {net_input(model, "x", 4, image), net_floats(model, w, 4, kernel),
                            net_floats(model, b, 1, bias)};
    free(w);
    free(b);
    fmap_attribute attributes[2] = {net_list("strides", strides, 2), net_list("pads", pads, 4)};
    fmap_value x = net_node(model, "Conv", "conv", inputs, 3, attributes, 2);
    if (p->seen) fmap_model_output(model, x);
    if (p->activation) x = net_node(model, p->activation, "activation", &x, 1, NULL, 0);
    fmap_model_output(model, add_pool(model, x, p));
}

static void check(const struct pooled *p, bool fuses) {
    fmap_model *model = net_model(build, p);
    cr_assert(model);
    cr_assert(net_passes_change_no_bit(model), "%dx%dx%d", (int)p->channels, (int)p->height, (int)p->width);
    cr_assert_eq(net_passes_remove(model, "pool", NULL), fuses, "%dx%dx%d", (int)p->channels, (int)p->height,
                 (int)p->width);
    cr_assert(!net_passes_remove(model, "pool", &(struct net_passes){.without = "fuse_pool"}));
    if (fuses) cr_assert_str_eq(net_passes_fused_into(model, "pool"), "conv");
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
}

Test(fuse_pool, large_weights_of_small_maps_pool_too) {
    struct pooled p = winograd(7, 7);
    p.channels = 200;
    p.filters = 160;
    check(&p, true);
}

Test(fuse_pool, the_stem_keeps_a_ring_of_rows) {
    uint64_t seed = 3;
    for (int i = 0; i < 120; i++) {
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
    p.stride = 2;
    check(&p, false);
    p.kernel = 1;
    p.pad = 0;
    check(&p, false);
}
