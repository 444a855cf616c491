/* Damaged files: whatever is wrong with the bytes, loading ends with a model or with a sentence. The file
 * ends where memory ends, so that reading beyond it is a crash without any sanitizer. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/fence.h"
#include "tests/onnx_writer.h"

/* Loads a copy that ends at the fence. */
static fmap_status load(const struct fence *fence, const uint8_t *file, size_t bytes) {
    const uint8_t *copy = fence_copy(fence, file, bytes);
    fmap_model *model = NULL;
    fmap_error error = {0};
    fmap_status status = fmap_model_load_memory(copy, bytes, "test.onnx", NULL, &model, &error);
    if (status == FMAP_OK) {
        cr_assert_not_null(model);
    } else {
        cr_assert_null(model);
        cr_assert_eq(error.status, status);
        cr_assert_eq(strncmp(error.message, "test.onnx: ", 11), 0, "%s", error.message);
        cr_assert_gt(strlen(error.message), 20);
        cr_assert_null(strpbrk(error.message, "\n\r\033"));
    }
    fmap_model_destroy(model);
    return status;
}

/* A model with something of everything. */
static const uint8_t *all_kinds(struct onnx_writer *w, size_t *bytes) {
    static const float weights[2 * 1 * 3 * 3] = {1, 2, 3};
    *w = onnx_begin(13);
    onnx_input(w, "x", "batch 1 8 8");
    onnx_weights(w, "w", "2 1 3 3", weights);
    struct onnx_bytes bias = onnx_tensor_head("b", FMAP_FLOAT32, "2");
    onnx_put_float(&bias, ONNX_TENSOR_FLOATS, 1);
    onnx_put_float(&bias, ONNX_TENSOR_FLOATS, 2);
    onnx_put_message(&w->graph, ONNX_GRAPH_INITIALIZER, &bias);
    struct onnx_bytes half = onnx_tensor_head("half", 10, "1");
    onnx_put_int(&half, ONNX_TENSOR_INT32S, 0x3c00);
    onnx_put_message(&w->graph, ONNX_GRAPH_INITIALIZER, &half);
    onnx_node(w, "Conv", "conv", "x w b", "c");
    onnx_ints(w, "pads", "1 1 1 1");
    onnx_int(w, "group", 1);
    onnx_node(w, "Constant", NULL, "", "six");
    onnx_float(w, "value_float", 6);
    onnx_node(w, "Clip", NULL, "c - six", "r");
    onnx_node(w, "Mul", NULL, "r half", "h");
    onnx_node(w, "Constant", NULL, "", "shape");
    struct onnx_bytes shape = onnx_tensor_head(NULL, FMAP_INT64, "2");
    onnx_put_bytes(&shape, ONNX_TENSOR_INT64S, "\000\200\001", 3);
    onnx_tensor(w, "value", &shape);
    onnx_node(w, "Reshape", "flat", "h shape", "f");
    onnx_node(w, "LeakyRelu", NULL, "f", "y");
    onnx_float(w, "alpha", 0.1f);
    onnx_output(w, "y");
    return onnx_end(w, bytes);
}

Test(onnx_hostile, the_file_itself_is_good) {
    struct onnx_writer w;
    size_t bytes;
    const uint8_t *file = all_kinds(&w, &bytes);
    struct fence fence = fence_raise(bytes);
    cr_assert_eq(load(&fence, file, bytes), FMAP_OK);
    fence_take_down(&fence);
    onnx_free(&w);
}

Test(onnx_hostile, cut_off_after_every_byte) {
    struct onnx_writer w;
    size_t bytes;
    const uint8_t *file = all_kinds(&w, &bytes);
    struct fence fence = fence_raise(bytes);
    for (size_t n = 0; n < bytes; n++) {
        cr_assert_neq(load(&fence, file, n), FMAP_OK, "the first %zu of %zu bytes are a model", n, bytes);
    }
    fence_take_down(&fence);
    onnx_free(&w);
}

Test(onnx_hostile, every_byte_set_to_extremes) {
    static const uint8_t extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct onnx_writer w;
    size_t bytes;
    const uint8_t *file = all_kinds(&w, &bytes);
    struct fence fence = fence_raise(bytes);
    uint8_t *damaged = malloc(bytes);
    cr_assert_not_null(damaged);
    for (size_t at = 0; at < bytes; at++) {
        for (size_t i = 0; i < sizeof extremes; i++) {
            memcpy(damaged, file, bytes);
            damaged[at] = extremes[i];
            (void)load(&fence, damaged, bytes);
        }
    }
    free(damaged);
    fence_take_down(&fence);
    onnx_free(&w);
}

/* xorshift64* (Vigna, 2016): the same numbers on every machine. */
static uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

Test(onnx_hostile, ten_thousand_files_with_damaged_bytes) {
    enum { FILES = 10000 };
    struct onnx_writer w;
    size_t bytes;
    const uint8_t *file = all_kinds(&w, &bytes);
    struct fence fence = fence_raise(bytes);
    uint8_t *damaged = malloc(bytes);
    cr_assert_not_null(damaged);
    uint64_t state = 2;
    for (int i = 0; i < FILES; i++) {
        memcpy(damaged, file, bytes);
        for (uint64_t n = 1 + next_random(&state) % 6; n > 0; n--) {
            damaged[next_random(&state) % bytes] ^= (uint8_t)(1u << next_random(&state) % 8);
        }
        (void)load(&fence, damaged, bytes - (i % 4 ? 0 : next_random(&state) % bytes));
    }
    free(damaged);
    fence_take_down(&fence);
    onnx_free(&w);
}

Test(onnx_hostile, messages_inside_of_messages_inside_of_messages) {
    /* Attribute g (a graph) of a node of a graph of an attribute and so on: never followed. */
    struct onnx_bytes inner = {0};
    for (int depth = 0; depth < 2000; depth++) {
        struct onnx_bytes attribute = {0}, node = {0}, graph = {0};
        onnx_put_message(&attribute, ONNX_ATTRIBUTE_G, &inner);
        onnx_put_message(&node, ONNX_NODE_ATTRIBUTE, &attribute);
        onnx_put_message(&graph, ONNX_GRAPH_NODE, &node);
        inner = graph;
    }
    struct onnx_writer w = onnx_begin(13);
    onnx_input(&w, "x", "1");
    onnx_node(&w, "If", NULL, "x", "y");
    struct onnx_bytes attribute = onnx_attribute_head("then_branch", 5);
    onnx_put_message(&attribute, ONNX_ATTRIBUTE_G, &inner);
    onnx_put_message(&w.node, ONNX_NODE_ATTRIBUTE, &attribute);
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(onnx_load(&w, &model, &error), FMAP_ERROR_UNSUPPORTED);
    cr_assert(strstr(error.message, "subgraph"), "%s", error.message);
    onnx_free(&w);
}

Test(onnx_hostile, groups_inside_of_groups) {
    enum { DEPTH = 100000 };
    struct onnx_writer w = onnx_begin(13);
    for (int i = 0; i < DEPTH; i++) onnx_put_tag(&w.graph, 99, 3); /* the start of a group, long abolished */
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(onnx_load(&w, &model, &error), FMAP_ERROR_FORMAT);
    onnx_free(&w);
}
