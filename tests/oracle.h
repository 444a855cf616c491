/* The only truth of the tests: every operator as the obvious loops in double, over plain arrays in n, c, h, w
 * order. Slow, and sharing nothing with the library but the numbering of activations.
 *
 * Where a result is a sum, `magnitude`, unless NULL, receives the sum of the terms' absolute values: what a
 * derived tolerance is made of (check_bound in check.h). */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* Where a window stands: window row r of output row y is image row y * stride_h - pad_top + r * dilation_h. */
struct oracle_window {
    int kernel_h, kernel_w;
    int stride_h, stride_w;
    int dilation_h, dilation_w;
    int pad_top, pad_left, pad_bottom, pad_right;
};

/* A window of 1 x 1 at stride 1 without padding. */
struct oracle_window oracle_window(void);

/* The output's size along one axis. With ceil_mode a window may hang over the end, but has to begin inside
 * of the image or of the padding before it. */
int oracle_out_size(int in, int kernel, int stride, int dilation, int pad_before, int pad_after,
                    bool ceil_mode);

/* dst[n][f][y][x] = bias[f] + sum over i, r, k of weights[f][i][r][k] * src[n][group of f * channels / groups + i][..][..];
 * elements outside of the image are left out, so they give 0 even for infinite weights. */
struct oracle_conv_2d {
    int n, channels, in_h, in_w;
    int filters, groups;
    int out_h, out_w;
    struct oracle_window window;
    const float *src;     /* [n][channels][in_h][in_w] */
    const float *weights; /* [filters][channels / groups][kernel_h][kernel_w] */
    const float *bias;    /* [filters]; NULL: zeros */
};
void oracle_conv_2d(const struct oracle_conv_2d *conv, double *dst, double *magnitude);

/* dst[n][u] = bias[u] + sum over f of src[n][f] * weights[u * unit_stride + f * feature_stride] */
struct oracle_dense {
    int n, features, units;
    ptrdiff_t unit_stride, feature_stride; /* Keras: 1, units; ONNX with transB and PyTorch: features, 1 */
    const float *src;
    const float *weights;
    const float *bias; /* NULL: zeros */
};
void oracle_dense(const struct oracle_dense *dense, double *dst, double *magnitude);

/* Maximum: NaN if the window holds one, -infinity if it is empty. Average: over the elements inside of the
 * image, or with count_padding also over those of the padding (but not over what hangs over its end, as
 * ceil_mode allows); 0 if the window is empty. */
struct oracle_pool_2d {
    int n, channels, in_h, in_w;
    int out_h, out_w;
    struct oracle_window window;
    bool count_padding;
    const float *src;
};
void oracle_max_pool_2d(const struct oracle_pool_2d *pool, double *dst);
void oracle_average_pool_2d(const struct oracle_pool_2d *pool, double *dst, double *magnitude);

/* dst[i] = mean of src[i][0 .. n_pixels - 1], i < n_maps */
void oracle_global_average(const float *src, int n_maps, int64_t n_pixels, double *dst, double *magnitude);

/* Of n elements; of a product the magnitude is its own, of an extreme 0. NaN wins an extreme. */
double oracle_reduce(enum fmap_reduce_op op, const float *src, int64_t n, double shift, double *magnitude);

/* Over the middle axis of [outer][n][inner]. */
void oracle_softmax(const float *src, int outer, int n, int inner, double *dst);

double oracle_activate(double x, const struct fmap_activate_job *activate);

/* dst = gamma * (src - mean) / sqrt(variance + epsilon) + beta for [n][channels][pixels]; gamma NULL is ones,
 * beta NULL zeros. */
struct oracle_batch_normalization {
    int n, channels, pixels;
    const float *src, *gamma, *beta, *mean, *variance;
    double epsilon;
};
void oracle_batch_normalization(const struct oracle_batch_normalization *norm, double *dst,
                                double *magnitude);

/* Philox4x32-10 as published: counter and key to four random words. */
void oracle_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Whether dropout keeps (1) or drops (0) element `index`; see struct fmap_dropout_mask. */
float oracle_dropout_mask(uint64_t key, uint64_t step, uint64_t index, uint64_t threshold);

/* [n][channels][pixels] to [n][pixels][channels]: what a flattening in Keras' order walks through. */
void oracle_channels_last(const float *src, int n, int channels, int pixels, float *dst);

/* dst[n_maps][top + h + bottom][left + w + right], `value` around src[n_maps][h][w]. Negative ones crop. */
struct oracle_pad_2d {
    int n_maps, h, w;
    int top, left, bottom, right;
    float value;
    const float *src;
};
void oracle_pad_2d(const struct oracle_pad_2d *pad, float *dst);

#endif
