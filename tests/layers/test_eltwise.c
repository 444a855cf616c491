#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_layer.h"

static int64_t dim_from_end(const fmap_shape *shape, int i) {
    return i < shape->rank ? shape->dims[shape->rank - 1 - i] : 1;
}

static size_t elements_of(const fmap_shape *shape) {
    int64_t n = 0;
    fmap_shape_elements(shape, &n);
    return (size_t)n;
}

static fmap_shape broadcast(const fmap_shape *a, const fmap_shape *b) {
    fmap_shape out = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < out.rank; i++) {
        int64_t x = dim_from_end(a, i), y = dim_from_end(b, i);
        out.dims[out.rank - 1 - i] = x > y ? x : y;
    }
    return out;
}

/* Index into an operand for element i of the output. */
static size_t index_of(const fmap_shape *operand, const fmap_shape *out, size_t i) {
    size_t index = 0, stride = 1;
    for (int axis = 0; axis < operand->rank; axis++) {
        size_t size = (size_t)dim_from_end(operand, axis), n = (size_t)dim_from_end(out, axis);
        index += i % n % size * stride;
        stride *= size;
        i /= n;
    }
    return index;
}

/* Every operation is one rounding of the exact result, or none. */
static float apply(const char *op, float p, float q) {
    if (strcmp(op, "Add") == 0 || strcmp(op, "Sum") == 0) return p + q;
    if (strcmp(op, "Mul") == 0) return p * q;
    if (strcmp(op, "Sub") == 0) return p - q;
    if (strcmp(op, "Div") == 0) return p / q;
    if (strcmp(op, "Mod") == 0) return fmodf(p, q);
    if (strcmp(op, "PRelu") == 0) return p < 0 ? p * q : p;
    return strcmp(op, "Max") == 0 ? fmaxf(p, q) : fminf(p, q);
}

static bool agrees(const char *op, struct net_operand a, struct net_operand b, bool batch) {
    fmap_shape out = broadcast(&a.shape, &b.shape);
    size_t n = elements_of(&out);
    float *x = net_random(elements_of(&a.shape), n + 1), *y = net_random(elements_of(&b.shape), n + 2);
    float *expected = net_random(n, 0);
    for (size_t i = 0; i < n; i++) {
        float p = x[index_of(&a.shape, &out, i)], q = y[index_of(&b.shape, &out, i)];
        expected[i] = apply(op, p, q);
    }
    a.floats = x;
    b.floats = y;
    struct net_layer layer = {.op = op, .n_operands = 2, .operands = {a, b}, .batch = batch};
    if (strcmp(op, "Mod") == 0) net_layer_attribute(&layer, net_int("fmod", 1));
    bool good = net_layer_moves(&layer, expected, n);
    free(x);
    free(y);
    free(expected);
    return good;
}

struct pair {
    int a_rank;
    int64_t a[FMAP_MAX_RANK];
    int b_rank;
    int64_t b[FMAP_MAX_RANK];
};

/* Each of the operands computed and constant, and each in both places. */
static void assert_pair(struct pair pair) {
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Max", "Mod", "Min"};
    static int next;
    for (int i = 0; i < 8; i++) {
        struct net_operand a = net_computed(pair.a_rank, pair.a, NULL),
                           b = net_computed(pair.b_rank, pair.b, NULL);
        struct net_operand swapped = a;
        if (i & 1) (i & 2 ? &a : &b)->kind = NET_CONSTANT;
        if (!(i & 1) && (i & 2)) continue;
        if (i & 4) {
            swapped = a;
            a = b;
            b = swapped;
        }
        for (int k = 0; k < 2; k++, next = (next + 1) % 7)
            cr_assert(agrees(ops[next], a, b, false), "way %d of %s", i, ops[next]);
    }
}

Test(eltwise, operands_of_one_shape) {
    assert_pair((struct pair){0, {0}, 0, {0}});
    assert_pair((struct pair){1, {5}, 1, {5}});
    assert_pair((struct pair){2, {3, 21}, 2, {3, 21}});
    assert_pair((struct pair){4, {2, 19, 4, 5}, 4, {2, 19, 4, 5}});
    assert_pair((struct pair){4, {2, 33, 31, 33}, 4, {2, 33, 31, 33}});
    assert_pair((struct pair){5, {2, 3, 2, 2, 3}, 5, {2, 3, 2, 2, 3}});
}

Test(eltwise, a_number) {
    assert_pair((struct pair){4, {2, 19, 4, 5}, 0, {0}});
    assert_pair((struct pair){4, {2, 33, 31, 33}, 4, {1, 1, 1, 1}});
    assert_pair((struct pair){1, {3}, 3, {1, 1, 1}});
    assert_pair((struct pair){2, {3, 17}, 1, {1}});
}

Test(eltwise, a_number_for_each_channel) {
    assert_pair((struct pair){4, {2, 19, 4, 5}, 3, {19, 1, 1}});
    assert_pair((struct pair){4, {2, 33, 31, 33}, 4, {1, 33, 1, 1}});
    assert_pair((struct pair){4, {3, 16, 5, 5}, 4, {3, 16, 1, 1}});
    assert_pair((struct pair){4, {3, 40, 41, 23}, 4, {3, 40, 1, 1}});
    assert_pair((struct pair){4, {1, 5, 3, 3}, 4, {3, 5, 1, 1}});
    assert_pair((struct pair){2, {3, 21}, 1, {21}});
    assert_pair((struct pair){2, {3, 21}, 2, {1, 21}});
    assert_pair((struct pair){3, {2, 18, 7}, 2, {18, 1}});
}

Test(eltwise, rows_columns_images_and_outer_products) {
    assert_pair((struct pair){4, {2, 3, 4, 5}, 1, {5}});
    assert_pair((struct pair){4, {2, 3, 4, 5}, 2, {4, 1}});
    assert_pair((struct pair){4, {2, 3, 4, 5}, 4, {2, 1, 1, 1}});
    assert_pair((struct pair){4, {2, 17, 4, 5}, 4, {2, 1, 4, 5}});
    assert_pair((struct pair){2, {7, 1}, 2, {1, 9}});
    assert_pair((struct pair){4, {2, 1, 4, 1}, 4, {1, 3, 1, 5}});
    assert_pair((struct pair){3, {1, 1, 1}, 2, {1, 1}});
    assert_pair((struct pair){4, {2, 20, 60, 50}, 2, {60, 1}});
}

Test(eltwise, shapes_that_chance_makes) {
    uint64_t seed = 1;
    for (int i = 0; i < 60; i++) {
        fmap_shape a = {.rank = check_between(&seed, 0, 6)}, b = {.rank = check_between(&seed, 0, 6)};
        for (int k = 0; k < 6; k++) {
            int64_t size = check_between(&seed, 1, k == 2 ? 18 : 3);
            if (k < a.rank) a.dims[a.rank - 1 - k] = check_between(&seed, 0, 2) ? size : 1;
            if (k < b.rank) b.dims[b.rank - 1 - k] = check_between(&seed, 0, 2) ? size : 1;
        }
        struct net_operand x = net_computed(a.rank, a.dims, NULL), y = net_computed(b.rank, b.dims, NULL);
        if (i % 3 == 0) y.kind = NET_CONSTANT;
        cr_assert(agrees(i % 2 ? "Div" : "Sub", x, y, false), "case %d", i);
    }
}

Test(eltwise, an_image_alone_gives_the_bits_that_it_gives_in_a_batch) {
    static const int64_t images[4] = {3, 19, 4, 5}, channels[4] = {3, 19, 1, 1}, numbers[1] = {5};
    struct net_operand x = net_computed(4, images, NULL);
    cr_assert(agrees("Add", x, x, true));
    cr_assert(agrees("Mul", x, net_computed(4, channels, NULL), true));
    cr_assert(agrees("Mul", x, net_constant(1, numbers, NULL), true));
    cr_assert(agrees("Add", x, net_constant(0, NULL, NULL), true));
    cr_assert(agrees("Sub", x, net_computed(4, channels, NULL), true));
    cr_assert(agrees("Div", net_constant(1, numbers, NULL), x, false));
}

Test(eltwise, slopes_of_prelu_for_all_for_channels_and_for_elements) {
    static const int64_t image[4] = {2, 19, 4, 5}, channels[3] = {19, 1, 1}, one[1] = {1}, row[1] = {5};
    struct net_operand x = net_computed(4, image, NULL);
    cr_assert(agrees("PRelu", x, net_constant(3, channels, NULL), true));
    cr_assert(agrees("PRelu", x, net_constant(1, one, NULL), true));
    cr_assert(agrees("PRelu", x, net_computed(1, row, NULL), false));
    cr_assert(agrees("PRelu", x, x, true));
    cr_assert(agrees("PRelu", net_constant(4, image, NULL), x, false));
    struct net_layer layer = {.op = "PRelu", .n_operands = 2};
    layer.operands[0] = net_computed(1, row, NULL);
    layer.operands[1] = net_computed(4, image, NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "cannot be broadcast to input 0"));
}

/* ---- any number of operands ------------------------------------------------------------------------------ */

struct several {
    size_t n;
    struct net_operand operands[4];
};

static bool several_agree(const char *op, const struct several *several) {
    struct net_layer layer = {.op = op, .n_operands = several->n};
    bool mean = strcmp(op, "Mean") == 0;
    fmap_shape out = several->operands[0].shape;
    for (size_t k = 1; k < several->n; k++) out = broadcast(&out, &several->operands[k].shape);
    size_t n = elements_of(&out);
    float *expected = net_random(n, 0), *sources[4];
    for (size_t k = 0; k < several->n; k++) {
        const fmap_shape *shape = &several->operands[k].shape;
        sources[k] = net_random(elements_of(shape), k + 1);
        layer.operands[k] = several->operands[k];
        layer.operands[k].floats = sources[k];
        for (size_t i = 0; i < n; i++) {
            float x = sources[k][index_of(shape, &out, i)];
            expected[i] = k == 0 ? x : apply(mean ? "Sum" : op, expected[i], x);
        }
    }
    for (size_t i = 0; i < n && mean; i++) expected[i] /= (float)several->n;
    bool good = net_layer_moves(&layer, expected, n);
    for (size_t k = 0; k < several->n; k++) free(sources[k]);
    free(expected);
    return good;
}

Test(eltwise, one_two_and_more_operands_of_equal_and_of_different_shapes) {
    static const char *const ops[] = {"Sum", "Mean", "Max", "Min"};
    static const int64_t image[4] = {2, 19, 4, 5}, channels[4] = {1, 19, 1, 1}, rows[2] = {4, 1};
    struct net_operand x = net_computed(4, image, NULL), constant = net_constant(4, image, NULL),
                       c = net_constant(4, channels, NULL), r = net_computed(2, rows, NULL),
                       number = net_constant(0, NULL, NULL);
    const struct several all[] = {{1, {x}},
                                  {2, {x, x}},
                                  {3, {x, x, x}},
                                  {4, {x, constant, x, x}},
                                  {3, {constant, x, constant}},
                                  {2, {x, c}},
                                  {3, {c, x, r}},
                                  {4, {r, c, number, x}}};
    for (int i = 0; i < 4; i++) {
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
            cr_assert(several_agree(ops[i], &all[k]), "%s of set %zu", ops[i], k);
    }
}

Test(eltwise, the_larger_and_the_smaller_of_nan_and_a_number_is_nan) {
    static const int64_t four[1] = {4};
    static const float a[4] = {NAN, 1, INFINITY, -1}, b[4] = {1, NAN, 2, -INFINITY};
    static const float larger[4] = {NAN, NAN, INFINITY, -1}, smaller[4] = {NAN, NAN, 2, -INFINITY};
    struct net_layer layer = {.op = "Max", .n_operands = 2};
    layer.operands[0] = net_computed(1, four, a);
    layer.operands[1] = net_computed(1, four, b);
    cr_assert(net_layer_moves(&layer, larger, 4));
    layer.op = "Min";
    cr_assert(net_layer_moves(&layer, smaller, 4));
}

/* Squeeze and excitation: a map times a number for each of its channels, which is made from the map. */
static void build_excitation(fmap_model *model, const void *what) {
    static const int64_t image[4] = {1, 16, 14, 14}, kernel[4] = {24, 16, 1, 1},
                         gate_kernel[4] = {24, 24, 1, 1};
    float *weights = net_random(24 * 24, 1);
    fmap_value inputs[2] = {net_input(model, "x", 4, image), net_floats(model, weights, 4, kernel)};
    fmap_value map = net_node(model, "Conv", "map", inputs, 2, NULL, 0);
    inputs[0] = net_node(model, "GlobalAveragePool", "squeeze", &map, 1, NULL, 0);
    inputs[1] = net_floats(model, weights, 4, gate_kernel);
    fmap_value gate = net_node(model, "Conv", "gate", inputs, 2, NULL, 0);
    gate = net_node(model, "Sigmoid", "sigmoid", &gate, 1, NULL, 0);
    fmap_value both[2] = {what ? gate : map, what ? map : gate};
    inputs[0] = net_node(model, "Mul", "excite", both, 2, NULL, 0);
    fmap_model_output(model, net_node(model, "Conv", "last", inputs, 2, NULL, 0));
    free(weights);
}

Test(eltwise, an_excitation_needs_no_other_layout) {
    for (int swapped = 0; swapped < 2; swapped++) {
        fmap_model *model = net_model(build_excitation, swapped ? "swapped" : NULL);
        struct net net;
        fmap_step_info step;
        cr_assert(model && net_open(&net, model, NULL));
        for (size_t i = 0; fmap_plan_step(net.plan, i, &step) == FMAP_OK; i++) {
            fmap_layer_info layer = {.name = ""};
            if (step.layer >= 0) fmap_plan_layer(net.plan, (size_t)step.layer, &layer);
            bool inside = strcmp(layer.name, "squeeze") == 0 || strcmp(layer.name, "gate") == 0 ||
                          strcmp(layer.name, "excite") == 0;
            cr_assert(!inside || !strstr(step.kernel, "reorder"), "%s of %s", step.kernel, layer.name);
        }
        net_close(&net);
        fmap_model_destroy(model);
    }
}

Test(eltwise, unknown_sizes_take_the_other_operands) {
    static const int64_t a[4] = {FMAP_UNKNOWN, 3, FMAP_UNKNOWN, 1}, b[3] = {3, 7, FMAP_UNKNOWN};
    static const int64_t expected[4] = {FMAP_UNKNOWN, 3, 7, FMAP_UNKNOWN};
    struct net_layer layer = {.op = "Add", .n_operands = 2};
    layer.operands[0] = net_computed(4, a, NULL);
    layer.operands[1] = net_computed(3, b, NULL);
    cr_assert(net_layer_has_shape(&layer, 4, expected));
}

Test(eltwise, what_does_not_fit_is_refused) {
    static const int64_t a[2] = {2, 3}, b[1] = {4}, ints[2] = {1, 2};
    struct net_layer layer = {.op = "Mul", .n_operands = 2};
    layer.operands[0] = net_computed(2, a, NULL);
    layer.operands[1] = net_computed(1, b, NULL);
    cr_assert(net_layer_refused(
        &layer, FMAP_ERROR_MODEL,
        "input 0 'x0' of shape 2x3 and input 1 'x1' of shape 4 cannot be broadcast together"));
    layer.operands[1] = net_constant_ints(2, ints);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "type 7, which this operator does not take"));
    layer.op = "Mod";
    layer.operands[1] = layer.operands[0];
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'fmod' is 0, expected 1 for floats"));
    layer.op = "Mul";
    layer.n_operands = 1;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has 1 inputs, expected 2 to 2"));
    layer.n_operands = 2;
    layer.operands[1] = layer.operands[0];
    net_layer_attribute(&layer, net_int("axis", 1));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "attribute 'axis' is not known"));
}
