#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_conv.h"

/* Every layer here takes a picture of these sizes. */
enum { N = 2, C = 5, H = 6, W = 7, PIXELS = H * W, ELEMENTS = N * C * PIXELS };

static const float *picture(void) {
    static float floats[ELEMENTS];
    check_fill(floats, ELEMENTS, -4.0f, 4.0f, 9);
    return floats;
}

static fmap_value picture_input(fmap_model *model) { return fmap_model_image_input(model, "x", H, W, C); }

/* Runs the network on the picture and compares `n` elements. */
static void gives(net_build *build, const void *what, const double *expected, const double *bounds,
                  size_t n) {
    fmap_model *model = net_model(build, what);
    cr_assert(model);
    struct net net;
    cr_assert(net_open(&net, model, &(fmap_plan_options){.batch = N}));
    cr_assert_eq(net_output_elements(&net, 0), n);
    net_close(&net);
    cr_assert(
        net_agrees(model, &(fmap_plan_options){.batch = N, .threads = 2}, picture(), expected, bounds, n));
    fmap_model_destroy(model);
}

/* What moves elements or takes a maximum is exact. */
static void gives_exactly(net_build *build, const void *what, const double *expected, size_t n) {
    double *zeros = calloc(n, sizeof *zeros);
    gives(build, what, expected, zeros, n);
    free(zeros);
}

/* ---- layers without weights ------------------------------------------------------------------------------ */

static void build_padding(fmap_model *model, const void *what) {
    (void)what;
    fmap_model_output(model, fmap_model_zero_padding_2d(model, "p", picture_input(model), 1, 2, 3, 0));
}

Test(keras, zero_padding_2d_pads_each_side_by_its_own) {
    enum { OUT = N * C * (1 + H + 2) * (3 + W) };
    static float padded[OUT];
    static double expected[OUT];
    oracle_pad_2d(
        &(struct oracle_pad_2d){
            .n_maps = N * C, .h = H, .w = W, .top = 1, .bottom = 2, .left = 3, .src = picture()},
        padded);
    for (int i = 0; i < OUT; i++) expected[i] = (double)padded[i];
    gives_exactly(build_padding, NULL, expected, OUT);
}

static void build_flatten(fmap_model *model, const void *what) {
    const fmap_layout *order = what;
    fmap_model_output(model, fmap_model_flatten(model, "f", picture_input(model), *order));
}

Test(keras, flatten_walks_in_the_order_asked_for) {
    static float last[ELEMENTS];
    static double expected[ELEMENTS];
    fmap_layout order = FMAP_NCHW;
    for (int i = 0; i < ELEMENTS; i++) expected[i] = (double)picture()[i];
    gives_exactly(build_flatten, &order, expected, ELEMENTS);
    order = FMAP_NHWC;
    oracle_channels_last(picture(), N, C, PIXELS, last);
    for (int i = 0; i < ELEMENTS; i++) expected[i] = (double)last[i];
    gives_exactly(build_flatten, &order, expected, ELEMENTS);
}

static void build_flatten_twice(fmap_model *model, const void *what) {
    const fmap_layout *order = what;
    fmap_value x = fmap_model_flatten(model, "f", picture_input(model), *order);
    fmap_model_output(model, fmap_model_flatten(model, "again", x, *order));
}

Test(keras, flatten_of_what_is_flat_changes_nothing) {
    static float last[ELEMENTS];
    static double expected[ELEMENTS];
    fmap_layout order = FMAP_NHWC;
    oracle_channels_last(picture(), N, C, PIXELS, last);
    for (int i = 0; i < ELEMENTS; i++) expected[i] = (double)last[i];
    gives_exactly(build_flatten_twice, &order, expected, ELEMENTS);
}

struct pool {
    fmap_pool_2d layer;
    bool average;
};

static void build_pool(fmap_model *model, const void *what) {
    const struct pool *pool = what;
    fmap_value x = picture_input(model);
    fmap_model_output(model, pool->average ? fmap_model_average_pooling_2d(model, "p", x, &pool->layer)
                                           : fmap_model_max_pooling_2d(model, "p", x, &pool->layer));
}

static void check_pool(struct pool given, struct oracle_window window) {
    static double expected[4 * ELEMENTS], bounds[4 * ELEMENTS];
    bool ceil_mode = given.layer.ceil_mode;
    struct oracle_pool_2d pool = {.n = N,
                                  .channels = C,
                                  .in_h = H,
                                  .in_w = W,
                                  .window = window,
                                  .src = picture(),
                                  .count_padding = given.layer.count_padding};
    pool.out_h = oracle_out_size(H, window.kernel_h, window.stride_h, 1, window.pad_top, window.pad_bottom,
                                 ceil_mode);
    pool.out_w = oracle_out_size(W, window.kernel_w, window.stride_w, 1, window.pad_left, window.pad_right,
                                 ceil_mode);
    size_t n = (size_t)(N * C * pool.out_h * pool.out_w);
    memset(bounds, 0, sizeof bounds);
    if (given.average)
        oracle_average_pool_2d(&pool, expected, bounds);
    else
        oracle_max_pool_2d(&pool, expected);
    /* Additions, and one division. */
    for (size_t i = 0; i < n; i++) bounds[i] = check_bound(window.kernel_h * window.kernel_w, bounds[i]);
    gives(build_pool, &given, expected, bounds, n);
}

Test(keras, pooling_has_the_defaults_of_keras) {
    struct oracle_window window = {2, 2, 2, 2, 1, 1, 0, 0, 0, 0};
    check_pool((struct pool){.average = false}, window);
    check_pool((struct pool){.average = true}, window);
    window = (struct oracle_window){3, 2, 3, 2, 1, 1, 0, 0, 0, 0}; /* strides follow the pool size */
    check_pool((struct pool){{.pool_size = {3, 2}}, false}, window);
    window = (struct oracle_window){3, 2, 1, 2, 1, 1, 0, 0, 0, 0};
    check_pool((struct pool){{.pool_size = {3, 2}, .strides = {1, 0}}, true}, window);
}

Test(keras, pooling_pads_as_asked) {
    struct oracle_window same = {3, 3, 2, 2, 1, 1, 0, 1, 1, 1}; /* 6 x 7 to 3 x 4: one row, two columns */
    fmap_pool_2d layer = {.pool_size = {3, 3}, .strides = {2, 2}, .padding = FMAP_SAME};
    check_pool((struct pool){layer, false}, same);
    check_pool((struct pool){layer, true}, same);
    layer.count_padding = true;
    check_pool((struct pool){layer, true}, same);
    struct oracle_window own = {3, 3, 2, 2, 1, 1, 1, 2, 0, 1};
    fmap_pool_2d explicit_layer = {
        .pool_size = {3, 3}, .strides = {2, 2}, .padding = FMAP_EXPLICIT, .pads = {1, 2, 0, 1}};
    check_pool((struct pool){explicit_layer, false}, own);
    check_pool((struct pool){explicit_layer, true}, own);
}

Test(keras, pooling_rounds_up_in_ceil_mode) {
    struct oracle_window window = {3, 3, 2, 2, 1, 1, 0, 0, 0, 0};
    fmap_pool_2d layer = {.pool_size = {3, 3}, .strides = {2, 2}, .ceil_mode = true};
    check_pool((struct pool){layer, false}, window);
    check_pool((struct pool){layer, true}, window);
    layer.count_padding = true;
    check_pool((struct pool){layer, true}, window);
}

static void build_global(fmap_model *model, const void *what) {
    (void)what;
    fmap_model_output(model, fmap_model_global_average_pooling_2d(model, "g", picture_input(model)));
}

Test(keras, global_average_pooling_2d_gives_n_c) {
    double expected[N * C], bounds[N * C];
    oracle_global_average(picture(), N * C, PIXELS, expected, bounds);
    for (int i = 0; i < N * C; i++) bounds[i] = check_bound(PIXELS + 1, bounds[i]);
    gives(build_global, NULL, expected, bounds, N * C);
    fmap_model *model = net_model(build_global, NULL);
    fmap_value_info info;
    cr_assert_eq(fmap_model_value(model, fmap_model_output_value(model, 0), &info), FMAP_OK);
    cr_assert_eq(info.shape.rank, 2);
    fmap_model_destroy(model);
}

static void build_dropout(fmap_model *model, const void *what) {
    (void)what;
    fmap_model_output(model, fmap_model_dropout(model, "d", picture_input(model), 0.5f));
}

Test(keras, dropout_is_the_identity_in_inference) {
    static double expected[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++) expected[i] = (double)picture()[i];
    gives_exactly(build_dropout, NULL, expected, ELEMENTS);
}

/* ---- activations ------------------------------------------------------------------------------------------- */

static void build_activation(fmap_model *model, const void *what) {
    const fmap_activation *activation = what;
    fmap_model_output(model, fmap_model_activation(model, "a", picture_input(model), *activation));
}

static void build_leaky(fmap_model *model, const void *what) {
    fmap_model_output(model, fmap_model_leaky_relu(model, "a", picture_input(model), *(const float *)what));
}

static void build_clip(fmap_model *model, const void *what) {
    const float *bounds = what;
    fmap_model_output(model, fmap_model_clip(model, "a", picture_input(model), bounds[0], bounds[1]));
}

/* Within `ulps` units of the last place of the exact value. */
static void activates(net_build *build, const void *what, struct fmap_activate_job job, double ulps) {
    static double expected[ELEMENTS], bounds[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++) {
        expected[i] = oracle_activate((double)picture()[i], &job);
        bounds[i] = check_bound(2 * ulps, fabs(expected[i])); /* a unit of the last place is at most 2 u */
    }
    gives(build, what, expected, bounds, ELEMENTS);
}

Test(keras, activations_are_those_of_keras) {
    static const struct {
        fmap_activation activation;
        struct fmap_activate_job job;
        double ulps;
    } all[] = {
        {FMAP_LINEAR, {FMAP_ACTIVATE_NONE, 0, 0}, 0},
        {FMAP_RELU, {FMAP_ACTIVATE_CLIP, 0, INFINITY}, 0},
        {FMAP_RELU6, {FMAP_ACTIVATE_CLIP, 0, 6}, 0},
        {FMAP_LEAKY_RELU, {FMAP_ACTIVATE_LEAKY, 0.3f, 0}, 0.5},
        {FMAP_SIGMOID, {FMAP_ACTIVATE_SIGMOID, 0, 0}, 4}, /* the kernels' tests hold it to this */
        {FMAP_TANH, {FMAP_ACTIVATE_TANH, 0, 0}, 4},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        activates(build_activation, &all[i].activation, all[i].job, all[i].ulps);
    }
}

Test(keras, leaky_relu_and_clip_take_their_numbers) {
    const float alpha = 0.125f, bounds[2] = {-1.5f, 2.25f}, same[2] = {1, 1};
    activates(build_leaky, &alpha, (struct fmap_activate_job){FMAP_ACTIVATE_LEAKY, alpha, 0}, 0);
    activates(build_clip, bounds, (struct fmap_activate_job){FMAP_ACTIVATE_CLIP, bounds[0], bounds[1]}, 0);
    activates(build_clip, same, (struct fmap_activate_job){FMAP_ACTIVATE_CLIP, 1, 1}, 0);
}

static void build_softmax(fmap_model *model, const void *what) {
    (void)what;
    fmap_model_output(model, fmap_model_softmax(model, "s", picture_input(model)));
}

Test(keras, softmax_is_over_the_channels) {
    static double expected[ELEMENTS], bounds[ELEMENTS];
    oracle_softmax(picture(), N, C, PIXELS, expected);
    /* x - max rounds once and is at most 8: an error of 8 u in an exponent; exp, the sum and the quotient a few more. */
    for (int i = 0; i < ELEMENTS; i++) bounds[i] = check_bound(2 * 8 + C + 10, expected[i]);
    gives(build_softmax, NULL, expected, bounds, ELEMENTS);
}
