/* What Keras' layers refuse: a sentence that names the model, the layer, and what was wrong with it. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "tests/net.h"

static fmap_model *new_model(void) {
    fmap_model *model = NULL;
    cr_assert_eq(fmap_model_create(NULL, &model, NULL), FMAP_OK);
    fmap_model_set_name(model, "mine");
    return model;
}

static fmap_value picture(fmap_model *model) { return fmap_model_image_input(model, "x", 8, 9, 4); }

/* The call has failed, and the sentence names the layer's kind, "it", and the words. Destroys the model. */
static void refused(fmap_model *model, fmap_value value, fmap_status status, const char *kind,
                    const char *words) {
    fmap_error error = {0};
    cr_assert_eq(value, FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_finish(model, &error), status, "%s", error.message);
    cr_assert(strncmp(error.message, "mine: ", 6) == 0, "%s", error.message);
    cr_assert(strstr(error.message, kind) && strstr(error.message, "'it'"), "%s", error.message);
    cr_assert(strstr(error.message, words), "%s", error.message);
    fmap_model_destroy(model);
}

static const float weights[4 * 3 * 3 * 8];

static void conv_refused(fmap_conv_2d layer, fmap_status status, const char *words) {
    fmap_model *model = new_model();
    refused(model, fmap_model_conv_2d(model, "it", picture(model), &layer), status, "Conv2D", words);
}

Test(keras_refusals, of_conv_2d) {
    const fmap_conv_2d good = {.filters = 8, .kernel_size = {3, 3}, .kernel = weights};
    fmap_conv_2d bad = good;
    bad.filters = 0;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "filters is 0, expected at least 1");
    bad.filters = -8;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "filters is -8");
    bad = good;
    bad.kernel = NULL;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "kernel is NULL");
    bad = good;
    bad.kernel_size[1] = -3;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "kernel_size is (3, -3)");
    bad = good;
    bad.strides[0] = -1;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "strides is (-1, 0)");
    bad = good;
    bad.dilation_rate[0] = -1;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "dilation_rate is (-1, 0)");
    bad = good;
    bad.padding = FMAP_EXPLICIT;
    bad.pads[2] = -1;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "pads is (0, 0, -1, 0), expected none below 0");
    bad = good;
    bad.pads[2] = 1;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "FMAP_EXPLICIT");
    bad = good;
    bad.padding = (fmap_padding)7;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "padding is 7");
    bad = good;
    bad.activation = (fmap_activation)70;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "activation 70");
}

Test(keras_refusals, of_groups_that_do_not_divide) {
    fmap_conv_2d bad = {.filters = 8, .kernel_size = {3, 3}, .kernel = weights, .groups = 3};
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "groups is 3, expected a divisor of 4 channels and 8 filters");
    bad.groups = -4;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "groups is -4");
    bad.groups = 4;
    bad.filters = 6;
    conv_refused(bad, FMAP_ERROR_ARGUMENT, "6 filters");
}

Test(keras_refusals, of_kernels_that_are_too_large) {
    fmap_conv_2d bad = {.filters = INT64_MAX / 8, .kernel_size = {3, 3}, .kernel = weights};
    conv_refused(bad, FMAP_ERROR_LIMIT, "too large");
    bad = (fmap_conv_2d){.filters = 8, .kernel_size = {INT64_MAX, INT64_MAX}, .kernel = weights};
    conv_refused(bad, FMAP_ERROR_LIMIT, "too large");
    fmap_model *model = new_model();
    fmap_value x = fmap_model_flatten(model, NULL, picture(model), FMAP_NCHW);
    fmap_dense dense = {.units = INT64_MAX / 4, .kernel = weights};
    fmap_error error = {0};
    cr_assert_eq(fmap_model_dense(model, "it", x, &dense), FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_finish(model, &error), FMAP_ERROR_LIMIT, "%s", error.message);
    fmap_model_destroy(model);
}

Test(keras_refusals, of_inputs_of_the_wrong_rank_or_of_unknown_channels) {
    const fmap_conv_2d conv = {.filters = 8, .kernel = weights};
    const fmap_dense dense = {.units = 8, .kernel = weights};
    const fmap_pool_2d pool = {0};
    fmap_model *model = new_model();
    fmap_value flat = fmap_model_flatten(model, NULL, picture(model), FMAP_NCHW);
    refused(model, fmap_model_conv_2d(model, "it", flat, &conv), FMAP_ERROR_MODEL, "Conv2D", "?x288");
    model = new_model();
    refused(model, fmap_model_dense(model, "it", picture(model), &dense), FMAP_ERROR_MODEL, "Dense",
            "?x4x8x9");
    model = new_model();
    flat = fmap_model_flatten(model, NULL, picture(model), FMAP_NCHW);
    refused(model, fmap_model_max_pooling_2d(model, "it", flat, &pool), FMAP_ERROR_MODEL, "MaxPooling2D",
            "n, c, h, w");
    model = new_model();
    flat = fmap_model_flatten(model, NULL, picture(model), FMAP_NCHW);
    refused(model, fmap_model_zero_padding_2d(model, "it", flat, 1, 1, 1, 1), FMAP_ERROR_MODEL,
            "ZeroPadding2D", "n, c, h, w");
    model = new_model();
    flat = fmap_model_flatten(model, NULL, picture(model), FMAP_NCHW);
    refused(model, fmap_model_global_average_pooling_2d(model, "it", flat), FMAP_ERROR_MODEL,
            "GlobalAveragePooling2D", "n, c, h, w");
    model = new_model();
    fmap_value vague = fmap_model_image_input(model, NULL, 8, 8, FMAP_UNKNOWN);
    refused(model, fmap_model_conv_2d(model, "it", vague, &conv), FMAP_ERROR_MODEL, "Conv2D", "channels");
    model = new_model();
    vague = fmap_model_image_input(model, NULL, FMAP_UNKNOWN, 8, 4);
    vague = fmap_model_flatten(model, NULL, vague, FMAP_NCHW);
    refused(model, fmap_model_dense(model, "it", vague, &dense), FMAP_ERROR_MODEL, "Dense", "features");
}

Test(keras_refusals, of_values_that_are_none) {
    fmap_model *model = new_model();
    refused(model, fmap_model_relu(model, "it", FMAP_NO_VALUE), FMAP_ERROR_ARGUMENT, "ReLU", "input 0");
    model = new_model();
    refused(model, fmap_model_dropout(model, "it", 55, 0.5f), FMAP_ERROR_ARGUMENT, "Dropout", "input 55");
    model = new_model();
    fmap_value x = picture(model);
    refused(model, fmap_model_add(model, "it", x, -7), FMAP_ERROR_ARGUMENT, "Add", "input -7");
    model = new_model();
    refused(model, fmap_model_concatenate(model, "it", NULL, 2), FMAP_ERROR_ARGUMENT, "Concatenate",
            "inputs");
    model = new_model();
    x = picture(model);
    refused(model, fmap_model_concatenate(model, "it", &x, 0), FMAP_ERROR_ARGUMENT, "Concatenate", "inputs");
}

Test(keras_refusals, of_layers_that_are_null) {
    fmap_model *model = new_model();
    refused(model, fmap_model_conv_2d(model, "it", picture(model), NULL), FMAP_ERROR_ARGUMENT, "Conv2D",
            "NULL");
    model = new_model();
    refused(model, fmap_model_dense(model, "it", picture(model), NULL), FMAP_ERROR_ARGUMENT, "Dense", "NULL");
    model = new_model();
    refused(model, fmap_model_max_pooling_2d(model, "it", picture(model), NULL), FMAP_ERROR_ARGUMENT,
            "MaxPooling2D", "NULL");
    model = new_model();
    refused(model, fmap_model_batch_normalization(model, "it", picture(model), NULL), FMAP_ERROR_ARGUMENT,
            "BatchNormalization", "NULL");
}

static void dropout_refused(float rate, const char *words) {
    fmap_model *model = new_model();
    refused(model, fmap_model_dropout(model, "it", picture(model), rate), FMAP_ERROR_ARGUMENT, "Dropout",
            words);
}

Test(keras_refusals, of_rates_out_of_range) {
    dropout_refused(1.0f, "rate is 1, expected 0 <= rate < 1");
    dropout_refused(-0.5f, "rate is -0.5");
    dropout_refused(NAN, "rate is");
    dropout_refused(INFINITY, "rate is inf");
}

static void clip_refused(float low, float high, const char *words) {
    fmap_model *model = new_model();
    refused(model, fmap_model_clip(model, "it", picture(model), low, high), FMAP_ERROR_ARGUMENT, "Clip",
            words);
}

Test(keras_refusals, of_bounds_in_the_wrong_order) {
    clip_refused(2, 1, "low is 2 and high is 1, expected low <= high");
    clip_refused(NAN, 1, "low <= high");
    clip_refused(0, NAN, "low <= high");
}

Test(keras_refusals, of_activations_that_do_not_exist) {
    fmap_model *model = new_model();
    refused(model, fmap_model_activation(model, "it", picture(model), (fmap_activation)-1),
            FMAP_ERROR_ARGUMENT, "Activation", "-1");
    model = new_model();
    refused(model, fmap_model_leaky_relu(model, "it", picture(model), NAN), FMAP_ERROR_ARGUMENT, "LeakyReLU",
            "alpha");
}

static void pool_refused(fmap_pool_2d layer, const char *words) {
    fmap_model *model = new_model();
    refused(model, fmap_model_average_pooling_2d(model, "it", picture(model), &layer), FMAP_ERROR_ARGUMENT,
            "AveragePooling2D", words);
}

Test(keras_refusals, of_pools) {
    pool_refused((fmap_pool_2d){.pool_size = {-2, 2}}, "pool_size is (-2, 2)");
    pool_refused((fmap_pool_2d){.strides = {2, -2}}, "strides is (2, -2)");
    pool_refused((fmap_pool_2d){.pads = {1, 1, 1, 1}}, "FMAP_EXPLICIT");
    pool_refused((fmap_pool_2d){.padding = FMAP_EXPLICIT, .pads = {-1, 1, 1, 1}}, "none below 0");
    fmap_model *model = new_model();
    refused(model,
            fmap_model_max_pooling_2d(model, "it", picture(model), &(fmap_pool_2d){.count_padding = true}),
            FMAP_ERROR_ARGUMENT, "MaxPooling2D", "count_padding");
}

Test(keras_refusals, of_dense_layers) {
    fmap_model *model = new_model();
    fmap_value x = fmap_model_flatten(model, NULL, picture(model), FMAP_NCHW);
    refused(model, fmap_model_dense(model, "it", x, &(fmap_dense){.units = 0, .kernel = weights}),
            FMAP_ERROR_ARGUMENT, "Dense", "units is 0");
    model = new_model();
    x = fmap_model_flatten(model, NULL, picture(model), FMAP_NCHW);
    refused(model, fmap_model_dense(model, "it", x, &(fmap_dense){.units = 1}), FMAP_ERROR_ARGUMENT, "Dense",
            "kernel is NULL");
}

Test(keras_refusals, of_batch_normalizations) {
    const fmap_batch_normalization no_mean = {.variance = weights}, no_variance = {.mean = weights};
    const fmap_batch_normalization bad_epsilon = {.mean = weights, .variance = weights, .epsilon = -1};
    fmap_model *model = new_model();
    refused(model, fmap_model_batch_normalization(model, "it", picture(model), &no_mean), FMAP_ERROR_ARGUMENT,
            "BatchNormalization", "mean is NULL");
    model = new_model();
    refused(model, fmap_model_batch_normalization(model, "it", picture(model), &no_variance),
            FMAP_ERROR_ARGUMENT, "BatchNormalization", "variance is NULL");
    model = new_model();
    refused(model, fmap_model_batch_normalization(model, "it", picture(model), &bad_epsilon),
            FMAP_ERROR_ARGUMENT, "BatchNormalization", "epsilon is -1");
}

Test(keras_refusals, of_flattening_paddings_and_inputs) {
    fmap_model *model = new_model();
    refused(model, fmap_model_flatten(model, "it", picture(model), (fmap_layout)2), FMAP_ERROR_ARGUMENT,
            "Flatten", "order is 2");
    model = new_model();
    refused(model, fmap_model_zero_padding_2d(model, "it", picture(model), 0, -1, 0, 0), FMAP_ERROR_ARGUMENT,
            "ZeroPadding2D", "((0, -1), (0, 0))");
    model = new_model();
    refused(model, fmap_model_image_input(model, "it", 0, 8, 1), FMAP_ERROR_ARGUMENT, "Input", "height is 0");
    model = new_model();
    refused(model, fmap_model_image_input(model, "it", 8, -5, 1), FMAP_ERROR_ARGUMENT, "Input",
            "width is -5");
}

Test(keras_refusals, of_paddings_too_large_to_count) {
    fmap_model *model = new_model();
    fmap_model_zero_padding_2d(model, "it", picture(model), INT64_MAX, INT64_MAX, INT64_MAX, 0);
    fmap_error error = {0};
    cr_assert_neq(fmap_model_finish(model, &error), FMAP_OK);
    cr_assert(strstr(error.message, "'it'"), "%s", error.message);
    fmap_model_destroy(model);
}

/* No model, no crash: the first call of a forgetful caller. */
Test(keras_refusals, of_no_model_at_all) {
    const fmap_conv_2d conv = {.filters = 8, .kernel = weights};
    cr_assert_eq(fmap_model_image_input(NULL, "it", 8, 8, 1), FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_conv_2d(NULL, "it", 1, &conv), FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_relu(NULL, "it", 1), FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_clip(NULL, "it", 1, 2, 1), FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_flatten(NULL, "it", 1, FMAP_NCHW), FMAP_NO_VALUE);
}

/* The chain goes on with FMAP_NO_VALUE, and the first failure is the one that is told. */
Test(keras_refusals, are_told_at_the_end) {
    fmap_model *model = new_model();
    fmap_value x = fmap_model_dropout(model, "it", picture(model), 3);
    x = fmap_model_max_pooling_2d(model, "other", x, &(fmap_pool_2d){.pool_size = {-1, 1}});
    x = fmap_model_flatten(model, "another", x, FMAP_NHWC);
    fmap_model_output(model, x);
    refused(model, x, FMAP_ERROR_ARGUMENT, "Dropout", "rate is 3");
}
