#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "tests/net.h"

static fmap_model *new_model(void) {
    fmap_model *model = NULL;
    cr_assert_eq(fmap_model_create(NULL, &model, NULL), FMAP_OK);
    return model;
}

static const int64_t image[4] = {1, 3, 8, 8};

static fmap_value relu_of(fmap_model *model, const char *name, fmap_value x) {
    return net_node(model, "Relu", name, &x, 1, NULL, 0);
}

/* Finishes a model that has failed, and says whether the sentence names all the words. Destroys it. */
static void fails_with(fmap_model *model, fmap_status status, const char *word, const char *another) {
    fmap_error error = {0};
    cr_assert_eq(fmap_model_finish(model, &error), status, "%s", error.message);
    cr_assert_eq(error.status, status);
    cr_assert(strstr(error.message, word) && strstr(error.message, another), "%s", error.message);
    fmap_model_destroy(model);
}

/* ---- what is built is what is told -------------------------------------------------------------------- */

Test(model, describes_what_was_built) {
    fmap_model *model = new_model();
    fmap_model_set_name(model, "my.onnx");
    fmap_value x = net_input(model, "x", 4, image), y = relu_of(model, "act", x);
    fmap_model_output(model, y);
    cr_assert_eq(fmap_model_finish(model, NULL), FMAP_OK);
    cr_assert_str_eq(fmap_model_name(model), "my.onnx");
    cr_assert_eq(fmap_model_input_count(model), 1u);
    cr_assert_eq(fmap_model_output_count(model), 1u);
    cr_assert_eq(fmap_model_input_value(model, 0), x);
    cr_assert_eq(fmap_model_output_value(model, 0), y);
    cr_assert_eq(fmap_model_input_value(model, 1), FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_output_value(model, 1), FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_find_value(model, "x"), x);
    cr_assert_eq(fmap_model_find_value(model, "act"), y);
    cr_assert_eq(fmap_model_find_value(model, "nobody"), FMAP_NO_VALUE);
    fmap_value_info value;
    cr_assert_eq(fmap_model_value(model, y, &value), FMAP_OK);
    cr_assert_eq(value.type, FMAP_FLOAT32);
    cr_assert_eq(value.shape.rank, 4);
    cr_assert_eq(value.shape.dims[3], 8);
    cr_assert_null(value.data);
    cr_assert_eq(fmap_model_value(model, 99, &value), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_model_value(model, FMAP_NO_VALUE, &value), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_model_value(model, -1, &value), FMAP_ERROR_ARGUMENT);
    fmap_node_info node;
    cr_assert_eq(fmap_model_node_count(model), 1u);
    cr_assert_eq(fmap_model_node_at(model, 0, &node), FMAP_OK);
    cr_assert_str_eq(node.name, "act");
    cr_assert_str_eq(node.op, "Relu");
    cr_assert(node.n_inputs == 1 && node.inputs[0] == x && node.n_outputs == 1 && node.outputs[0] == y);
    cr_assert_eq(fmap_model_node_at(model, 1, &node), FMAP_ERROR_ARGUMENT);
    fmap_model_destroy(model);
}

Test(model, everything_without_a_name_gets_one_of_its_own) {
    fmap_model *model = new_model();
    fmap_value x = net_input(model, NULL, 4, image), y = net_input(model, "", 4, image);
    fmap_value values[20] = {x, y};
    for (int i = 2; i < 20; i++) values[i] = relu_of(model, i % 2 ? NULL : "", values[i - 1]);
    fmap_model_output(model, values[19]);
    cr_assert_eq(fmap_model_finish(model, NULL), FMAP_OK);
    for (int i = 0; i < 20; i++) {
        fmap_value_info info;
        cr_assert_eq(fmap_model_value(model, values[i], &info), FMAP_OK);
        cr_assert(*info.name != '\0');
        cr_assert_eq(fmap_model_find_value(model, info.name), values[i]);
    }
    fmap_model_destroy(model);
}

Test(model, names_that_were_given_step_aside_for_no_automatic_one) {
    fmap_model *model = new_model();
    fmap_value x = net_input(model, "relu_2", 4, image);
    x = relu_of(model, "relu_3", x);
    x = relu_of(model, NULL, x);
    x = relu_of(model, NULL, x);
    fmap_model_output(model, x);
    fmap_error error = {0};
    cr_assert_eq(fmap_model_finish(model, &error), FMAP_OK, "%s", error.message);
    fmap_model_destroy(model);
}

Test(model, strings_and_copied_constants_are_the_models_own) {
    char name[] = "weights";
    float data[4] = {1, 2, 3, 4};
    fmap_model *model = new_model();
    fmap_tensor tensor = {.type = FMAP_FLOAT32, .shape = {.rank = 1, .dims = {4}}, .data = data};
    fmap_value copied = fmap_model_constant(model, name, &tensor, FMAP_COPY);
    fmap_value borrowed = fmap_model_constant(model, "borrowed", &tensor, FMAP_BORROW);
    name[0] = 'X';
    data[0] = 9;
    fmap_value_info info;
    cr_assert_eq(fmap_model_find_value(model, "weights"), copied);
    cr_assert_eq(fmap_model_value(model, copied, &info), FMAP_OK);
    cr_assert_eq(((const float *)info.data)[0], 1.0f);
    cr_assert_eq(fmap_model_value(model, borrowed, &info), FMAP_OK);
    cr_assert_eq(info.data, (const void *)data);
    fmap_model_destroy(model);
}

static void count(void *resource) { ++*(int *)resource; }

Test(model, what_it_keeps_is_released_exactly_once) {
    int released = 0;
    fmap_model *model = new_model();
    cr_assert_eq(fmap_model_keep(model, &released, count), FMAP_OK);
    cr_assert_eq(fmap_model_keep(model, &released, count), FMAP_OK);
    cr_assert_eq(released, 0);
    fmap_model_destroy(model);
    cr_assert_eq(released, 2);
}

Test(model, what_it_cannot_keep_is_released_at_once) {
    int released = 0;
    fmap_model *model = new_model();
    fmap_model_fail(model, FMAP_ERROR_FORMAT, "broken");
    cr_assert_eq(fmap_model_keep(model, &released, count), FMAP_ERROR_FORMAT);
    cr_assert_eq(released, 1);
    fmap_model_destroy(model);
    cr_assert_eq(released, 1);
    cr_assert_eq(fmap_model_keep(NULL, &released, count), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(released, 2);
}

/* ---- the first failure sticks --------------------------------------------------------------------------- */

Test(model, the_first_failure_is_the_one_that_is_told) {
    fmap_model *model = new_model();
    fmap_value x = net_input(model, "x", 4, image);
    cr_assert_eq(net_node(model, "Frobnicate", "first", &x, 1, NULL, 0), FMAP_NO_VALUE);
    cr_assert_eq(net_node(model, "Bogus", "second", &x, 1, NULL, 0), FMAP_NO_VALUE);
    cr_assert_eq(relu_of(model, "fine", x), FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_output(model, x), FMAP_ERROR_UNSUPPORTED);
    cr_assert_eq(fmap_model_set_opset(model, 3), FMAP_ERROR_UNSUPPORTED);
    cr_assert_eq(fmap_model_fail(model, FMAP_ERROR_IO, "later"), FMAP_ERROR_IO);
    cr_assert_eq(fmap_model_node_count(model), 0u);
    fails_with(model, FMAP_ERROR_UNSUPPORTED, "Frobnicate", "first");
}

Test(model, a_failure_of_the_caller_is_kept) {
    fmap_model *model = new_model();
    cr_assert_eq(fmap_model_fail(model, FMAP_ERROR_IO, "the disk is gone"), FMAP_ERROR_IO);
    fails_with(model, FMAP_ERROR_IO, "the disk is gone", "");
    model = new_model();
    fmap_model_fail(model, FMAP_ERROR_LIMIT, NULL);
    fails_with(model, FMAP_ERROR_LIMIT, "limit", "");
}

Test(model, a_network_without_an_output_is_refused) {
    fmap_model *model = new_model();
    fmap_model_set_name(model, "half.onnx");
    net_input(model, "x", 4, image);
    fails_with(model, FMAP_ERROR_MODEL, "half.onnx", "output");
}

Test(model, nothing_can_be_added_once_it_is_finished) {
    fmap_model *model = new_model();
    fmap_value x = net_input(model, "x", 4, image);
    fmap_model_output(model, x);
    cr_assert_eq(fmap_model_finish(model, NULL), FMAP_OK);
    cr_assert_eq(fmap_model_finish(model, NULL), FMAP_OK);
    cr_assert_eq(relu_of(model, "late", x), FMAP_NO_VALUE);
    cr_assert_eq(net_input(model, "late", 4, image), FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_output(model, x), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_model_set_name(model, "late"), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_model_node_count(model), 0u);
    cr_assert_eq(fmap_model_output_count(model), 1u);
    fmap_model_destroy(model);
}

/* ---- what is refused, and what the sentence says ----------------------------------------------------------- */

Test(model, two_of_a_name_are_refused) {
    fmap_model *model = new_model();
    net_input(model, "twin", 4, image);
    net_input(model, "twin", 4, image);
    fails_with(model, FMAP_ERROR_MODEL, "twin", "two");
    model = new_model();
    fmap_value x = net_input(model, "x", 4, image);
    relu_of(model, "twin", x);
    relu_of(model, "twin", x);
    fails_with(model, FMAP_ERROR_MODEL, "twin", "two");
}

Test(model, values_that_are_not_there_are_refused) {
    fmap_model *model = new_model();
    relu_of(model, "r", 77);
    fails_with(model, FMAP_ERROR_ARGUMENT, "'r'", "input 0");
    model = new_model();
    relu_of(model, "r", -3);
    fails_with(model, FMAP_ERROR_ARGUMENT, "'r'", "input 0");
    model = new_model();
    relu_of(model, "r", FMAP_NO_VALUE);
    fails_with(model, FMAP_ERROR_MODEL, "'r'", "input");
    model = new_model();
    fmap_model_output(model, 5);
    fails_with(model, FMAP_ERROR_ARGUMENT, "output", "");
}

Test(model, too_many_inputs_or_outputs_are_refused) {
    fmap_model *model = new_model();
    fmap_value x = net_input(model, "x", 4, image), inputs[2] = {x, x}, outputs[70];
    net_node(model, "Relu", "r", inputs, 2, NULL, 0);
    fails_with(model, FMAP_ERROR_MODEL, "'r'", "2 inputs");
    for (size_t n_outputs = 0; n_outputs <= 70; n_outputs += n_outputs == 2 ? 68 : 2) {
        model = new_model();
        x = net_input(model, "x", 4, image);
        fmap_node_definition node = {
            .op = "Relu", .name = "r", .inputs = &x, .n_inputs = 1, .n_outputs = n_outputs};
        cr_assert_neq(fmap_model_node(model, &node, outputs), FMAP_OK);
        cr_assert_neq(fmap_model_finish(model, NULL), FMAP_OK);
        fmap_model_destroy(model);
    }
}

Test(model, attributes_that_nobody_knows_are_refused_by_name) {
    fmap_model *model = new_model();
    fmap_value x = net_input(model, "x", 4, image);
    fmap_attribute bogus = net_int("shininess", 3);
    net_node(model, "Relu", "r", &x, 1, &bogus, 1);
    fails_with(model, FMAP_ERROR_UNSUPPORTED, "shininess", "'r'");
    model = new_model();
    x = net_input(model, "x", 4, image);
    fmap_attribute wrong_type = net_int("alpha", 3);
    net_node(model, "LeakyRelu", "r", &x, 1, &wrong_type, 1);
    fails_with(model, FMAP_ERROR_MODEL, "alpha", "'r'");
    model = new_model();
    x = net_input(model, "x", 4, image);
    fmap_attribute nameless = net_int(NULL, 3);
    net_node(model, "Relu", "r", &x, 1, &nameless, 1);
    fails_with(model, FMAP_ERROR_ARGUMENT, "'r'", "name");
}

Test(model, operator_sets_out_of_range_are_refused) {
    for (int version = 1; version <= 21; version++) {
        fmap_model *model = new_model();
        cr_assert_eq(fmap_model_set_opset(model, version), FMAP_OK);
        fmap_model_destroy(model);
    }
    fmap_model *model = new_model();
    fmap_model_set_opset(model, 0);
    fails_with(model, FMAP_ERROR_UNSUPPORTED, "operator set 0 ", "1 to 21");
    model = new_model();
    fmap_model_set_opset(model, 22);
    fails_with(model, FMAP_ERROR_UNSUPPORTED, "22", "1 to 21");
}

static fmap_status status_of_constant(fmap_tensor tensor, const char *word) {
    fmap_model *model = new_model();
    fmap_error error = {0};
    cr_assert_eq(fmap_model_constant(model, "w", &tensor, FMAP_COPY), FMAP_NO_VALUE);
    fmap_status status = fmap_model_finish(model, &error);
    cr_assert(strstr(error.message, word), "%s", error.message);
    fmap_model_destroy(model);
    return status;
}

Test(model, constants_that_cannot_be_are_refused) {
    float data[1] = {0};
    const int64_t huge = INT64_MAX / 2;
    cr_assert_eq(status_of_constant((fmap_tensor){FMAP_FLOAT32, {1, {5}}, NULL}, "'w'"), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(status_of_constant((fmap_tensor){FMAP_FLOAT32, {1, {-1}}, data}, "'w'"), FMAP_ERROR_LIMIT);
    cr_assert_eq(status_of_constant((fmap_tensor){FMAP_FLOAT32, {1, {-2}}, data}, "'w'"), FMAP_ERROR_MODEL);
    cr_assert_eq(status_of_constant((fmap_tensor){FMAP_FLOAT32, {2, {huge, huge}}, data}, "'w'"),
                 FMAP_ERROR_LIMIT);
    cr_assert_eq(status_of_constant((fmap_tensor){FMAP_FLOAT32, {1, {INT64_MAX}}, data}, "'w'"),
                 FMAP_ERROR_LIMIT);
    cr_assert_eq(status_of_constant((fmap_tensor){FMAP_FLOAT32, {9, {1}}, data}, "'w'"), FMAP_ERROR_LIMIT);
    cr_assert_eq(status_of_constant((fmap_tensor){FMAP_FLOAT32, {-1, {1}}, data}, "'w'"), FMAP_ERROR_LIMIT);
    cr_assert_eq(status_of_constant((fmap_tensor){(fmap_type)77, {1, {1}}, data}, "77"),
                 FMAP_ERROR_UNSUPPORTED);
}

Test(model, null_arguments_are_refused_not_followed) {
    fmap_error error = {0};
    fmap_model *model = NULL;
    cr_assert_eq(fmap_model_create(NULL, NULL, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_model_finish(NULL, &error), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(fmap_model_fail(NULL, FMAP_ERROR_IO, "x"), FMAP_ERROR_IO);
    cr_assert_eq(fmap_model_set_name(NULL, "x"), FMAP_ERROR_ARGUMENT);
    cr_assert_eq(net_input(NULL, "x", 4, image), FMAP_NO_VALUE);
    cr_assert_eq(fmap_model_node_count(NULL), 0u);
    cr_assert_eq(fmap_model_input_count(NULL), 0u);
    cr_assert_eq(fmap_model_find_value(NULL, "x"), FMAP_NO_VALUE);
    cr_assert_str_eq(fmap_model_name(NULL), "");
    fmap_model_destroy(NULL);
    model = new_model();
    cr_assert_eq(fmap_model_input(model, "x", FMAP_FLOAT32, NULL), FMAP_NO_VALUE);
    fails_with(model, FMAP_ERROR_LIMIT, "'x'", "");
    model = new_model();
    cr_assert_eq(fmap_model_constant(model, "w", NULL, FMAP_COPY), FMAP_NO_VALUE);
    fails_with(model, FMAP_ERROR_ARGUMENT, "'w'", "");
    model = new_model();
    cr_assert_eq(fmap_model_node(model, NULL, NULL), FMAP_ERROR_ARGUMENT);
    fails_with(model, FMAP_ERROR_ARGUMENT, "fmap_model_node", "");
    model = new_model();
    cr_assert_eq(fmap_model_find_value(model, NULL), FMAP_NO_VALUE);
    fmap_model_destroy(model);
}

Test(model, shapes_count_their_elements) {
    int64_t elements = 77;
    cr_assert(fmap_shape_elements(&(fmap_shape){.rank = 0}, &elements) && elements == 1);
    cr_assert(fmap_shape_elements(&(fmap_shape){.rank = 3, .dims = {2, 3, 4}}, &elements) && elements == 24);
    cr_assert(fmap_shape_elements(&(fmap_shape){.rank = 2, .dims = {2, 0}}, &elements) && elements == 0);
    elements = 77;
    cr_assert_not(fmap_shape_elements(&(fmap_shape){.rank = 2, .dims = {2, FMAP_UNKNOWN}}, &elements));
    cr_assert_not(fmap_shape_elements(&(fmap_shape){.rank = 2, .dims = {2, INT64_MAX}}, &elements));
    cr_assert_not(fmap_shape_elements(&(fmap_shape){.rank = 9}, &elements));
    cr_assert_not(fmap_shape_elements(NULL, &elements));
    cr_assert_eq(elements, 77);
}
