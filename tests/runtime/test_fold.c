#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/net_passes.h"

/* x times a matrix that comes out of `op`: CNTK's way to write a dense layer down. */
static void build(fmap_model *model, const void *what) {
    const char *op = what;
    static const int64_t row[2] = {3, 24}, parameter[4] = {4, 2, 3, 5}, turned[4] = {5, 3, 4, 2},
                         flat[2] = {24, 5};
    static const int64_t wanted[2] = {24, 5}, permutation[4] = {2, 3, 1, 0};
    float *w = net_random(120, 3);
    fmap_value inputs[2] = {FMAP_NO_VALUE, net_ints(model, wanted, 2)},
               product[2] = {net_input(model, "x", 2, row)};
    fmap_attribute axis = net_int("axis", 3), perm = net_list("perm", permutation, 4);
    inputs[0] = op[0] == 'T'   ? net_floats(model, w, 4, turned)
                : op[0] == 'I' ? net_floats(model, w, 2, flat)
                               : net_floats(model, w, 4, parameter);
    product[1] = net_node(model, op, "weights", inputs, op[0] == 'R' ? 2 : 1, op[0] == 'F' ? &axis : &perm,
                          op[0] == 'F' || op[0] == 'T');
    if (op[0] == 'T') {
        inputs[0] = product[1];
        product[1] = net_node(model, "Reshape", "flat", inputs, 2, NULL, 0);
    }
    free(w);
    fmap_model_output(model, net_node(model, "MatMul", "product", product, 2, NULL, 0));
}

Test(fold, another_shape_or_order_of_a_constant_is_a_constant) {
    static const char *const ops[] = {"Reshape", "Flatten", "Identity", "Transpose"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        fmap_model *model = net_model(build, ops[i]);
        cr_assert(model && net_passes_change_no_bit(model), "%s", ops[i]);
        struct fmap_graph graph = net_passes_graph(model, &(struct net_passes){.without = NULL});
        const struct fmap_graph_node *product = &graph.nodes[graph.n_nodes - 1];
        cr_assert(graph.nodes[0].dead && fmap_input_value(&graph, product, 1)->data);
        fmap_graph_close(&graph);
        fmap_model_destroy(model);
    }
}

Test(fold, weights_of_a_convolution_may_be_reshaped_constants) {
    fmap_model *model;
    static const int64_t image[4] = {1, 2, 3, 3}, flat[1] = {18}, wanted[4] = {1, 2, 3, 3};
    static float w[18], x[18], y;
    for (int i = 0; i < 18; i++) x[i] = w[i] = (float)i;
    cr_assert_eq(fmap_model_create(NULL, &model, NULL), FMAP_OK);
    fmap_value inputs[2] = {net_floats(model, w, 1, flat), net_ints(model, wanted, 4)}, conv[2];
    conv[0] = net_input(model, "x", 4, image);
    conv[1] = net_node(model, "Reshape", NULL, inputs, 2, NULL, 0);
    fmap_model_output(model, net_node(model, "Conv", NULL, conv, 2, NULL, 0));
    cr_assert_eq(fmap_model_finish(model, NULL), FMAP_OK);
    cr_assert(net_once(model, NULL, x, &y));
    cr_assert_eq(y, 17.0f * 18 * 35 / 6);
    fmap_model_destroy(model);
}

/* A constant that has been reshaped can be an output, and be tapped. */
static void build_output(fmap_model *model, const void *what) {
    static const int64_t six = 6, wanted[2] = {2, 3}, permutation[2] = {1, 0};
    static const float numbers[6] = {1, 2, 3, 4, 5, 6};
    (void)what;
    fmap_value inputs[2] = {net_floats(model, numbers, 1, &six), net_ints(model, wanted, 2)};
    fmap_attribute perm = net_list("perm", permutation, 2);
    fmap_value x = net_input(model, "x", 1, &six), y = net_node(model, "Reshape", "y", inputs, 2, NULL, 0);
    fmap_model_output(model, y);
    fmap_model_output(model, net_node(model, "Transpose", "z", &y, 1, &perm, 1));
    fmap_model_output(model, x);
}

Test(fold, an_output_or_a_tap_may_be_a_folded_constant) {
    static const float expected[] = {1, 2, 3, 4, 5, 6, 1, 4, 2, 5, 3, 6};
    float x[6] = {0}, y[6], z[6], w[6], map[6];
    fmap_model *model = net_model(build_output, NULL);
    fmap_tap_request tap = {.layers = "z"};
    struct net net;
    cr_assert(model && net_open(&net, model, &(fmap_plan_options){.taps = &tap, .n_taps = 1}));
    fmap_context_set_tap(net.context, 0, map, NULL);
    cr_assert_eq(fmap_context_run(net.context, (const void *[]){x}, (void *[]){y, z, w}, NULL), FMAP_OK);
    cr_assert_arr_eq(y, expected, sizeof y);
    cr_assert_arr_eq(z, expected + 6, sizeof z);
    cr_assert_arr_eq(map, expected + 6, sizeof map);
    net_close(&net);
    cr_assert(net_passes_change_no_bit(model));
    fmap_model_destroy(model);
}

/* x flattened as exporters write it: Reshape(x, Concat(Slice of Shape(x), [-1])), here with Shape's own slice. */
static void build_computed_shape(fmap_model *model, const void *what) {
    static const int64_t image[4] = {FMAP_UNKNOWN, 2, 3, FMAP_UNKNOWN}, rest = -1;
    fmap_attribute end = net_int("end", 1), axis = net_int("axis", 0), to = net_int("to", FMAP_FLOAT32);
    (void)what;
    fmap_value x = net_input(model, "x", 4, image),
               parts[2] = {net_node(model, "Shape", "batch", &x, 1, &end, 1), net_ints(model, &rest, 1)};
    fmap_value flat[2] = {x, net_node(model, "Concat", "wanted", parts, 2, &axis, 1)};
    fmap_value y = net_node(model, "Reshape", "flat", flat, 2, NULL, 0),
               size = net_node(model, "Size", "size", &y, 1, NULL, 0);
    fmap_model_output(model, y);
    fmap_model_output(model, net_node(model, "Cast", "count", &size, 1, &to, 1));
}

Test(fold, a_shape_that_the_network_computes_is_known_in_the_plan) {
    fmap_model *model = net_model(build_computed_shape, NULL);
    fmap_value_info info;
    cr_assert(model);
    fmap_model_value(model, fmap_model_output_value(model, 0), &info);
    cr_assert_eq(info.shape.rank, FMAP_UNKNOWN);
    cr_assert_eq(info.type, FMAP_TYPE_UNKNOWN);
    for (int64_t batch = 1; batch < 4; batch++) {
        fmap_shape shape = {.rank = 4, .dims = {batch, 2, 3, 4}}, got;
        fmap_port port = {.name = "x", .shape = &shape};
        struct net net;
        float x[72], y[72], count;
        for (int i = 0; i < 72; i++) x[i] = (float)i;
        cr_assert(net_open(&net, model, &(fmap_plan_options){.ports = &port, .n_ports = 1}));
        cr_assert_eq(fmap_plan_output_shape(net.plan, 0, &got), FMAP_OK);
        cr_assert(got.rank == 2 && got.dims[0] == batch && got.dims[1] == 24);
        cr_assert_eq(fmap_plan_output_type(net.plan, 0), FMAP_FLOAT32);
        cr_assert_eq(fmap_context_run(net.context, (const void *[]){x}, (void *[]){y, &count}, NULL),
                     FMAP_OK);
        cr_assert_arr_eq(x, y, (size_t)batch * 24 * sizeof *x);
        cr_assert_eq(count, (float)batch * 24);
        net_close(&net);
    }
    fmap_model_destroy(model);
}

static void build_integers(fmap_model *model, const void *what) {
    static const fmap_shape three = {.rank = 2, .dims = {1, 3}};
    static const int64_t permutation[2] = {1, 0};
    fmap_attribute perm = net_list("perm", permutation, 2), to = net_int("to", *(const int *)what);
    fmap_value x = fmap_model_input(model, "x", FMAP_INT64, &three);
    fmap_value turned = net_node(model, "Transpose", NULL, &x, 1, &perm, 1);
    fmap_model_output(model, net_node(model, "Cast", NULL, &turned, 1, &to, 1));
}

Test(fold, inputs_and_outputs_may_be_of_any_type) {
    const int64_t x[3] = {0, 258, -3};
    const int types[] = {FMAP_INT64, FMAP_INT32, FMAP_UINT8, FMAP_INT8, FMAP_BOOL, FMAP_FLOAT32};
    const int64_t expected[][3] = {{0, 258, -3}, {0, 258, -3}, {0, 2, 253}, {0, 2, -3}, {0, 1, 1}};
    for (int i = 0; i < 6; i++) {
        fmap_model *model = net_model(build_integers, &types[i]);
        int64_t room[3] = {0};
        struct net net;
        cr_assert(model && net_open(&net, model, NULL));
        cr_assert_eq(fmap_plan_input_type(net.plan, 0), FMAP_INT64);
        cr_assert_eq((int)fmap_plan_output_type(net.plan, 0), types[i]);
        cr_assert_eq(fmap_context_run(net.context, (const void *[]){x}, (void *[]){room}, NULL), FMAP_OK);
        for (int k = 0; k < 3; k++) {
            switch (types[i]) {
            case FMAP_INT64: cr_assert_eq(room[k], expected[i][k]); break;
            case FMAP_INT32: cr_assert_eq(((int32_t *)room)[k], expected[i][k]); break;
            case FMAP_INT8: cr_assert_eq(((int8_t *)room)[k], expected[i][k]); break;
            case FMAP_FLOAT32: cr_assert_eq(((float *)room)[k], (float)x[k]); break;
            default: cr_assert_eq(((uint8_t *)room)[k], expected[i][k]); break;
            }
        }
        net_close(&net);
        fmap_model_destroy(model);
    }
}
