#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_layer.h"

static bool agrees(int rank, const int64_t *dims, int size, float beta) {
    int images = (int)dims[0], channels = (int)dims[1], pixels = 1;
    for (int i = 2; i < rank; i++) pixels *= (int)dims[i];
    size_t n = (size_t)(images * channels * pixels);
    float *x = net_random(n, 1);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    for (int i = 0; i < (int)n; i++) {
        int c = i / pixels % channels;
        double sum = 0;
        for (int k = c - (size - 1) / 2; k <= c + size / 2; k++) {
            if (k >= 0 && k < channels) sum += pow((double)x[i + (k - c) * pixels], 2);
        }
        expected[i] = (double)x[i] / pow(2.0 + 0.3 / size * sum, (double)beta);
        bounds[i] = check_bound((size + 4) * fmax(1.0, (double)beta) + 8, fabs(expected[i]));
    }
    struct net_layer layer = {.op = "LRN", .n_operands = 1, .batch = true};
    layer.operands[0] = net_computed(rank, dims, x);
    net_layer_attribute(&layer, net_int("size", size));
    net_layer_attribute(&layer, net_float("alpha", 0.3f));
    net_layer_attribute(&layer, net_float("beta", beta));
    net_layer_attribute(&layer, net_float("bias", 2.0f));
    bool good = net_layer_agrees(&layer, expected, bounds, n);
    free(x);
    free(expected);
    free(bounds);
    return good;
}

Test(lrn, neighbouring_channels_agree_with_the_oracle) {
    cr_assert(agrees(4, (int64_t[]){2, 37, 5, 7}, 5, 0.75f));
    cr_assert(agrees(4, (int64_t[]){2, 16, 5, 3}, 4, 0.75f));
    cr_assert(agrees(3, (int64_t[]){3, 40, 9}, 33, 0.6f));
    cr_assert(agrees(2, (int64_t[]){3, 20}, 3, 1.5f));
    cr_assert(agrees(4, (int64_t[]){2, 64, 41, 43}, 5, 0.75f));
}

Test(lrn, a_window_without_size_or_too_large_is_refused) {
    static const int64_t dims[4] = {1, 6, 3, 3};
    struct net_layer layer = {.op = "LRN", .n_operands = 1, .operands = {net_computed(4, dims, NULL)}};
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "'size' is 0, expected 1 to 33"));
    net_layer_attribute(&layer, net_int("size", 34));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "'size' is 34, expected 1 to 33"));
}
