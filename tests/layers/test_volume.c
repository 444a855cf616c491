/* Windows over images of one to four dimensions. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_layer.h"

enum { MOST = 4 };

struct window {
    int n_dims;
    int64_t n, channels;
    int64_t in[MOST], out[MOST], kernel[MOST], strides[MOST], dilations[MOST], pads[2 * MOST];
    bool ceil_mode;
};

static int64_t product(const int64_t *sizes, int n) {
    int64_t result = 1;
    for (int d = 0; d < n; d++) result *= sizes[d];
    return result;
}

/* Element of the map under kernel element k of output o, by its coordinates; -1 outside. *padded: not even in the padding. */
static int64_t element(const struct window *w, int64_t o, int64_t k, bool *beyond) {
    int64_t index = 0, stride = 1;
    bool inside = true;
    *beyond = false;
    for (int d = w->n_dims - 1; d >= 0; d--) {
        int64_t x = o % w->out[d] * w->strides[d] - w->pads[d] + k % w->kernel[d] * w->dilations[d];
        o /= w->out[d];
        k /= w->kernel[d];
        inside = inside && x >= 0 && x < w->in[d];
        *beyond = *beyond || x >= w->in[d] + w->pads[d + w->n_dims];
        index += x * stride;
        stride *= w->in[d];
    }
    return inside ? index : -1;
}

/* False when a window does not fit. */
static bool complete(struct window *w) {
    for (int d = 0; d < w->n_dims; d++) {
        int64_t room = w->in[d] + w->pads[d] + w->pads[d + w->n_dims] -
                       ((w->kernel[d] - 1) * w->dilations[d] + 1);
        if (room < 0) return false;
        w->out[d] = room / w->strides[d] + 1;
        if (w->ceil_mode && room % w->strides[d] && w->out[d] * w->strides[d] < w->in[d] + w->pads[d])
            w->out[d]++;
    }
    return true;
}

static struct window random_window(uint64_t *seed, bool pool) {
    struct window w = {.n_dims = check_between(seed, 1, MOST),
                       .n = check_between(seed, 1, 2),
                       .channels = check_between(seed, 1, 5),
                       .ceil_mode = pool && check_between(seed, 0, 1)};
    for (int d = 0; d < w.n_dims; d++) {
        w.in[d] = check_between(seed, 1, 6);
        w.kernel[d] = check_between(seed, 1, 3);
        w.strides[d] = check_between(seed, 1, 2);
        w.dilations[d] = check_between(seed, 1, 2);
        w.pads[d] = check_between(seed, 0, (int)w.kernel[d] - 1);
        w.pads[d + w.n_dims] = check_between(seed, 0, (int)w.kernel[d] - 1);
    }
    return w;
}

static struct net_layer layer_of(const char *op, const struct window *w, const int64_t *dims,
                                 const float *x) {
    struct net_layer layer = {.op = op, .n_operands = 1, .batch = true};
    size_t n = (size_t)w->n_dims;
    layer.operands[0] = net_computed(w->n_dims + 2, dims, x);
    net_layer_attribute(&layer, net_list("kernel_shape", w->kernel, n));
    net_layer_attribute(&layer, net_list("strides", w->strides, n));
    net_layer_attribute(&layer, net_list("dilations", w->dilations, n));
    net_layer_attribute(&layer, net_list("pads", w->pads, 2 * n));
    if (w->ceil_mode) net_layer_attribute(&layer, net_int("ceil_mode", 1));
    return layer;
}

/* ---- pools ------------------------------------------------------------------------------------------------------- */

enum pool { MAXIMUM, AVERAGE, PADDED_AVERAGE, L1, L2, POOLS };

static double pool_at(const struct window *w, enum pool pool, const float *x, int64_t o, double *magnitude,
                      int64_t *where) {
    double result = pool == MAXIMUM ? (double)-INFINITY : 0;
    int64_t count = 0;
    *magnitude = 0;
    *where = -1;
    for (int64_t k = 0; k < product(w->kernel, w->n_dims); k++) {
        bool beyond;
        int64_t at = element(w, o, k, &beyond);
        if (pool == PADDED_AVERAGE ? !beyond : at >= 0) count++;
        if (at < 0) continue;
        double value = (double)x[at];
        if (pool == MAXIMUM && value > result) *where = at;
        if (pool == MAXIMUM)
            result = fmax(result, value);
        else
            result += pool == L1 ? fabs(value) : pool == L2 ? value * value : value;
        *magnitude += fabs(value);
    }
    bool average = pool == AVERAGE || pool == PADDED_AVERAGE;
    if (average && count) *magnitude /= (double)count;
    return pool == L2 ? sqrt(result) : average && count ? result / (double)count : result;
}

static int64_t down_columns(const struct window *w, int64_t at) {
    int64_t index = 0, sizes = product(w->in, w->n_dims);
    for (int d = w->n_dims - 1; d >= 0; d--) {
        sizes /= w->in[d];
        index += at % w->in[d] * sizes;
        at /= w->in[d];
    }
    return index;
}

static bool pools_agree(struct window w, enum pool pool, bool by_columns, uint64_t seed) {
    static const char *const ops[] = {"MaxPool", "AveragePool", "AveragePool", "LpPool", "LpPool"};
    if (!complete(&w)) return true;
    int64_t dims[MOST + 2] = {w.n, w.channels}, pixels = product(w.in, w.n_dims), maps = w.n * w.channels;
    int64_t outputs = product(w.out, w.n_dims);
    memcpy(dims + 2, w.in, (size_t)w.n_dims * sizeof *dims);
    size_t n = (size_t)(maps * outputs);
    float *x = net_random((size_t)(maps * pixels), seed);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    int64_t *places = calloc(n, sizeof *places);
    for (size_t i = 0; i < n; i++) {
        int64_t map = (int64_t)i / outputs;
        expected[i] = pool_at(&w, pool, x + map * pixels, (int64_t)i % outputs, &bounds[i], &places[i]);
        bounds[i] = pool == MAXIMUM ? 0 : check_bound((double)product(w.kernel, w.n_dims) + 1, bounds[i]);
        if (places[i] >= 0) places[i] = map * pixels + (by_columns ? down_columns(&w, places[i]) : places[i]);
    }
    struct net_layer layer = layer_of(ops[pool], &w, dims, x);
    if (pool == PADDED_AVERAGE) net_layer_attribute(&layer, net_int("count_include_pad", 1));
    if (pool == L1) net_layer_attribute(&layer, net_int("p", 1));
    bool good = net_layer_agrees(&layer, expected, bounds, n);
    if (pool == MAXIMUM && good) {
        if (by_columns) net_layer_attribute(&layer, net_int("storage_order", 1));
        layer.n_outputs = 2;
        good = net_layer_agrees(&layer, expected, bounds, n);
        layer.output = 1;
        layer.batch = false; /* of an image alone they are smaller */
        good = good && net_layer_gives(&layer, FMAP_INT64, places, n);
    }
    free(x);
    free(expected);
    free(bounds);
    free(places);
    return good;
}

Test(volume, pools_over_any_number_of_dimensions_agree_with_the_oracle) {
    uint64_t seed = 1;
    for (int i = 0; i < 100; i++) {
        struct window w = random_window(&seed, true);
        cr_assert(pools_agree(w, (enum pool)(i % POOLS), i / POOLS % 2, (uint64_t)i), "case %d", i);
    }
}

/* ---- convolution -------------------------------------------------------------------------------------------------- */

enum operands { CONSTANTS, COMPUTED_WEIGHTS, COMPUTED_BIAS, WAYS };

static bool convolution_agrees(struct window w, int64_t groups, int64_t outputs, enum operands way,
                               uint64_t seed) {
    if (!complete(&w)) return true;
    w.channels *= groups;
    outputs *= groups;
    int64_t per_group = w.channels / groups, pixels = product(w.in, w.n_dims),
            taps = product(w.kernel, w.n_dims);
    int64_t places = product(w.out, w.n_dims), dims[MOST + 2] = {w.n, w.channels},
            w_dims[MOST + 2] = {outputs, per_group};
    memcpy(dims + 2, w.in, (size_t)w.n_dims * sizeof *dims);
    memcpy(w_dims + 2, w.kernel, (size_t)w.n_dims * sizeof *dims);
    size_t n = (size_t)(w.n * outputs * places);
    float *x = net_random((size_t)(w.n * w.channels * pixels), seed),
          *bias = net_random((size_t)outputs, seed + 1),
          *weights = net_random((size_t)(outputs * per_group * taps), seed + 2);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    for (size_t i = 0; i < n; i++) {
        int64_t place = (int64_t)i % places, o = (int64_t)i / places % outputs,
                image = (int64_t)i / places / outputs;
        double sum = (double)bias[o], magnitude = fabs(sum);
        for (int64_t k = 0; k < per_group * taps; k++) {
            bool beyond;
            int64_t at = element(&w, place, k % taps, &beyond);
            int64_t map = image * w.channels + o / (outputs / groups) * per_group + k / taps;
            if (at < 0) continue;
            double term = (double)x[map * pixels + at] * (double)weights[o * per_group * taps + k];
            sum += term;
            magnitude += fabs(term);
        }
        expected[i] = sum;
        bounds[i] = check_bound((double)(per_group * taps + 1), magnitude);
    }
    struct net_layer layer = layer_of("Conv", &w, dims, x);
    net_layer_attribute(&layer, net_int("group", groups));
    layer.n_operands = 3;
    layer.operands[1] = way == COMPUTED_WEIGHTS ? net_computed(w.n_dims + 2, w_dims, weights)
                                                : net_constant(w.n_dims + 2, w_dims, weights);
    layer.operands[2] = way == COMPUTED_BIAS ? net_computed(1, &outputs, bias)
                                             : net_constant(1, &outputs, bias);
    layer.batch = way == CONSTANTS;
    bool good = net_layer_agrees(&layer, expected, bounds, n);
    free(x);
    free(bias);
    free(weights);
    free(expected);
    free(bounds);
    return good;
}

Test(volume, convolutions_over_any_number_of_dimensions_agree_with_the_oracle) {
    uint64_t seed = 2;
    for (int i = 0; i < 60; i++) {
        struct window w = random_window(&seed, false);
        int64_t groups = check_between(&seed, 1, 3), outputs = check_between(&seed, 1, 20);
        cr_assert(convolution_agrees(w, groups, outputs, (enum operands)(i % WAYS), (uint64_t)i), "case %d",
                  i);
    }
}

/* What would otherwise be of a kernel of its own: Winograd, depthwise, narrow groups, few outputs. */
Test(volume, computed_weights_of_every_kind_of_convolution_agree_with_the_oracle) {
    static const struct window w = {.n_dims = 2,
                                    .n = 2,
                                    .channels = 32,
                                    .in = {9, 11},
                                    .kernel = {3, 3},
                                    .strides = {1, 1},
                                    .dilations = {1, 1},
                                    .pads = {1, 1, 1, 1}};
    struct window one = w;
    one.channels = 1;
    cr_assert(convolution_agrees(w, 1, 40, COMPUTED_WEIGHTS, 1));
    cr_assert(convolution_agrees(w, 1, 2, COMPUTED_WEIGHTS, 2));
    cr_assert(convolution_agrees(one, 20, 1, COMPUTED_WEIGHTS, 3));
    cr_assert(convolution_agrees(one, 10, 4, COMPUTED_WEIGHTS, 4));
    cr_assert(convolution_agrees(one, 1, 24, COMPUTED_WEIGHTS, 5));
}
