/* Weights of dense layers that are kept as bfloat16: a layer is to the bit the one with such weights. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net.h"

/* A flattened map behind a pool, so that it is blocked, into two dense layers. */
struct dense_net {
    int channels, h, w, units, classes;
    fmap_layout order;
    const float *kernel, *bias, *last; /* of both layers: [features][units], [units], [units][classes] */
};

static void build(fmap_model *model, const void *what) {
    const struct dense_net *net = what;
    fmap_value x = fmap_model_image_input(model, "x", net->h, net->w, net->channels);
    x = fmap_model_max_pooling_2d(model, "pool", x, &(fmap_pool_2d){.pool_size = {1, 1}});
    x = fmap_model_flatten(model, "flatten", x, net->order);
    x = fmap_model_dense(
        model, "dense1", x,
        &(fmap_dense){
            .units = net->units, .kernel = net->kernel, .bias = net->bias, .activation = FMAP_RELU});
    x = fmap_model_dense(model, "dense2", x, &(fmap_dense){.units = net->classes, .kernel = net->last});
    fmap_model_output(model, x);
}

static float *rounded(const float *x, size_t n) {
    float *y = malloc(n * sizeof *y);
    for (size_t i = 0; i < n; i++) y[i] = check_bf16(x[i]);
    return y;
}

/* The network with its own weights, and with the same weights rounded. */
struct pair {
    fmap_model *model, *narrow;
    float *floats[5];
    size_t n_in, n_out; /* of an image */
};

static struct pair open_pair(struct dense_net net, uint64_t seed) {
    struct pair pair = {.n_in = (size_t)(net.channels * net.h * net.w), .n_out = (size_t)net.classes};
    size_t n = pair.n_in * (size_t)net.units, n_last = (size_t)(net.units * net.classes);
    pair.floats[0] = net_random(n, seed);
    pair.floats[1] = net_random((size_t)net.units, seed + 1);
    pair.floats[2] = net_random(n_last, seed + 2);
    pair.floats[3] = rounded(pair.floats[0], n);
    pair.floats[4] = rounded(pair.floats[2], n_last);
    net.bias = pair.floats[1];
    net.kernel = pair.floats[0];
    net.last = pair.floats[2];
    pair.model = net_model(build, &net);
    net.kernel = pair.floats[3];
    net.last = pair.floats[4];
    pair.narrow = net_model(build, &net);
    cr_assert(pair.model && pair.narrow);
    return pair;
}

static void close_pair(struct pair *pair) {
    fmap_model_destroy(pair->model);
    fmap_model_destroy(pair->narrow);
    for (size_t i = 0; i < sizeof pair->floats / sizeof *pair->floats; i++) free(pair->floats[i]);
}

Test(dense_pack, bfloat16_gives_the_bits_of_rounded_weights_for_any_batch_threads_and_instruction_set) {
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    uint64_t seed = 3;
    for (int batch = 1; batch <= 17; batch++) {
        struct pair pair = open_pair((struct dense_net){.channels = check_between(&seed, 1, 70),
                                                        .h = check_between(&seed, 1, 4),
                                                        .w = check_between(&seed, 1, 4),
                                                        .units = check_between(&seed, 1, 150),
                                                        .classes = check_between(&seed, 1, 40),
                                                        .order = batch % 2 ? FMAP_NHWC : FMAP_NCHW},
                                     seed);
        size_t n = pair.n_out * (size_t)batch;
        float *x = net_random(pair.n_in * (size_t)batch, seed), *expected = calloc(n, sizeof *expected),
              *got = calloc(n, sizeof *got);
        fmap_plan_options plain = {.batch = batch, .threads = 1, .max_isa = isas[0]};
        cr_assert(net_once(pair.narrow, &plain, x, expected));
        for (int i = 0; i < 4 * n_isas; i++) {
            fmap_plan_options options = {.batch = batch,
                                         .threads = 1 + i % 4,
                                         .max_isa = isas[i / 4],
                                         .no_fusion = i % 3 == 2,
                                         .weights = FMAP_WEIGHTS_BF16};
            memset(got, 0, n * sizeof *got);
            cr_assert(net_once(pair.model, &options, x, got));
            cr_assert(check_same_bits("bfloat16", got, expected, n));
        }
        for (int i = 0; i < batch; i++) { /* an image alone */
            fmap_plan_options options = {.batch = 1, .threads = 2, .weights = FMAP_WEIGHTS_BF16};
            size_t image = (size_t)i;
            cr_assert(net_once(pair.model, &options, x + image * pair.n_in, got));
            cr_assert(check_same_bits("alone", got, expected + image * pair.n_out, pair.n_out));
        }
        free(x);
        free(expected);
        free(got);
        close_pair(&pair);
    }
}

/* Many rows pass over pieces of 512 terms, whose weights are made floats for all tiles; the sum is longer than a piece. */
Test(dense_pack, many_images_and_long_sums_too) {
    for (int i = 0; i < 4; i++) {
        int batch = 30 + 41 * i;
        struct pair pair = open_pair((struct dense_net){.channels = 70 + 3 * i,
                                                        .h = 4,
                                                        .w = 5,
                                                        .units = 83,
                                                        .classes = 9,
                                                        .order = i % 2 ? FMAP_NHWC : FMAP_NCHW},
                                     (uint64_t)i + 70);
        size_t n = pair.n_out * (size_t)batch;
        float *x = net_random(pair.n_in * (size_t)batch, 5), *expected = calloc(n, sizeof *expected),
              *got = calloc(n, sizeof *got);
        fmap_plan_options options = {.batch = batch, .threads = 1 + i};
        cr_assert(net_once(pair.narrow, &options, x, expected));
        options.weights = FMAP_WEIGHTS_BF16;
        cr_assert(net_once(pair.model, &options, x, got));
        cr_assert(check_same_bits("many images", got, expected, n));
        free(x);
        free(expected);
        free(got);
        close_pair(&pair);
    }
}

/* What every tap gets: values of the network with rounded weights, to the bit. */
static void run_tapped(const fmap_model *model, fmap_weights weights, const float *x, float *maps[2],
                       float *output) {
    const fmap_tap_request taps[2] = {
        {.layers = "dense1", .point = FMAP_TAP_PRE_ACTIVATION, .values = true},
        {.layers = "dense1", .point = FMAP_TAP_POST_ACTIVATION, .values = true}};
    fmap_plan_options options = {.batch = 3, .threads = 2, .taps = taps, .n_taps = 2, .weights = weights};
    struct net net;
    cr_assert(net_open(&net, model, &options));
    for (size_t i = 0; i < 2; i++) cr_assert_eq(fmap_context_set_tap(net.context, i, maps[i], NULL), FMAP_OK);
    cr_assert(net_run(&net, x, output));
    net_close(&net);
}

Test(dense_pack, taps_see_what_bfloat16_gives) {
    enum { UNITS = 50, CLASSES = 7, BATCH = 3 };
    struct pair pair = open_pair(
        (struct dense_net){.channels = 20, .h = 3, .w = 3, .units = UNITS, .classes = CLASSES}, 11);
    static float maps[2][2][BATCH * UNITS], outputs[2][BATCH * CLASSES];
    float *x = net_random(pair.n_in * BATCH, 8);
    run_tapped(pair.model, FMAP_WEIGHTS_BF16, x, (float *[]){maps[0][0], maps[0][1]}, outputs[0]);
    run_tapped(pair.narrow, FMAP_WEIGHTS_F32, x, (float *[]){maps[1][0], maps[1][1]}, outputs[1]);
    cr_assert(check_same_bits("before ReLU", maps[0][0], maps[1][0], BATCH * UNITS));
    cr_assert(check_same_bits("behind ReLU", maps[0][1], maps[1][1], BATCH * UNITS));
    cr_assert(check_same_bits("output", outputs[0], outputs[1], BATCH * CLASSES));
    size_t negative = 0;
    for (size_t i = 0; i < BATCH * UNITS; i++) negative += maps[0][0][i] < 0 && maps[0][1][i] == 0;
    cr_assert_gt(negative, 0u);
    free(x);
    close_pair(&pair);
}

/* ---- products of matrices ------------------------------------------------------------------------------------ */

struct product {
    const char *op;
    int rank;       /* of the left side */
    bool transpose; /* Gemm's B */
    float alpha;
    int64_t depth, columns;
    const float *b;
};

enum { ROWS = 6 };

static void build_product(fmap_model *model, const void *what) {
    const struct product *product = what;
    const int64_t a[3] = {product->rank == 3 ? 2 : ROWS, product->rank == 3 ? ROWS / 2 : product->depth,
                          product->depth};
    const int64_t b[2] = {product->transpose ? product->columns : product->depth,
                          product->transpose ? product->depth : product->columns};
    fmap_attribute attributes[] = {net_int("transB", product->transpose), net_float("alpha", product->alpha)};
    fmap_value inputs[2] = {net_input(model, "a", product->rank, a), net_floats(model, product->b, 2, b)};
    bool gemm = strcmp(product->op, "Gemm") == 0;
    fmap_model_output(model, net_node(model, product->op, "y", inputs, 2, attributes, gemm ? 2 : 0));
}

static void run_product(struct product product, const float *b, fmap_weights weights, const float *a,
                        float *y) {
    product.b = b;
    fmap_model *model = net_model(build_product, &product);
    cr_assert(model && net_once(model, &(fmap_plan_options){.threads = 2, .weights = weights}, a, y));
    fmap_model_destroy(model);
}

/* Within 2^-9 of the terms, and the roundings of both sums; the bits of rounded weights where alpha is a power of two. */
Test(dense_pack, products_differ_from_those_of_floats_by_the_rounding_of_weights) {
    const struct product products[] = {
        {.op = "MatMul", .rank = 2, .depth = 77, .columns = 35},
        {.op = "MatMul", .rank = 3, .depth = 40, .columns = 18},
        {.op = "Gemm", .rank = 2, .alpha = 1, .depth = 600, .columns = 33},
        {.op = "Gemm", .rank = 2, .alpha = 0.25f, .transpose = true, .depth = 129, .columns = 70}};
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        struct product product = products[i];
        size_t depth = (size_t)product.depth, columns = (size_t)product.columns, n = ROWS * columns;
        float *a = net_random(ROWS * depth, i), *b = net_random(depth * columns, i + 50);
        float *narrow = rounded(b, depth * columns), *floats = net_random(n, 0), *exact = net_random(n, 0),
              *got = net_random(n, 0);
        run_product(product, b, FMAP_WEIGHTS_F32, a, floats);
        run_product(product, narrow, FMAP_WEIGHTS_F32, a, exact);
        run_product(product, b, FMAP_WEIGHTS_BF16, a, got);
        cr_assert(check_same_bits(product.op, got, exact, n));
        size_t differ = 0;
        for (size_t k = 0; k < n; k++) {
            double sum = 0, alpha = product.alpha != 0 ? (double)product.alpha : 1;
            for (size_t t = 0; t < depth; t++) {
                size_t at = product.transpose ? k % columns * depth + t : t * columns + k % columns;
                sum += fabs(alpha * (double)a[k / columns * depth + t] * (double)b[at]);
            }
            double bound = 0x1p-9 * sum + 3 * check_bound((double)depth, sum);
            cr_assert_leq(fabs((double)got[k] - (double)floats[k]), bound);
            differ += got[k] != floats[k];
        }
        cr_assert_gt(differ, n / 2, "%s: the option does nothing", product.op);
        free(a);
        free(b);
        free(narrow);
        free(floats);
        free(exact);
        free(got);
    }
}

/* A single term, times one: the output is the weight as it is kept. */
Test(dense_pack, weights_are_rounded_to_the_nearest_even_and_keep_what_is_no_number) {
    static const float weights[] = {1.0f,        1.00390625f,     1.01171875f, 1.0039064f,  -1.00390625f,
                                    0.1f,        -3.0f,           0x1p-133f,   0x1.8p-134f, 0x1p-149f,
                                    0x1.fep127f, 0x1.fefffep127f, 0x1.ffp127f, FLT_MAX,     -FLT_MAX,
                                    INFINITY,    -INFINITY,       NAN};
    enum { N = sizeof weights / sizeof *weights };
    float expected[N], a[ROWS], got[ROWS * N];
    for (size_t i = 0; i < N; i++) expected[i] = check_bf16(weights[i]);
    cr_assert_eq(expected[1], 1.0f);         /* a tie, down to even */
    cr_assert_eq(expected[2], 1.015625f);    /* a tie, up to even */
    cr_assert_eq(expected[3], 1.0078125f);   /* just above a tie */
    cr_assert_eq(expected[11], 0x1.fep127f); /* just below the tie between the largest and infinity */
    cr_assert(isinf(expected[12]) && isinf(expected[13]) && expected[14] < 0 && isinf(expected[14]));
    for (size_t i = 0; i < ROWS; i++) a[i] = 1;
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    struct product product = {.op = "MatMul", .rank = 2, .depth = 1, .columns = N, .b = weights};
    fmap_model *model = net_model(build_product, &product);
    for (int k = 0; k < n_isas; k++) {
        fmap_plan_options options = {.max_isa = isas[k], .weights = FMAP_WEIGHTS_BF16};
        cr_assert(model && net_once(model, &options, a, got));
        for (size_t row = 0; row < ROWS; row++)
            cr_assert(check_same_bits("weights", got + row * N, expected, N));
    }
    fmap_model_destroy(model);
}

/* Nobody should be told of bytes that are not moved. */
Test(dense_pack, bfloat16_halves_what_is_packed_and_moved) {
    struct pair pair = open_pair(
        (struct dense_net){.channels = 64, .h = 4, .w = 4, .units = 256, .classes = 64}, 1);
    fmap_plan_info info[2];
    fmap_layer_info layer[2];
    for (int i = 0; i < 2; i++) {
        fmap_plan *plan = NULL;
        fmap_plan_options options = {.threads = 1, .weights = i ? FMAP_WEIGHTS_BF16 : FMAP_WEIGHTS_F32};
        cr_assert_eq(fmap_plan_create(pair.model, &options, &plan, NULL), FMAP_OK);
        fmap_plan_describe(plan, &info[i]);
        cr_assert_eq(fmap_plan_layer(plan, 2, &layer[i]), FMAP_OK);
        cr_assert_str_eq(layer[i].name, "dense1");
        cr_assert_eq(strstr(layer[i].kernel, "bf16") != NULL, i == 1);
        fmap_plan_destroy(plan);
    }
    size_t weights = 1024 * 256 + 256 * 64;
    cr_assert_eq(info[0].weights_bytes - info[1].weights_bytes, 2 * weights);
    cr_assert_eq(layer[0].bytes - layer[1].bytes, 2 * 1024 * 256);
    cr_assert_eq(layer[0].parameters, layer[1].parameters);
    close_pair(&pair);
}
