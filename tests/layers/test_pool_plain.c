/* MaxPool of bytes, and where each maximum was. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/net_layer.h"

enum { N = 4, C = 3, H = 7, W = 6, PLANE = H * W, ALL = N * C * PLANE };
enum { OUT_H = 4, OUT_W = 7, OUT_PLANE = OUT_H * OUT_W, OUT = N * C * OUT_PLANE };

static const int64_t dims[4] = {N, C, H, W};
static const int64_t kernel[2] = {3, 2}, strides[2] = {2, 1}, dilations[2] = {1, 2}, pads[4] = {2, 1, 1, 2};

static struct net_layer max_pool(struct net_operand x) {
    struct net_layer layer = {.op = "MaxPool", .n_operands = 1, .operands = {x}, .n_outputs = 2};
    net_layer_attribute(&layer, net_list("kernel_shape", kernel, 2));
    net_layer_attribute(&layer, net_list("strides", strides, 2));
    net_layer_attribute(&layer, net_list("dilations", dilations, 2));
    net_layer_attribute(&layer, net_list("pads", pads, 4));
    return layer;
}

/* The maxima of x, and the numbers of their elements. */
static void expect(const float *x, bool by_columns, float *maxima, int64_t *indices) {
    for (int i = 0; i < OUT; i++) {
        int plane = i / OUT_PLANE, oy = i % OUT_PLANE / OUT_W, ox = i % OUT_W;
        maxima[i] = -INFINITY;
        indices[i] = -1;
        for (int ky = 0; ky < 3; ky++) {
            for (int kx = 0; kx < 2; kx++) {
                int iy = oy * 2 + ky - 2, ix = ox + kx * 2 - 1;
                if (iy < 0 || iy >= H || ix < 0 || ix >= W) continue;
                float value = x[plane * PLANE + iy * W + ix];
                bool larger = value > maxima[i] || (isnan(value) && !isnan(maxima[i]));
                if (indices[i] >= 0 && !larger) continue;
                maxima[i] = value;
                indices[i] = plane * PLANE + (by_columns ? ix * H + iy : iy * W + ix);
            }
        }
    }
}

/* Few different numbers, so that many are equal. */
static void fill(float *x, uint64_t seed) {
    float *random = net_random(ALL, seed);
    for (int i = 0; i < ALL; i++) x[i] = floorf(random[i] * 4);
    free(random);
}

Test(pool_plain, says_where_each_maximum_was) {
    static float x[ALL], maxima[OUT];
    static int64_t indices[OUT];
    fill(x, 1);
    x[3] = x[PLANE + 20] = NAN;
    x[2 * PLANE + 5] = -INFINITY;
    for (int by_columns = 0; by_columns < 2; by_columns++) {
        struct net_layer layer = max_pool(net_computed(4, dims, x));
        if (by_columns) net_layer_attribute(&layer, net_int("storage_order", 1));
        expect(x, by_columns, maxima, indices);
        cr_assert(net_layer_moves(&layer, maxima, OUT));
        layer.output = 1;
        cr_assert(net_layer_gives(&layer, FMAP_INT64, indices, OUT), "storage order %d", by_columns);
    }
}

Test(pool_plain, bytes_have_maxima_too) {
    static float x[ALL], maxima[OUT];
    static int64_t indices[OUT];
    static uint8_t bytes[ALL], largest[OUT];
    fill(x, 2);
    for (int sign = 0; sign < 2; sign++) {
        for (int i = 0; i < ALL; i++) bytes[i] = (uint8_t)(int)(x[i] + (sign ? 0 : 250));
        expect(x, false, maxima, indices);
        for (int i = 0; i < OUT; i++) {
            float lowest = sign ? INT8_MIN : 0;
            largest[i] = (uint8_t)(int)(indices[i] < 0 ? lowest : maxima[i] + (sign ? 0 : 250));
        }
        fmap_type type = sign ? FMAP_INT8 : FMAP_UINT8;
        struct net_layer layer = max_pool(net_computed_of(type, 4, dims, bytes));
        cr_assert(net_layer_gives(&layer, type, largest, OUT), "type %d", (int)type);
        layer.output = 1;
        cr_assert(net_layer_gives(&layer, FMAP_INT64, indices, OUT), "type %d", (int)type);
        layer.output = 0;
        layer.n_outputs = 1;
        layer.batch = true;
        cr_assert(net_layer_gives(&layer, type, largest, OUT), "type %d", (int)type);
    }
}

/* A convolution does not swallow a pool whose Indices somebody wants; batches go image by image. */
Test(pool_plain, indices_behind_a_convolution_are_those_of_the_whole_batch) {
    enum { IMAGES = 8, SIDE = 16, PIXELS = SIDE * SIDE, POOLED = SIDE / 2 * SIDE / 2 };
    static const int64_t in[4] = {IMAGES, 1, SIDE, SIDE}, w_dims[4] = {1, 1, 1, 1}, two[2] = {2, 2};
    static const float one = 1;
    fmap_model *model = NULL;
    cr_assert_eq(fmap_model_create(NULL, &model, NULL), FMAP_OK);
    fmap_value x = net_input(model, "x", 4, in), w = net_floats(model, &one, 4, w_dims), pooled[2];
    fmap_value conv = net_node(model, "Conv", "conv", (fmap_value[]){x, w}, 2, NULL, 0);
    const fmap_attribute attributes[] = {net_list("kernel_shape", two, 2), net_list("strides", two, 2)};
    const fmap_node_definition pool = {.op = "MaxPool",
                                       .inputs = &conv,
                                       .n_inputs = 1,
                                       .n_outputs = 2,
                                       .attributes = attributes,
                                       .n_attributes = 2};
    cr_assert_eq(fmap_model_node(model, &pool, pooled), FMAP_OK);
    fmap_model_output(model, pooled[0]);
    fmap_model_output(model, pooled[1]);
    cr_assert_eq(fmap_model_finish(model, NULL), FMAP_OK);
    float *image = net_random(IMAGES * PIXELS, 3);
    static float maxima[IMAGES * POOLED];
    static int64_t indices[IMAGES * POOLED];
    for (int no_fusion = 0; no_fusion < 2; no_fusion++) {
        struct net net;
        cr_assert(net_open(&net, model, &(fmap_plan_options){.threads = 2, .no_fusion = no_fusion}));
        cr_assert_eq(
            fmap_context_run(net.context, (const void *[]){image}, (void *[]){maxima, indices}, NULL),
            FMAP_OK);
        for (int i = 0; i < IMAGES * POOLED; i++) {
            cr_assert_eq(indices[i] / PIXELS, i / POOLED, "element %d", i);
            cr_assert_eq(image[indices[i]], maxima[i], "element %d", i);
        }
        net_close(&net);
    }
    free(image);
    fmap_model_destroy(model);
}
