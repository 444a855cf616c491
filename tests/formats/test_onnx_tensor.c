/* Elements of every type, in every way in which a file can hold them. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/onnx_writer.h"

enum { FLOAT16 = 10, FLOAT64 = 11, BFLOAT16 = 16 };

/* Loads a model whose only initializer, 'w', is that tensor. Destroy the model, then free the writer. */
static fmap_model *load(struct onnx_writer *w, struct onnx_bytes *tensor, fmap_value_info *info) {
    fmap_model *model = NULL;
    *w = onnx_begin(13);
    onnx_input(w, "x", "2");
    onnx_put_message(&w->graph, ONNX_GRAPH_INITIALIZER, tensor);
    onnx_node(w, "Relu", NULL, "x", "y");
    onnx_output(w, "y");
    cr_assert_eq(onnx_load(w, &model, NULL), FMAP_OK);
    cr_assert_eq(fmap_model_value(model, fmap_model_find_value(model, "w"), info), FMAP_OK);
    return model;
}

/* The tensor becomes elements of that type with these bytes. */
static void expect(struct onnx_bytes *tensor, fmap_type type, const void *elements, size_t bytes) {
    struct onnx_writer w;
    fmap_value_info info;
    fmap_model *model = load(&w, tensor, &info);
    cr_assert_eq(info.type, type, "type is %d", (int)info.type);
    int64_t count;
    cr_assert(fmap_shape_elements(&info.shape, &count));
    cr_assert_eq((size_t)count * fmap_type_bytes(type), bytes);
    cr_assert_not_null(info.data);
    cr_assert_eq(memcmp(info.data, elements, bytes), 0, "the elements are not the same");
    fmap_model_destroy(model);
    onnx_free(&w);
}

static struct onnx_bytes raw(int type, const char *shape, const void *elements, size_t bytes) {
    struct onnx_bytes tensor = onnx_tensor_head("w", type, shape);
    onnx_put_bytes(&tensor, ONNX_TENSOR_RAW, elements, bytes);
    return tensor;
}

/* ---- raw_data ---------------------------------------------------------------------------------- */

Test(onnx_tensor, raw_elements_of_the_types_of_the_library_stay_as_they_are) {
    static const uint8_t bytes[48] = {1, 0, 1, 1, 0, 0, 1};
    static const fmap_type types[] = {FMAP_FLOAT32, FMAP_UINT8, FMAP_INT8, FMAP_INT32, FMAP_INT64, FMAP_BOOL};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct onnx_bytes tensor = raw((int)types[i], "2 3", bytes, 6 * fmap_type_bytes(types[i]));
        expect(&tensor, types[i], bytes, 6 * fmap_type_bytes(types[i]));
    }
}

Test(onnx_tensor, raw_float16_becomes_float32) {
    static const uint16_t halves[] = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x8000};
    static const float expected[] = {1, -2, 65504, 0x1p-24f, INFINITY, -0.0f};
    struct onnx_bytes tensor = raw(FLOAT16, "6", halves, sizeof halves);
    expect(&tensor, FMAP_FLOAT32, expected, sizeof expected);
}

Test(onnx_tensor, raw_bfloat16_becomes_float32) {
    static const uint16_t halves[] = {0x3f80, 0xc000, 0x0001};
    static const float expected[] = {1, -2, 0x1p-133f};
    struct onnx_bytes tensor = raw(BFLOAT16, "3", halves, sizeof halves);
    expect(&tensor, FMAP_FLOAT32, expected, sizeof expected);
}

Test(onnx_tensor, raw_float64_is_rounded_to_float32) {
    static const double doubles[] = {1, 0.1, -1e300, 1e-300};
    static const float expected[] = {1, 0.1f, -INFINITY, 0};
    struct onnx_bytes tensor = raw(FLOAT64, "4", doubles, sizeof doubles);
    expect(&tensor, FMAP_FLOAT32, expected, sizeof expected);
}

/* ---- lists ------------------------------------------------------------------------------------- */

static const float four[4] = {1.5f, -2.25f, FLT_MAX, 0};

Test(onnx_tensor, packed_floats_are_used_where_they_are) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "2 2");
    onnx_put_bytes(&tensor, ONNX_TENSOR_FLOATS, four, sizeof four);
    struct onnx_writer w;
    fmap_value_info info;
    fmap_model *model = load(&w, &tensor, &info);
    const uint8_t *data = info.data;
    cr_assert(data > w.model.data && data < w.model.data + w.model.count, "the elements were copied");
    cr_assert_eq(memcmp(data, four, sizeof four), 0);
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx_tensor, floats_one_by_one) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "4");
    for (size_t i = 0; i < 4; i++) onnx_put_float(&tensor, ONNX_TENSOR_FLOATS, four[i]);
    expect(&tensor, FMAP_FLOAT32, four, sizeof four);
}

Test(onnx_tensor, floats_in_several_pieces) {
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "4");
    onnx_put_bytes(&tensor, ONNX_TENSOR_FLOATS, NULL, 0);
    onnx_put_bytes(&tensor, ONNX_TENSOR_FLOATS, four, sizeof *four);
    onnx_put_float(&tensor, ONNX_TENSOR_FLOATS, four[1]);
    onnx_put_bytes(&tensor, ONNX_TENSOR_FLOATS, four + 2, 2 * sizeof *four);
    expect(&tensor, FMAP_FLOAT32, four, sizeof four);
}

Test(onnx_tensor, many_floats_one_by_one) {
    enum { COUNT = 3000 };
    static float values[COUNT];
    struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "30 100");
    for (int i = 0; i < COUNT; i++) {
        values[i] = (float)i;
        onnx_put_float(&tensor, ONNX_TENSOR_FLOATS, values[i]);
    }
    expect(&tensor, FMAP_FLOAT32, values, sizeof values);
}

Test(onnx_tensor, doubles_packed_and_one_by_one) {
    static const double doubles[] = {1, 0.1};
    static const float expected[] = {1, 0.1f};
    struct onnx_bytes packed = onnx_tensor_head("w", FLOAT64, "2");
    onnx_put_bytes(&packed, ONNX_TENSOR_DOUBLES, doubles, sizeof doubles);
    expect(&packed, FMAP_FLOAT32, expected, sizeof expected);
    struct onnx_bytes single = onnx_tensor_head("w", FLOAT64, "2");
    for (size_t i = 0; i < 2; i++) {
        onnx_put_tag(&single, ONNX_TENSOR_DOUBLES, ONNX_FIXED64);
        onnx_put(&single, &doubles[i], sizeof doubles[i]);
    }
    expect(&single, FMAP_FLOAT32, expected, sizeof expected);
}

/* A tensor whose elements are varints in that field, packed or one by one. */
static struct onnx_bytes integers(int type, int field, bool is_packed, const char *shape,
                                  const int64_t *values, size_t count) {
    struct onnx_bytes tensor = onnx_tensor_head("w", type, shape), packed = {0};
    for (size_t i = 0; i < count; i++) {
        if (is_packed) {
            onnx_put_varint(&packed, (uint64_t)values[i]);
        } else {
            onnx_put_int(&tensor, field, values[i]);
        }
    }
    if (is_packed) onnx_put_message(&tensor, field, &packed);
    return tensor;
}

Test(onnx_tensor, int64s_packed_and_one_by_one) {
    static const int64_t values[] = {INT64_MIN, -1, 0, 300, INT64_MAX};
    for (int packed = 0; packed < 2; packed++) {
        struct onnx_bytes tensor = integers(FMAP_INT64, ONNX_TENSOR_INT64S, packed, "5", values, 5);
        expect(&tensor, FMAP_INT64, values, sizeof values);
    }
}

Test(onnx_tensor, int32s_packed_and_one_by_one) {
    static const int64_t values[] = {INT32_MIN, -1, 0, 300, INT32_MAX};
    static const int32_t expected[] = {INT32_MIN, -1, 0, 300, INT32_MAX};
    for (int packed = 0; packed < 2; packed++) {
        struct onnx_bytes tensor = integers(FMAP_INT32, ONNX_TENSOR_INT32S, packed, "5", values, 5);
        expect(&tensor, FMAP_INT32, expected, sizeof expected);
    }
}

Test(onnx_tensor, int32_data_carries_the_small_types) {
    static const int64_t values[] = {1, 0, 1};
    static const int64_t extremes[] = {-128, 127};
    static const uint8_t flags[] = {1, 0, 1};
    static const int8_t signed_bytes[] = {-128, 127};
    static const uint8_t byte = 255;
    struct onnx_bytes bools = integers(FMAP_BOOL, ONNX_TENSOR_INT32S, true, "3", values, 3);
    expect(&bools, FMAP_BOOL, flags, sizeof flags);
    struct onnx_bytes int8s = integers(FMAP_INT8, ONNX_TENSOR_INT32S, true, "2", extremes, 2);
    expect(&int8s, FMAP_INT8, signed_bytes, sizeof signed_bytes);
    struct onnx_bytes uint8s = integers(FMAP_UINT8, ONNX_TENSOR_INT32S, true, "1", (int64_t[]){255}, 1);
    expect(&uint8s, FMAP_UINT8, &byte, 1);
}

Test(onnx_tensor, int32_data_carries_the_bits_of_sixteen_bit_floats) {
    static const float expected[] = {1, -2};
    struct onnx_bytes halves = integers(FLOAT16, ONNX_TENSOR_INT32S, true, "2", (int64_t[]){0x3c00, 0xc000},
                                        2);
    expect(&halves, FMAP_FLOAT32, expected, sizeof expected);
    struct onnx_bytes brains = integers(BFLOAT16, ONNX_TENSOR_INT32S, false, "2", (int64_t[]){0x3f80, 0xc000},
                                        2);
    expect(&brains, FMAP_FLOAT32, expected, sizeof expected);
}

/* ---- shapes ------------------------------------------------------------------------------------ */

Test(onnx_tensor, a_scalar_has_no_dimensions) {
    static const float value = 3.5f;
    struct onnx_bytes tensor = raw(FMAP_FLOAT32, "", &value, sizeof value);
    struct onnx_writer w;
    fmap_value_info info;
    fmap_model *model = load(&w, &tensor, &info);
    cr_assert_eq(info.shape.rank, 0);
    cr_assert_eq(memcmp(info.data, &value, sizeof value), 0);
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx_tensor, dimensions_one_by_one) {
    struct onnx_bytes tensor = {0};
    onnx_put_int(&tensor, ONNX_TENSOR_DIMS, 2);
    onnx_put_int(&tensor, ONNX_TENSOR_TYPE, FMAP_FLOAT32);
    onnx_put_text(&tensor, ONNX_TENSOR_NAME, "w");
    onnx_put_bytes(&tensor, ONNX_TENSOR_RAW, four, sizeof four);
    onnx_put_int(&tensor, ONNX_TENSOR_DIMS, 2);
    struct onnx_writer w;
    fmap_value_info info;
    fmap_model *model = load(&w, &tensor, &info);
    cr_assert_eq(info.shape.rank, 2);
    cr_assert_eq(info.shape.dims[0], 2);
    cr_assert_eq(info.shape.dims[1], 2);
    fmap_model_destroy(model);
    onnx_free(&w);
}

Test(onnx_tensor, an_empty_tensor_has_an_address_all_the_same) {
    for (int with_raw = 0; with_raw < 2; with_raw++) {
        struct onnx_bytes tensor = onnx_tensor_head("w", FMAP_FLOAT32, "0 4611686018427387904 4");
        if (with_raw) onnx_put_bytes(&tensor, ONNX_TENSOR_RAW, NULL, 0);
        struct onnx_writer w;
        fmap_value_info info;
        fmap_model *model = load(&w, &tensor, &info);
        cr_assert_not_null(info.data);
        fmap_model_destroy(model);
        onnx_free(&w);
    }
}

Test(onnx_tensor, raw_data_counts_when_a_list_is_there_too) {
    struct onnx_bytes tensor = raw(FMAP_FLOAT32, "4", four, sizeof four);
    onnx_put_float(&tensor, ONNX_TENSOR_FLOATS, 7);
    expect(&tensor, FMAP_FLOAT32, four, sizeof four);
}
