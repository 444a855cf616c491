/* Keras' layers with weights, and what is refused. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_conv.h"

/* ---- Conv2D ------------------------------------------------------------------------------------------------- */

struct keras_conv {
    struct net_conv conv; /* weights as ONNX has them */
    fmap_padding padding;
    fmap_activation activation;
};

/* The same weights as Keras has them: [height][width][in][out]. */
static float *keras_kernel(const struct oracle_conv_2d *shape) {
    int in = shape->channels / shape->groups, h = shape->window.kernel_h, w = shape->window.kernel_w;
    float *kernel = malloc((size_t)(h * w * in * shape->filters) * sizeof *kernel);
    for (int o = 0; o < shape->filters; o++) {
        for (int i = 0; i < in; i++) {
            for (int y = 0; y < h; y++) {
                for (int x = 0; x < w; x++) {
                    kernel[((y * w + x) * in + i) * shape->filters + o] =
                        shape->weights[((o * in + i) * h + y) * w + x];
                }
            }
        }
    }
    return kernel;
}

static void build_conv(fmap_model *model, const void *what) {
    const struct keras_conv *keras = what;
    const struct oracle_conv_2d *shape = &keras->conv.shape;
    const struct oracle_window *w = &shape->window;
    float *kernel = keras_kernel(shape);
    fmap_conv_2d layer = {.filters = shape->filters,
                          .kernel_size = {w->kernel_h, w->kernel_w},
                          .strides = {w->stride_h, w->stride_w},
                          .dilation_rate = {w->dilation_h, w->dilation_w},
                          .groups = shape->groups,
                          .padding = keras->padding,
                          .kernel = kernel,
                          .bias = shape->bias,
                          .activation = keras->activation};
    if (keras->padding == FMAP_EXPLICIT) {
        const int pads[4] = {w->pad_top, w->pad_left, w->pad_bottom, w->pad_right};
        for (int i = 0; i < 4; i++) layer.pads[i] = pads[i];
    }
    fmap_value x = fmap_model_image_input(model, "x", shape->in_h, shape->in_w, shape->channels);
    fmap_model_output(model, fmap_model_conv_2d(model, "y", x, &layer));
    free(kernel); /* the model has its own */
}

static struct keras_conv random_conv(uint64_t *seed) {
    struct keras_conv keras = {.padding = (fmap_padding)check_between(seed, FMAP_VALID, FMAP_EXPLICIT),
                               .activation = check_between(seed, 0, 1) ? FMAP_RELU : FMAP_LINEAR};
    struct oracle_conv_2d *s = &keras.conv.shape;
    s->n = check_between(seed, 1, 2);
    s->groups = check_between(seed, 0, 2) ? 1 : check_between(seed, 1, 20);
    s->channels = s->groups * check_between(seed, 1, 4);
    s->filters = s->groups * check_between(seed, 1, 4);
    s->in_h = check_between(seed, 1, 9);
    s->in_w = check_between(seed, 1, 9);
    s->window = (struct oracle_window){.kernel_h = check_between(seed, 1, 4),
                                       .kernel_w = check_between(seed, 1, 4),
                                       .stride_h = check_between(seed, 1, 2),
                                       .stride_w = check_between(seed, 1, 2),
                                       .dilation_h = check_between(seed, 1, 2),
                                       .dilation_w = check_between(seed, 1, 2)};
    if (keras.padding == FMAP_EXPLICIT) {
        s->window.pad_top = check_between(seed, 0, 3);
        s->window.pad_left = check_between(seed, 0, 3);
        s->window.pad_bottom = check_between(seed, 0, 3);
        s->window.pad_right = check_between(seed, 0, 3);
    }
    keras.conv.auto_pad = keras.padding == FMAP_SAME ? "SAME_UPPER" : "VALID";
    if (keras.padding != FMAP_EXPLICIT) net_conv_resolve_auto_pad(&keras.conv);
    return keras;
}

static void check_conv(struct keras_conv *keras) {
    const struct oracle_conv_2d *shape = &keras->conv.shape;
    size_t n = net_conv_outputs(&keras->conv);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    int n_terms = shape->channels / shape->groups * shape->window.kernel_h * shape->window.kernel_w;
    oracle_conv_2d(shape, expected, bounds);
    for (size_t i = 0; i < n; i++) {
        bounds[i] = check_bound(n_terms, bounds[i]);
        if (keras->activation == FMAP_RELU && expected[i] < 0) expected[i] = 0;
    }
    fmap_model *model = net_model(build_conv, keras);
    cr_assert(model &&
                  net_agrees(model, &(fmap_plan_options){.batch = shape->n}, shape->src, expected, bounds, n),
              "%s", net_conv_text(&keras->conv).text);
    fmap_model_destroy(model);
    free(expected);
    free(bounds);
}

Test(keras_weights, conv_2d_agrees_with_the_oracle) {
    uint64_t seed = 1;
    for (int done = 0; done < 150;) {
        struct keras_conv keras = random_conv(&seed);
        if (!net_conv_complete(&keras.conv, check_between(&seed, 0, 1), seed)) continue;
        check_conv(&keras);
        net_conv_free(&keras.conv);
        done++;
    }
}

/* One filter a channel, zeros for everything that has a default. */
static void build_plain_conv(fmap_model *model, const void *what) {
    fmap_value x = fmap_model_image_input(model, "x", 2, 2, 2);
    fmap_model_output(model,
                      fmap_model_conv_2d(model, "y", x, &(fmap_conv_2d){.filters = 3, .kernel = what}));
}

Test(keras_weights, zeros_mean_a_kernel_of_one_pixel) {
    const float kernel[2][3] = {{1, 0, 2}, {0, 1, 3}}, x[8] = {1, 2, 3, 4, 10, 20, 30, 40};
    const float expected[12] = {1, 2, 3, 4, 10, 20, 30, 40, 32, 64, 96, 128};
    float y[12];
    fmap_model *model = net_model(build_plain_conv, kernel);
    cr_assert(model && net_once(model, NULL, x, y));
    cr_assert(check_same_bits("y", y, expected, 12));
    fmap_model_destroy(model);
}

/* DepthwiseConv2D's kernel, [height][width][channels][multiplier], is the same memory. */
static void build_depthwise(fmap_model *model, const void *what) {
    fmap_value x = fmap_model_image_input(model, "x", 1, 2, 2);
    fmap_conv_2d layer = {.filters = 4, .kernel_size = {1, 2}, .groups = 2, .kernel = what};
    fmap_model_output(model, fmap_model_conv_2d(model, "y", x, &layer));
}

Test(keras_weights, depthwise_kernels_are_taken_as_keras_has_them) {
    const float kernel[1][2][2][2] = {{{{1, 2}, {3, 4}}, {{10, 20}, {30, 40}}}}, x[4] = {1, 2, 5, 7};
    const float expected[4] = {1 + 20, 2 + 40, 15 + 210, 20 + 280};
    float y[4];
    fmap_model *model = net_model(build_depthwise, kernel);
    cr_assert(model && net_once(model, NULL, x, y));
    cr_assert(check_same_bits("y", y, expected, 4));
    fmap_model_destroy(model);
}

/* ---- BatchNormalization --------------------------------------------------------------------------------------- */

enum { N = 2, C = 19, H = 3, W = 5, ELEMENTS = N * C * H * W };

static void build_norm(fmap_model *model, const void *what) {
    fmap_value x = fmap_model_image_input(model, "x", H, W, C);
    fmap_model_output(model, fmap_model_batch_normalization(model, "bn", x, what));
}

static void check_norm(const fmap_batch_normalization *layer, double epsilon) {
    static float x[ELEMENTS];
    static double expected[ELEMENTS], bounds[ELEMENTS];
    check_fill(x, ELEMENTS, -2, 2, 1);
    oracle_batch_normalization(&(struct oracle_batch_normalization){.n = N,
                                                                    .channels = C,
                                                                    .pixels = H * W,
                                                                    .src = x,
                                                                    .gamma = layer->gamma,
                                                                    .beta = layer->beta,
                                                                    .mean = layer->mean,
                                                                    .variance = layer->variance,
                                                                    .epsilon = epsilon},
                               expected, bounds);
    /* Sum, root, quotient, product and difference make scale and shift; then one FMA. */
    for (int i = 0; i < ELEMENTS; i++) bounds[i] = check_bound(8, bounds[i]);
    fmap_model *model = net_model(build_norm, layer);
    cr_assert(model && net_agrees(model, &(fmap_plan_options){.batch = N}, x, expected, bounds, ELEMENTS));
    fmap_model_destroy(model);
}

Test(keras_weights, batch_normalization_and_its_defaults) {
    float gamma[C], beta[C], mean[C], variance[C];
    check_fill(gamma, C, -2, 2, 2);
    check_fill(beta, C, -2, 2, 3);
    check_fill(mean, C, -1, 1, 4);
    check_fill(variance, C, 0, 2, 5);
    check_norm(&(fmap_batch_normalization){gamma, beta, mean, variance, 0.01f}, (double)0.01f);
    check_norm(&(fmap_batch_normalization){gamma, beta, mean, variance, 0}, (double)1e-3f);
    check_norm(&(fmap_batch_normalization){NULL, beta, mean, variance, 0.01f}, (double)0.01f);
    check_norm(&(fmap_batch_normalization){gamma, NULL, mean, variance, 0.01f}, (double)0.01f);
}

/* ---- Add, Multiply, Concatenate --------------------------------------------------------------------------------- */

static void build_joins(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = fmap_model_image_input(model, "x", H, W, C);
    fmap_value sum = fmap_model_add(model, "sum", x, fmap_model_relu(model, "relu", x));
    fmap_value product = fmap_model_multiply(model, "product", x, sum);
    fmap_model_output(model, fmap_model_concatenate(model, "all", (fmap_value[]){x, sum, product}, 3));
}

Test(keras_weights, add_multiply_and_concatenate) {
    static float x[ELEMENTS];
    static double expected[3 * ELEMENTS], bounds[3 * ELEMENTS];
    enum { IMAGE = C * H * W };
    check_fill(x, ELEMENTS, -2, 2, 1);
    for (int i = 0; i < ELEMENTS; i++) {
        float sum = x[i] + (x[i] > 0 ? x[i] : 0);
        const float all[3] = {x[i], sum, x[i] * sum};
        for (int k = 0; k < 3; k++) expected[i / IMAGE * 3 * IMAGE + k * IMAGE + i % IMAGE] = (double)all[k];
    }
    fmap_model *model = net_model(build_joins, NULL);
    cr_assert(model &&
              net_agrees(model, &(fmap_plan_options){.batch = N}, x, expected, bounds, 3 * ELEMENTS));
    fmap_model_destroy(model);
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

static void build_named(fmap_model *model, const void *what) {
    const float *w = what;
    fmap_value x = fmap_model_image_input(model, "x", 4, 4, 1);
    fmap_conv_2d conv = {.filters = 1, .kernel = w, .bias = w, .activation = FMAP_RELU};
    x = fmap_model_conv_2d(model, "conv", x, &conv);
    x = fmap_model_conv_2d(model, NULL, x, &conv);
    x = fmap_model_conv_2d(model, NULL, x, &conv);
    x = fmap_model_global_average_pooling_2d(model, "gap", x);
    x = fmap_model_dense(model, "dense", x,
                         &(fmap_dense){.units = 1, .kernel = w, .activation = FMAP_SOFTMAX});
    fmap_model_output(model, x);
}

Test(keras_weights, the_activation_of_a_layer_is_a_node_of_its_own) {
    static const char *const expected[][2] = {{"conv", "Conv"},
                                              {"conv_relu", "Relu"},
                                              {NULL, "Conv"},
                                              {NULL, "Relu"},
                                              {NULL, "Conv"},
                                              {NULL, "Relu"},
                                              {"gap", "GlobalAveragePool"},
                                              {"gap_flatten", "Flatten"},
                                              {"dense", "Gemm"},
                                              {"dense_softmax", "Softmax"}};
    const float w[1] = {1};
    fmap_model *model = net_model(build_named, w);
    cr_assert(model);
    cr_assert_eq(fmap_model_node_count(model), sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < fmap_model_node_count(model); i++) {
        fmap_node_info node;
        cr_assert_eq(fmap_model_node_at(model, i, &node), FMAP_OK);
        cr_assert_str_eq(node.op, expected[i][1]);
        if (expected[i][0]) cr_assert_str_eq(node.name, expected[i][0]);
    }
    cr_assert_neq(fmap_model_find_value(model, "conv/kernel"), FMAP_NO_VALUE);
    cr_assert_neq(fmap_model_find_value(model, "conv/bias"), FMAP_NO_VALUE);
    cr_assert_neq(fmap_model_find_value(model, "dense/kernel"), FMAP_NO_VALUE);
    fmap_model_destroy(model);
}

Test(keras_weights, a_very_long_name_is_no_trouble) {
    char name[3000];
    const float w[1] = {1};
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    fmap_model *model = NULL;
    cr_assert_eq(fmap_model_create(NULL, &model, NULL), FMAP_OK);
    fmap_value x = fmap_model_image_input(model, name, 4, 4, 1);
    x = fmap_model_conv_2d(model, name, x,
                           &(fmap_conv_2d){.filters = 1, .kernel = w, .activation = FMAP_RELU});
    fmap_model_output(model, fmap_model_dropout(model, name + 1, x, 0));
    fmap_error error = {0};
    cr_assert_eq(fmap_model_finish(model, &error), FMAP_OK, "%s", error.message);
    fmap_model_destroy(model);
}

/* An older operator set of the model's other nodes does not change what Keras' layers mean. */
static void build_in_old_opset(fmap_model *model, const void *what) {
    (void)what;
    fmap_model_set_opset(model, 7);
    fmap_value x = fmap_model_image_input(model, "x", 4, 4, 1);
    x = fmap_model_clip(model, "clip", x, 0, 6);
    x = fmap_model_zero_padding_2d(model, "pad", x, 1, 1, 1, 1);
    x = fmap_model_dropout(model, "dropout", x, 0.5f);
    fmap_attribute old[] = {net_float("min", 1), net_float("max", 2)};
    fmap_model_output(model, net_node(model, "Clip", "old", &x, 1, old, 2));
}

Test(keras_weights, the_operator_set_of_the_model_does_not_matter) {
    fmap_model *model = net_model(build_in_old_opset, NULL);
    cr_assert(model);
    float x[16], y[36];
    for (int i = 0; i < 16; i++) x[i] = (float)i;
    cr_assert(net_once(model, NULL, x, y));
    cr_assert_eq(y[0], 1.0f);
    cr_assert_eq(y[6 * 4 + 4], 2.0f);
    fmap_model_destroy(model);
}
