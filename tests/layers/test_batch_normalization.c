#include <criterion/criterion.h>

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_layer.h"
#include "tests/oracle.h"

/* gamma, beta, mean, variance for `c` channels. */
static float *numbers_of(size_t c) {
    float *numbers = net_random(4 * c, c);
    for (size_t i = 3 * c; i < 4 * c; i++) numbers[i] = 1.25f + numbers[i];
    return numbers;
}

static struct net_layer layer_of(int rank, const int64_t *dims, const float *x, const float *numbers) {
    struct net_layer layer = {.op = "BatchNormalization", .n_operands = 5};
    layer.operands[0] = net_computed(rank, dims, x);
    for (int i = 0; i < 4; i++) {
        layer.operands[i + 1] = net_constant(1, &dims[1], numbers ? numbers + i * dims[1] : NULL);
    }
    return layer;
}

static void assert_normalized(int rank, const int64_t *dims, int opset) {
    const float epsilon = opset ? 0.01f : 1e-5f;
    int64_t pixels = 1;
    for (int i = 2; i < rank; i++) pixels *= dims[i];
    size_t c = (size_t)dims[1], n = (size_t)(dims[0] * dims[1] * pixels);
    float *x = net_random(n, 1), *numbers = numbers_of(c);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    oracle_batch_normalization(&(struct oracle_batch_normalization){.n = (int)dims[0],
                                                                    .channels = (int)c,
                                                                    .pixels = (int)pixels,
                                                                    .src = x,
                                                                    .gamma = numbers,
                                                                    .beta = numbers + c,
                                                                    .mean = numbers + 2 * c,
                                                                    .variance = numbers + 3 * c,
                                                                    .epsilon = (double)epsilon},
                               expected, bounds);
    /* Scale and shift are rounded once, then one multiply-add; the double arithmetic before is noise. */
    for (size_t i = 0; i < n; i++) bounds[i] = check_bound(3, bounds[i]);
    struct net_layer layer = layer_of(rank, dims, x, numbers);
    layer.batch = true;
    layer.opset = opset;
    net_layer_attribute(&layer, net_float("momentum", 0.9f));
    if (opset) net_layer_attribute(&layer, net_float("epsilon", epsilon));
    if (opset == 7) net_layer_attribute(&layer, net_int("spatial", 1));
    cr_assert(net_layer_agrees(&layer, expected, bounds, n));
    free(x);
    free(numbers);
    free(expected);
    free(bounds);
}

Test(batch_normalization, agrees_with_the_oracle_in_every_rank_and_opset) {
    static const int opsets[] = {0, 7, 9, 14};
    for (size_t i = 0; i < sizeof opsets / sizeof opsets[0]; i++) {
        assert_normalized(2, (int64_t[]){3, 21}, opsets[i]);
        assert_normalized(3, (int64_t[]){2, 16, 7}, opsets[i]);
        assert_normalized(4, (int64_t[]){3, 19, 5, 4}, opsets[i]);
        assert_normalized(5, (int64_t[]){1, 5, 2, 3, 2}, opsets[i]);
    }
    assert_normalized(4, (int64_t[]){2, 40, 41, 37}, 0);
}

Test(batch_normalization, says_how_many_channels_there_are) {
    static const int64_t dims[3] = {FMAP_UNKNOWN, FMAP_UNKNOWN, FMAP_UNKNOWN}, c = 2;
    static const int64_t expected[3] = {FMAP_UNKNOWN, 2, FMAP_UNKNOWN};
    static const float ones[2] = {1, 1};
    struct net_layer layer = {.op = "BatchNormalization", .n_operands = 5};
    layer.operands[0] = net_computed(3, dims, NULL);
    for (int i = 1; i < 5; i++) layer.operands[i] = net_constant(1, &c, ones);
    cr_assert(net_layer_has_shape(&layer, 3, expected));
}

Test(batch_normalization, what_does_not_fit_is_refused) {
    static const int64_t dims[4] = {1, 2, 3, 3}, three = 3, one = 1;
    static const float numbers[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    struct net_layer layer = layer_of(4, dims, NULL, numbers);
    layer.operands[3] = net_constant(1, &three, numbers);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL,
                                "expected one number for each channel of input 0 'x0' of shape 1x2x3x3"));
    layer.operands[3] = net_constant(0, NULL, numbers);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected one number for each channel"));
    layer = layer_of(4, dims, NULL, numbers);
    layer.operands[4] = net_computed(1, &dims[1], NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED,
                                "'x4' of shape 2 is computed, expected a constant"));
    layer = layer_of(4, dims, NULL, numbers);
    layer.operands[0] = net_computed(1, &one, NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected rank 2 or more"));
    layer = layer_of(4, dims, NULL, numbers);
    net_layer_attribute(&layer, net_int("training_mode", 1));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "'training_mode' is 1, expected 0"));
    layer.attributes[0] = net_int("spatial", 0);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "'spatial' is 0, expected 1"));
    layer.attributes[0] = net_int("epsilon", 1);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "'epsilon' is of type 1, expected 2"));
}
