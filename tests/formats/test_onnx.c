/* What a good ONNX file becomes: the graph as a whole. */
#include <criterion/criterion.h>

#include <string.h>

#include "tests/fragile.h"
#include "tests/onnx_writer.h"

static const float two[2] = {1, 2};

/* Loads what was written; the test fails when that fails. */
static fmap_model *load(struct onnx_writer *w) {
    fmap_model *model = NULL;
    cr_assert_eq(onnx_load(w, &model, NULL), FMAP_OK);
    return model;
}

static fmap_value_info value_of(const fmap_model *model, const char *name) {
    fmap_value_info info = {0};
    cr_assert_eq(fmap_model_value(model, fmap_model_find_value(model, name), &info), FMAP_OK, "%s", name);
    return info;
}

static void assert_shape(const fmap_model *model, const char *name, int rank, const int64_t *dims) {
    fmap_value_info info = value_of(model, name);
    cr_assert_eq(info.shape.rank, rank, "%s has rank %d", name, info.shape.rank);
    for (int i = 0; i < rank; i++) {
        cr_assert_eq(info.shape.dims[i], dims[i], "dimension %d of %s is %ld", i, name,
                     (long)info.shape.dims[i]);
    }
}

Test(onnx, a_graph_becomes_inputs_constants_nodes_and_outputs) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_weights(&w, "w", "2", two);
    onnx_node(&w, "Add", "sum", "x w", "s");
    onnx_node(&w, "Relu", "activation", "s", "y");
    onnx_output(&w, "y");
    onnx_output(&w, "s");
    fmap_model *model = load(&w);

    cr_assert_str_eq(fmap_model_name(model), "test.onnx");
    cr_assert_eq(fmap_model_input_count(model), 1);
    cr_assert_eq(fmap_model_input_value(model, 0), fmap_model_find_value(model, "x"));
    cr_assert_eq(fmap_model_output_count(model), 2);
    cr_assert_eq(fmap_model_output_value(model, 0), fmap_model_find_value(model, "y"));
    cr_assert_eq(fmap_model_output_value(model, 1), fmap_model_find_value(model, "s"));
    cr_assert_eq(fmap_model_node_count(model), 2);

    fmap_node_info node;
    cr_assert_eq(fmap_model_node_at(model, 0, &node), FMAP_OK);
    cr_assert_str_eq(node.name, "sum");
    cr_assert_str_eq(node.op, "Add");
    cr_assert_eq(node.n_inputs, 2);
    cr_assert_eq(node.inputs[0], fmap_model_find_value(model, "x"));
    cr_assert_eq(node.inputs[1], fmap_model_find_value(model, "w"));
    cr_assert_eq(node.outputs[0], fmap_model_find_value(model, "s"));
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx, parts_may_come_in_any_order) {
    struct onnx_writer w = onnx_begin(13);
    onnx_output(&w, "y");
    onnx_node(&w, "Add", "sum", "x w", "y");
    onnx_weights(&w, "v", "2", two); /* closes nothing: the node is written after it */
    onnx_node(&w, "Relu", "unused", "y", "z");
    onnx_weights(&w, "w", "2", two);
    onnx_input(&w, "x", "2");
    w.ir_version = 0;
    onnx_put_int(&w.model, ONNX_MODEL_IR_VERSION, 8);
    fmap_model *model = load(&w);
    cr_assert_eq(fmap_model_node_count(model), 2);
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx, initializers_that_are_listed_as_inputs_are_no_inputs) {
    struct onnx_writer w = onnx_begin(7);
    w.ir_version = 3;
    onnx_input(&w, "w", "2");
    onnx_input(&w, "x", "2");
    onnx_weights(&w, "w", "2", two);
    onnx_node(&w, "Add", "sum", "x w", "y");
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    cr_assert_eq(fmap_model_input_count(model), 1);
    cr_assert_eq(fmap_model_input_value(model, 0), fmap_model_find_value(model, "x"));
    cr_assert_not_null(value_of(model, "w").data);
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx, symbols_and_numbers_below_one_are_unknown_dimensions) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "batch 3 0 -1");
    onnx_node(&w, "Relu", NULL, "x", "y");
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    assert_shape(model, "x", 4, (int64_t[]){FMAP_UNKNOWN, 3, FMAP_UNKNOWN, FMAP_UNKNOWN});
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx, a_shape_without_dimensions_is_a_scalar) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "");
    onnx_node(&w, "Relu", NULL, "x", "y");
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    assert_shape(model, "x", 0, NULL);
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx, inputs_keep_their_type) {
    static const fmap_type types[] = {FMAP_FLOAT32, FMAP_UINT8, FMAP_INT8, FMAP_INT32, FMAP_INT64, FMAP_BOOL};
    struct onnx_writer w = onnx_begin(13);
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < 6; i++) onnx_typed_input(&w, names[i], (int)types[i], "2");
    onnx_node(&w, "Relu", NULL, "a", "y");
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    for (size_t i = 0; i < 6; i++) cr_assert_eq(value_of(model, names[i]).type, types[i]);
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx, weights_are_used_where_they_are) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_weights(&w, "w", "2", two);
    onnx_node(&w, "Add", NULL, "x w", "y");
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    const uint8_t *data = value_of(model, "w").data;
    cr_assert(data > w.model.data && data < w.model.data + w.model.count, "the weights were copied");
    cr_assert_eq(memcmp(data, two, sizeof two), 0);
    fmap_model_destroy(model);
    onnx_free(&w);
}

/* A model of one Relu that says it uses that version of the operator set. */
static fmap_status load_opset(int64_t version, fmap_error *error) {
    struct onnx_writer w = onnx_begin(version);
    onnx_input(&w, "x", "2");
    onnx_node(&w, "Relu", NULL, "x", "y");
    onnx_output(&w, "y");
    fmap_model *model = NULL;
    fmap_status status = onnx_load(&w, &model, error);
    fmap_model_destroy(model);
    onnx_free(&w);
    return status;
}

Test(onnx, operator_sets_1_to_21_load) {
    for (int version = 1; version <= 21; version++)
        cr_expect_eq(load_opset(version, NULL), FMAP_OK, "%d", version);
}

Test(onnx, other_operator_sets_are_named) {
    fmap_error error = {0};
    cr_assert_eq(load_opset(22, &error), FMAP_ERROR_UNSUPPORTED);
    cr_assert(strstr(error.message, "operator set 22 "), "%s", error.message);
    cr_assert_eq(load_opset(INT64_MAX, &error), FMAP_ERROR_UNSUPPORTED);
}

static void put_opset(struct onnx_writer *w, const char *domain, int64_t version) {
    struct onnx_bytes set = {0};
    onnx_put_text(&set, ONNX_OPSET_DOMAIN, domain);
    onnx_put_int(&set, ONNX_OPSET_VERSION, version);
    onnx_put_message(&w->model, ONNX_MODEL_OPSET, &set);
}

Test(onnx, operator_sets_of_other_domains_matter_only_when_used) {
    struct onnx_writer w = onnx_begin(0);
    put_opset(&w, "ai.onnx.ml", 99);
    put_opset(&w, "ai.onnx", 13);
    put_opset(&w, "com.example", 1);
    onnx_input(&w, "x", "2");
    onnx_node(&w, "Relu", NULL, "x", "y");
    onnx_put_text(&w.node, ONNX_NODE_DOMAIN, "ai.onnx");
    onnx_output(&w, "y");
    fmap_model_destroy(load(&w));
    onnx_free(&w);
}

Test(onnx, fields_that_nobody_knows_are_skipped) {
    struct onnx_writer w = onnx_begin(13);
    struct onnx_bytes *places[] = {&w.model, &w.graph, &w.node};
    onnx_input(&w, "x", "2");
    onnx_node(&w, "Relu", NULL, "x", "y");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        onnx_put_text(places[i], 9999, "from the future");
        onnx_put_int(places[i], 9998, -1);
        onnx_put_float(places[i], 9997, 1.5f);
        onnx_put_tag(places[i], 9996, ONNX_FIXED64);
        onnx_put(places[i], "12345678", 8);
    }
    onnx_output(&w, "y");
    fmap_model_destroy(load(&w));
    onnx_free(&w);
}

Test(onnx, unused_initializers_do_no_harm) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_weights(&w, "nobody wants it", "2", two);
    onnx_node(&w, "Relu", NULL, "x", "y");
    onnx_output(&w, "y");
    fmap_model_destroy(load(&w));
    onnx_free(&w);
}

Test(onnx, memory_for_reading_comes_from_the_allocator_and_goes_back) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_weights(&w, "w", "2", two);
    onnx_node(&w, "Add", "sum", "x w", "y");
    onnx_output(&w, "y");
    size_t bytes;
    const void *file = onnx_end(&w, &bytes);

    struct fragile counted = {0};
    fmap_allocator allocator = fragile_allocator(&counted);
    fmap_model *model = NULL;
    cr_assert_eq(fmap_model_load_memory(file, bytes, NULL, &allocator, &model, NULL), FMAP_OK);
    size_t n_calls = counted.n_calls;
    fmap_model_destroy(model);
    cr_assert_eq(counted.n_live, 0);
    cr_assert_eq(counted.bytes_live, 0);

    for (size_t fail_at = 1; fail_at <= n_calls; fail_at++) {
        struct fragile failing = {.fail_at = fail_at};
        allocator = fragile_allocator(&failing);
        fmap_error error = {0};
        cr_assert_eq(fmap_model_load_memory(file, bytes, NULL, &allocator, &model, &error), FMAP_ERROR_MEMORY,
                     "call %zu: %s", fail_at, error.message);
        cr_assert_null(model);
        cr_assert(strstr(error.message, "out of memory"), "%s", error.message);
        cr_assert_eq(failing.n_live, 0);
        cr_assert_eq(failing.bytes_live, 0);
    }
    onnx_free(&w);
}

Test(onnx, an_input_without_a_shape_gets_one_in_the_plan) {
    struct onnx_writer w = onnx_begin(13);
    struct onnx_bytes type = {0}, tensor = {0}, value = {0};
    onnx_put_int(&tensor, ONNX_TENSOR_TYPE_ELEMENT, FMAP_FLOAT32);
    onnx_put_message(&type, ONNX_TYPE_TENSOR, &tensor);
    onnx_put_text(&value, ONNX_VALUE_NAME, "x");
    onnx_put_message(&value, ONNX_VALUE_TYPE, &type);
    onnx_put_message(&w.graph, ONNX_GRAPH_INPUT, &value);
    onnx_node(&w, "Relu", NULL, "x", "y");
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    assert_shape(model, "x", -1, NULL);
    assert_shape(model, "y", -1, NULL);
    static const fmap_shape shape = {.rank = 3, .dims = {2, 5, 7}};
    const fmap_port port = {.name = "x", .shape = &shape};
    fmap_plan *plan = NULL;
    cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.ports = &port, .n_ports = 1}, &plan, NULL),
                 FMAP_OK);
    fmap_shape planned = {0};
    cr_assert_eq(fmap_plan_output_shape(plan, 0, &planned), FMAP_OK);
    cr_assert_eq(planned.rank, 3);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    onnx_free(&w);
}

/* An output that is an input, or a constant, and one that is there twice. */
Test(onnx, outputs_that_no_node_makes) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "2");
    onnx_weights(&w, "w", "2", two);
    onnx_node(&w, "Add", NULL, "x w", "y");
    static const char *const names[] = {"w", "x", "y", "x"};
    for (size_t i = 0; i < 4; i++) onnx_output(&w, names[i]);
    fmap_model *model = load(&w);
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    cr_assert_eq(fmap_plan_create(model, NULL, &plan, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    float x[2] = {10, 20}, outputs[4][2];
    void *const places[] = {outputs[0], outputs[1], outputs[2], outputs[3]};
    cr_assert_eq(fmap_context_run(context, (const void *[]){x}, places, NULL), FMAP_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(outputs[0][i], two[i]);
        cr_assert_eq(outputs[1][i], x[i]);
        cr_assert_eq(outputs[2][i], x[i] + two[i]);
        cr_assert_eq(outputs[3][i], x[i]);
    }
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    onnx_free(&w);
}

/* The first files name no operator set, and their attributes no types. */
Test(onnx, files_from_before_there_were_operator_sets) {
    static const float weights[2] = {1, 2};
    struct onnx_writer w = onnx_begin(0);
    w.ir_version = 1;
    onnx_input(&w, "x", "1 2 3");
    onnx_weights(&w, "w", "2", weights);
    onnx_node(&w, "Add", NULL, "x w", "sum");
    struct onnx_bytes axis = {0}, broadcast = {0}, shape = {0}, sizes = {0}, slope = {0};
    onnx_put_text(&axis, ONNX_ATTRIBUTE_NAME, "axis");
    onnx_put_int(&axis, ONNX_ATTRIBUTE_I, 1);
    onnx_put_message(&w.node, ONNX_NODE_ATTRIBUTE, &axis);
    onnx_put_text(&broadcast, ONNX_ATTRIBUTE_NAME, "broadcast");
    onnx_put_int(&broadcast, ONNX_ATTRIBUTE_I, 1);
    onnx_put_message(&w.node, ONNX_NODE_ATTRIBUTE, &broadcast);
    onnx_node(&w, "Reshape", NULL, "sum", "row");
    onnx_put_text(&shape, ONNX_ATTRIBUTE_NAME, "shape");
    onnx_put_varint(&sizes, 1);
    onnx_put_varint(&sizes, 6);
    onnx_put_message(&shape, ONNX_ATTRIBUTE_INTS, &sizes);
    onnx_put_message(&w.node, ONNX_NODE_ATTRIBUTE, &shape);
    onnx_node(&w, "LeakyRelu", NULL, "row", "y");
    onnx_put_text(&slope, ONNX_ATTRIBUTE_NAME, "alpha");
    onnx_put_float(&slope, ONNX_ATTRIBUTE_F, 0.5f);
    onnx_put_message(&w.node, ONNX_NODE_ATTRIBUTE, &slope);
    onnx_output(&w, "y");
    fmap_model *model = load(&w);
    assert_shape(model, "y", 2, (const int64_t[]){1, 6});
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    cr_assert_eq(fmap_plan_create(model, NULL, &plan, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    static const float x[6] = {-3, -1, 0, 1, 2, -4}, expected[6] = {-1, 0, 1, 3, 4, -1};
    float y[6];
    cr_assert_eq(fmap_context_run(context, (const void *[]){x}, (void *[]){y}, NULL), FMAP_OK);
    for (int i = 0; i < 6; i++) cr_assert_eq(y[i], expected[i], "%d", i);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    onnx_free(&w);
}
