/* Pictures of 8-bit pixels for inputs of floats: the bits of whoever computes (pixel - mean) * scale first. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net_conv.h"

enum { MOST_CHANNELS = 40, MOST_OUTPUTS = 3 };

/* A network's input, and what is done with it. */
struct picture {
    net_build *build;
    const void *what;
    int64_t dims[4];  /* n, c, h, w */
    size_t n_numbers; /* of mean and scale; 0: neither */
    fmap_layout in, out;
    int threads;
    bool no_fusion;
    fmap_isa isa;
    const char *tapped;
};

static const float means[MOST_CHANNELS] = {123.675f, 116.28f, 103.53f, -3.5f, 0, 255, 1e6f, 127.5f};

static float mean_of(const struct picture *p, int64_t c) {
    return p->n_numbers == 0 ? 0 : means[p->n_numbers == 1 ? 0 : c];
}

static float scale_at(int64_t c) { return 1 / (50.3f + (float)c); }

static float scale_of(const struct picture *p, int64_t c) {
    return p->n_numbers == 0 ? 1 : scale_at(p->n_numbers == 1 ? 0 : c);
}

static size_t elements_of(const struct picture *p) {
    return (size_t)(p->dims[0] * p->dims[1] * p->dims[2] * p->dims[3]);
}

/* What a caller computes who knows of no pixels. */
static void make_floats(const struct picture *p, const uint8_t *pixels, float *floats) {
    int64_t area = p->dims[2] * p->dims[3];
    for (size_t i = 0; i < elements_of(p); i++) {
        int64_t at = (int64_t)i, c = p->in == FMAP_NHWC ? at % p->dims[1] : at / area % p->dims[1];
        float centred = (float)pixels[i] - mean_of(p, c);
        floats[i] = centred * scale_of(p, c);
    }
}

struct result {
    float *outputs[MOST_OUTPUTS], *tap;
    size_t n_outputs, elements[MOST_OUTPUTS], n_tap;
    fmap_plan_info info;
};

static void result_free(struct result *result) {
    for (size_t i = 0; i < MOST_OUTPUTS; i++) free(result->outputs[i]);
    free(result->tap);
}

static void run(const struct net *net, const void *input, struct result *result) {
    const fmap_model *model = fmap_plan_model(net->plan);
    fmap_plan_describe(net->plan, &result->info);
    result->n_outputs = fmap_model_output_count(model);
    for (size_t i = 0; i < result->n_outputs; i++) {
        result->elements[i] = net_output_elements(net, i);
        result->outputs[i] = net_random(result->elements[i], 7);
    }
    fmap_tap_info tap;
    if (fmap_plan_tap(net->plan, 0, &tap) == FMAP_OK) {
        int64_t n = 0;
        cr_assert(fmap_shape_elements(&tap.shape, &n));
        result->n_tap = (size_t)n;
        result->tap = net_random(result->n_tap, 8);
        cr_assert_eq(fmap_context_set_tap(net->context, 0, result->tap, NULL), FMAP_OK);
    }
    void *outputs[MOST_OUTPUTS];
    for (size_t i = 0; i < MOST_OUTPUTS; i++) outputs[i] = result->outputs[i];
    cr_assert_eq(fmap_context_run(net->context, &input, outputs, NULL), FMAP_OK);
}

/* Plans the network for pixels or for floats, and runs it. */
static void run_as(const struct picture *p, const fmap_model *model, const void *input, bool pixels,
                   struct result *result) {
    float scales[MOST_CHANNELS];
    for (int64_t c = 0; c < MOST_CHANNELS; c++) scales[c] = scale_at(c);
    fmap_port ports[1 + MOST_OUTPUTS] = {{.name = "x", .layout = p->in}};
    if (pixels) ports[0].type = FMAP_UINT8;
    if (pixels && p->n_numbers > 0) {
        ports[0].mean = means;
        ports[0].scale = scales;
        ports[0].n_channels = p->n_numbers;
    }
    size_t n_outputs = fmap_model_output_count(model);
    for (size_t i = 0; i < n_outputs; i++) {
        fmap_value_info info;
        cr_assert_eq(fmap_model_value(model, fmap_model_output_value(model, i), &info), FMAP_OK);
        ports[1 + i] = (fmap_port){.name = info.name, .layout = p->out};
    }
    fmap_tap_request tap = {.layers = p->tapped, .layout = p->out, .values = true, .statistics = true};
    fmap_plan_options options = {.threads = p->threads,
                                 .max_isa = p->isa,
                                 .ports = ports,
                                 .n_ports = 1 + n_outputs,
                                 .taps = &tap,
                                 .n_taps = p->tapped ? 1 : 0,
                                 .no_fusion = p->no_fusion};
    struct net net;
    cr_assert(net_open(&net, model, &options));
    cr_assert_eq(fmap_plan_input_type(net.plan, 0), pixels ? FMAP_UINT8 : FMAP_FLOAT32);
    run(&net, input, result);
    net_close(&net);
}

/* Whether pixels give the bits of floats. The pixels end where memory does that must not be read. */
static bool same(const struct picture *p, struct result *of_pixels, struct result *of_floats) {
    size_t n = elements_of(p);
    struct check_fenced memory = check_fenced_create((n + 3) / 4, 1);
    uint8_t *pixels = (uint8_t *)memory.data + (n + 3) / 4 * 4 - n;
    float *floats = net_random(n, 1);
    uint64_t state = n;
    for (size_t i = 0; i < n; i++) pixels[i] = (uint8_t)(check_random(&state) >> 40);
    make_floats(p, pixels, floats);
    fmap_model *model = net_model(p->build, p->what);
    cr_assert(model);
    run_as(p, model, floats, false, of_floats);
    run_as(p, model, pixels, true, of_pixels);
    bool good = of_pixels->n_tap == of_floats->n_tap &&
                check_same_bits("the tap", of_pixels->tap, of_floats->tap, of_floats->n_tap);
    for (size_t i = 0; i < of_floats->n_outputs && good; i++)
        good = check_same_bits("pixels", of_pixels->outputs[i], of_floats->outputs[i],
                               of_floats->elements[i]);
    fmap_model_destroy(model);
    check_fenced_destroy(&memory);
    free(floats);
    return good;
}

static bool agrees(const struct picture *p) {
    struct result of_pixels = {0}, of_floats = {0};
    bool good = same(p, &of_pixels, &of_floats);
    result_free(&of_pixels);
    result_free(&of_floats);
    return good;
}

/* ---- convolutions as first layers ------------------------------------------------------------------------- */

/* Any; of few channels mostly. */
static struct net_conv some_conv(uint64_t *seed) {
    struct net_conv conv = {
        .shape = {.n = check_between(seed, 1, 3), .groups = 1, .window = oracle_window()}};
    struct oracle_window *w = &conv.shape.window;
    w->kernel_h = check_between(seed, 1, 5);
    w->kernel_w = check_between(seed, 1, 7);
    w->stride_h = check_between(seed, 1, 3);
    w->stride_w = check_between(seed, 1, 4);
    w->dilation_w = check_between(seed, 1, 2);
    w->pad_top = check_between(seed, 0, 3);
    w->pad_left = check_between(seed, 0, 4);
    w->pad_right = check_between(seed, 0, 4);
    static const int channels[] = {1, 3, 3, 3, 4, 2, 8, 9, 16, 35};
    conv.shape.channels = channels[check_between(seed, 0, 9)];
    conv.shape.filters = check_between(seed, 1, 40);
    conv.shape.in_h = w->kernel_h + check_between(seed, 0, 8);
    conv.shape.in_w = (w->kernel_w - 1) * w->dilation_w + check_between(seed, 1, 50);
    return conv;
}

Test(pixels, convolutions_give_the_bits_of_floats) {
    uint64_t seed = 21;
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    for (int i = 0; i < 120; i++) {
        struct net_conv conv = some_conv(&seed);
        cr_assert(net_conv_complete(&conv, true, seed));
        const size_t numbers[] = {0, 1, (size_t)conv.shape.channels};
        struct picture p = {.build = net_conv_build,
                            .what = &conv,
                            .dims = {conv.shape.n, conv.shape.channels, conv.shape.in_h, conv.shape.in_w},
                            .n_numbers = numbers[check_between(&seed, 0, 2)],
                            .in = check_between(&seed, 0, 1) ? FMAP_NHWC : FMAP_NCHW,
                            .threads = check_between(&seed, 1, 3),
                            .no_fusion = check_between(&seed, 0, 3) == 0};
        for (int k = 0; k < n_isas; k++) {
            p.isa = isas[k];
            cr_assert(agrees(&p), "%s, %s, %zu numbers", net_conv_text(&conv).text, fmap_isa_name(isas[k]),
                      p.n_numbers);
        }
        net_conv_free(&conv);
    }
}

/* Zeros are put around the numbers: where every pixel is the mean, the border is no different from the middle. */
Test(pixels, padding_is_zero_behind_the_normalisation) {
    static const float mean[3] = {200, 10, 77}, scale[3] = {3, 4, 5};
    for (int channels = 3; channels <= 12; channels += 9) { /* the stem, and blocks */
        struct net_conv conv = {.shape = {.n = 1,
                                          .groups = 1,
                                          .channels = channels,
                                          .filters = 5,
                                          .in_h = 6,
                                          .in_w = 7,
                                          .window = oracle_window()},
                                .threads = 1};
        struct oracle_window *w = &conv.shape.window;
        w->kernel_h = w->kernel_w = 5;
        w->pad_top = w->pad_bottom = w->pad_left = w->pad_right = 3;
        cr_assert(net_conv_complete(&conv, true, 5));
        float means_of[12], scales_of[12], *out = net_random(net_conv_outputs(&conv), 1);
        uint8_t pixels[12 * 6 * 7];
        for (int i = 0; i < channels * 6 * 7; i++) pixels[i] = (uint8_t)mean[i / (6 * 7) % 3];
        for (int c = 0; c < channels; c++) means_of[c] = mean[c % 3], scales_of[c] = scale[c % 3];
        const fmap_port port = {.name = "x",
                                .type = FMAP_UINT8,
                                .mean = means_of,
                                .scale = scales_of,
                                .n_channels = (size_t)channels};
        fmap_plan_options options = {.threads = 1, .ports = &port, .n_ports = 1};
        fmap_model *model = net_model(net_conv_build, &conv);
        struct net net;
        cr_assert(net_open(&net, model, &options));
        cr_assert_eq(fmap_context_run(net.context, (const void *[]){pixels}, (void *[]){out}, NULL), FMAP_OK);
        int area = conv.shape.out_h * conv.shape.out_w;
        for (int i = 0; i < 5 * area; i++)
            cr_assert_eq(out[i], conv.bias[i / area], "%d channels, element %d", channels, i);
        net_close(&net);
        fmap_model_destroy(model);
        net_conv_free(&conv);
        free(out);
    }
}

/* ---- other first layers ------------------------------------------------------------------------------------ */

struct other {
    const char *op;
    int64_t channels, images, height, width;
};

static fmap_value pooled_conv(fmap_model *model, fmap_value x, int64_t channels, int64_t filters) {
    const int64_t dims[4] = {filters, channels, 3, 3}, pads[4] = {1, 1, 1, 1}, two[2] = {2, 2};
    float *weights = net_random((size_t)(filters * channels * 9), 4);
    fmap_value inputs[2] = {x, net_floats(model, weights, 4, dims)};
    fmap_attribute padded = net_list("pads", pads, 4);
    const fmap_attribute pool[] = {net_list("kernel_shape", two, 2), net_list("strides", two, 2)};
    free(weights);
    fmap_value y = net_node(model, "Conv", "conv", inputs, 2, &padded, 1);
    y = net_node(model, "Relu", "relu", &y, 1, NULL, 0);
    return net_node(model, "MaxPool", "pool", &y, 1, pool, 2);
}

static void build_other(fmap_model *model, const void *what) {
    const struct other *o = what;
    const int64_t dims[4] = {o->images, o->channels, o->height, o->width}, two[2] = {2, 2};
    const int64_t last[4] = {0, 2, 3, 1};
    int64_t n = o->channels * o->height * o->width;
    fmap_value x = net_input(model, "x", 4, dims), y = x;
    if (strcmp(o->op, "MaxPool") == 0 || strcmp(o->op, "AveragePool") == 0) {
        fmap_attribute kernel = net_list("kernel_shape", two, 2);
        y = net_node(model, o->op, "y", &x, 1, &kernel, 1);
    } else if (strcmp(o->op, "Gemm") == 0) {
        const int64_t sizes[2] = {n, 5};
        float *weights = net_random((size_t)(5 * n), 3);
        fmap_value inputs[2] = {net_node(model, "Flatten", NULL, &x, 1, NULL, 0),
                                net_floats(model, weights, 2, sizes)};
        free(weights);
        y = net_node(model, "Gemm", "y", inputs, 2, NULL, 0);
    } else if (strcmp(o->op, "Transpose") == 0) {
        fmap_attribute perm = net_list("perm", last, 4);
        y = net_node(model, o->op, "y", &x, 1, &perm, 1);
    } else if (strcmp(o->op, "Add") == 0) {
        fmap_value inputs[2] = {x, net_node(model, "Tanh", NULL, &x, 1, NULL, 0)};
        y = net_node(model, o->op, "y", inputs, 2, NULL, 0);
    } else if (strcmp(o->op, "several") == 0) { /* a stem, a pool in blocks, and the input itself */
        fmap_model_output(model, net_node(model, "Identity", "same", &x, 1, NULL, 0));
        fmap_model_output(model, net_node(model, "GlobalAveragePool", "mean", &x, 1, NULL, 0));
        y = pooled_conv(model, x, o->channels, 20);
    } else if (strcmp(o->op, "deep") == 0) { /* images go one by one through these */
        y = pooled_conv(model, x, o->channels, 16);
        y = net_node(model, "Tanh", "y", &y, 1, NULL, 0);
    } else {
        y = net_node(model, o->op, "y", &x, 1, NULL, 0);
    }
    fmap_model_output(model, y);
}

Test(pixels, every_other_first_layer_gives_the_bits_of_floats) {
    static const char *const ops[] = {"MaxPool", "AveragePool", "Gemm",    "Transpose", "Add",     "several",
                                      "deep",    "Relu",        "Softmax", "Identity",  "Dropout", "Exp"};
    static const int64_t channels[] = {1, 3, 16, 21};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        for (unsigned k = 0; k < 4 * 4 * 2 * 2; k++) {
            struct other other = {.op = ops[i],
                                  .channels = channels[k % 4],
                                  .images = k / 4 % 4 + 1,
                                  .height = 17,
                                  .width = 31};
            struct picture p = {.build = build_other,
                                .what = &other,
                                .dims = {other.images, other.channels, other.height, other.width},
                                .n_numbers = (size_t)other.channels,
                                .in = k / 16 % 2 ? FMAP_NHWC : FMAP_NCHW,
                                .out = k / 32 % 2 ? FMAP_NHWC : FMAP_NCHW,
                                .threads = (int)(k % 3) + 1,
                                .no_fusion = k % 5 == 0};
            cr_assert(agrees(&p), "%s of %d x %d channels", other.op, (int)other.images, (int)other.channels);
        }
    }
}

Test(pixels, taps_see_the_numbers) {
    static const char *const ops[] = {"several", "several", "several", "Dropout", "Identity", "deep"};
    static const char *const layers[] = {"conv", "relu", "same", "y", "y", "pool"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        for (unsigned k = 0; k < 8; k++) {
            struct other other = {.op = ops[i], .channels = 3, .images = 2, .height = 10, .width = 19};
            struct picture p = {.build = build_other,
                                .what = &other,
                                .dims = {2, 3, 10, 19},
                                .n_numbers = 3,
                                .in = k & 1 ? FMAP_NHWC : FMAP_NCHW,
                                .out = k & 2 ? FMAP_NHWC : FMAP_NCHW,
                                .threads = 2,
                                .no_fusion = k & 4,
                                .tapped = layers[i]};
            struct result of_pixels = {0}, of_floats = {0};
            cr_assert(same(&p, &of_pixels, &of_floats), "%s", ops[i]);
            cr_assert_gt(of_floats.n_tap, 0);
            result_free(&of_pixels);
            result_free(&of_floats);
        }
    }
}

/* What a stem takes of the pixels at a time is in its threads' scratch memory, as the floats' copies are. */
Test(pixels, a_stem_needs_no_memory_for_a_picture_of_floats) {
    struct other other = {.op = "deep", .channels = 3, .images = 1, .height = 100, .width = 100};
    struct picture p = {
        .build = build_other, .what = &other, .dims = {1, 3, 100, 100}, .n_numbers = 3, .threads = 1};
    struct result of_pixels = {0}, of_floats = {0};
    cr_assert(same(&p, &of_pixels, &of_floats));
    cr_assert_eq(of_pixels.info.maps_bytes, of_floats.info.maps_bytes);
    cr_assert_eq(of_pixels.info.arena_bytes, of_floats.info.arena_bytes);
    cr_assert_eq(of_pixels.info.n_steps, of_floats.info.n_steps);
    result_free(&of_pixels);
    result_free(&of_floats);
}

/* ---- what is refused --------------------------------------------------------------------------------------- */

static void build_mixed(fmap_model *model, const void *what) {
    const int64_t dims[4] = {1, 3, 4, 5};
    (void)what;
    fmap_value x = net_input(model, "x", 4, dims), row = net_input(model, "row", 2, dims);
    fmap_value bytes = net_input_of(model, "bytes", FMAP_UINT8, 4, dims);
    fmap_model_output(model, net_node(model, "Relu", "y", &x, 1, NULL, 0));
    fmap_model_output(model, net_node(model, "Relu", "z", &row, 1, NULL, 0));
    fmap_model_output(model, net_node(model, "Identity", "b", &bytes, 1, NULL, 0));
}

static void refuse(const fmap_model *model, fmap_port port, const char *words) {
    fmap_plan_options options = {.threads = 1, .ports = &port, .n_ports = 1};
    fmap_plan *plan = NULL;
    fmap_error error = {0};
    cr_assert_eq(fmap_plan_create(model, &options, &plan, &error), FMAP_ERROR_ARGUMENT, "%s", words);
    cr_assert_null(plan);
    cr_assert(strstr(error.message, words), "%s", error.message);
}

Test(pixels, what_cannot_be_is_refused) {
    static const float elements[60] = {0}, numbers[4] = {1, 2, 3, 4}, infinite[3] = {1, INFINITY, 3},
                       nan[3] = {1, 2, NAN};
    fmap_model *model = net_model(build_mixed, NULL);
    refuse(model, (fmap_port){.name = "row", .type = FMAP_UINT8},
           "'row' of type 1 and shape 1x3 takes no 8-bit");
    refuse(model, (fmap_port){.name = "x", .type = FMAP_INT8},
           "'x' cannot be given as type 3, expected FMAP_UINT8");
    refuse(model, (fmap_port){.name = "x", .type = (fmap_type)77}, "cannot be given as type 77");
    refuse(model, (fmap_port){.name = "bytes", .type = FMAP_FLOAT32}, "'bytes' cannot be given as type 1");
    refuse(model, (fmap_port){.name = "y", .type = FMAP_UINT8},
           "'y' is an output: its type cannot be chosen");
    refuse(model, (fmap_port){.name = "y", .mean = numbers}, "its mean or scale cannot be chosen");
    refuse(model, (fmap_port){.name = "x", .type = FMAP_UINT8, .layout = FMAP_BLOCKED},
           "have the layout blocked");
    refuse(model, (fmap_port){.name = "x", .type = FMAP_UINT8, .value = elements}, "not as its value");
    refuse(model, (fmap_port){.name = "x", .mean = numbers, .n_channels = 3},
           "which are of 8-bit pixels only");
    refuse(model, (fmap_port){.name = "bytes", .type = FMAP_UINT8, .scale = numbers, .n_channels = 3},
           "which are of 8-bit pixels only");
    for (size_t n = 0; n <= 4; n += 2) {
        refuse(model, (fmap_port){.name = "x", .type = FMAP_UINT8, .mean = numbers, .n_channels = n},
               "has 3 channels, the port");
        refuse(model, (fmap_port){.name = "x", .type = FMAP_UINT8, .scale = numbers, .n_channels = n},
               "numbers in scale, expected as many or 1");
    }
    refuse(model, (fmap_port){.name = "x", .type = FMAP_UINT8, .mean = infinite, .n_channels = 3},
           "number 1 in mean is inf, expected a finite one");
    refuse(model, (fmap_port){.name = "x", .type = FMAP_UINT8, .scale = nan, .n_channels = 3},
           "number 2 in scale is nan");
    fmap_model_destroy(model);
}

Test(pixels, the_models_own_type_may_be_said) {
    const fmap_port ports[] = {{.name = "x", .type = FMAP_FLOAT32}, {.name = "bytes", .type = FMAP_UINT8}};
    fmap_plan_options options = {.threads = 1, .ports = ports, .n_ports = 2};
    fmap_model *model = net_model(build_mixed, NULL);
    struct net net;
    cr_assert(net_open(&net, model, &options));
    float *x = net_random(60, 1), row[3] = {1, -2, 3}, y[60], z[3];
    uint8_t bytes[60] = {1, 2, 3}, b[60];
    cr_assert_eq(fmap_context_run(net.context, (const void *[]){x, row, bytes}, (void *[]){y, z, b}, NULL),
                 FMAP_OK);
    cr_assert(memcmp(bytes, b, sizeof b) == 0);
    for (int i = 0; i < 60; i++) cr_assert_eq(y[i], x[i] > 0 ? x[i] : 0.0f);
    net_close(&net);
    fmap_model_destroy(model);
    free(x);
}
