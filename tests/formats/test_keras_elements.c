/* Layers of Keras in files that work element by element. */
#include <stdio.h>
#include <string.h>

#include "keras_layer.h"

Test(keras_elements, normalization_by_its_weights) {
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

Test(keras_elements, activations) {
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

Test(keras_elements, layers_that_are_activations) {
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

Test(keras_elements, exponential) {
    float *numbers = keras_numbers(4, 9);
    double y[4];
    for (int i = 0; i < 4; i++) y[i] = scaled_exp((double)numbers[i]);
    const fmap_tensor x = {.type = FMAP_FLOAT32, .shape = {.rank = 2, .dims = {1, 4}}, .data = numbers};
    keras_input(&w, "null, 4");
    layer("Activation", "e", "'activation': 'exponential'");
    layer("Rescaling", "r", "'scale': 0.125");
    expect(&x, y, SIZES(1, 4), 2, 1);
}

Test(keras_elements, softmax_over_the_axis_that_it_names) {
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

Test(keras_elements, prelu_with_and_without_shared_axes) {
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

Test(keras_elements, layers_that_join_tensors_of_other_ranks) {
    expect_merged("Add", sum_of);
    expect_merged("Subtract", difference);
    expect_merged("Multiply", product);
    expect_merged("Average", average);
    expect_merged("Maximum", fmax);
    expect_merged("Minimum", fmin);
}
