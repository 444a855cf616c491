/* Batches that go image by image through the first layers: the same bits as layer by layer. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "runtime/context.h"
#include "tests/check.h"
#include "tests/net_passes.h"

enum { C = 16, SIZE = 12, MOST_IMAGES = 17 };

struct batch {
    int64_t images;
    bool middle;         /* what several layers before the end compute is an output, too */
    bool residual;       /* and is added again far behind */
    bool per_image;      /* a constant of one number an image is added */
    bool joined;         /* two convolutions are joined */
    const char *last_op; /* Gemm or Softmax over the images; NULL: neither */
};

static fmap_value conv(fmap_model *model, fmap_value x, const char *name, int64_t channels) {
    const int64_t dims[4] = {C, channels, 3, 3}, pads[4] = {1, 1, 1, 1};
    float *weights = net_random((size_t)(C * channels * 9), (uint64_t)name[0]);
    fmap_value inputs[2] = {x, net_floats(model, weights, 4, dims)};
    fmap_attribute attribute = net_list("pads", pads, 4);
    free(weights);
    return net_node(model, "Conv", name, inputs, 2, &attribute, 1);
}

static fmap_value end(fmap_model *model, fmap_value y, const char *op) {
    fmap_attribute axis = net_int("axis", 0);
    if (!op) return y;
    if (op[0] == 'S') return net_node(model, op, NULL, &y, 1, &axis, 1);
    const int64_t dims[2] = {C, 5};
    float *weights = net_random(5 * C, 3);
    y = net_node(model, "GlobalAveragePool", NULL, &y, 1, NULL, 0);
    fmap_value inputs[2] = {net_node(model, "Flatten", NULL, &y, 1, NULL, 0),
                            net_floats(model, weights, 2, dims)};
    free(weights);
    return net_node(model, op, NULL, inputs, 2, NULL, 0);
}

static void build(fmap_model *model, const void *what) {
    const struct batch *batch = what;
    const int64_t dims[4] = {batch->images, 3, SIZE, SIZE}, numbers[4] = {batch->images, 1, 1, 1};
    fmap_value y = conv(model, net_input(model, "x", 4, dims), "a", 3);
    y = net_node(model, "Relu", NULL, &y, 1, NULL, 0);
    fmap_value middle = conv(model, y, "b", C);
    y = net_node(model, "Tanh", NULL, &middle, 1, NULL, 0);
    if (batch->middle) fmap_model_output(model, middle);
    float *constants = net_random(MOST_IMAGES, 4);
    fmap_value operands[2] = {y, net_floats(model, constants, 4, numbers)};
    free(constants);
    if (batch->per_image) y = net_node(model, "Add", NULL, operands, 2, NULL, 0);
    y = conv(model, y, "c", C);
    fmap_attribute axis = net_int("axis", 1);
    fmap_value both[2] = {y, conv(model, middle, "d", C)};
    if (batch->joined) y = conv(model, net_node(model, "Concat", NULL, both, 2, &axis, 1), "e", 2 * C);
    operands[0] = middle;
    operands[1] = y;
    if (batch->residual) y = net_node(model, "Add", NULL, operands, 2, NULL, 0);
    fmap_model_output(model, end(model, y, batch->last_op));
}

/* How many images go one by one, for so many threads. */
static int64_t chunks_of(const fmap_model *model, int threads) {
    fmap_plan *plan;
    cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.threads = threads}, &plan, NULL), FMAP_OK);
    int64_t n = plan->n_chunks;
    cr_assert_eq(n > 0, plan->n_chunked_steps > 0);
    fmap_plan_destroy(plan);
    return n;
}

static void check(const struct batch *batch, bool by_image) {
    fmap_model *model = net_model(build, batch);
    cr_assert(model);
    cr_assert_eq(chunks_of(model, 1), by_image ? batch->images : 0, "%d images", (int)batch->images);
    cr_assert(net_passes_change_no_bit(model));
    fmap_model_destroy(model);
}

Test(chunks, images_one_by_one_give_the_bits_of_all_together) {
    static const int64_t images[] = {2, 3, 4, 16, 17};
    for (size_t i = 0; i < 5; i++) {
        for (int k = 0; k < 8; k++) {
            check(&(struct batch){.images = images[i],
                                  .middle = k & 1,
                                  .residual = k & 2,
                                  .joined = k & 4,
                                  .last_op = k % 3 == 0   ? NULL
                                             : k % 3 == 1 ? "MatMul"
                                                          : "Softmax"},
                  true);
        }
    }
}

Test(chunks, one_image_is_no_batch) { check(&(struct batch){.images = 1}, false); }

Test(chunks, a_constant_for_every_image_ends_what_goes_one_by_one) {
    const struct batch batch = {.images = 4, .per_image = true, .middle = true, .residual = true};
    check(&batch, true);
}

Test(chunks, few_images_that_do_not_share_out_go_together) {
    fmap_model *model = net_model(build, &(struct batch){.images = 3});
    cr_assert_eq(chunks_of(model, 2), 0);
    cr_assert_eq(chunks_of(model, 3), 3);
    fmap_model_destroy(model);
    model = net_model(build, &(struct batch){.images = 17});
    cr_assert_eq(chunks_of(model, 2), 17);
    fmap_model_destroy(model);
}

Test(chunks, every_layout_of_the_ports_moves_on_with_the_images) {
    enum { IMAGES = 4, N = IMAGES * C * SIZE * SIZE };
    static float x[IMAGES * C * SIZE * SIZE], got[2][2][N];
    fmap_model *model = net_model(build, &(struct batch){.images = IMAGES, .middle = true, .residual = true});
    check_fill(x, sizeof x / sizeof *x, -1, 1, 1);
    for (int layout = 0; layout < 9; layout++) {
        memset(got, 0, sizeof got);
        for (int fusion = 0; fusion < 2; fusion++) {
            fmap_port ports[3] = {{.name = "x", .layout = (fmap_layout)(layout % 3)}};
            const struct fmap_graph *graph = &model->graph;
            for (int i = 0; i < 2; i++)
                ports[1 + i] = (fmap_port){.name = graph->values[graph->outputs[i]].name,
                                           .layout = (fmap_layout)(layout / 3)};
            struct net net;
            cr_assert(net_open(
                &net, model,
                &(fmap_plan_options){.ports = ports, .n_ports = 3, .threads = 2, .no_fusion = fusion == 0}));
            void *to[2] = {got[fusion][0], got[fusion][1]};
            cr_assert_eq(fmap_context_run(net.context, (const void *const[]){x}, to, NULL), FMAP_OK);
            net_close(&net);
        }
        cr_assert(check_same_bits("outputs", got[0][0], got[1][0], 2 * N), "layouts %d", layout);
    }
    fmap_model_destroy(model);
}

Test(chunks, a_profile_adds_up_what_the_images_take) {
    enum { IMAGES = 4 };
    static float x[IMAGES * 3 * SIZE * SIZE], y[IMAGES * C * SIZE * SIZE];
    fmap_model *model = net_model(build, &(struct batch){.images = IMAGES});
    for (int threads = 1; threads <= 2; threads++) {
        struct net net;
        cr_assert(net_open(&net, model, &(fmap_plan_options){.threads = threads, .profile = true}));
        for (int run = 0; run < 2; run++) {
            cr_assert(net_run(&net, x, y));
            for (size_t s = 0; s < net.plan->n_chunked_steps; s++) {
                int64_t parts = 0;
                for (int thread = 0; thread < threads; thread++) {
                    fmap_span span, next = {0};
                    cr_assert_eq(fmap_context_step_span(net.context, s, thread, &span), FMAP_OK);
                    cr_assert(span.begin >= 0 && span.end >= span.begin);
                    if (s + 1 < net.plan->n_steps) fmap_context_step_span(net.context, s + 1, thread, &next);
                    cr_assert(s + 1 == net.plan->n_steps || next.begin >= span.end);
                    parts += span.parts;
                }
                cr_assert_eq(parts, IMAGES);
                cr_assert_gt(net.context->step_seconds[s], 0);
            }
        }
        net_close(&net);
    }
    fmap_model_destroy(model);
}
