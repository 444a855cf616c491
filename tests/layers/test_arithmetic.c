#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_layer.h"

static const fmap_type types[] = {FMAP_UINT8, FMAP_INT8, FMAP_INT32, FMAP_INT64};

static void put(void *elements, fmap_type type, size_t i, int64_t value) {
    size_t bytes = net_type_bytes(type);
    memcpy((char *)elements + i * bytes, &value, bytes); /* the first bytes count least */
}

static int64_t get(const void *elements, fmap_type type, size_t i) {
    size_t bytes = net_type_bytes(type);
    uint64_t value = 0;
    memcpy(&value, (const char *)elements + i * bytes, bytes);
    if (type == FMAP_INT8) return (int8_t)value;
    return type == FMAP_INT32 ? (int32_t)value : (int64_t)value;
}

/* As ONNX says, and where it says nothing as docs/layers.md does. */
static int64_t apply(const char *op, int64_t a, int64_t b) {
    if (strcmp(op, "Add") == 0) return (int64_t)((uint64_t)a + (uint64_t)b);
    if (strcmp(op, "Sub") == 0) return (int64_t)((uint64_t)a - (uint64_t)b);
    if (strcmp(op, "Mul") == 0) return (int64_t)((uint64_t)a * (uint64_t)b);
    if (strcmp(op, "Max") == 0) return a > b ? a : b;
    if (strcmp(op, "Min") == 0) return a < b ? a : b;
    if (b == 0) return 0;
    if (b == -1) return op[0] == 'D' ? (int64_t)(0 - (uint64_t)a) : 0;
    if (strcmp(op, "Div") == 0) return a / b;
    int64_t rest = a % b;
    return op[0] == 'M' && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

enum { A = 6, B = 35, N = A * B };

/* Numbers at the ends of the types, around 0, and by chance. */
static void fill(void *elements, fmap_type type, size_t n, uint64_t seed) {
    static const int64_t special[] = {0, 1, -1, INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, -128, 127, 255};
    for (size_t i = 0; i < n; i++) {
        int64_t value = i % 3 ? special[check_random(&seed) % 10] : (int64_t)check_random(&seed);
        put(elements, type, i, i % 5 == 4 ? value % 100 : value);
    }
}

static void assert_operation(const char *op, bool truncates, fmap_type type) {
    static const int64_t a_dims[2] = {A, 1}, b_dims[1] = {B};
    int64_t a[A], b[B], expected[N];
    fill(a, type, A, 1);
    fill(b, type, B, 2);
    for (size_t i = 0; i < N; i++)
        put(expected, type, i, apply(truncates ? "rest" : op, get(a, type, i / B), get(b, type, i % B)));
    struct net_layer layer = {.op = op, .n_operands = 2};
    if (truncates) net_layer_attribute(&layer, net_int("fmod", 1));
    layer.operands[0] = net_computed_of(type, 2, a_dims, a);
    for (int i = 0; i < 3; i++) {
        layer.operands[1] = i == 0   ? net_computed_of(type, 1, b_dims, b)
                            : i == 1 ? net_constant_of(type, 1, b_dims, b)
                                     : net_pending_of(type, 1, b_dims, b);
        cr_assert(net_layer_gives(&layer, type, expected, N), "%s of type %d", op, (int)type);
    }
    /* What is computed from constants alone is computed in the plan. */
    layer.operands[0] = net_constant_of(type, 2, a_dims, a);
    cr_assert(net_layer_gives(&layer, type, expected, N), "%s of constants of type %d", op, (int)type);
}

Test(arithmetic, of_all_types_of_integers_wraps_around_and_never_traps) {
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Mod"};
    for (size_t i = 0; i < 7; i++) {
        for (size_t k = 0; k < 4; k++) assert_operation(ops[i], false, types[k]);
    }
    for (size_t k = 0; k < 4; k++) assert_operation("Mod", true, types[k]);
}

Test(arithmetic, more_than_two_operands) {
    static const int64_t three[1] = {3};
    static const int64_t a[3] = {1, 5, -9}, b[3] = {4, 4, 4}, c[3] = {-2, 6, 0}, larger[3] = {4, 6, 4},
                         smaller[3] = {-2, 4, -9};
    struct net_layer layer = {.op = "Max", .n_operands = 3};
    layer.operands[0] = net_computed_of(FMAP_INT64, 1, three, a);
    layer.operands[1] = net_constant_of(FMAP_INT64, 1, three, b);
    layer.operands[2] = net_computed_of(FMAP_INT64, 1, three, c);
    cr_assert(net_layer_gives(&layer, FMAP_INT64, larger, 3));
    layer.op = "Min";
    cr_assert(net_layer_gives(&layer, FMAP_INT64, smaller, 3));
}

Test(arithmetic, nothing_of_nothing_is_nothing) {
    static const int64_t none[2] = {0, 3}, three[1] = {3};
    static const int64_t numbers[3] = {1, 2, 3};
    static const float floats[3] = {1, 2, 3};
    struct net_layer layer = {.op = "Add", .n_operands = 2};
    layer.operands[0] = net_computed_of(FMAP_INT64, 2, none, numbers);
    layer.operands[1] = net_constant_of(FMAP_INT64, 1, three, numbers);
    cr_assert(net_layer_gives(&layer, FMAP_INT64, numbers, 0));
    layer.operands[0] = net_pending_of(FMAP_FLOAT32, 2, none, floats);
    layer.operands[1] = net_constant(1, three, floats);
    cr_assert(net_layer_gives(&layer, FMAP_FLOAT32, floats, 0));
}

Test(arithmetic, types_that_differ_are_refused) {
    static const int64_t three[1] = {3};
    static const int64_t numbers[3] = {1, 2, 3};
    struct net_layer layer = {.op = "Add", .n_operands = 2};
    layer.operands[0] = net_computed_of(FMAP_INT32, 1, three, numbers);
    layer.operands[1] = net_constant_of(FMAP_INT64, 1, three, numbers);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL,
                                "has elements of type 7, which this operator does not take"));
    layer.operands[0] = net_computed_of(FMAP_BOOL, 1, three, numbers);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has elements of type 9"));
}
