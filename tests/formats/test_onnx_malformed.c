/* ONNX files that are not right: each is refused with a sentence that names what is wrong. */
#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/onnx_writer.h"

static const float two[2] = {1, 2};

/* Loading fails with that status, and the sentence holds the file's name and each of the words (the last is
 * NULL). Frees the writer. */
static void expect(struct onnx_writer *w, fmap_status status, ...) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    fmap_status got = onnx_load(w, &model, &error);
    cr_assert_eq(got, status, "%s, but %s was expected: %s", fmap_status_name(got), fmap_status_name(status),
                 error.message);
    cr_assert_eq(error.status, status);
    cr_assert_null(model);
    cr_assert_eq(strncmp(error.message, "test.onnx: ", 11), 0, "%s", error.message);
    va_list words;
    va_start(words, status);
    for (const char *word = va_arg(words, const char *); word; word = va_arg(words, const char *)) {
        cr_assert(strstr(error.message, word), "\"%s\" is not in: %s", word, error.message);
    }
    va_end(words);
    onnx_free(w);
}

/* A model that is good so far: x + w = y, without an output. */
static struct onnx_writer sum_with(struct onnx_bytes *initializer) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2 3");
    if (initializer) onnx_put_message(&w.graph, ONNX_GRAPH_INITIALIZER, initializer);
    onnx_node(&w, "Add", "sum", "x w", "y");
    onnx_output(&w, "y");
    return w;
}

/* ---- the model and the graph ------------------------------------------------------------------- */

Test(onnx_malformed, no_graph) {
    static const uint8_t file[] = {0x08, 8, 0x42, 2, 0x10, 13};
    fmap_model *model;
    fmap_error error;
    cr_assert_eq(fmap_model_load_memory(file, sizeof file, "a.onnx", NULL, &model, &error),
                 FMAP_ERROR_FORMAT);
    cr_assert_str_eq(error.message, "a.onnx: the model holds no graph");
}

Test(onnx_malformed, empty_graph) {
    struct onnx_writer w = onnx_begin(13);
    expect(&w, FMAP_ERROR_MODEL, "no output", NULL);
}

Test(onnx_malformed, no_operator_set) {
    struct onnx_writer w = onnx_begin(0);
    onnx_input(&w, "x", "2");
    onnx_node(&w, "Relu", "act", "x", "y");
    expect(&w, FMAP_ERROR_FORMAT, "'act'", "version of the ONNX operator set", NULL);
}

Test(onnx_malformed, version_of_the_file_format_that_never_was) {
    struct onnx_writer w = onnx_begin(13);
    w.ir_version = -1;
    expect(&w, FMAP_ERROR_FORMAT, "version -1 ", "does not exist", NULL);
}

Test(onnx_malformed, version_of_the_file_format_missing) {
    struct onnx_writer w = onnx_begin(13);
    w.ir_version = 0;
    expect(&w, FMAP_ERROR_FORMAT, "does not say", "ONNX file format", NULL);
}

Test(onnx_malformed, graph_cut_off) {
    struct onnx_writer w = onnx_begin(13);
    onnx_put_tag(&w.graph, ONNX_GRAPH_NODE, ONNX_LENGTH);
    onnx_put_varint(&w.graph, 1000);
    expect(&w, FMAP_ERROR_FORMAT, "the graph", "near byte", NULL);
}

Test(onnx_malformed, number_where_a_message_belongs) {
    struct onnx_writer w = onnx_begin(13);
    onnx_put_int(&w.graph, ONNX_GRAPH_NODE, 5);
    expect(&w, FMAP_ERROR_FORMAT, "the graph", NULL);
}

Test(onnx_malformed, output_that_no_node_makes) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_output(&w, "nowhere");
    expect(&w, FMAP_ERROR_MODEL, "output number 1", "'nowhere'", NULL);
}

Test(onnx_malformed, sparse_initializer) {
    struct onnx_writer w = onnx_begin(13);
    struct onnx_bytes values = onnx_tensor_head("few", FMAP_FLOAT32, "2"), sparse = {0};
    onnx_put_message(&sparse, 1, &values);
    onnx_put_message(&w.graph, ONNX_GRAPH_SPARSE_INITIALIZER, &sparse);
    expect(&w, FMAP_ERROR_UNSUPPORTED, "'few'", "sparse", NULL);
}

/* ---- inputs ------------------------------------------------------------------------------------ */

Test(onnx_malformed, input_without_a_name) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "", "2");
    expect(&w, FMAP_ERROR_FORMAT, "input number 1", "no name", NULL);
}

Test(onnx_malformed, two_inputs_of_one_name) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "twin", "2");
    onnx_input(&w, "twin", "2");
    expect(&w, FMAP_ERROR_MODEL, "'twin'", NULL);
}

Test(onnx_malformed, input_of_too_many_dimensions) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "deep", "1 2 3 4 5 6 7 8 9");
    expect(&w, FMAP_ERROR_LIMIT, "'deep'", "9 dimensions", "at most 8", NULL);
}

Test(onnx_malformed, input_of_a_type_that_is_not_supported) {
    struct onnx_writer w = onnx_begin(13);
    onnx_typed_input(&w, "text", 8, "2");
    expect(&w, FMAP_ERROR_UNSUPPORTED, "'text'", "type string (8)", NULL);
}

Test(onnx_malformed, input_of_a_type_that_does_not_exist) {
    struct onnx_writer w = onnx_begin(13);
    onnx_typed_input(&w, "odd", -7, "2");
    expect(&w, FMAP_ERROR_UNSUPPORTED, "'odd'", "unknown (-7)", NULL);
}

/* An input whose ValueInfoProto holds this TypeProto. */
static struct onnx_writer input_of(struct onnx_bytes *type) {
    struct onnx_writer w = onnx_begin(13);
    struct onnx_bytes value = {0};
    onnx_put_text(&value, ONNX_VALUE_NAME, "x");
    onnx_put_message(&value, ONNX_VALUE_TYPE, type);
    onnx_put_message(&w.graph, ONNX_GRAPH_INPUT, &value);
    return w;
}

Test(onnx_malformed, input_that_is_a_sequence) {
    struct onnx_bytes type = {0}, sequence = {0};
    onnx_put_message(&type, 4, &sequence);
    struct onnx_writer w = input_of(&type);
    expect(&w, FMAP_ERROR_UNSUPPORTED, "input 'x'", "not a tensor", NULL);
}

Test(onnx_malformed, input_whose_type_is_damaged) {
    struct onnx_bytes type = {0};
    onnx_put_text(&type, ONNX_TYPE_TENSOR, "\377\377\377");
    struct onnx_writer w = input_of(&type);
    expect(&w, FMAP_ERROR_FORMAT, "input 'x'", "damaged", "near byte", NULL);
}

/* ---- names ------------------------------------------------------------------------------------- */

Test(onnx_malformed, name_with_a_control_character_is_shown_without_it) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "a\033[31mb\n", "2");
    expect(&w, FMAP_ERROR_FORMAT, "input number 1", "'a?[31mb?'", "control character", NULL);
}

Test(onnx_malformed, name_that_is_not_utf8_is_shown_without_the_bytes) {
    struct onnx_writer w = onnx_begin(13);
    onnx_node(&w, "Relu", "caf\351", "x", "y");
    expect(&w, FMAP_ERROR_FORMAT, "node number 1", "'caf?'", "not UTF-8", NULL);
}

Test(onnx_malformed, name_with_a_zero_byte) {
    struct onnx_writer w = onnx_begin(13);
    struct onnx_bytes tensor = onnx_tensor_head(NULL, FMAP_FLOAT32, "0");
    onnx_put_bytes(&tensor, ONNX_TENSOR_NAME, "w\0v", 3);
    onnx_put_message(&w.graph, ONNX_GRAPH_INITIALIZER, &tensor);
    expect(&w, FMAP_ERROR_FORMAT, "initializer number 1", "'w?v'", "zero byte", NULL);
}

Test(onnx_malformed, name_that_is_very_long_is_cut) {
    enum { LENGTH = 100000 };
    char *name = malloc(LENGTH + 1);
    memset(name, 'n', LENGTH);
    name[LENGTH] = 0;
    struct onnx_writer w = onnx_begin(13);
    onnx_typed_input(&w, name, 8, "2");
    free(name);
    expect(&w, FMAP_ERROR_UNSUPPORTED, "nnnnn...'", "type string", NULL);
}

/* ---- initializers ------------------------------------------------------------------------------ */

Test(onnx_malformed, initializer_without_a_name) {
    struct onnx_bytes tensor = onnx_tensor_head(NULL, FMAP_FLOAT32, "2");
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "initializer number 1", "no name", NULL);
}

Test(onnx_malformed, two_initializers_of_one_name) {
    struct onnx_writer w = sum_with(NULL);
    onnx_weights(&w, "w", "2", two);
    onnx_weights(&w, "w", "2", two);
    expect(&w, FMAP_ERROR_MODEL, "'w'", NULL);
}

Test(onnx_malformed, raw_data_shorter_than_the_shape) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "2 3");
    onnx_put_bytes(&tensor, ONNX_TENSOR_RAW, "12345678", 8);
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "initializer 'w'", "float32", "[2, 3]", "needs 24 bytes",
           "raw_data holds 8", NULL);
}

Test(onnx_malformed, raw_data_longer_than_the_shape) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_INT64, "0");
    onnx_put_bytes(&tensor, ONNX_TENSOR_RAW, "12345678", 8);
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "initializer 'w'", "int64", "[0]", "needs 0 bytes", "raw_data holds 8",
           NULL);
}

Test(onnx_malformed, initializer_without_elements) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "2 3");
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "initializer 'w'", "needs 6 elements", "float_data holds 0", NULL);
}

Test(onnx_malformed, list_of_elements_that_does_not_fit_the_shape) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_INT64, "2");
    for (int i = 0; i < 3; i++) onnx_put_int(&tensor, ONNX_TENSOR_INT64S, -i);
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "initializer 'w'", "needs 2 elements", "int64_data holds 3", NULL);
}

Test(onnx_malformed, list_with_half_an_element) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "1");
    onnx_put_bytes(&tensor, ONNX_TENSOR_FLOATS, "123456", 6);
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "initializer number 1", "damaged", NULL);
}

Test(onnx_malformed, list_with_an_integer_that_does_not_end) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_INT64, "1");
    onnx_put_bytes(&tensor, ONNX_TENSOR_INT64S, "\377\377\377\377\377\377\377\377\377\377\377\001", 12);
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "elements of initializer 'w'", "damaged", NULL);
}

Test(onnx_malformed, element_out_of_range) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_INT8, "3");
    onnx_put_int(&tensor, ONNX_TENSOR_INT32S, -128);
    onnx_put_int(&tensor, ONNX_TENSOR_INT32S, 127);
    onnx_put_int(&tensor, ONNX_TENSOR_INT32S, 128);
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "element 2 of initializer 'w'", "128", "int8", NULL);
}

Test(onnx_malformed, bool_that_is_neither) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_BOOL, "2");
    onnx_put_bytes(&tensor, ONNX_TENSOR_RAW, "\001\002", 2);
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "element 1 of initializer 'w'", "2", "bool", NULL);
}

Test(onnx_malformed, negative_dimension) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "2 -3");
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "dimension 1 of initializer 'w'", "-3", NULL);
}

Test(onnx_malformed, more_elements_than_a_number_can_count) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "4294967296 4294967296 4294967296");
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_LIMIT, "initializer 'w'", "elements", NULL);
}

Test(onnx_malformed, more_bytes_than_a_number_can_count) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "4611686018427387904");
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_LIMIT, "initializer 'w'", "elements", NULL);
}

Test(onnx_malformed, initializer_of_too_many_dimensions) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "1 1 1 1 1 1 1 1 1");
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_LIMIT, "initializer 'w'", "9 dimensions", NULL);
}

Test(onnx_malformed, initializer_of_a_type_that_is_not_supported) {
    struct onnx_bytes tensor = onnx_tensor_head("w", 14, "1");
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_UNSUPPORTED, "initializer 'w'", "complex64", NULL);
}

Test(onnx_malformed, initializer_without_a_type) {
    struct onnx_bytes tensor = onnx_tensor_head("w", 0, "1");
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_FORMAT, "initializer 'w'", "does not say", NULL);
}

Test(onnx_malformed, elements_in_another_file) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "2");
    onnx_put_int(&tensor, ONNX_TENSOR_LOCATION, 1);
    struct onnx_writer w = sum_with(&tensor);
    expect(&w, FMAP_ERROR_UNSUPPORTED, "initializer 'w'", "external data", "in memory", NULL);
}

/* ---- nodes ------------------------------------------------------------------------------------- */

Test(onnx_malformed, node_without_an_operator) {
    struct onnx_writer w = onnx_begin(13);
    onnx_node(&w, "", "idle", "", "y");
    expect(&w, FMAP_ERROR_FORMAT, "node number 1", "'idle'", "no operator", NULL);
}

Test(onnx_malformed, node_that_is_damaged) {
    struct onnx_writer w = onnx_begin(13);
    onnx_put_text(&w.graph, ONNX_GRAPH_NODE, "\037\037");
    expect(&w, FMAP_ERROR_FORMAT, "node number 1", "damaged", NULL);
}

Test(onnx_malformed, node_whose_input_nobody_makes) {
    struct onnx_writer w = sum_with(NULL);
    expect(&w, FMAP_ERROR_MODEL, "input 1 of node 'sum' (Add)", "'w'", NULL);
}

Test(onnx_malformed, two_nodes_that_make_one_value) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_node(&w, "Relu", "one", "x", "y");
    onnx_node(&w, "Relu", "two", "x", "y");
    onnx_output(&w, "y");
    expect(&w, FMAP_ERROR_MODEL, "'y'", NULL);
}

Test(onnx_malformed, operator_that_is_not_supported) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_node(&w, "Bernoulli", "coin", "x", "y");
    expect(&w, FMAP_ERROR_UNSUPPORTED, "'coin'", "Bernoulli", NULL);
}

Test(onnx_malformed, operator_of_another_domain) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_node(&w, "FusedConv", "fused", "x", "y");
    onnx_put_text(&w.node, ONNX_NODE_DOMAIN, "com.microsoft");
    expect(&w, FMAP_ERROR_UNSUPPORTED, "node 'fused'", "FusedConv", "domain 'com.microsoft'", NULL);
}

/* ---- attributes -------------------------------------------------------------------------------- */

/* A Relu with that attribute. */
static struct onnx_writer relu_with(struct onnx_bytes *attribute) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_node(&w, "Relu", "act", "x", "y");
    onnx_put_message(&w.node, ONNX_NODE_ATTRIBUTE, attribute);
    return w;
}

Test(onnx_malformed, attribute_without_a_name) {
    struct onnx_bytes attribute = onnx_attribute_head("", 2);
    struct onnx_writer w = relu_with(&attribute);
    expect(&w, FMAP_ERROR_FORMAT, "attribute number 1 of node 'act' (Relu)", "no name", NULL);
}

Test(onnx_malformed, attribute_without_a_type) {
    struct onnx_bytes attribute = {0};
    onnx_put_text(&attribute, ONNX_ATTRIBUTE_NAME, "alpha");
    struct onnx_writer w = relu_with(&attribute);
    expect(&w, FMAP_ERROR_FORMAT, "attribute 'alpha' of node 'act' (Relu)", "no type", NULL);
}

Test(onnx_malformed, attribute_that_is_a_subgraph) {
    struct onnx_bytes attribute = onnx_attribute_head("body", 5);
    struct onnx_writer w = relu_with(&attribute);
    expect(&w, FMAP_ERROR_UNSUPPORTED, "attribute 'body' of node 'act' (Relu)", "subgraph", NULL);
}

Test(onnx_malformed, attribute_that_stands_for_one_of_a_function) {
    struct onnx_bytes attribute = onnx_attribute_head("alpha", 1);
    onnx_put_text(&attribute, ONNX_ATTRIBUTE_REF, "slope");
    struct onnx_writer w = relu_with(&attribute);
    expect(&w, FMAP_ERROR_FORMAT, "attribute 'alpha' of node 'act' (Relu)", "function", NULL);
}

Test(onnx_malformed, attribute_whose_tensor_does_not_fit) {
    struct onnx_writer w = onnx_begin(13);
    struct onnx_bytes tensor = onnx_tensor_head(NULL, FMAP_FLOAT32, "3");
    onnx_put_bytes(&tensor, ONNX_TENSOR_RAW, "1234", 4);
    onnx_node(&w, "Constant", "three", "", "y");
    onnx_tensor(&w, "value", &tensor);
    expect(&w, FMAP_ERROR_FORMAT, "attribute 'value' of node 'three' (Constant)", "needs 12 bytes", "holds 4",
           NULL);
}

Test(onnx_malformed, constant_without_a_value) {
    struct onnx_writer w = onnx_begin(13);
    onnx_node(&w, "Constant", "nothing", "", "y");
    expect(&w, FMAP_ERROR_MODEL, "node 'nothing' (Constant)", "has 0", NULL);
}

Test(onnx_malformed, constant_of_text) {
    struct onnx_writer w = onnx_begin(13);
    onnx_node(&w, "Constant", NULL, "", "y");
    onnx_string(&w, "value_string", "hello");
    expect(&w, FMAP_ERROR_UNSUPPORTED, "'value_string' of node number 1 (Constant)", NULL);
}
