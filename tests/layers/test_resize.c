#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_layer.h"

/* What the standard says, element by element: weights of every axis multiplied, sums in double. Places are rounded to
 * floats, as the standard's own rule computes them. */

struct resize {
    int64_t in[4], out[4];
    double scales[4];
    const char *mode, *coordinates, *nearest; /* NULL: the default */
    double a;
    bool exclude, antialias;
    const float *roi; /* starts and ends of four axes */
};

static float place_of(const struct resize *resize, int axis, int64_t o) {
    const char *rule = resize->coordinates ? resize->coordinates : "half_pixel";
    double scale = resize->scales[axis], in = (double)resize->in[axis], out = (double)resize->out[axis],
           x = (double)o;
    if (strcmp(rule, "asymmetric") == 0) return (float)(x / scale);
    if (strcmp(rule, "align_corners") == 0) return out > 1 ? (float)(x * (in - 1) / (out - 1)) : 0;
    if (strcmp(rule, "pytorch_half_pixel") == 0 && !(out > 1)) return 0;
    if (strcmp(rule, "tf_half_pixel_for_nn") == 0) return (float)((x + 0.5) / scale);
    if (strcmp(rule, "half_pixel_symmetric") == 0)
        return (float)(in / 2 * (1 - out / (scale * in)) + (x + 0.5) / scale - 0.5);
    if (strcmp(rule, "tf_crop_and_resize") == 0) {
        double start = (double)resize->roi[axis], end = (double)resize->roi[4 + axis];
        return out > 1 ? (float)(start * (in - 1) + x * (end - start) * (in - 1) / (out - 1))
                       : (float)((start + end) / 2 * (in - 1));
    }
    return (float)((x + 0.5) / scale - 0.5);
}

static int64_t nearest_to(const struct resize *resize, float place) {
    const char *rule = resize->nearest ? resize->nearest : "round_prefer_floor";
    double x = (double)place;
    if (strcmp(rule, "floor") == 0) return (int64_t)floor(x);
    if (strcmp(rule, "ceil") == 0) return (int64_t)ceil(x);
    double down = floor(x), rest = x - down;
    if (rest == 0.5) return (int64_t)(strcmp(rule, "round_prefer_ceil") == 0 ? down + 1 : down);
    return (int64_t)(rest < 0.5 ? down : down + 1);
}

static double cubic(double a, double d) {
    d = fabs(d);
    if (d <= 1) return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

/* What element i of an axis counts for output o, all that lie beyond the ends added to those. */
static double weight_of(const struct resize *resize, int axis, int64_t o, int64_t i) {
    int64_t in = resize->in[axis];
    bool whole = !resize->roi || (resize->roi[axis] == 0 && resize->roi[4 + axis] == 1);
    if (in == resize->out[axis] && resize->scales[axis] == 1 && whole) return i == o;
    float place = place_of(resize, axis, o);
    if (strcmp(resize->mode, "nearest") == 0) {
        int64_t nearest = nearest_to(resize, place);
        return i == (nearest < 0 ? 0 : nearest >= in ? in - 1 : nearest);
    }
    double stretch = resize->antialias && resize->scales[axis] < 1 ? resize->scales[axis] : 1, sum = 0,
           mine = 0;
    for (int64_t k = -4 * in - 8; k < 5 * in + 8; k++) {
        double distance = stretch * ((double)k - (double)place);
        double weight = strcmp(resize->mode, "cubic") == 0 ? cubic(resize->a, distance)
                                                           : fmax(0, 1 - fabs(distance));
        bool outside = k < 0 || k >= in;
        if (outside && resize->exclude) weight = 0;
        sum += weight;
        if ((k < 0 ? 0 : k >= in ? in - 1 : k) == i) mine += weight;
    }
    return resize->exclude || stretch < 1 ? mine / sum : mine;
}

static bool is_outside(const struct resize *resize, const int64_t at[4]) {
    bool outside = false;
    for (int i = 0; resize->roi && i < 4; i++) {
        float place = place_of(resize, i, at[i]);
        outside |= place < 0 || place > (float)(resize->in[i] - 1);
    }
    return outside;
}

/* One element of the output; *magnitude is the sum of what was added, without signs. */
static double sum_at(const struct resize *resize, const float *x, const int64_t at[4], double *magnitude) {
    const int64_t *in = resize->in;
    double sum = 0;
    for (int64_t i = 0; i < in[0] * in[1] * in[2] * in[3]; i++) {
        int64_t w = i % in[3], h = i / in[3] % in[2], c = i / in[3] / in[2] % in[1],
                n = i / in[3] / in[2] / in[1];
        double weight = weight_of(resize, 0, at[0], n);
        if (weight != 0) weight *= weight_of(resize, 1, at[1], c);
        if (weight != 0) weight *= weight_of(resize, 2, at[2], h);
        if (weight != 0) weight *= weight_of(resize, 3, at[3], w);
        sum += weight * (double)x[i];
        *magnitude += fabs(weight * (double)x[i]);
    }
    return sum;
}

static struct net_layer layer_of(const struct resize *resize, const float *x, const float *scales) {
    struct net_layer layer = {.op = "Resize", .n_operands = 3};
    layer.operands[0] = net_computed(4, resize->in, x);
    layer.operands[1] = resize->roi ? net_constant(1, (int64_t[]){8}, resize->roi) : net_left_out();
    layer.operands[2] = net_constant(1, (int64_t[]){4}, scales);
    net_layer_attribute(&layer, net_string("mode", resize->mode));
    if (resize->coordinates)
        net_layer_attribute(&layer, net_string("coordinate_transformation_mode", resize->coordinates));
    if (resize->nearest) net_layer_attribute(&layer, net_string("nearest_mode", resize->nearest));
    if (resize->a != 0) net_layer_attribute(&layer, net_float("cubic_coeff_a", (float)resize->a));
    if (resize->exclude) net_layer_attribute(&layer, net_int("exclude_outside", 1));
    if (resize->antialias) net_layer_attribute(&layer, net_int("antialias", 1));
    if (resize->roi) net_layer_attribute(&layer, net_float("extrapolation_value", -3.5f));
    layer.batch = resize->scales[0] == 1 && !resize->roi;
    return layer;
}

static void assert_resized(struct resize resize) {
    float scales[4];
    size_t n_in = 1, n = 1;
    for (int i = 0; i < 4; i++) {
        double crop = resize.roi ? (double)resize.roi[4 + i] - (double)resize.roi[i] : 1;
        scales[i] = (float)resize.scales[i];
        resize.scales[i] = (double)scales[i];
        resize.out[i] = (int64_t)floor((double)resize.in[i] * resize.scales[i] * crop);
        n_in *= (size_t)resize.in[i];
        n *= (size_t)resize.out[i];
    }
    float *x = net_random(n_in, 1);
    struct net_layer layer = layer_of(&resize, x, scales);
    if (resize.a == 0) resize.a = -0.75;
    double *y = calloc(n, sizeof *y), *bounds = calloc(n, sizeof *bounds);
    for (size_t i = 0; i < n; i++) {
        int64_t at[4], rest = (int64_t)i;
        double magnitude = 0;
        for (int axis = 3; axis >= 0; axis--) {
            at[axis] = rest % resize.out[axis];
            rest /= resize.out[axis];
        }
        y[i] = is_outside(&resize, at) ? -3.5 : sum_at(&resize, x, at, &magnitude);
        /* Each of two axes rounds its weights, products and sums. */
        if (strcmp(resize.mode, "nearest") != 0 && magnitude > 0) bounds[i] = check_bound(2 * 18, magnitude);
    }
    cr_assert(net_layer_agrees(&layer, y, bounds, n), "%s %s %s", resize.mode,
              resize.coordinates ? resize.coordinates : "", resize.nearest ? resize.nearest : "");
    free(x);
    free(y);
    free(bounds);
}

static const char *const coordinates[] = {"half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel",
                                          "align_corners", "asymmetric",           "tf_half_pixel_for_nn"};
static const double factors[][4] = {
    {1, 1, 2, 2}, {1, 1, 0.6, 1.7}, {1, 1, 3, 1}, {1, 1, 1, 0.4}, {1, 1, 0.2, 2.5}};

Test(resize, nearest_by_every_rule) {
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < 20; k++) {
            struct resize resize = {.in = {2, 3, 5, 6},
                                    .mode = "nearest",
                                    .coordinates = coordinates[i],
                                    .nearest = nearest[k % 4]};
            memcpy(resize.scales, factors[k / 4], sizeof resize.scales);
            assert_resized(resize);
        }
    }
}

Test(resize, linear_and_cubic_by_every_rule) {
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < 10; k++) {
            struct resize resize = {.in = {2, 3, 5, 6},
                                    .mode = k % 2 ? "cubic" : "linear",
                                    .coordinates = coordinates[i],
                                    .a = k % 2 ? -0.5 : 0};
            memcpy(resize.scales, factors[k / 2], sizeof resize.scales);
            assert_resized(resize);
        }
    }
}

Test(resize, several_blocks_of_channels) {
    assert_resized((struct resize){.in = {2, 35, 3, 4}, .mode = "nearest", .scales = {1, 1, 2, 2}});
    assert_resized((struct resize){.in = {1, 18, 3, 4}, .mode = "linear", .scales = {1, 1, 2, 2}});
}

Test(resize, channels_and_images_too) {
    assert_resized((struct resize){.in = {2, 3, 3, 4}, .mode = "nearest", .scales = {2, 1.5, 2, 1}});
    assert_resized((struct resize){.in = {2, 3, 3, 4}, .mode = "linear", .scales = {1, 2, 1, 1}});
    assert_resized((struct resize){.in = {1, 3, 3, 4}, .mode = "linear", .scales = {1, 2, 2, 1.5}});
}

Test(resize, what_lies_outside_may_not_count) {
    assert_resized((struct resize){
        .in = {1, 2, 5, 6}, .mode = "cubic", .a = -0.5, .scales = {1, 1, 2, 0.7}, .exclude = true});
    assert_resized(
        (struct resize){.in = {1, 2, 5, 6}, .mode = "linear", .scales = {1, 1, 2, 0.7}, .exclude = true});
}

Test(resize, what_shrinks_may_be_smoothed) {
    assert_resized(
        (struct resize){.in = {1, 2, 7, 9}, .mode = "linear", .scales = {1, 1, 0.5, 0.3}, .antialias = true});
    assert_resized((struct resize){
        .in = {1, 2, 7, 6}, .mode = "cubic", .a = -0.5, .scales = {1, 1, 0.6, 1.5}, .antialias = true});
}

Test(resize, a_region_with_a_value_for_what_lies_outside) {
    static const float inside[8] = {0, 0, 0.2f, 0.1f, 1, 1, 0.9f, 0.8f};
    static const float beyond[8] = {0, 0, -0.3f, 0.1f, 1, 1, 0.9f, 1.4f};
    const char *rule = "tf_crop_and_resize";
    assert_resized((struct resize){
        .in = {1, 3, 5, 6}, .mode = "linear", .coordinates = rule, .scales = {1, 1, 2, 2}, .roi = inside});
    assert_resized((struct resize){
        .in = {1, 18, 5, 6}, .mode = "linear", .coordinates = rule, .scales = {1, 1, 2, 2}, .roi = beyond});
    assert_resized((struct resize){
        .in = {1, 3, 5, 6}, .mode = "nearest", .coordinates = rule, .scales = {1, 1, 1, 2}, .roi = beyond});
}

static struct net_layer sized(const int64_t in[4], const float *x, const int64_t *sizes, int64_t n) {
    struct net_layer layer = {.op = "Resize", .n_operands = 4, .operands = {net_computed(4, in, x)}};
    layer.operands[1] = layer.operands[2] = net_left_out();
    layer.operands[3] = net_constant_ints(n, sizes);
    return layer;
}

Test(resize, sizes_of_some_axes) {
    static const int64_t in[4] = {1, 2, 5, 10}, sizes[2] = {8, 10}, axes[2] = {-2, 3}, all[4] = {1, 2, 8, 10};
    float *x = net_random(100, 1), y[2 * 80];
    for (int i = 0; i < 160; i++)
        y[i] = x[i / 80 * 50 + (int)ceilf((float)(i / 10 % 8 + 0.5) * 0.625f - 1) * 10 + i % 10];
    struct net_layer layer = sized(in, x, sizes, 2);
    net_layer_attribute(&layer, net_list("axes", axes, 2));
    cr_assert(net_layer_has_shape(&layer, 4, all));
    cr_assert(net_layer_moves(&layer, y, 160));
    layer = sized(in, x, all, 4);
    cr_assert(net_layer_moves(&layer, y, 160));
    layer.operands[0] = net_computed_of(FMAP_INT32, 4, in, x);
    layer.operands[3] = net_pending_ints(4, all);
    cr_assert(net_layer_gives(&layer, FMAP_INT32, y, 160));
    free(x);
}

Test(resize, the_same_scale_for_all_axes) {
    static const int64_t in[4] = {1, 1, 4, 10}, sizes[2] = {8, 15}, axes[2] = {2, 3};
    float *x = net_random(40, 1);
    struct net_layer layer = sized(in, x, sizes, 2);
    net_layer_attribute(&layer, net_list("axes", axes, 2));
    net_layer_attribute(&layer, net_string("keep_aspect_ratio_policy", "not_larger"));
    cr_assert(net_layer_has_shape(&layer, 4, (int64_t[]){1, 1, 6, 15}));
    layer.attributes[1] = net_string("keep_aspect_ratio_policy", "not_smaller");
    cr_assert(net_layer_has_shape(&layer, 4, (int64_t[]){1, 1, 8, 20}));
    free(x);
}

Test(resize, old_opsets_round_down_where_an_axis_grows) {
    static const int64_t dims[4] = {1, 1, 2, 4}, four = 4;
    static const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, up[4] = {1, 1, 2, 1}, down[4] = {1, 1, 0.6f, 0.6f};
    static const float twice[16] = {1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8}, less[2] = {1, 3};
    struct net_layer layer = {
        .op = "Upsample", .opset = 9, .n_operands = 2, .operands = {net_computed(4, dims, x)}};
    layer.operands[1] = net_constant(1, &four, up);
    cr_assert(net_layer_moves(&layer, twice, 16));
    layer.op = "Resize";
    layer.opset = 10;
    cr_assert(net_layer_moves(&layer, twice, 16));
    layer.operands[1] = net_constant(1, &four, down);
    cr_assert(net_layer_moves(&layer, less, 2));
    layer = (struct net_layer){
        .op = "Upsample", .opset = 7, .n_operands = 1, .operands = {net_computed(4, dims, x)}};
    net_layer_attribute(&layer, net_float_list("scales", up, 4));
    cr_assert(net_layer_moves(&layer, twice, 16));
}

Test(resize, what_cannot_be_is_refused) {
    static const int64_t dims[4] = {1, 1, 2, 4}, sizes[4] = {1, 1, 2, 0};
    static const float x[8] = {0}, up[4] = {1, 1, 2, -1};
    struct resize resize = {.in = {1, 1, 2, 4}, .mode = "linear"};
    struct net_layer layer = layer_of(&resize, x, up);
    layer.batch = false;
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "axis 3 of"));
    layer.operands[2] = net_constant(1, (int64_t[]){2}, up);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "has 2 scales, 0 sizes"));
    static const float wild[][4] = {
        {1, 1, -1e30f, 1}, {1, 1, 1, NAN}, {1, 1, INFINITY, 1}, {1, 1, 1e-30f, 1}};
    for (int i = 0; i < 4; i++) {
        layer.operands[2] = net_constant(1, (int64_t[]){4}, wild[i]);
        cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "cannot be resized"));
    }
    layer = sized(dims, x, (int64_t[]){1, 1, INT64_MAX, INT64_MIN}, 4);
    net_layer_attribute(&layer, net_string("keep_aspect_ratio_policy", "not_larger"));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "cannot be resized"));
    layer = sized(dims, x, sizes, 4);
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "cannot be resized to 0"));
    net_layer_attribute(&layer, net_string("mode", "lanczos"));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "'mode' is 'lanczos'"));
}
