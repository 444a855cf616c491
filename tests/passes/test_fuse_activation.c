#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/check.h"
#include "tests/net_passes.h"

enum { C = 19, SIZE = 6, N = 2 * C * SIZE * SIZE, N_OUT = 2 * C * (SIZE - 2) * (SIZE - 2) };

enum follow { NOTHING, A_SECOND_READER, AN_OUTPUT, TWICE };

struct fused {
    const char *op, *activation;
    enum follow follow;
};

static fmap_value add_producer(fmap_model *model, const char *op) {
    static const int64_t image[4] = {2, C, SIZE, SIZE}, row[2] = {3, C}, kernel[4] = {C, C, 3, 3},
                         square[2] = {C, C};
    static const int64_t channels[3] = {C, 1, 1}, vector[1] = {C};
    float *w = net_random(9 * C * C, 5), *positive = net_random(C, 6);
    for (int i = 0; i < C; i++) positive[i] += 2;
    fmap_value inputs[5] = {FMAP_NO_VALUE};
    bool matrix = op[0] == 'G' || op[1] == 'a' ? op[0] != 'B' : false;
    size_t n = 2;
    inputs[0] = net_input(model, "x", matrix ? 2 : 4, matrix ? row : image);
    if (op[0] == 'C')
        inputs[1] = net_floats(model, w, 4, kernel);
    else if (matrix)
        inputs[1] = net_floats(model, w, 2, square);
    else if (op[0] == 'B')
        n = 5;
    else
        inputs[1] = net_floats(model, w, 3, channels);
    for (int i = 1; i < 5 && n == 5; i++)
        inputs[i] = net_floats(model, i == 4 ? positive : w + C * i, 1, vector);
    free(w);
    free(positive);
    return net_node(model, op, "first", inputs, n, NULL, 0);
}

static void build(fmap_model *model, const void *what) {
    const struct fused *fused = what;
    fmap_value x = add_producer(model, fused->op);
    fmap_value y = net_node(model, fused->activation, "second", &x, 1, NULL, 0);
    if (fused->follow == TWICE) y = net_node(model, "LeakyRelu", "third", &y, 1, NULL, 0);
    if (fused->follow == A_SECOND_READER) {
        fmap_value both[2] = {x, y};
        y = net_node(model, "Mul", "third", both, 2, NULL, 0);
    }
    fmap_model_output(model, y);
    if (fused->follow == AN_OUTPUT) fmap_model_output(model, x);
}

static const char *const producers[] = {"Conv", "Gemm", "MatMul", "BatchNormalization", "Add", "Mul"};
static const char *const activations[] = {"Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh"};

enum {
    N_PRODUCERS = sizeof producers / sizeof producers[0],
    N_ACTIVATIONS = sizeof activations / sizeof activations[0]
};

Test(fuse_activation, every_activation_joins_every_layer_that_can_activate_and_changes_no_bit) {
    for (int i = 0; i < N_PRODUCERS * N_ACTIVATIONS; i++) {
        struct fused fused = {producers[i / N_ACTIVATIONS], activations[i % N_ACTIVATIONS], NOTHING};
        fmap_model *model = net_model(build, &fused);
        cr_assert(model && net_passes_change_no_bit(model), "%s and %s", fused.op, fused.activation);
        cr_assert_str_eq(net_passes_fused_into(model, "second"), "first");
        cr_assert_null(net_passes_fused_into(model, "first"));
        cr_assert(net_passes_remove(model, "second", NULL));
        cr_assert(!net_passes_remove(model, "second", &(struct net_passes){.without = "fuse_activation"}));
        fmap_model_destroy(model);
    }
}

Test(fuse_activation, softmax_is_none_that_can_be_fused) {
    fmap_model *model = net_model(build, &(struct fused){"Conv", "Softmax", NOTHING});
    cr_assert(!net_passes_remove(model, "second", NULL));
    fmap_model_destroy(model);
}

Test(fuse_activation, what_others_look_at_stays) {
    for (int follow = A_SECOND_READER; follow <= AN_OUTPUT; follow++) {
        for (int i = 0; i < N_PRODUCERS; i++) {
            fmap_model *model = net_model(build, &(struct fused){producers[i], "Relu", (enum follow)follow});
            cr_assert(!net_passes_remove(model, "second", NULL));
            cr_assert(net_passes_change_no_bit(model));
            fmap_model_destroy(model);
        }
    }
}

Test(fuse_activation, only_the_first_of_two_activations_is_fused) {
    fmap_model *model = net_model(build, &(struct fused){"Conv", "Relu", TWICE});
    cr_assert(net_passes_remove(model, "second", NULL));
    cr_assert(!net_passes_remove(model, "third", NULL));
    cr_assert(net_passes_change_no_bit(model));
    fmap_model_destroy(model);
}

Test(fuse_activation, a_tap_before_it_keeps_the_layers_apart_and_a_tap_behind_it_does_not) {
    fmap_model *model = net_model(build, &(struct fused){"Conv", "Relu", NOTHING});
    cr_assert(!net_passes_remove(model, "second", &(struct net_passes){.kept = "first"}));
    cr_assert(net_passes_remove(model, "second", &(struct net_passes){.kept = "second"}));
    fmap_model_destroy(model);
}

Test(fuse_activation, taps_see_the_bits_of_the_network_as_it_is_written) {
    static float maps[2][2][N_OUT];
    fmap_tap_request taps[2] = {{.layers = "first"}, {.layers = "second"}};
    fmap_model *model = net_model(build, &(struct fused){"Conv", "Relu", NOTHING});
    float *x = net_random(N, 1), *y = net_random(N_OUT, 2);
    for (int fusion = 0; fusion < 2; fusion++) {
        for (size_t i = 0; i < 2; i++) {
            fmap_plan_options options = {.taps = &taps[i], .n_taps = 1, .no_fusion = fusion == 0};
            struct net net;
            cr_assert(net_open(&net, model, &options));
            fmap_context_set_tap(net.context, 0, maps[fusion][i], NULL);
            cr_assert(net_run(&net, x, y));
            cr_assert(check_same_bits("output", y, maps[fusion][1], i == 1 ? N_OUT : 0));
            net_close(&net);
        }
    }
    cr_assert(check_same_bits("taps", &maps[1][0][0], &maps[0][0][0], sizeof maps[0] / sizeof(float)));
    fmap_model_destroy(model);
    free(x);
    free(y);
}
