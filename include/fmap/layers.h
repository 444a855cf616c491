/* The layers of Keras, to write a network down in C (see examples/).
 *
 * Each function adds one layer to a model that is being built, after `input`, and returns the layer's
 * output: FMAP_NO_VALUE after a failure, which fmap_model_finish() reports. `name` may be NULL. Weights
 * are given in Keras' order and are copied. Shapes are n, c, h, w as everywhere; for an input of shape
 * n, c, h, w the formulas below give out[n, c, y, x].
 *
 * The arithmetic is that of Keras 2 and 3 (https://keras.io/api/layers/) with a batch axis in front.
 *
 * A layer is a node under its name. The activation that Conv2D and Dense take as an argument is a node of its own
 * behind it, called NAME_relu, NAME_softmax, ...: taps can tell the two. Weights are NAME/kernel, NAME/bias, ...
 */
#ifndef FMAP_LAYERS_H
#define FMAP_LAYERS_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Input(shape=(height, width, channels)): a batch of images, float32. */
FMAP_API fmap_value fmap_model_image_input(fmap_model *model, const char *name, int64_t height, int64_t width,
                                           int64_t channels);

/* ZeroPadding2D(padding=((top, bottom), (left, right))). None may be negative. */
FMAP_API fmap_value fmap_model_zero_padding_2d(fmap_model *model, const char *name, fmap_value input,
                                               int64_t top, int64_t bottom, int64_t left, int64_t right);

typedef enum fmap_activation {
    FMAP_LINEAR = 0,
    FMAP_RELU,       /* max(x, 0) */
    FMAP_RELU6,      /* min(max(x, 0), 6) */
    FMAP_LEAKY_RELU, /* x >= 0 ? x : alpha * x, alpha = 0.3 as in Keras; see fmap_model_leaky_relu */
    FMAP_SIGMOID,    /* 1 / (1 + exp(-x)) */
    FMAP_TANH,
    FMAP_SOFTMAX /* over the channels */
} fmap_activation;

typedef enum fmap_padding {
    FMAP_VALID = 0, /* no padding */
    FMAP_SAME,      /* out = ceil(in / stride); the odd pixel of padding goes to the bottom and right */
    FMAP_EXPLICIT   /* as `pads` says */
} fmap_padding;

/* Conv2D, and DepthwiseConv2D with groups = channels. Zeros in size-like members mean 1.
 *
 *   out[n, o, y, x] = bias[o] + sum over i, ky, kx of
 *                     kernel[ky, kx, i, o] * in[n, g * C/groups + i, y * sy - top + ky * dy, x * sx - left + kx * dx]
 *   with g = o / (filters / groups), and zero outside of the image. */
typedef struct fmap_conv_2d {
    int64_t filters;
    int64_t kernel_size[2]; /* height, width */
    int64_t strides[2];
    int64_t dilation_rate[2];
    int64_t groups;
    fmap_padding padding;
    int64_t pads[4];     /* top, left, bottom, right; for FMAP_EXPLICIT, else zeros */
    const float *kernel; /* [height][width][channels / groups][filters]; a DepthwiseConv2D's
                             [height][width][channels][multiplier] is the same memory */
    const float *bias;   /* [filters]; NULL: none */
    fmap_activation activation;
} fmap_conv_2d;

FMAP_API fmap_value fmap_model_conv_2d(fmap_model *model, const char *name, fmap_value input,
                                       const fmap_conv_2d *layer);

/* Activation(...), also as an own layer. LeakyReLU takes Keras' default slope. */
FMAP_API fmap_value fmap_model_activation(fmap_model *model, const char *name, fmap_value input,
                                          fmap_activation activation);
FMAP_API fmap_value fmap_model_relu(fmap_model *model, const char *name, fmap_value input);
FMAP_API fmap_value fmap_model_leaky_relu(fmap_model *model, const char *name, fmap_value input, float alpha);

/* min(max(x, low), high); low must not exceed high. */
FMAP_API fmap_value fmap_model_clip(fmap_model *model, const char *name, fmap_value input, float low,
                                    float high);

/* Softmax over the channels (axis 1). */
FMAP_API fmap_value fmap_model_softmax(fmap_model *model, const char *name, fmap_value input);

/* Dropout(rate), 0 <= rate < 1. The identity, unless a plan asks for training; then
 * out = in * mask / (1 - rate), where each element of the mask is 0 with probability `rate` and 1 else
 * (inverted dropout: Srivastava et al., JMLR 15, 2014). The mask depends on the plan's seed, the layer,
 * the context's step and the element's index in n, c, h, w order, and on nothing else. */
FMAP_API fmap_value fmap_model_dropout(fmap_model *model, const char *name, fmap_value input, float rate);

/* MaxPooling2D and AveragePooling2D. Zeros in pool_size mean 2; in strides: the pool size.
 * Padding never wins a maximum and is not counted in an average, unless count_padding is set. */
typedef struct fmap_pool_2d {
    int64_t pool_size[2]; /* height, width */
    int64_t strides[2];
    fmap_padding padding;
    int64_t pads[4]; /* top, left, bottom, right; for FMAP_EXPLICIT */
    bool ceil_mode;  /* round the output size up: windows may hang over the bottom and right edge */
    bool count_padding;
} fmap_pool_2d;

FMAP_API fmap_value fmap_model_max_pooling_2d(fmap_model *model, const char *name, fmap_value input,
                                              const fmap_pool_2d *layer);
FMAP_API fmap_value fmap_model_average_pooling_2d(fmap_model *model, const char *name, fmap_value input,
                                                  const fmap_pool_2d *layer);

/* GlobalAveragePooling2D: n, c, h, w -> n, c. */
FMAP_API fmap_value fmap_model_global_average_pooling_2d(fmap_model *model, const char *name,
                                                         fmap_value input);

/* Flatten: n, c, h, w -> n, c*h*w. Keras (channels last) walks h, w, c, so pass FMAP_NHWC for weights
 * that were trained with Keras' defaults; PyTorch and ONNX walk c, h, w: FMAP_NCHW. */
FMAP_API fmap_value fmap_model_flatten(fmap_model *model, const char *name, fmap_value input,
                                       fmap_layout order);

/* Dense(units): out[n, o] = bias[o] + sum over i of in[n, i] * kernel[i, o]. */
typedef struct fmap_dense {
    int64_t units;
    const float *kernel; /* [features][units] */
    const float *bias;   /* [units]; NULL: none */
    fmap_activation activation;
} fmap_dense;

FMAP_API fmap_value fmap_model_dense(fmap_model *model, const char *name, fmap_value input,
                                     const fmap_dense *layer);

/* BatchNormalization in inference, over the channels:
 * out = gamma * (in - mean) / sqrt(variance + epsilon) + beta. Each array has one element a channel;
 * gamma NULL is ones, beta NULL zeros; epsilon 0 is Keras' 1e-3. */
typedef struct fmap_batch_normalization {
    const float *gamma;
    const float *beta;
    const float *mean;
    const float *variance;
    float epsilon;
} fmap_batch_normalization;

FMAP_API fmap_value fmap_model_batch_normalization(fmap_model *model, const char *name, fmap_value input,
                                                   const fmap_batch_normalization *layer);

/* Add()([a, b]) and Multiply()([a, b]), with numpy's broadcasting. */
FMAP_API fmap_value fmap_model_add(fmap_model *model, const char *name, fmap_value a, fmap_value b);
FMAP_API fmap_value fmap_model_multiply(fmap_model *model, const char *name, fmap_value a, fmap_value b);

/* Concatenate() over the channels. */
FMAP_API fmap_value fmap_model_concatenate(fmap_model *model, const char *name, const fmap_value *inputs,
                                           size_t n_inputs);

#ifdef __cplusplus
}
#endif

#endif
