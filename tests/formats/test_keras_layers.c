/* Layers of Keras in files: dense, elements that move, pools, scaling. */
#include <string.h>

#include "keras_layer.h"

/* ---- dense ------------------------------------------------------------------------------------------- */

static void expect_dense(const fmap_tensor *x, int rows, int rank, const int64_t *sizes) {
    float kernel[3 * 4], bias[4];
    layer("Dense", "d", "'units': 4, 'activation': 'relu'");
    memcpy(kernel, keras_weights(&w, "d/kernel", "3, 4"), sizeof kernel);
    memcpy(bias, keras_weights(&w, "d/bias", "4"), sizeof bias);
    double *y = malloc((size_t)rows * 4 * sizeof *y);
    for (int i = 0; i < rows * 4; i++) {
        y[i] = (double)bias[i % 4];
        for (int k = 0; k < 3; k++) y[i] += (double)floats(x)[i / 4 * 3 + k] * (double)kernel[k * 4 + i % 4];
        y[i] = fmax(y[i], 0);
    }
    expect(x, y, rank, sizes, 4, 1);
    free(y);
}

Test(keras_layers, dense_over_the_last_axis_of_any_rank) {
    fmap_tensor x = INPUT(2, 3);
    keras_input(&w, "null, 3");
    expect_dense(&x, 2, SIZES(2, 4));
    x = INPUT(2, 5, 3);
    keras_input(&w, "null, 5, 3");
    expect_dense(&x, 10, SIZES(2, 5, 4));
    x = INPUT(1, 5, 6, 3);
    keras_input(&w, "null, 5, 6, 3");
    expect_dense(&x, 30, SIZES(1, 5, 6, 4));
}

/* ---- elements that move ------------------------------------------------------------------------------ */

/* y[i] = x[from[i]], as a function of i */
static void expect_moved(const fmap_tensor *x, int (*from)(int i), int rank, const int64_t *sizes) {
    int n = 1;
    for (int i = 0; i < rank; i++) n *= (int)sizes[i];
    double *y = malloc((size_t)n * sizeof *y);
    for (int i = 0; i < n; i++) y[i] = from(i) < 0 ? 0 : (double)floats(x)[from(i)];
    expect(x, y, rank, sizes, 0, 0);
    free(y);
}

static int same_place(int i) { return i; }

Test(keras_layers, flatten_and_reshape_keep_keras_order) {
    fmap_tensor x = INPUT(1, 2, 3, 4);
    keras_input(&w, "null, 2, 3, 4");
    layer("Flatten", "f", "");
    expect_moved(&x, same_place, SIZES(1, 24));
    x = INPUT(1, 2, 3, 4);
    keras_input(&w, "null, 2, 3, 4");
    layer("Reshape", "r", "'target_shape': [6, -1]");
    expect_moved(&x, same_place, SIZES(1, 6, 4));
    x = INPUT(1, 2, 3, 4);
    keras_input(&w, "null, 2, 3, 4");
    layer("Reshape", "r", "'target_shape': [3, 4, 2]");
    layer("Dropout", "d", "'rate': 0.5");
    layer("Flatten", "f", "");
    layer("Reshape", "s", "'target_shape': [4, 3, 2]");
    layer("SpatialDropout2D", "e", "'rate': 0.5");
    expect_moved(&x, same_place, SIZES(1, 4, 3, 2));
}

static int permuted(int i) {
    return i % 2 * 12 + i / 2 % 3 * 4 + i / 6;
} /* [c][w][h] of [h][w][c] = 2, 3, 4 */

Test(keras_layers, permute) {
    fmap_tensor x = INPUT(1, 2, 3, 4);
    keras_input(&w, "null, 2, 3, 4");
    layer("Permute", "p", "'dims': [3, 2, 1]");
    expect_moved(&x, permuted, SIZES(1, 4, 3, 2));
}

static int padded(int i) { /* 2 x 3 in 2 + 3 x 3 + 1, two channels */
    int row = i / 8 - 1, column = i / 2 % 4;
    return row < 0 || row >= 2 || column >= 3 ? -1 : (row * 3 + column) * 2 + i % 2;
}

static int cropped(int i) { return ((i / 4 + 1) * 3 + i / 2 % 2) * 2 + i % 2; }

Test(keras_layers, zero_padding_and_cropping) {
    fmap_tensor x = INPUT(1, 2, 3, 2);
    keras_input(&w, "null, 2, 3, 2");
    layer("ZeroPadding2D", "p", "'padding': [[1, 2], [0, 1]]");
    expect_moved(&x, padded, SIZES(1, 5, 4, 2));
    x = INPUT(1, 4, 3, 2);
    keras_input(&w, "null, null, 3, 2");
    layer("Cropping2D", "p", "'cropping': [[1, 0], [0, 1]]");
    expect_moved(&x, cropped, SIZES(1, 3, 2, 2));
}

static int repeated(int i) { return (i / 2 / 6 / 2 * 2 + i / 2 % 6 / 3) * 2 + i % 2; } /* 2 x 2 to 4 x 6 */

Test(keras_layers, up_sampling_repeats_pixels) {
    fmap_tensor x = INPUT(1, 2, 2, 2);
    keras_input(&w, "null, null, null, 2");
    layer("UpSampling2D", "u", "'size': [2, 3], 'interpolation': 'nearest'");
    expect_moved(&x, repeated, SIZES(1, 4, 6, 2));
}

Test(keras_layers, up_sampling_bilinear_between_middles_of_pixels) {
    fmap_tensor x = INPUT(1, 3, 1, 1);
    const float *v = floats(&x);
    keras_input(&w, "null, 3, 1, 1");
    layer("UpSampling2D", "u", "'size': [2, 1], 'interpolation': 'bilinear'");
    double a = (double)v[0], b = (double)v[1], c = (double)v[2];
    const double y[6] = {
        a, 0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b, 0.75 * b + 0.25 * c, 0.25 * b + 0.75 * c, c};
    expect(&x, y, SIZES(1, 6, 1, 1), 2, 1);
}

/* ---- pooling ----------------------------------------------------------------------------------------- */

Test(keras_layers, pooling_same_counts_only_what_is_there) {
    double largest[2 * 2] = {-9, -9, -9, -9}, sum[4] = {0}, count[4] = {0};
    fmap_tensor x = INPUT(1, 3, 3, 1), again = INPUT(1, 3, 3, 1);
    for (int i = 0; i < 9; i++) {
        int at = i / 3 / 2 * 2 + i % 3 / 2;
        largest[at] = fmax(largest[at], (double)floats(&x)[i]);
        sum[at] += (double)floats(&x)[i];
        count[at]++;
    }
    for (int i = 0; i < 4; i++) sum[i] /= count[i];
    keras_input(&w, "null, 3, 3, 1");
    layer("MaxPooling2D", "p", "'pool_size': [2, 2], 'strides': null, 'padding': 'same'");
    expect(&x, largest, SIZES(1, 2, 2, 1), 0, 0);
    keras_input(&w, "null, 3, 3, 1");
    layer("AveragePooling2D", "p", "'pool_size': [2, 2], 'strides': [2, 2], 'padding': 'same'");
    expect(&again, sum, SIZES(1, 2, 2, 1), 4, 1);
}

Test(keras_layers, global_pooling_with_and_without_its_axes) {
    static const char *const classes[] = {"GlobalAveragePooling2D", "GlobalMaxPooling2D"};
    for (int i = 0; i < 4; i++) {
        fmap_tensor x = INPUT(1, 2, 3, 2);
        double mean[2] = {0, 0}, largest[2] = {-9, -9};
        for (int k = 0; k < 12; k++) {
            mean[k % 2] += (double)floats(&x)[k] / 6;
            largest[k % 2] = fmax(largest[k % 2], (double)floats(&x)[k]);
        }
        keras_input(&w, "null, 2, 3, 2");
        layer(classes[i % 2], "p", i < 2 ? "" : "'keepdims': true");
        if (i < 2)
            expect(&x, i % 2 ? largest : mean, SIZES(1, 2), 6, 1);
        else
            expect(&x, i % 2 ? largest : mean, SIZES(1, 1, 1, 2), 6, 1);
    }
}

/* ---- scaling ----------------------------------------------------------------------------------------- */

Test(keras_layers, batch_normalization) {
    fmap_tensor x = INPUT(1, 2, 2, 3);
    float gamma[3], beta[3], mean[3], variance[3];
    double y[12];
    keras_input(&w, "null, 2, 2, 3");
    layer("BatchNormalization", "b", "'axis': [3], 'epsilon': 0.01");
    memcpy(gamma, keras_weights(&w, "b/gamma", "3"), sizeof gamma);
    memcpy(beta, keras_weights(&w, "b/beta", "3"), sizeof beta);
    memcpy(mean, keras_weights(&w, "b/moving_mean", "3"), sizeof mean);
    float *weights = keras_weights(&w, "b/moving_variance", "3");
    for (int i = 0; i < 3; i++) variance[i] = weights[i] = fabsf(weights[i]) + 0.5f;
    for (int i = 0; i < 12; i++)
        y[i] = (double)gamma[i % 3] * ((double)floats(&x)[i] - (double)mean[i % 3]) /
                   sqrt((double)variance[i % 3] + 0.01) +
               (double)beta[i % 3];
    expect(&x, y, SIZES(1, 2, 2, 3), 3, 3);
}

Test(keras_layers, layer_normalization_over_the_channels) {
    fmap_tensor x = INPUT(1, 2, 1, 4);
    float gamma[4];
    double y[8];
    keras_input(&w, "null, 2, 1, 4");
    layer("LayerNormalization", "l", "'axis': [-1], 'epsilon': 0.001, 'center': false");
    memcpy(gamma, keras_weights(&w, "l/gamma", "4"), sizeof gamma);
    for (int i = 0; i < 8; i++) {
        const float *row = floats(&x) + i / 4 * 4;
        double mean = 0, variance = 0;
        for (int k = 0; k < 4; k++) mean += (double)row[k] / 4;
        for (int k = 0; k < 4; k++) variance += ((double)row[k] - mean) * ((double)row[k] - mean) / 4;
        y[i] = (double)gamma[i % 4] * ((double)row[i % 4] - mean) / sqrt(variance + 0.001);
    }
    expect(&x, y, SIZES(1, 2, 1, 4), 8, 4);
}

Test(keras_layers, rescaling_by_one_number_or_one_a_channel) {
    fmap_tensor x = INPUT(1, 1, 2, 3);
    double y[6];
    keras_input(&w, "null, 1, 2, 3");
    layer("Rescaling", "r", "'scale': [2, 3, 4], 'offset': -1.0");
    for (int i = 0; i < 6; i++) y[i] = (double)floats(&x)[i] * (2 + i % 3) - 1;
    expect(&x, y, SIZES(1, 1, 2, 3), 2, 4);
}

/* ---- channels first ---------------------------------------------------------------------------------- */

/* Then the input comes as the model has it: n, c, h, w. The helpers of keras_run() take the last axis for the channels, so
 * both of its shapes are written in that order. */
Test(keras_layers, channels_first) {
    fmap_tensor x = INPUT(1, 2, 2, 3); /* as pixels; the model's input is 1, 3, 2, 2 */
    keras_input(&w, "null, 3, 2, 2");
    layer("Conv2D", "c",
          "'filters': 2, 'kernel_size': [1, 1], 'data_format': 'channels_first', 'use_bias': false");
    layer("BatchNormalization", "b", "'axis': [1], 'scale': false, 'center': false, 'epsilon': 0");
    float kernel[6], mean[2];
    double y[8];
    memcpy(kernel, keras_weights(&w, "c/kernel", "1, 1, 3, 2"), sizeof kernel);
    memcpy(mean, keras_weights(&w, "b/moving_mean", "2"), sizeof mean);
    float *variance = keras_weights(&w, "b/moving_variance", "2");
    variance[0] = variance[1] = 1;
    for (int i = 0; i < 8; i++) {
        y[i] = -(double)mean[i % 2];
        for (int k = 0; k < 3; k++) y[i] += (double)floats(&x)[i / 2 * 3 + k] * (double)kernel[k * 2 + i % 2];
    }
    expect(&x, y, SIZES(1, 2, 2, 2), 4, 2);
}
