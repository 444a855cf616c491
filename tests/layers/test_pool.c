#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_layer.h"
#include "tests/oracle.h"

struct pool {
    const char *op;
    struct oracle_pool_2d shape;
    bool ceil_mode;
    const char *auto_pad; /* NULL: explicit pads */
    bool one_dimension;
};

static void resolve_auto_pad(int in, int kernel, int stride, int dilation, bool upper, int *before,
                             int *after) {
    int out = (in + stride - 1) / stride, total = (out - 1) * stride + dilation * (kernel - 1) + 1 - in;
    if (total < 0) total = 0;
    *before = upper ? total / 2 : total - total / 2;
    *after = total - *before;
}

static void add_attributes(struct net_layer *layer, const struct pool *pool) {
    const struct oracle_window *w = &pool->shape.window;
    static int64_t lists[4][4];
    int64_t values[4][4] = {{w->kernel_h, w->kernel_w},
                            {w->stride_h, w->stride_w},
                            {w->dilation_h, w->dilation_w},
                            {w->pad_top, w->pad_left, w->pad_bottom, w->pad_right}};
    static const char *const names[4] = {"kernel_shape", "strides", "dilations", "pads"};
    int skip = pool->one_dimension; /* the height */
    for (int k = 0; k < 4; k++) {
        if (k == 3 && pool->auto_pad) continue;
        size_t n = 0;
        for (int i = 0; i < (k == 3 ? 4 : 2); i++) {
            if (!skip || i % 2 == 1) lists[k][n++] = values[k][i];
        }
        net_layer_attribute(layer, net_list(names[k], lists[k], n));
    }
    if (pool->auto_pad) net_layer_attribute(layer, net_string("auto_pad", pool->auto_pad));
    net_layer_attribute(layer, net_int("ceil_mode", pool->ceil_mode));
    if (pool->shape.count_padding) net_layer_attribute(layer, net_int("count_include_pad", 1));
}

/* False when a window does not fit. */
static bool complete(struct pool *pool) {
    struct oracle_pool_2d *shape = &pool->shape;
    struct oracle_window *w = &shape->window;
    if (pool->one_dimension) {
        shape->in_h = w->kernel_h = w->stride_h = w->dilation_h = 1;
        w->pad_top = w->pad_bottom = 0;
    }
    if (pool->auto_pad) {
        bool upper = pool->auto_pad[5] == 'U', valid = pool->auto_pad[0] == 'V';
        resolve_auto_pad(shape->in_h, w->kernel_h, w->stride_h, w->dilation_h, upper, &w->pad_top,
                         &w->pad_bottom);
        resolve_auto_pad(shape->in_w, w->kernel_w, w->stride_w, w->dilation_w, upper, &w->pad_left,
                         &w->pad_right);
        if (valid) w->pad_top = w->pad_left = w->pad_bottom = w->pad_right = 0;
    }
    shape->out_h = oracle_out_size(shape->in_h, w->kernel_h, w->stride_h, w->dilation_h, w->pad_top,
                                   w->pad_bottom, pool->ceil_mode);
    shape->out_w = oracle_out_size(shape->in_w, w->kernel_w, w->stride_w, w->dilation_w, w->pad_left,
                                   w->pad_right, pool->ceil_mode);
    return shape->out_h > 0 && shape->out_w > 0;
}

static bool agrees(struct pool pool, uint64_t seed) {
    struct oracle_pool_2d *shape = &pool.shape;
    if (!complete(&pool)) return true;
    const int64_t dims[4] = {shape->n, shape->channels, shape->in_h, shape->in_w};
    const int64_t line[3] = {shape->n, shape->channels, shape->in_w};
    size_t maps = (size_t)(shape->n * shape->channels), n = maps * (size_t)(shape->out_h * shape->out_w);
    float *x = net_random(maps * (size_t)(shape->in_h * shape->in_w), seed);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    bool average = pool.op[0] == 'A';
    shape->src = x;
    if (average)
        oracle_average_pool_2d(shape, expected, bounds);
    else
        oracle_max_pool_2d(shape, expected);
    int terms = shape->window.kernel_h * shape->window.kernel_w;
    for (size_t i = 0; i < n && average; i++) bounds[i] = check_bound(terms + 1, bounds[i]);
    struct net_layer layer = {.op = pool.op, .n_operands = 1, .batch = true};
    layer.operands[0] = pool.one_dimension ? net_computed(3, line, x) : net_computed(4, dims, x);
    add_attributes(&layer, &pool);
    bool good = net_layer_agrees(&layer, expected, bounds, n);
    free(x);
    free(expected);
    free(bounds);
    return good;
}

static struct pool random_pool(const char *op, uint64_t *seed) {
    static const char *const auto_pads[] = {"SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", NULL, NULL};
    struct pool pool = {
        .op = op, .one_dimension = check_between(seed, 0, 4) == 0, .ceil_mode = check_between(seed, 0, 1)};
    struct oracle_pool_2d *shape = &pool.shape;
    struct oracle_window *w = &shape->window;
    pool.auto_pad = auto_pads[check_between(seed, 0, 5)];
    if (pool.auto_pad && pool.auto_pad[0] == 'N') pool.auto_pad = NULL;
    if (pool.auto_pad) pool.ceil_mode = false;
    shape->n = check_between(seed, 1, 3);
    shape->channels = check_between(seed, 1, 35);
    shape->in_h = check_between(seed, 1, 12);
    shape->in_w = check_between(seed, 1, 20);
    shape->count_padding = op[0] == 'A' && check_between(seed, 0, 1);
    w->kernel_h = check_between(seed, 1, 4);
    w->kernel_w = check_between(seed, 1, 4);
    w->stride_h = check_between(seed, 1, 3);
    w->stride_w = check_between(seed, 1, 3);
    w->dilation_h = check_between(seed, 1, 2);
    w->dilation_w = check_between(seed, 1, 2);
    w->pad_top = check_between(seed, 0, w->kernel_h - 1);
    w->pad_left = check_between(seed, 0, w->kernel_w - 1);
    w->pad_bottom = check_between(seed, 0, w->kernel_h - 1);
    w->pad_right = check_between(seed, 0, w->kernel_w - 1);
    return pool;
}

Test(pool, windows_of_all_kinds_have_the_oracles_maximum) {
    uint64_t seed = 1;
    for (int i = 0; i < 120; i++) cr_assert(agrees(random_pool("MaxPool", &seed), (uint64_t)i), "case %d", i);
}

Test(pool, windows_of_all_kinds_have_the_oracles_average) {
    uint64_t seed = 2;
    for (int i = 0; i < 120; i++)
        cr_assert(agrees(random_pool("AveragePool", &seed), (uint64_t)i), "case %d", i);
}

Test(pool, rows_are_shared_between_threads_without_a_difference) {
    struct pool pool = {.op = "MaxPool",
                        .shape = {.n = 2, .channels = 40, .in_h = 61, .in_w = 67, .window = oracle_window()}};
    pool.shape.window.kernel_h = pool.shape.window.kernel_w = 3;
    pool.shape.window.stride_h = pool.shape.window.stride_w = 2;
    cr_assert(agrees(pool, 1));
    pool.op = "AveragePool";
    cr_assert(agrees(pool, 2));
}

Test(pool, padding_never_wins_a_maximum) {
    static const int64_t dims[4] = {1, 1, 2, 2}, two[2] = {2, 2}, pads[4] = {1, 1, 1, 1};
    static const float x[4] = {-1, -2, -3, -4};
    struct net_layer layer = {.op = "MaxPool", .n_operands = 1, .operands = {net_computed(4, dims, x)}};
    net_layer_attribute(&layer, net_list("kernel_shape", two, 2));
    net_layer_attribute(&layer, net_list("strides", two, 2));
    net_layer_attribute(&layer, net_list("pads", pads, 4));
    cr_assert(net_layer_moves(&layer, x, 4));
}

Test(pool, a_window_of_padding_alone_has_no_maximum_and_an_average_of_zero) {
    static const int64_t dims[4] = {1, 1, 1, 1}, one[2] = {1, 1}, pads[4] = {0, 1, 0, 1};
    static const float x[1] = {5}, maxima[3] = {-INFINITY, 5, -INFINITY}, averages[3] = {0, 5, 0};
    struct net_layer layer = {.op = "MaxPool", .n_operands = 1, .operands = {net_computed(4, dims, x)}};
    net_layer_attribute(&layer, net_list("kernel_shape", one, 2));
    net_layer_attribute(&layer, net_list("pads", pads, 4));
    cr_assert(net_layer_moves(&layer, maxima, 3));
    layer.op = "AveragePool";
    cr_assert(net_layer_moves(&layer, averages, 3));
}

Test(pool, nan_is_the_maximum_of_its_window) {
    static const int64_t dims[4] = {1, 1, 1, 4}, kernel[2] = {1, 2};
    static const float x[4] = {1, NAN, 3, 2}, expected[3] = {NAN, NAN, 3};
    struct net_layer layer = {.op = "MaxPool", .n_operands = 1, .operands = {net_computed(4, dims, x)}};
    net_layer_attribute(&layer, net_list("kernel_shape", kernel, 2));
    cr_assert(net_layer_moves(&layer, expected, 3));
}

Test(pool, unknown_sizes_stay_unknown_until_a_plan) {
    static const int64_t dims[4] = {FMAP_UNKNOWN, 3, FMAP_UNKNOWN, 8}, two[2] = {2, 2};
    static const int64_t pooled[4] = {FMAP_UNKNOWN, 3, FMAP_UNKNOWN, 7}, global[4] = {FMAP_UNKNOWN, 3, 1, 1};
    struct net_layer layer = {
        .op = "GlobalAveragePool", .n_operands = 1, .operands = {net_computed(4, dims, NULL)}};
    cr_assert(net_layer_has_shape(&layer, 4, global));
    layer.op = "AveragePool";
    net_layer_attribute(&layer, net_list("kernel_shape", two, 2));
    cr_assert(net_layer_has_shape(&layer, 4, pooled));
}

static struct net_layer pool_of(const int64_t *dims, int rank, const char *list, const int64_t *values,
                                size_t n) {
    struct net_layer layer = {.op = "MaxPool", .n_operands = 1, .operands = {net_computed(rank, dims, NULL)}};
    if (list) net_layer_attribute(&layer, net_list(list, values, n));
    return layer;
}

Test(pool, what_does_not_fit_is_refused) {
    static const int64_t dims[5] = {1, 2, 3, 4, 5}, four[2] = {4, 1}, zero[2] = {0, 1}, three[3] = {1, 1, 1};
    static const int64_t one[1] = {1}, negative[4] = {-1, 0, 0, 0}, huge[4] = {INT32_MAX, 0, 0, 0};
    struct net_layer layer = pool_of(dims, 4, NULL, NULL, 0);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "there is no kernel_shape"));
    layer = pool_of(dims, 4, "kernel_shape", four, 2);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "a window of 4 (dilation 1) does not fit into 3"));
    layer = pool_of(dims, 4, "kernel_shape", zero, 2);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'kernel_shape' has the element 0"));
    layer = pool_of(dims, 4, "kernel_shape", three, 3);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected rank 5 as its attributes are for"));
    layer = pool_of(dims, 4, "kernel_shape", one, 1);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected rank 3"));
    layer = pool_of(dims, 5, "kernel_shape", four, 2);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected rank 4 as its attributes are for"));
    layer = pool_of(dims, 2, NULL, NULL, 0);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected rank 3 or more"));
    layer = pool_of(dims, 4, "pads", negative, 4);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "'pads' has the element -1"));
    layer = pool_of(dims, 4, "kernel_shape", three, 2);
    net_layer_attribute(&layer, net_string("auto_pad", "SAME"));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'auto_pad' is 'SAME'"));
    layer = pool_of(dims, 4, "kernel_shape", three, 2);
    net_layer_attribute(&layer, net_list("pads", huge, 4));
    net_layer_attribute(&layer, net_list("strides", huge, 1));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'strides' has 1 elements"));
    layer = pool_of(dims, 4, "kernel_shape", three, 2);
    net_layer_attribute(&layer, net_int("storage_order", 2));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'storage_order' is 2, expected 0 or 1"));
}

Test(pool, padding_that_kernels_cannot_count_is_refused) {
    static const int64_t dims[4] = {1, 1, 3, 3}, one[2] = {1, 1}, stride[2] = {INT32_MAX, 1};
    static const int64_t huge[4] = {INT32_MAX, 0, INT32_MAX, 0};
    struct net_layer layer = pool_of(dims, 4, "kernel_shape", one, 2);
    net_layer_attribute(&layer, net_list("pads", huge, 4));
    net_layer_attribute(&layer, net_list("strides", stride, 2));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_LIMIT, "the padded image or the window is too large"));
}
