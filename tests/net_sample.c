#include "net_sample.h"

#include "check.h"

static const char *const layers[] = {
    "padding",     "conv1",   "norm1",  "relu1",       "dropout1", "pool1",  "conv2",
    "conv2_relu6", "conv3",   "add1",   "relu3",       "concat1",  "conv4",  "leaky4",
    "pool4",       "flatten", "dense1", "dense1_tanh", "dropout2", "dense2", "softmax"};

size_t net_sample_layers(const char *const **names) {
    if (names) *names = layers;
    return sizeof layers / sizeof layers[0];
}

float *net_sample_images(int n, uint64_t seed) { return net_random((size_t)n * NET_SAMPLE_INPUTS, seed); }

static fmap_value first_half(fmap_model *model, bool norm, const float *w, const float *positive) {
    fmap_value x = fmap_model_image_input(model, "x", NET_SAMPLE_H, NET_SAMPLE_W, NET_SAMPLE_C);
    x = fmap_model_zero_padding_2d(model, "padding", x, 1, 1, 1, 1);
    x = fmap_model_conv_2d(model, "conv1", x,
                           &(fmap_conv_2d){.filters = 20, .kernel_size = {3, 3}, .kernel = w, .bias = w + 7});
    if (norm) {
        x = fmap_model_batch_normalization(model, "norm1", x,
                                           &(fmap_batch_normalization){w + 1, w + 2, w + 3, positive, 0});
    }
    x = fmap_model_relu(model, "relu1", x);
    x = fmap_model_dropout(model, "dropout1", x, 0.25f);
    fmap_value pool1 = fmap_model_max_pooling_2d(model, "pool1", x, &(fmap_pool_2d){.pool_size = {2, 2}});
    x = fmap_model_conv_2d(model, "conv2", pool1,
                           &(fmap_conv_2d){.filters = 20,
                                           .kernel_size = {3, 3},
                                           .groups = 20,
                                           .padding = FMAP_SAME,
                                           .kernel = w + 11,
                                           .bias = w,
                                           .activation = FMAP_RELU6});
    x = fmap_model_conv_2d(model, "conv3", x,
                           &(fmap_conv_2d){.filters = 20, .kernel = w + 13, .bias = w + 1});
    x = fmap_model_add(model, "add1", x, pool1);
    x = fmap_model_relu(model, "relu3", x);
    return fmap_model_concatenate(model, "concat1", (fmap_value[]){x, pool1}, 2);
}

static void build(fmap_model *model, bool norm) {
    static float w[8192], positive[64]; /* the model has its own copies */
    check_fill(w, 8192, -0.5f, 0.5f, 3);
    check_fill(positive, 64, 0.25f, 1.0f, 4);
    fmap_value x = first_half(model, norm, w, positive);
    x = fmap_model_conv_2d(model, "conv4", x,
                           &(fmap_conv_2d){.filters = 16,
                                           .kernel_size = {3, 3},
                                           .strides = {2, 2},
                                           .groups = 8,
                                           .padding = FMAP_SAME,
                                           .kernel = w + 17});
    x = fmap_model_leaky_relu(model, "leaky4", x, 0.1f);
    x = fmap_model_average_pooling_2d(
        model, "pool4", x, &(fmap_pool_2d){.pool_size = {3, 3}, .strides = {1, 1}, .padding = FMAP_SAME});
    x = fmap_model_flatten(model, "flatten", x, FMAP_NHWC);
    x = fmap_model_dense(model, "dense1", x,
                         &(fmap_dense){.units = 24, .kernel = w + 19, .bias = w, .activation = FMAP_TANH});
    x = fmap_model_dropout(model, "dropout2", x, 0.5f);
    x = fmap_model_dense(model, "dense2", x,
                         &(fmap_dense){.units = NET_SAMPLE_OUTPUTS, .kernel = w + 23, .bias = w + 5});
    fmap_model_output(model, fmap_model_softmax(model, "softmax", x));
}

void net_sample_build(fmap_model *model, const void *what) {
    (void)what;
    build(model, true);
}

void net_sample_plain_build(fmap_model *model, const void *what) {
    (void)what;
    build(model, false);
}
