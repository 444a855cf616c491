/* Layers of Keras in files: each against its formula in Keras' own order of the axes, n, h, w, c, in double. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/keras_writer.h"

static struct keras_writer w;

/* The model's first input: n, h, w, c or whatever the sizes are. */
static fmap_tensor input_of(int rank, const int64_t *sizes) {
    fmap_tensor tensor = {.type = FMAP_FLOAT32, .shape = {.rank = rank}};
    size_t n = 1;
    for (int i = 0; i < rank; i++) {
        tensor.shape.dims[i] = sizes[i];
        n *= (size_t)sizes[i];
    }
    tensor.data = keras_numbers(n, 77);
    return tensor;
}

#define INPUT(...) \
    input_of((int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__})

static const float *floats(const fmap_tensor *tensor) { return tensor->data; }

static void layer(const char *class_name, const char *name, const char *config) {
    char *json = keras_json("{'class_name': '%s', 'config': {'name': '%s'%s%s}}", class_name, name,
                            *config ? ", " : "", config);
    keras_layer(&w, json);
    free(json);
}

/* Runs the model and holds its output against the expected one: as many elements, and each within the bound of a sum of so
 * many terms, none of which is above `largest`. */
static void expect(const fmap_tensor *input, const double *expected, int rank, const int64_t *sizes,
                   int terms, double largest) {
    fmap_shape shape;
    float *output = keras_run(&w, input, 1, &shape);
    int64_t n = 1;
    cr_assert_eq(shape.rank, rank, "rank %d", shape.rank);
    for (int i = 0; i < rank; i++) {
        cr_assert_eq(shape.dims[i], sizes[i], "axis %d has %lld", i, (long long)shape.dims[i]);
        n *= sizes[i];
    }
    double bound = (double)FLT_EPSILON * (terms + 1) * terms * largest;
    for (int64_t i = 0; i < n; i++) {
        cr_assert(fabs((double)output[i] - expected[i]) <= bound, "element %lld is %.9g, expected %.9g",
                  (long long)i, (double)output[i], expected[i]);
    }
    free(output);
    free((void *)(uintptr_t)input->data);
    keras_free(&w);
}

#define SIZES(...) \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) { __VA_ARGS__ }

/* ---- convolutions ------------------------------------------------------------------------------------ */

/* A convolution as TensorFlow defines it, over one image. */
struct conv {
    int h, w, c, filters, kh, kw, stride, dilation, groups;
    bool same;
    int out_h, out_w;
};

static int padding_before(int in, int k, int stride, int dilation, bool same, int *out) {
    int span = (k - 1) * dilation + 1;
    *out = same ? (in + stride - 1) / stride : (in - span) / stride + 1;
    int total = (*out - 1) * stride + span - in;
    return same && total > 0 ? total / 2 : 0;
}

/* kernel [kh][kw][c / groups][filters] */
static double *conv_oracle(struct conv *conv, const float *x, const float *kernel, const float *bias) {
    int top = padding_before(conv->h, conv->kh, conv->stride, conv->dilation, conv->same, &conv->out_h);
    int left = padding_before(conv->w, conv->kw, conv->stride, conv->dilation, conv->same, &conv->out_w);
    double *y = calloc((size_t)(conv->out_h * conv->out_w * conv->filters), sizeof *y), *dst = y;
    int width = conv->c / conv->groups;
    for (int p = 0; p < conv->out_h * conv->out_w; p++) {
        for (int f = 0; f < conv->filters; f++, dst++) {
            int group = f / (conv->filters / conv->groups);
            *dst = bias ? (double)bias[f] : 0;
            for (int k = 0; k < conv->kh * conv->kw * width; k++) {
                int row = p / conv->out_w * conv->stride - top + k / width / conv->kw * conv->dilation;
                int column = p % conv->out_w * conv->stride - left + k / width % conv->kw * conv->dilation;
                if (row < 0 || row >= conv->h || column < 0 || column >= conv->w) continue;
                *dst += (double)x[(row * conv->w + column) * conv->c + group * width + k % width] *
                        (double)kernel[k * conv->filters + f];
            }
        }
    }
    return y;
}

static void expect_conv(struct conv conv, const fmap_tensor *input) {
    char shape[64];
    (void)snprintf(shape, sizeof shape, "%d, %d, %d, %d", conv.kh, conv.kw, conv.c / conv.groups,
                   conv.filters);
    float *kernel = keras_weights(&w, "c/kernel", shape);
    double *y;
    (void)snprintf(shape, sizeof shape, "%d", conv.filters);
    size_t n = (size_t)(conv.kh * conv.kw * conv.c / conv.groups * conv.filters);
    float *copy = malloc(n * sizeof *copy);
    memcpy(copy, kernel, n * sizeof *copy);
    y = conv_oracle(&conv, floats(input), copy, keras_weights(&w, "c/bias", shape));
    expect(input, y, SIZES(1, conv.out_h, conv.out_w, conv.filters), conv.kh * conv.kw * conv.c + 1, 1);
    free(y);
    free(copy);
}

Test(keras_layers, conv_2d_same_with_the_odd_pixel_behind) {
    fmap_tensor x = INPUT(1, 6, 7, 3);
    keras_input(&w, "null, 6, 7, 3");
    layer("Conv2D", "c", "'filters': 5, 'kernel_size': [3, 2], 'strides': [2, 2], 'padding': 'same'");
    expect_conv((struct conv){6, 7, 3, 5, 3, 2, 2, 1, 1, true, 0, 0}, &x);
}

Test(keras_layers, conv_2d_in_groups_with_dilation) {
    fmap_tensor x = INPUT(1, 8, 9, 4);
    keras_input(&w, "null, null, null, 4");
    layer("Conv2D", "c",
          "'filters': 6, 'kernel_size': 3, 'dilation_rate': [2, 2], 'groups': 2, 'padding': 'valid'");
    expect_conv((struct conv){8, 9, 4, 6, 3, 3, 1, 2, 2, false, 0, 0}, &x);
}

/* Each channel has two filters of its own: channel c gives outputs 2c and 2c + 1. */
Test(keras_layers, depthwise_conv_2d_with_a_multiplier) {
    fmap_tensor x = INPUT(1, 5, 4, 3);
    keras_input(&w, "null, 5, 4, 3");
    layer("DepthwiseConv2D", "c",
          "'kernel_size': [3, 3], 'depth_multiplier': 2, 'padding': 'same', 'use_bias': false");
    const float *kernel = keras_weights(&w, "c/depthwise_kernel", "3, 3, 3, 2");
    double y[5 * 4 * 6] = {0};
    for (int i = 0; i < 5 * 4 * 6; i++) {
        for (int k = 0; k < 9; k++) {
            int row = i / 24 - 1 + k / 3, column = i / 6 % 4 - 1 + k % 3;
            if (row < 0 || row >= 5 || column < 0 || column >= 4) continue;
            y[i] += (double)floats(&x)[(row * 4 + column) * 3 + i % 6 / 2] * (double)kernel[k * 6 + i % 6];
        }
    }
    expect(&x, y, SIZES(1, 5, 4, 6), 9, 1);
}

Test(keras_layers, separable_conv_2d_is_depthwise_then_pointwise) {
    fmap_tensor x = INPUT(1, 3, 3, 2);
    keras_input(&w, "null, 3, 3, 2");
    layer("SeparableConv2D", "c",
          "'filters': 4, 'kernel_size': [2, 2], 'depth_multiplier': 1, 'padding': 'valid'");
    float depth[8], point[8], bias[4];
    memcpy(depth, keras_weights(&w, "c/depthwise_kernel", "2, 2, 2, 1"), sizeof depth);
    memcpy(point, keras_weights(&w, "c/pointwise_kernel", "1, 1, 2, 4"), sizeof point);
    memcpy(bias, keras_weights(&w, "c/bias", "4"), sizeof bias);
    double y[2 * 2 * 4];
    for (int p = 0; p < 4; p++) {
        double inner[2] = {0, 0};
        for (int k = 0; k < 8; k++)
            inner[k % 2] += (double)floats(&x)[((p / 2 + k / 4) * 3 + p % 2 + k / 2 % 2) * 2 + k % 2] *
                            (double)depth[k];
        for (int f = 0; f < 4; f++)
            y[p * 4 + f] = (double)bias[f] + inner[0] * (double)point[f] + inner[1] * (double)point[4 + f];
    }
    expect(&x, y, SIZES(1, 2, 2, 4), 10, 4);
}

Test(keras_layers, conv_1d_causal_looks_only_back) {
    fmap_tensor x = INPUT(1, 6, 2);
    keras_input(&w, "null, 6, 2");
    layer("Conv1D", "c",
          "'filters': 3, 'kernel_size': [2], 'dilation_rate': [2], 'padding': 'causal', 'use_bias': false");
    const float *kernel = keras_weights(&w, "c/kernel", "2, 2, 3");
    double y[6 * 3] = {0};
    for (int i = 0; i < 18; i++) {
        for (int k = 0; k < 4; k++) {
            int step = i / 3 - 2 + k / 2 * 2;
            if (step >= 0) y[i] += (double)floats(&x)[step * 2 + k % 2] * (double)kernel[k * 3 + i % 3];
        }
    }
    expect(&x, y, SIZES(1, 6, 3), 4, 1);
}

/* The gradient of a convolution that goes from the output to the input: each input pixel is spread over a window. */
static void expect_transposed(int k, int stride, int dilation, const char *config, int out, int top) {
    enum { IN = 4, C = 2, F = 3 };
    fmap_tensor x = INPUT(1, IN, IN, C);
    char text[256], shape[64];
    keras_input(&w, "null, 4, 4, 2");
    (void)snprintf(text, sizeof text,
                   "'filters': 3, 'kernel_size': %d, 'strides': %d, 'dilation_rate': %d, "
                   "'use_bias': false, %s",
                   k, stride, dilation, config);
    (void)snprintf(shape, sizeof shape, "%d, %d, %d, %d", k, k, F, C);
    layer("Conv2DTranspose", "c", text);
    const float *kernel = keras_weights(&w, "c/kernel", shape);
    double *y = calloc((size_t)(out * out * F), sizeof *y);
    for (int i = 0; i < IN * IN * k * k; i++) {
        int tap = i % (k * k), pixel = i / (k * k);
        int row = pixel / IN * stride + tap / k * dilation - top,
            column = pixel % IN * stride + tap % k * dilation - top;
        if (row < 0 || row >= out || column < 0 || column >= out) continue;
        for (int j = 0; j < F * C; j++)
            y[(row * out + column) * F + j / C] += (double)floats(&x)[pixel * C + j % C] *
                                                   (double)kernel[tap * F * C + j];
    }
    expect(&x, y, SIZES(1, out, out, F), k * k * C, 1);
    free(y);
}

Test(keras_layers, conv_2d_transpose) {
    expect_transposed(3, 2, 1, "'padding': 'same'", 8, 0);
    expect_transposed(4, 2, 1, "'padding': 'same'", 8, 1);
    expect_transposed(5, 2, 1, "'padding': 'same'", 8, 1);
    expect_transposed(3, 1, 1, "'padding': 'same'", 4, 1);
    expect_transposed(3, 2, 1, "'padding': 'valid'", 9, 0);
    expect_transposed(2, 3, 1, "'padding': 'valid'", 12, 0);
    expect_transposed(2, 3, 1, "'padding': 'same'", 12, 0);
    expect_transposed(3, 2, 1, "'padding': 'same', 'output_padding': [1, 1]", 8, 0);
    expect_transposed(3, 2, 1, "'padding': 'valid', 'output_padding': [1, 1]", 10, 0);
    expect_transposed(3, 1, 2, "'padding': 'same'", 4, 2);
}

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

/* ---- element by element ------------------------------------------------------------------------------ */

Test(keras_layers, normalization_by_its_weights) {
    fmap_tensor x = INPUT(1, 1, 2, 2);
    float mean[2];
    double y[4];
    keras_input(&w, "null, 1, 2, 2");
    layer("Normalization", "n", "'axis': [-1], 'invert': false, 'mean': null, 'variance': null");
    memcpy(mean, keras_weights(&w, "n/mean", "2"), sizeof mean);
    float *variance = keras_weights(&w, "n/variance", "2");
    variance[0] = 4;
    variance[1] = 0.25f;
    static const int64_t count = 7;
    keras_entry(&w, "{\"name\": \"n/count\", \"shape\": [], \"dtype\": \"int32\"}", &count, 4);
    for (int i = 0; i < 4; i++) y[i] = ((double)floats(&x)[i] - (double)mean[i % 2]) / (i % 2 ? 0.5 : 2.0);
    expect(&x, y, SIZES(1, 1, 2, 2), 2, 4);
}

/* Each element alone; n, h, w, c = 1, 3, 4, 2 from -4 to 4. */
static void expect_each(const char *class_name, const char *config, const char *version,
                        double (*formula)(double x)) {
    float *numbers = keras_numbers(24, 3);
    double y[24];
    for (int i = 0; i < 24; i++) {
        numbers[i] = i == 7 ? 0 : 4 * numbers[i];
        y[i] = formula((double)numbers[i]);
    }
    const fmap_tensor x = {.type = FMAP_FLOAT32, .shape = {.rank = 4, .dims = {1, 3, 4, 2}}, .data = numbers};
    keras_input(&w, "null, 3, 4, 2");
    layer(class_name, "l", config);
    w.version = version;
    expect(&x, y, SIZES(1, 3, 4, 2), 4, 8);
}

static double relu(double x) { return fmax(x, 0); }
static double relu6(double x) { return fmin(fmax(x, 0), 6); }
static double leaky_2(double x) { return x < 0 ? 0.2 * x : x; }
static double leaky_3(double x) { return x < 0 ? 0.3 * x : x; }
static double elu(double x) { return x < 0 ? expm1(x) : x; }
static double selu(double x) { return 1.05070098735548049 * (x < 0 ? 1.67326324235437728 * expm1(x) : x); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double hard_sigmoid_2(double x) { return fmin(fmax(0.2 * x + 0.5, 0), 1); }
static double hard_sigmoid_3(double x) { return fmin(fmax(x / 6 + 0.5, 0), 1); }
static double softplus(double x) { return log1p(exp(x)); }
static double softsign(double x) { return x / (1 + fabs(x)); }
static double silu(double x) { return x / (1 + exp(-x)); }
static double hard_silu(double x) { return x * fmin(fmax(x / 6 + 0.5, 0), 1); }
static double mish(double x) { return x * tanh(log1p(exp(x))); }
static double gelu(double x) { return 0.5 * x * (1 + erf(x / sqrt(2))); }
static double scaled_exp(double x) { return exp(x) / 8; }
static double limited(double x) { return x < 0 ? fmax(0.5 * x, -99) : fmin(x, 2.5); }
static double from_one(double x) { return x >= 1 ? fmin(x, 3) : 0.25 * (x - 1); }
static double above_one(double x) { return x > 1 ? x : 0; }
static double same(double x) { return x; }

Test(keras_layers, activations) {
    static const struct {
        const char *name;
        double (*formula)(double x);
    } activations[] = {{"linear", same},       {"relu", relu},
                       {"relu6", relu6},       {"leaky_relu", leaky_2},
                       {"elu", elu},           {"selu", selu},
                       {"sigmoid", sigmoid},   {"hard_sigmoid", hard_sigmoid_2},
                       {"tanh", tanh},         {"softplus", softplus},
                       {"softsign", softsign}, {"swish", silu},
                       {"silu", silu},         {"hard_swish", hard_silu},
                       {"mish", mish},         {"gelu", gelu}};
    char config[64];
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        (void)snprintf(config, sizeof config, "'activation': '%s'", activations[i].name);
        expect_each("Activation", config, "2.10.0", activations[i].formula);
    }
    expect_each("Activation", "'activation': 'hard_sigmoid'", "3.4.1", hard_sigmoid_3);
    expect_each("Activation", "'activation': {'class_name': 'function', 'config': 'hard_silu'}", "3.4.1",
                hard_silu);
    expect_each("Activation", "'activation': {'class_name': 'LeakyReLU', 'config': {'alpha': 0.2}}", NULL,
                leaky_2);
}

Test(keras_layers, layers_that_are_activations) {
    expect_each("ReLU", "'max_value': null, 'negative_slope': 0.0, 'threshold': 0.0", NULL, relu);
    expect_each("ReLU", "'max_value': 6.0", NULL, relu6);
    expect_each("ReLU", "'max_value': 2.5, 'negative_slope': 0.5", NULL, limited);
    expect_each("ReLU", "'max_value': 3, 'negative_slope': 0.25, 'threshold': 1", NULL, from_one);
    expect_each("ThresholdedReLU", "'theta': 1.0", NULL, above_one);
    expect_each("LeakyReLU", "", NULL, leaky_3);
    expect_each("LeakyReLU", "'negative_slope': 0.2", NULL, leaky_2);
    expect_each("ELU", "'alpha': 1.0", NULL, elu);
    expect_each("GaussianNoise", "'stddev': 1.0", NULL, same);
}

Test(keras_layers, exponential) {
    float *numbers = keras_numbers(4, 9);
    double y[4];
    for (int i = 0; i < 4; i++) y[i] = scaled_exp((double)numbers[i]);
    const fmap_tensor x = {.type = FMAP_FLOAT32, .shape = {.rank = 2, .dims = {1, 4}}, .data = numbers};
    keras_input(&w, "null, 4");
    layer("Activation", "e", "'activation': 'exponential'");
    layer("Rescaling", "r", "'scale': 0.125");
    expect(&x, y, SIZES(1, 4), 2, 1);
}

Test(keras_layers, softmax_over_the_axis_that_it_names) {
    fmap_tensor x = INPUT(1, 2, 1, 3);
    double y[6], z[6];
    for (int i = 0; i < 6; i++) {
        double sum = 0, over_rows = 0;
        for (int k = 0; k < 3; k++) sum += exp((double)floats(&x)[i / 3 * 3 + k]);
        for (int k = 0; k < 2; k++) over_rows += exp((double)floats(&x)[k * 3 + i % 3]);
        y[i] = exp((double)floats(&x)[i]) / sum;
        z[i] = exp((double)floats(&x)[i]) / over_rows;
    }
    keras_input(&w, "null, 2, 1, 3");
    layer("Softmax", "s", "'axis': -1");
    expect(&x, y, SIZES(1, 2, 1, 3), 4, 1);
    x = INPUT(1, 2, 1, 3);
    keras_input(&w, "null, 2, 1, 3");
    layer("Softmax", "s", "'axis': 1");
    expect(&x, z, SIZES(1, 2, 1, 3), 4, 1);
}

Test(keras_layers, prelu_with_and_without_shared_axes) {
    for (int shared = 0; shared < 2; shared++) {
        fmap_tensor x = INPUT(1, 2, 2, 3);
        double y[12];
        keras_input(&w, "null, 2, 2, 3");
        layer("PReLU", "p", shared ? "'shared_axes': [1, 2]" : "'shared_axes': null");
        const float *alpha = keras_weights(&w, "p/alpha", shared ? "1, 1, 3" : "2, 2, 3");
        for (int i = 0; i < 12; i++)
            y[i] = (double)floats(&x)[i] * (floats(&x)[i] < 0 ? (double)alpha[shared ? i % 3 : i] : 1.0);
        expect(&x, y, SIZES(1, 2, 2, 3), 1, 1);
    }
}

/* x is 1, 2, 2, 2; beside it stands the mean of its pixels, n, c, or a number of pixels' rows. */
static void expect_merged(const char *class_name, double (*merge)(double a, double b)) {
    fmap_tensor x = INPUT(1, 2, 2, 2);
    double y[8], mean[2] = {0, 0};
    for (int i = 0; i < 8; i++) mean[i % 2] += (double)floats(&x)[i] / 4;
    for (int i = 0; i < 8; i++) y[i] = merge((double)floats(&x)[i], mean[i % 2]);
    keras_input(&w, "null, 2, 2, 2");
    char *pool = keras_json("{'class_name': 'GlobalAveragePooling2D', 'name': 'g', 'config': {'name': 'g'}, "
                            "'inbound_nodes': [[['x', 0, 0]]]}");
    char *join = keras_json(
        "{'class_name': '%s', 'name': 'm', 'config': {'name': 'm'}, 'inbound_nodes': [[['x', 0, 0], "
        "['g', 0, 0]]]}",
        class_name);
    keras_layer(&w, pool);
    keras_layer(&w, join);
    free(pool);
    free(join);
    w.network = "{'class_name': 'Functional', 'config': {'layers': [%s], 'input_layers': [['x', 0, 0]], "
                "'output_layers': "
                "[['m', 0, 0]]}}";
    expect(&x, y, SIZES(1, 2, 2, 2), 5, 2);
}

static double sum_of(double a, double b) { return a + b; }
static double difference(double a, double b) { return a - b; }
static double product(double a, double b) { return a * b; }
static double average(double a, double b) { return (a + b) / 2; }

Test(keras_layers, layers_that_join_tensors_of_other_ranks) {
    expect_merged("Add", sum_of);
    expect_merged("Subtract", difference);
    expect_merged("Multiply", product);
    expect_merged("Average", average);
    expect_merged("Maximum", fmax);
    expect_merged("Minimum", fmin);
}
