/* Dense layers as Keras has them, behind a Flatten in either order of the elements. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/check.h"
#include "tests/net.h"
#include "tests/oracle.h"

static void agrees(net_build *build, const void *what, const fmap_plan_options *options, const float *input,
                   const double *expected, const double *bounds, size_t n) {
    fmap_model *model = net_model(build, what);
    cr_assert(model && net_agrees(model, options, input, expected, bounds, n));
    fmap_model_destroy(model);
}

struct flat {
    int channels, h, w, units;
    fmap_layout order;
    bool padding; /* a convolution-like producer, so that the map is blocked */
    const float *kernel, *bias;
};

static void build_flat(fmap_model *model, const void *what) {
    const struct flat *flat = what;
    fmap_value x = fmap_model_image_input(model, "x", flat->h, flat->w, flat->channels);
    if (flat->padding) {
        x = fmap_model_max_pooling_2d(model, "pool", x, &(fmap_pool_2d){.pool_size = {1, 1}});
    }
    x = fmap_model_flatten(model, "flatten", x, flat->order);
    x = fmap_model_dense(model, "dense", x,
                         &(fmap_dense){.units = flat->units, .kernel = flat->kernel, .bias = flat->bias});
    fmap_model_output(model, x);
}

static void check_flat(struct flat flat, int batch, bool no_fusion, uint64_t seed) {
    int pixels = flat.h * flat.w, features = pixels * flat.channels;
    size_t n = (size_t)(batch * flat.units), n_in = (size_t)(batch * features);
    float *x = net_random(n_in, seed), *kernel = net_random((size_t)(features * flat.units), seed + 1);
    float *bias = net_random((size_t)flat.units, seed + 2), *last = net_random(n_in, 0);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    oracle_channels_last(x, batch, flat.channels, pixels, last);
    oracle_dense(&(struct oracle_dense){.n = batch,
                                        .features = features,
                                        .units = flat.units,
                                        .unit_stride = 1,
                                        .feature_stride = flat.units,
                                        .src = flat.order == FMAP_NHWC ? last : x,
                                        .weights = kernel,
                                        .bias = bias},
                 expected, bounds);
    for (size_t i = 0; i < n; i++) bounds[i] = check_bound(features, bounds[i]);
    flat.kernel = kernel;
    flat.bias = bias;
    agrees(build_flat, &flat, &(fmap_plan_options){.threads = 2, .batch = batch, .no_fusion = no_fusion}, x,
           expected, bounds, n);
    free(x);
    free(kernel);
    free(bias);
    free(last);
    free(expected);
    free(bounds);
}

Test(dense, behind_a_map_that_is_flattened_in_either_order) {
    uint64_t seed = 7;
    for (int i = 0; i < 80; i++) {
        struct flat flat = {.channels = check_between(&seed, 1, 40),
                            .h = check_between(&seed, 1, 5),
                            .w = check_between(&seed, 1, 5),
                            .units = check_between(&seed, 1, 40),
                            .order = i % 2 ? FMAP_NHWC : FMAP_NCHW,
                            .padding = i & 2};
        check_flat(flat, check_between(&seed, 1, 17), i & 4, seed);
    }
}

/* The map's rest of channels begins and ends inside of the pieces in which many images pass over the weights. */
Test(dense, behind_a_large_map_with_a_rest_of_channels) {
    for (int i = 0; i < 8; i++) {
        struct flat flat = {.channels = 37 + i,
                            .h = 5,
                            .w = 6,
                            .units = 35,
                            .order = i % 2 ? FMAP_NHWC : FMAP_NCHW,
                            .padding = true};
        check_flat(flat, 1 + 3 * i, false, (uint64_t)i + 100);
    }
}
