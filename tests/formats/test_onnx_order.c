/* Nodes that do not stand in the order in which they have to be computed. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "tests/fragile.h"
#include "tests/onnx_writer.h"

static const float one[1] = {1};

/* c = relu(a + b), a = x + w, b = relu(a), written from the end to the beginning. */
static struct onnx_writer backwards(void) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "1");
    onnx_weights(&w, "w", "1", one);
    onnx_node(&w, "Relu", "last", "sum", "c");
    onnx_node(&w, "Add", "third", "a b", "sum");
    onnx_node(&w, "Relu", NULL, "a", "b");
    onnx_node(&w, "Add", "first", "x w", "a");
    onnx_output(&w, "c");
    return w;
}

static const char *name_of(const fmap_model *model, size_t i) {
    fmap_node_info node = {0};
    cr_assert_eq(fmap_model_node_at(model, i, &node), FMAP_OK);
    return node.name;
}

Test(onnx_order, nodes_are_sorted) {
    struct onnx_writer w = backwards();
    fmap_model *model = NULL;
    cr_assert_eq(onnx_load(&w, &model, NULL), FMAP_OK);
    cr_assert_eq(fmap_model_node_count(model), 4);
    cr_assert_str_eq(name_of(model, 0), "first");
    cr_assert_str_eq(name_of(model, 2), "third");
    cr_assert_str_eq(name_of(model, 3), "last");
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    float x = 2, c = 0;
    cr_assert_eq(fmap_plan_create(model, NULL, &plan, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_run(context, (const void *[]){&x}, (void *[]){&c}, NULL), FMAP_OK);
    cr_assert_eq(c, 6.0f);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
    onnx_free(&w);
}

/* Deep enough to overflow a stack, were it recursive. */
Test(onnx_order, a_long_chain_backwards) {
    enum { NODES = 100000 };
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "v0", "1");
    for (int i = NODES; i > 0; i--) {
        char from[32], to[32];
        (void)snprintf(from, sizeof from, "v%d", i - 1);
        (void)snprintf(to, sizeof to, "v%d", i);
        onnx_node(&w, "Relu", NULL, from, to);
    }
    onnx_output(&w, "v100000");
    fmap_model *model = NULL;
    cr_assert_eq(onnx_load(&w, &model, NULL), FMAP_OK);
    cr_assert_eq(fmap_model_node_count(model), NODES);
    fmap_model_destroy(model);
    onnx_free(&w);
}

static void expect(struct onnx_writer *w, const char *words) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(onnx_load(w, &model, &error), FMAP_ERROR_MODEL);
    cr_assert(strstr(error.message, words), "\"%s\" is not in: %s", words, error.message);
    onnx_free(w);
}

Test(onnx_order, circles_and_loose_ends_are_named) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "1");
    onnx_node(&w, "Add", "one", "x b", "a");
    onnx_node(&w, "Relu", "two", "a", "b");
    onnx_output(&w, "b");
    expect(&w, "input 0 of node 'two' (Relu), 'a', is no input or initializer of the graph");
    w = onnx_begin(13);
    onnx_input(&w, "x", "1");
    onnx_node(&w, "Add", "self", "x y", "y");
    onnx_output(&w, "y");
    expect(&w, "input 1 of node 'self' (Add), 'y'");
    w = onnx_begin(13);
    onnx_input(&w, "x", "1");
    onnx_node(&w, "Relu", "late", "y", "z");
    onnx_node(&w, "Add", "open", "x nothing", "y");
    onnx_output(&w, "z");
    expect(&w, "input 1 of node 'open' (Add), 'nothing'");
}

Test(onnx_order, two_makers_of_one_name_are_refused) {
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "1");
    onnx_node(&w, "Relu", NULL, "y", "z");
    onnx_node(&w, "Relu", NULL, "x", "y");
    onnx_node(&w, "Tanh", NULL, "x", "y");
    onnx_output(&w, "z");
    expect(&w, "two tensors of the name 'y'");
}

Test(onnx_order, short_memory_is_an_error) {
    struct onnx_writer w = backwards();
    size_t bytes;
    const void *file = onnx_end(&w, &bytes);
    for (size_t n = 1;; n++) {
        struct fragile fragile = {.fail_at = n};
        fmap_allocator allocator = fragile_allocator(&fragile);
        fmap_model *model = NULL;
        fmap_status status = fmap_model_load_memory(file, bytes, NULL, &allocator, &model, NULL);
        fmap_model_destroy(model);
        cr_assert(fragile.n_live == 0 && fragile.bytes_live == 0);
        if (status == FMAP_OK) break;
        cr_assert_eq(status, FMAP_ERROR_MEMORY);
    }
    onnx_free(&w);
}
