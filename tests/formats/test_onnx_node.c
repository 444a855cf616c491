/* Nodes: names, inputs, attributes, constants. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/onnx_writer.h"

/* Loads what was written; the test fails when that fails. */
static fmap_model *load(struct onnx_writer *w) {
    fmap_model *model = NULL;
    cr_assert_eq(onnx_load(w, &model, NULL), FMAP_OK);
    return model;
}

static void assert_node_name(const fmap_model *model, size_t i, const char *name) {
    fmap_node_info node;
    cr_assert_eq(fmap_model_node_at(model, i, &node), FMAP_OK);
    cr_assert_str_eq(node.name, name);
}

static void assert_shape(const fmap_model *model, const char *name, int rank, const int64_t *dims) {
    fmap_value_info info;
    cr_assert_eq(fmap_model_value(model, fmap_model_find_value(model, name), &info), FMAP_OK);
    cr_assert_eq(info.shape.rank, rank, "%s has rank %d", name, info.shape.rank);
    for (int i = 0; i < rank; i++) {
        cr_assert_eq(info.shape.dims[i], dims[i], "dimension %d of %s is %ld", i, name,
                     (long)info.shape.dims[i]);
    }
}

/* ---- names ------------------------------------------------------------------------------------- */

Test(onnx_node, equal_names_are_told_apart) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_node(&w, "Relu", "act", "x", "a");
    onnx_node(&w, "Relu", "act_2", "a", "b");
    onnx_node(&w, "Relu", "act", "b", "c");
    onnx_node(&w, "Relu", "act", "c", "d");
    onnx_output(&w, "d");
    fmap_model *model = load(&w);
    assert_node_name(model, 0, "act");
    assert_node_name(model, 1, "act_2");
    assert_node_name(model, 2, "act_3");
    assert_node_name(model, 3, "act_4");
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx_node, nodes_without_names_are_called_by_operator_and_number) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_node(&w, "Relu", NULL, "x", "a");
    onnx_node(&w, "Sigmoid", "", "a", "b");
    onnx_node(&w, "Relu", "relu_4", "b", "c");
    onnx_node(&w, "Relu", NULL, "c", "d");
    onnx_output(&w, "d");
    fmap_model *model = load(&w);
    assert_node_name(model, 0, "relu_1");
    assert_node_name(model, 1, "sigmoid_2");
    assert_node_name(model, 2, "relu_4");
    assert_node_name(model, 3, "relu_4_2");
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx_node, names_may_be_any_text) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "Eingang/\303\244:0", "2");
    onnx_node(&w, "Relu", "\346\277\200\346\264\273 (1)", "Eingang/\303\244:0", "y");
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    assert_node_name(model, 0, "\346\277\200\346\264\273 (1)");
    cr_assert_neq(fmap_model_find_value(model, "Eingang/\303\244:0"), FMAP_NO_VALUE);
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx_node, a_hundred_thousand_nodes_take_no_longer_than_a_hundred_times_a_thousand) {
    enum { NODES = 100000 };
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "v0", "2");
    for (int i = 0; i < NODES; i++) {
        char input[32], output[32];
        (void)snprintf(input, sizeof input, "v%d", i);
        (void)snprintf(output, sizeof output, "v%d", i + 1);
        onnx_node(&w, "Relu", i % 2 ? "same" : NULL, input, output);
    }
    onnx_output(&w, "v100000");
    clock_t start = clock();
    fmap_model *model = load(&w);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    cr_assert_eq(fmap_model_node_count(model), NODES);
    assert_node_name(model, 99998, "relu_99999");
    assert_node_name(model, 99999, "same_50000");
    cr_assert_lt(seconds, 10, "it took %g s of processor time",
                 seconds); /* it is about 0.1; quadratic: 100 */
    fmap_model_destroy(model);
    onnx_free(&w);
}

/* ---- inputs and attributes --------------------------------------------------------------------- */

Test(onnx_node, inputs_may_be_left_out) {
    static const float six = 6;
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_weights(&w, "six", "", &six);
    onnx_node(&w, "Clip", NULL, "x - six", "y");
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    fmap_node_info node;
    cr_assert_eq(fmap_model_node_at(model, 0, &node), FMAP_OK);
    cr_assert_eq(node.n_inputs, 3);
    cr_assert_eq(node.inputs[1], FMAP_NO_VALUE);
    cr_assert_eq(node.inputs[2], fmap_model_find_value(model, "six"));
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx_node, attributes_reach_the_operator) {
    static const float weights[8 * 4 * 3 * 3];
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "1 8 9 9");
    onnx_weights(&w, "w", "8 4 3 3", weights);
    onnx_node(&w, "Conv", NULL, "x w", "conv");
    onnx_int(&w, "group", 2);
    onnx_ints(&w, "strides", "2 3");
    onnx_string(&w, "auto_pad", "SAME_UPPER");
    onnx_node(&w, "LeakyRelu", NULL, "conv", "act");
    onnx_float(&w, "alpha", 0.25f);
    onnx_node(&w, "Transpose", NULL, "act", "turned");
    onnx_ints(&w, "perm", "0 2 3 1");
    onnx_output(&w, "turned");
    fmap_model *model = load(&w);
    assert_shape(model, "conv", 4, (int64_t[]){1, 8, 5, 3});
    assert_shape(model, "turned", 4, (int64_t[]){1, 5, 3, 8});
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx_node, lists_of_integers_may_come_one_by_one) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2 3 5");
    onnx_node(&w, "Transpose", NULL, "x", "y");
    struct onnx_bytes perm = onnx_attribute_head("perm", 7);
    for (int i = 2; i >= 0; i--) onnx_put_int(&perm, ONNX_ATTRIBUTE_INTS, i);
    onnx_put_message(&w.node, ONNX_NODE_ATTRIBUTE, &perm);
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    assert_shape(model, "y", 3, (int64_t[]){5, 3, 2});
    fmap_model_destroy(model);
    onnx_free(&w);
}

/* ---- constants --------------------------------------------------------------------------------- */

/* The Constant node that was written last becomes the constant 'c', and no layer. */
static void expect_constant(struct onnx_writer *w, fmap_type type, int rank, const void *data, size_t bytes) {
    onnx_input(w, "x", "2");
    onnx_node(w, "Relu", NULL, "x", "y");
    onnx_output(w, "y");
    fmap_model *model = load(w);
    cr_assert_eq(fmap_model_node_count(model), 1);
    fmap_value_info info;
    cr_assert_eq(fmap_model_value(model, fmap_model_find_value(model, "c"), &info), FMAP_OK);
    cr_assert_eq(info.type, type);
    cr_assert_eq(info.shape.rank, rank);
    int64_t elements;
    cr_assert(fmap_shape_elements(&info.shape, &elements));
    cr_assert_eq((size_t)elements * fmap_type_bytes(type), bytes);
    cr_assert_eq(memcmp(info.data, data, bytes), 0);
    fmap_model_destroy(model);
    onnx_free(w);
}

static struct onnx_writer constant(void) {
    struct onnx_writer w = onnx_begin(13);
    onnx_node(&w, "Constant", NULL, "", "c");
    return w;
}

Test(onnx_node, a_constant_of_a_tensor_is_used_where_it_is) {
    static const float two[2] = {1, 2};
    struct onnx_writer w = constant();
    struct onnx_bytes tensor = onnx_tensor_head("the name inside does not count", FMAP_FLOAT32, "2 1");
    onnx_put_bytes(&tensor, ONNX_TENSOR_RAW, two, sizeof two);
    onnx_tensor(&w, "value", &tensor);
    onnx_input(&w, "x", "2");
    onnx_node(&w, "Relu", NULL, "x", "y");
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    fmap_value_info info;
    cr_assert_eq(fmap_model_value(model, fmap_model_find_value(model, "c"), &info), FMAP_OK);
    const uint8_t *data = info.data;
    cr_assert(data > w.model.data && data < w.model.data + w.model.count, "the value was copied");
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx_node, a_constant_of_one_float) {
    static const float value = 2.5f;
    struct onnx_writer w = constant();
    onnx_float(&w, "value_float", value);
    expect_constant(&w, FMAP_FLOAT32, 0, &value, sizeof value);
}

Test(onnx_node, a_constant_of_floats) {
    static const float values[3] = {1, 2, -3};
    struct onnx_writer w = constant();
    onnx_floats(&w, "value_floats", 3, values);
    expect_constant(&w, FMAP_FLOAT32, 1, values, sizeof values);
}

Test(onnx_node, a_constant_of_one_integer) {
    static const int64_t value = -7;
    struct onnx_writer w = constant();
    onnx_int(&w, "value_int", value);
    expect_constant(&w, FMAP_INT64, 0, &value, sizeof value);
}

Test(onnx_node, a_constant_of_integers) {
    static const int64_t values[3] = {0, -1, 64};
    struct onnx_writer w = constant();
    onnx_ints(&w, "value_ints", "0 -1 64");
    expect_constant(&w, FMAP_INT64, 1, values, sizeof values);
}

Test(onnx_node, a_constant_of_an_empty_list) {
    struct onnx_writer w = constant();
    onnx_ints(&w, "value_ints", "");
    expect_constant(&w, FMAP_INT64, 1, "", 0);
}
