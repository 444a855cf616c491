#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_layer.h"

struct pad {
    const char *mode;
    float value;
    int rank;
    int64_t dims[FMAP_MAX_RANK];
    int64_t ends[2 * FMAP_MAX_RANK]; /* before each axis, after each axis */
    int opset;
};

/* The element of an axis of n that element i comes from; -1: the constant. */
static int64_t source_of(const char *mode, int64_t i, int64_t n) {
    if (i >= 0 && i < n) return i;
    if (mode[0] == 'c') return -1;
    if (mode[0] == 'e') return i < 0 ? 0 : n - 1;
    if (mode[0] == 'w') return (i + 10 * n) % n;
    return i < 0 ? -i : 2 * (n - 1) - i;
}

static void oracle(const struct pad *pad, const int64_t *out, const float *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int64_t rest = (int64_t)i, from = 0, stride = 1;
        bool inside = true;
        for (int axis = pad->rank - 1; axis >= 0; axis--) {
            int64_t source = source_of(pad->mode, rest % out[axis] - pad->ends[axis], pad->dims[axis]);
            inside = inside && source >= 0;
            from += source * stride;
            stride *= pad->dims[axis];
            rest /= out[axis];
        }
        y[i] = inside ? x[from] : pad->value;
    }
}

/* The node as its opset writes it; `value` and `ends` must stay. */
static struct net_layer layer_of(const struct pad *pad, const float *x) {
    static const int64_t one = 1;
    struct net_layer layer = {.op = "Pad", .opset = pad->opset, .n_operands = 1};
    layer.operands[0] = net_computed(pad->rank, pad->dims, x);
    net_layer_attribute(&layer, net_string("mode", pad->mode));
    if (pad->opset && pad->opset < 11) {
        net_layer_attribute(&layer, net_list("pads", pad->ends, 2 * (size_t)pad->rank));
        net_layer_attribute(&layer, net_float("value", pad->value));
    } else {
        layer.operands[1] = net_constant_ints(2 * pad->rank, pad->ends);
        layer.operands[2] = net_constant(pad->opset == 11 ? 1 : 0, &one, &pad->value);
        layer.n_operands = 3;
    }
    return layer;
}

static void assert_padded(struct pad pad) {
    int64_t out[FMAP_MAX_RANK];
    size_t n = 1, n_in = 1;
    for (int i = 0; i < pad.rank; i++) {
        out[i] = pad.dims[i] + pad.ends[i] + pad.ends[pad.rank + i];
        n *= (size_t)out[i];
        n_in *= (size_t)pad.dims[i];
    }
    float *x = net_random(n_in, n), *expected = net_random(n, 0);
    oracle(&pad, out, x, expected, n);
    struct net_layer layer = layer_of(&pad, x);
    layer.batch = pad.rank > 1 && pad.ends[0] == 0 && pad.ends[pad.rank] == 0;
    cr_assert(net_layer_moves(&layer, expected, n));
    free(x);
    free(expected);
}

static const int opsets[] = {0, 7, 11, 13};

/* Pads of every axis, or only of those of the image. */
static struct pad random_pad(const char *mode, int rank, bool image_only, uint64_t *seed) {
    struct pad pad = {.mode = mode, .rank = rank, .value = (float)check_between(seed, -2, 2)};
    pad.opset = opsets[check_between(seed, 0, 3)];
    for (int i = 0; i < rank; i++) {
        pad.dims[i] = check_between(seed, 1, i == 1 ? 35 : 6);
        if (image_only && i < 2) continue;
        int most = mode[0] == 'r' ? (int)pad.dims[i] - 1 : 4, least = mode[0] == 'c' ? -2 : 0;
        int *sides = (int[]){check_between(seed, least, most), check_between(seed, least, most)};
        if (pad.dims[i] + sides[0] + sides[1] < 1) sides[0] = sides[1] = 0;
        pad.ends[i] = sides[0];
        pad.ends[rank + i] = sides[1];
    }
    return pad;
}

static void assert_mode(const char *mode, uint64_t seed) {
    for (int rank = 1; rank <= 5; rank++) {
        for (int i = 0; i < 12; i++) assert_padded(random_pad(mode, rank, i % 2, &seed));
    }
}

Test(pad, a_constant_surrounds_or_ends_are_cropped) { assert_mode("constant", 1); }
Test(pad, edges_are_repeated) { assert_mode("edge", 2); }
Test(pad, reflections_leave_the_edge_out) { assert_mode("reflect", 3); }
Test(pad, wrapping_begins_again_at_the_other_end) { assert_mode("wrap", 4); }

Test(pad, large_images_are_shared_between_threads_without_a_difference) {
    assert_padded((struct pad){
        .mode = "constant", .rank = 4, .dims = {2, 35, 61, 47}, .ends = {0, 0, 1, 2, 0, 0, 3, 4}});
    assert_padded((struct pad){
        .mode = "reflect", .rank = 4, .dims = {2, 35, 61, 47}, .ends = {0, 0, 1, 2, 0, 0, 3, 4}});
}

Test(pad, an_image_can_be_cropped_away_as_long_as_padding_is_left) {
    assert_padded(
        (struct pad){.mode = "constant", .value = 3, .rank = 2, .dims = {2, 3}, .ends = {0, -5, 0, 9}});
    assert_padded(
        (struct pad){.mode = "constant", .value = 3, .rank = 2, .dims = {2, 3}, .ends = {0, 9, 0, -5}});
    assert_padded(
        (struct pad){.mode = "constant", .value = 3, .rank = 2, .dims = {2, 3}, .ends = {-4, 1, 5, 1}});
}

Test(pad, the_constant_may_be_infinite_or_no_number) {
    assert_padded((struct pad){.mode = "constant",
                               .value = -INFINITY,
                               .rank = 4,
                               .dims = {1, 3, 2, 2},
                               .ends = {0, 0, 1, 1, 0, 0, 1, 1}});
    assert_padded((struct pad){
        .mode = "constant", .value = NAN, .rank = 4, .dims = {1, 3, 2, 2}, .ends = {0, 1, 1, 0, 0, 0, 0, 1}});
}

Test(pad, the_constant_is_zero_unless_another_is_said) {
    static const int64_t dims[2] = {1, 2}, ends[4] = {0, 1, 0, 1};
    static const float x[2] = {1, 2}, expected[4] = {0, 1, 2, 0};
    struct net_layer layer = {.op = "Pad", .n_operands = 2};
    layer.operands[0] = net_computed(2, dims, x);
    layer.operands[1] = net_constant_ints(4, ends);
    cr_assert(net_layer_moves(&layer, expected, 4));
    layer.operands[2] = net_left_out();
    layer.n_operands = 3;
    cr_assert(net_layer_moves(&layer, expected, 4));
}

Test(pad, axes_say_which_the_pads_are_for) {
    static const int64_t dims[3] = {1, 2, 2}, ends[4] = {1, 0, 0, 1}, axes[2] = {-1, 1};
    static const float x[4] = {1, 2, 3, 4}, expected[9] = {0, 1, 2, 0, 3, 4, 0, 0, 0};
    struct net_layer layer = {.op = "Pad", .n_operands = 4};
    layer.operands[0] = net_computed(3, dims, x);
    layer.operands[1] = net_constant_ints(4, ends);
    layer.operands[2] = net_left_out();
    layer.operands[3] = net_constant_ints(2, axes);
    cr_assert(net_layer_moves(&layer, expected, 9));
}

Test(pad, elements_of_every_type_are_padded) {
    static const int64_t dims[2] = {2, 2}, ends[4] = {0, 1, 1, 0}, out = 9, seven = 7;
    static const uint8_t bytes[4] = {1, 2, 3, 4}, nine = 9, expected_bytes[9] = {9, 1, 2, 9, 3, 4, 9, 9, 9};
    static const int32_t ints[4] = {-1, 2, -3, 4}, expected_ints[9] = {0, -1, 2, 0, -3, 4, 0, 0, 0};
    static const int64_t longs[4] = {-1, 2, -3, 4}, expected_longs[9] = {7, -1, 2, 7, -3, 4, 7, 7, 7};
    struct net_layer layer = {.op = "Pad", .n_operands = 3};
    layer.operands[0] = net_computed_of(FMAP_UINT8, 2, dims, bytes);
    layer.operands[1] = net_constant_ints(4, ends);
    layer.operands[2] = net_constant_of(FMAP_UINT8, 0, NULL, &nine);
    cr_assert(net_layer_gives(&layer, FMAP_UINT8, expected_bytes, (size_t)out));
    layer.operands[0] = net_computed_of(FMAP_INT64, 2, dims, longs);
    cr_assert(
        net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "expected one constant element of the type 7"));
    layer.operands[2] = net_pending_of(FMAP_INT64, 0, NULL, &seven);
    cr_assert(net_layer_gives(&layer, FMAP_INT64, expected_longs, (size_t)out));
    layer.operands[0] = net_computed_of(FMAP_INT32, 2, dims, ints);
    layer.n_operands = 2;
    cr_assert(net_layer_gives(&layer, FMAP_INT32, expected_ints, (size_t)out));
}

Test(pad, unknown_sizes_stay_unknown_until_a_plan) {
    struct pad pad = {
        .mode = "constant", .rank = 3, .dims = {FMAP_UNKNOWN, 4, FMAP_UNKNOWN}, .ends = {0, 1, 1, 0, 2, 0}};
    struct net_layer layer = layer_of(&pad, NULL);
    static const int64_t expected[3] = {FMAP_UNKNOWN, 7, FMAP_UNKNOWN};
    cr_assert(net_layer_has_shape(&layer, 3, expected));
}

static void assert_refused(struct pad pad, fmap_status status, const char *words) {
    struct net_layer layer = layer_of(&pad, NULL);
    cr_assert(net_layer_refused(&layer, status, words));
}

Test(pad, what_does_not_fit_is_refused) {
    const struct pad pad = {.mode = "constant", .rank = 2, .dims = {2, 3}};
    struct pad bad = pad;
    bad.mode = "mirror";
    assert_refused(bad, FMAP_ERROR_UNSUPPORTED, "'mode' is 'mirror'");
    bad = pad;
    bad.ends[0] = bad.ends[2] = -1;
    assert_refused(bad, FMAP_ERROR_MODEL,
                   "axis 0 of input 0 'x0' of shape 2x3 cannot be padded by -1 and -1");
    bad.mode = "edge";
    assert_refused(bad, FMAP_ERROR_MODEL, "expected 0 or more");
    bad = pad;
    bad.mode = "reflect";
    bad.ends[1] = 3;
    assert_refused(bad, FMAP_ERROR_MODEL, "expected 0 to its size - 1");
    bad = pad;
    bad.ends[1] = INT64_MAX;
    assert_refused(bad, FMAP_ERROR_LIMIT, "pad 1 is 9223372036854775807");
    bad.ends[1] = INT64_MIN;
    assert_refused(bad, FMAP_ERROR_LIMIT, "pad 1 is -9223372036854775808");
}

Test(pad, pads_and_axes_that_do_not_fit_together_are_refused) {
    static const int64_t dims[2] = {2, 3}, ends[4] = {0, 0, 0, 0}, twice[2] = {1, -1}, far[1] = {2},
                         n_computed = 4;
    struct net_layer layer = {.op = "Pad", .n_operands = 2};
    layer.operands[0] = net_computed(2, dims, NULL);
    layer.operands[1] = net_constant_ints(3, ends);
    cr_assert(
        net_layer_refused(&layer, FMAP_ERROR_MODEL, "has 3 pads for input 0 'x0' of shape 2x3, expected 4"));
    layer.operands[1] = net_computed(1, &n_computed, NULL);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "'x1' of shape 4 is computed"));
    layer.operands[1] = net_constant_ints(4, ends);
    layer.operands[2] = net_left_out();
    layer.operands[3] = net_constant_ints(2, twice);
    layer.n_operands = 4;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "axis -1 is out of range or named twice"));
    layer.operands[3] = net_constant_ints(1, far);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "axis 2 is out of range"));
    layer.n_operands = 1;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has 1 inputs, expected 2 to 4"));
    layer.opset = 10;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "attribute 'pads' is missing in opset 10"));
}
