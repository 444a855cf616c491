/* Keras' layers-models: networks and how their layers are joined, weights and where they lie, and what is refused. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fragile.h"
#include "tests/keras_writer.h"

static struct keras_writer w;

static void layer(const char *json) {
    char *text = keras_json("%s", json);
    keras_layer(&w, text);
    free(text);
}

/* A functional network from x to the layer `output`. */
static const char *functional(const char *inputs, const char *outputs) {
    static char text[512];
    (void)snprintf(
        text, sizeof text,
        "{'class_name': 'Functional', 'config': {'name': 'net', 'layers': [%%s], 'input_layers': [%s], "
        "'output_layers': [%s]}}",
        inputs, outputs);
    return text;
}

/* Runs the model for 1 x 2 x 2 x 2 pixels; y[i] has to be scale * x[i] + offset, or what `other` makes of it. */
static void expect_pixels(double (*formula)(const float *x, int i), int n) {
    fmap_shape shape;
    float *numbers = keras_numbers(8, 5);
    const fmap_tensor x = {.type = FMAP_FLOAT32, .shape = {.rank = 4, .dims = {1, 2, 2, 2}}, .data = numbers};
    float *y = keras_run(&w, &x, 1, &shape);
    int64_t elements = 0;
    cr_assert(fmap_shape_elements(&shape, &elements));
    cr_assert_eq(elements, n);
    for (int i = 0; i < n; i++) {
        double expected = formula(numbers, i);
        cr_assert_float_eq((double)y[i], expected, 8 * (double)FLT_EPSILON * (1 + fabs(expected)),
                           "element %d: %g, %g", i, (double)y[i], expected);
    }
    free(y);
    free(numbers);
    keras_free(&w);
}

#define SCALE(name, factor, reads) \
    "{'class_name': 'Rescaling', 'name': '" name "', 'config': {'name': '" name "', 'scale': " factor \
    ", 'offset': 0.0}, 'inbound_nodes': [" reads "]}"

/* ---- networks ---------------------------------------------------------------------------------------- */

static double six_times(const float *x, int i) { return 6 * (double)x[i]; }

Test(keras, layers_come_in_any_order) {
    layer(SCALE("b", "3", "[['a', 0, 0, {}]]"));
    keras_input(&w, "null, 2, 2, 2");
    layer(SCALE("a", "2", "[['x', 0, 0, {}]]"));
    w.network = functional("['x', 0, 0]", "['b', 0, 0]");
    expect_pixels(six_times, 8);
}

static double x_plus_8_x(const float *x, int i) { return 12 * (double)x[i]; }

/* a(x) = 2x, a(a(x)) = 4x, a(a(a(x))) = 8x; 4x + 8x */
Test(keras, a_layer_is_applied_several_times) {
    keras_input(&w, "null, 2, 2, 2");
    layer(SCALE("a", "2", "[['x', 0, 0]], [['a', 0, 0]], [['a', 1, 0]]"));
    layer("{'class_name': 'Add', 'name': 's', 'config': {'name': 's'}, 'inbound_nodes': [[['a', 1, 0], ['a', "
          "2, 0]]]}");
    w.network = functional("['x', 0, 0]", "['s', 0, 0]");
    expect_pixels(x_plus_8_x, 8);
}

static double conv_twice(const float *x, int i) { /* y = kernel x, twice; kernel [in][out] = 1 2 / 3 4 */
    double a = (double)x[i / 2 * 2], b = (double)x[i / 2 * 2 + 1];
    double c = a + 3 * b, d = 2 * a + 4 * b;
    return i % 2 ? 2 * c + 4 * d : c + 3 * d;
}

Test(keras, a_layer_with_weights_is_applied_several_times) {
    static const float kernel[4] = {1, 2, 3, 4};
    keras_input(&w, "null, 2, 2, 2");
    layer(
        "{'class_name': 'Conv2D', 'name': 'c', 'config': {'name': 'c', 'filters': 2, 'kernel_size': [1, 1], "
        "'use_bias': false}, 'inbound_nodes': [[['x', 0, 0]], [['c', 0, 0]]]}");
    memcpy(keras_weights(&w, "c/kernel", "1, 1, 2, 2"), kernel, sizeof kernel);
    w.network = functional("['x', 0, 0]", "['c', 1, 0]");
    expect_pixels(conv_twice, 8);
}

#define INNER \
    "'config': {'name': 'inner', 'layers': [{'class_name': 'InputLayer', 'name': 'i', 'config': {'name': " \
    "'i', " \
    "'batch_input_shape': [null, 2, 2, 2]}, 'inbound_nodes': []}, " SCALE( \
        "a", "2", \
        "[['i', 0, 0]]") ", " SCALE("b", "3", \
                                    "[['a', 0, 0]]") "], 'input_layers': [['i', 0, 0]], 'output_layers': " \
                                                     "[['b', 0, 0], ['a', 0, 0]]}"

static double inner_outputs(const float *x, int i) { return 6 * (double)x[i] + 2 * 6 * (double)x[i]; }

/* inner(x) = (6x, 2x); inner(6x) = (36x, 12x); 6x + 12x */
Test(keras, a_network_in_a_network_is_applied_several_times) {
    keras_input(&w, "null, 2, 2, 2");
    layer("{'class_name': 'Functional', 'name': 'inner', " INNER
          ", 'inbound_nodes': [[['x', 0, 0]], [['inner', 0, 0]]]}");
    layer("{'class_name': 'Add', 'name': 's', 'config': {'name': 's'}, "
          "'inbound_nodes': [[['inner', 0, 0], ['inner', 1, 1]]]}");
    w.network = functional("['x', 0, 0]", "['s', 0, 0]");
    expect_pixels(inner_outputs, 8);
}

Test(keras, sequences_in_sequences) {
    keras_input(&w, "null, 2, 2, 2");
    layer("{'class_name': 'Sequential', 'config': {'name': 's', 'layers': [" SCALE("a", "2", "") "]}}");
    layer("{'class_name': 'Sequential', 'config': [" SCALE("b", "3", "") "], 'name': 'old'}");
    expect_pixels(six_times, 8);
}

Test(keras, a_sequence_whose_first_layer_says_the_shape) {
    layer("{'class_name': 'Rescaling', 'config': {'name': 'a', 'batch_input_shape': [null, 2, 2, 2], "
          "'scale': 6, "
          "'offset': 0}}");
    w.network = "{'class_name': 'Sequential', 'config': [%s]}";
    expect_pixels(six_times, 8);
}

#define TENSOR(name) \
    "{'class_name': '__keras_tensor__', 'config': {'shape': [null, 2, 2, 2], 'dtype': 'float32', " \
    "'keras_history': " \
    "['" name "', 0, 0]}}"

static double five_times(const float *x, int i) { return 5 * (double)x[i]; }

Test(keras, nodes_as_keras_3_writes_them) {
    layer("{'class_name': 'InputLayer', 'name': 'x', 'config': {'name': 'x', 'batch_shape': [null, 2, 2, 2], "
          "'dtype': {'class_name': 'DTypePolicy', 'config': {'name': 'float32'}}}, 'inbound_nodes': []}");
    layer(SCALE("a", "2", "{'args': [" TENSOR("x") "], 'kwargs': {}}"));
    layer(SCALE("b", "3", "{'args': [" TENSOR("x") "], 'kwargs': {}}"));
    layer("{'class_name': 'Add', 'name': 's', 'config': {'name': 's'}, 'inbound_nodes': [{'args': [[" TENSOR(
        "a") ", " TENSOR("b") "]], 'kwargs': {}}]}");
    w.network = functional("'x', 0, 0", "'s', 0, 0");
    w.version = "3.4.1";
    expect_pixels(five_times, 8);
}

/* ---- functions of TensorFlow ------------------------------------------------------------------------- */

#define FUNCTION(name, function, node) \
    "{'class_name': 'TFOpLambda', 'name': '" name "', 'config': {'name': '" name "', 'function': '" function \
    "'}, 'inbound_nodes': [" node "]}"

/* min(max((2 - 3x) / 4 + x, 0), 0.5) */
static double function_of(const float *x, int i) {
    double y = (2 - 3 * (double)x[i]) / 4 + (double)x[i];
    return fmin(fmax(y, 0), 0.5);
}

Test(keras, functions_as_layers) {
    keras_input(&w, "null, 2, 2, 2");
    layer(FUNCTION("a", "math.multiply", "['x', 0, 0, {'y': 3.0, 'name': null}]"));
    layer(FUNCTION("b", "math.subtract", "['_CONSTANT_VALUE', -1, 2.0, {'y': ['a', 0, 0], 'name': null}]"));
    layer(FUNCTION("c", "math.truediv", "['b', 0, 0, {'y': 4, 'name': null}]"));
    layer(FUNCTION("d", "__operators__.add", "['c', 0, 0, {'y': ['x', 0, 0], 'name': null}]"));
    layer(FUNCTION("e", "nn.relu", "['d', 0, 0, {'name': null}]"));
    layer(FUNCTION("f", "clip_by_value", "['e', 0, 0, {'clip_value_min': 0, 'clip_value_max': 0.5}]"));
    w.network = functional("['x', 0, 0]", "['f', 0, 0]");
    expect_pixels(function_of, 8);
}

/* y[h][w][c] of 2 x 2 x 2 is x[h / 2][w / 2][(h % 2 * 2 + w % 2) * 2 + c] of 1 x 1 x 8 */
static double same_place(const float *x, int i) { return (double)x[i]; }

Test(keras, depth_to_space_and_back) {
    keras_input(&w, "null, 2, 2, 2");
    layer(FUNCTION("a", "nn.space_to_depth", "['x', 0, 0, {'block_size': 2}]"));
    layer("{'class_name': 'Reshape', 'name': 'r', 'config': {'name': 'r', 'target_shape': [1, 1, 8]}, "
          "'inbound_nodes': "
          "[[['x', 0, 0]]]}");
    layer(FUNCTION("s", "math.subtract", "['a', 0, 0, {'y': ['r', 0, 0]}]")); /* nothing */
    layer(FUNCTION("b", "nn.depth_to_space", "['r', 0, 0, {'block_size': 2}]"));
    layer(FUNCTION("t", "nn.depth_to_space", "['s', 0, 0, {'block_size': 2}]"));
    layer(FUNCTION("c", "math.add", "['b', 0, 0, {'y': ['t', 0, 0]}]"));
    w.network = functional("['x', 0, 0]", "['c', 0, 0]");
    expect_pixels(same_place, 8);
}

/* ---- names ------------------------------------------------------------------------------------------- */

static void expect_nodes(const char *names) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    char got[512] = "";
    keras_write(&w, NULL);
    cr_assert_eq(keras_load(&w, &model, &error), FMAP_OK, "%s", error.message);
    for (size_t i = 0; i < fmap_model_node_count(model); i++) {
        fmap_node_info node;
        cr_assert_eq(fmap_model_node_at(model, i, &node), FMAP_OK);
        size_t used = strlen(got);
        (void)snprintf(got + used, sizeof got - used, "%s%s:%s", i ? " " : "", node.name, node.op);
    }
    cr_assert_str_eq(got, names);
    fmap_model_destroy(model);
    keras_free(&w);
}

Test(keras, layers_keep_their_names) {
    keras_input(&w, "null, 2, 2, 2");
    layer("{'class_name': 'Functional', 'name': 'inner', " INNER
          ", 'inbound_nodes': [[['x', 0, 0]], [['x', 0, 0]]]}");
    layer("{'class_name': 'Dense', 'name': 'd', 'config': {'name': 'd', 'units': 1, 'activation': 'tanh', "
          "'use_bias': false}, 'inbound_nodes': [[['inner', 0, 0]], [['inner', 1, 0]]]}");
    /* A name that a helper would have taken. */
    layer("{'class_name': 'Add', 'name': 'd_tanh', 'config': {'name': 'd_tanh'}, "
          "'inbound_nodes': [[['d', 0, 0], ['d', 1, 0]]]}");
    (void)keras_weights(&w, "d/kernel", "2, 1");
    w.network = functional("['x', 0, 0]", "['d_tanh', 0, 0]");
    expect_nodes(
        "inner/a:Mul inner/b:Mul inner_2/a:Mul inner_2/b:Mul d:Conv d_tanh_2:Tanh d_2:Conv d_2_tanh:Tanh "
        "d_tanh:Add");
}

Test(keras, no_transpose_stands_between_layers_of_images) {
    keras_input(&w, "null, 8, 8, 2");
    layer("{'class_name': 'Conv2D', 'config': {'name': 'c', 'filters': 4, 'kernel_size': [3, 3], 'padding': "
          "'same'}}");
    layer("{'class_name': 'BatchNormalization', 'config': {'name': 'b', 'axis': [3], 'scale': false}}");
    layer("{'class_name': 'ReLU', 'config': {'name': 'r', 'max_value': 6.0}}");
    layer("{'class_name': 'MaxPooling2D', 'config': {'name': 'p', 'pool_size': [2, 2]}}");
    layer("{'class_name': 'Flatten', 'config': {'name': 'f'}}");
    layer("{'class_name': 'Dense', 'config': {'name': 'd', 'units': 3, 'activation': 'softmax'}}");
    (void)keras_weights(&w, "c/kernel", "3, 3, 2, 4");
    (void)keras_weights(&w, "c/bias", "4");
    (void)keras_weights(&w, "b/beta", "4");
    (void)keras_weights(&w, "b/moving_mean", "4");
    (void)keras_weights(&w, "b/moving_variance", "4");
    (void)keras_weights(&w, "d/kernel", "64, 3");
    (void)keras_weights(&w, "d/bias", "3");
    expect_nodes("c:Conv b:BatchNormalization r:Clip p:MaxPool f:Flatten d:Gemm d_softmax:Softmax");
}

/* ---- weights ----------------------------------------------------------------------------------------- */

static void one_pixel_conv(void) {
    keras_input(&w, "null, 2, 2, 2");
    layer("{'class_name': 'Conv2D', 'config': {'name': 'c', 'filters': 2, 'kernel_size': [1, 1]}}");
}

static double kernel_1_to_4_bias_5_6(const float *x, int i) {
    double a = (double)x[i / 2 * 2], b = (double)x[i / 2 * 2 + 1];
    return i % 2 ? 2 * a + 4 * b + 6 : a + 3 * b + 5;
}

Test(keras, weights_go_over_the_borders_of_their_files) {
    static const float numbers[6] = {1, 2, 3, 4, 5, 6};
    one_pixel_conv();
    memcpy(keras_weights(&w, "c/kernel", "1, 1, 2, 2"), numbers, 16);
    memcpy(keras_weights(&w, "c/bias", "2"), numbers + 4, 8);
    w.shard_bytes[0] = 3; /* in the middle of a number; what follows is not aligned */
    w.shard_bytes[1] = 14;
    w.shard_bytes[2] = 1;
    expect_pixels(kernel_1_to_4_bias_5_6, 8);
}

Test(keras, weights_have_names_of_models_and_cells_around_them) {
    static const float numbers[6] = {1, 2, 3, 4, 5, 6};
    one_pixel_conv();
    memcpy(keras_weights(&w, "net_1/c/kernel", "1, 1, 2, 2"), numbers, 16);
    memcpy(keras_weights(&w, "net_1/c/cell/bias", "2"), numbers + 4, 8);
    (void)keras_weights(&w, "net_1/other/bias", "2");
    expect_pixels(kernel_1_to_4_bias_5_6, 8);
}

static void quantised(const char *name, const char *shape, const char *how, const void *data, size_t bytes) {
    char *json = keras_json("{'name': '%s', 'shape': [%s], 'dtype': 'float32', 'quantization': {%s}}", name,
                            shape, how);
    keras_entry(&w, json, data, bytes);
    free(json);
}

Test(keras, quantised_weights) {
    static const uint8_t kernel[4] = {0, 2, 4, 6};                                 /* 1 + q / 2 */
    static const uint16_t words[2] = {40000, 50000}, halves[2] = {0x4500, 0x4600}; /* 5, 6 */
    one_pixel_conv();
    quantised("c/kernel", "1, 1, 2, 2", "'dtype': 'uint8', 'scale': 0.5, 'min': 1", kernel, 4);
    quantised("c/bias", "2", "'dtype': 'uint16', 'scale': 0.0001, 'min': 1.0", words, 4);
    expect_pixels(kernel_1_to_4_bias_5_6, 8);
    one_pixel_conv();
    quantised("c/kernel", "1, 1, 2, 2", "'dtype': 'uint8', 'scale': 0.5, 'min': 1", kernel, 4);
    quantised("c/bias", "2", "'dtype': 'float16', 'original_dtype': 'float32'", halves, 4);
    w.shard_bytes[0] = 5;
    expect_pixels(kernel_1_to_4_bias_5_6, 8);
}

/* Is an address in a mapping of that file? */
static bool is_in_file(const void *address, const char *name) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1024];
    bool found = false;
    cr_assert_not_null(maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long begin, end;
        if (sscanf(line, "%lx-%lx", &begin, &end) == 2 && strstr(line, name))
            found |= (uintptr_t)address >= begin && (uintptr_t)address < end;
    }
    (void)fclose(maps);
    return found;
}

Test(keras, weights_are_read_where_they_lie) {
    fmap_model *model = NULL;
    fmap_value_info info;
    keras_input(&w, "null, 2");
    layer("{'class_name': 'Dense', 'config': {'name': 'd', 'units': 3}}");
    (void)keras_weights(&w, "d/kernel", "2, 3");
    (void)keras_weights(&w, "d/bias", "3");
    keras_write(&w, NULL);
    cr_assert_eq(keras_load(&w, &model, NULL), FMAP_OK);
    cr_assert_eq(fmap_model_value(model, fmap_model_find_value(model, "d/kernel"), &info), FMAP_OK);
    cr_assert(is_in_file(info.data, "shard0.bin"));
    fmap_model_destroy(model);
    keras_free(&w);
}

/* ---- memory ------------------------------------------------------------------------------------------ */

Test(keras, nothing_stays_behind_when_memory_runs_out) {
    keras_input(&w, "null, 2, 2, 2");
    layer("{'class_name': 'Functional', 'name': 'inner', " INNER ", 'inbound_nodes': [[['x', 0, 0]]]}");
    layer(
        "{'class_name': 'Conv2D', 'name': 'c', 'config': {'name': 'c', 'filters': 2, 'kernel_size': [1, 1], "
        "'activation': 'relu'}, 'inbound_nodes': [[['inner', 0, 0]]]}");
    (void)keras_weights(&w, "c/kernel", "1, 1, 2, 2");
    (void)keras_weights(&w, "c/bias", "2");
    w.shard_bytes[0] = 3;
    w.network = functional("['x', 0, 0]", "['c', 0, 0]");
    keras_write(&w, NULL);
    fmap_status status = FMAP_ERROR_MEMORY;
    size_t n = 0;
    for (size_t fail_at = 1; status != FMAP_OK; fail_at++, n++) {
        struct fragile fragile = {.fail_at = fail_at};
        fmap_allocator allocator = fragile_allocator(&fragile);
        fmap_error error = {0};
        fmap_model *model = NULL;
        status = fmap_model_load(w.path, &allocator, &model, &error);
        cr_assert(status == FMAP_OK || status == FMAP_ERROR_MEMORY, "%s", error.message);
        fmap_model_destroy(model);
        cr_assert_eq(fragile.n_live, 0);
        cr_assert_eq(fragile.bytes_live, 0);
    }
    cr_assert_gt(n, 8);
    keras_free(&w);
}
