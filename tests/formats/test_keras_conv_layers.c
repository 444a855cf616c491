/* Convolutions of Keras in files. */
#include <stdio.h>
#include <string.h>

#include "keras_layer.h"

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

Test(keras_conv_layers, conv_2d_same_with_the_odd_pixel_behind) {
    fmap_tensor x = INPUT(1, 6, 7, 3);
    keras_input(&w, "null, 6, 7, 3");
    layer("Conv2D", "c", "'filters': 5, 'kernel_size': [3, 2], 'strides': [2, 2], 'padding': 'same'");
    expect_conv((struct conv){6, 7, 3, 5, 3, 2, 2, 1, 1, true, 0, 0}, &x);
}

Test(keras_conv_layers, conv_2d_in_groups_with_dilation) {
    fmap_tensor x = INPUT(1, 8, 9, 4);
    keras_input(&w, "null, null, null, 4");
    layer("Conv2D", "c",
          "'filters': 6, 'kernel_size': 3, 'dilation_rate': [2, 2], 'groups': 2, 'padding': 'valid'");
    expect_conv((struct conv){8, 9, 4, 6, 3, 3, 1, 2, 2, false, 0, 0}, &x);
}

/* Each channel has two filters of its own: channel c gives outputs 2c and 2c + 1. */
Test(keras_conv_layers, depthwise_conv_2d_with_a_multiplier) {
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

Test(keras_conv_layers, separable_conv_2d_is_depthwise_then_pointwise) {
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

Test(keras_conv_layers, conv_1d_causal_looks_only_back) {
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

Test(keras_conv_layers, conv_2d_transpose) {
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
