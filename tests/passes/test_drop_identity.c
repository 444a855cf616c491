#include <criterion/criterion.h>

#include <string.h>

#include "tests/net_passes.h"

struct dropped {
    const char *op;
    bool at_the_input, at_the_output;
};

static const int64_t image[4] = {2, 19, 1, 1}, row[2] = {2, 19};

static fmap_value add(fmap_model *model, const char *op, const char *name, fmap_value x) {
    static const int64_t same[4] = {0, -1, 1, 1};
    fmap_value inputs[2] = {x, op[0] == 'R' ? net_ints(model, same, 4) : FMAP_NO_VALUE};
    return net_node(model, op, name, inputs, op[0] == 'R' ? 2 : 1, NULL, 0);
}

static void build(fmap_model *model, const void *what) {
    const struct dropped *dropped = what;
    bool flatten = dropped->op[0] == 'F'; /* changes nothing of what is flat already */
    fmap_value x = flatten ? net_input(model, "x", 2, row) : net_input(model, "x", 4, image);
    if (!dropped->at_the_input) x = net_node(model, "Tanh", "before", &x, 1, NULL, 0);
    x = add(model, dropped->op, "same", x);
    x = add(model, dropped->op, "again", x);
    if (!dropped->at_the_output) x = net_node(model, "Sigmoid", "behind", &x, 1, NULL, 0);
    fmap_model_output(model, x);
}

static const char *const ops[] = {"Identity", "Dropout", "Reshape", "Flatten"};
enum { N_OPS = sizeof ops / sizeof ops[0] };

Test(drop_identity, layers_that_change_nothing_disappear_wherever_they_are) {
    for (int i = 0; i < 4 * N_OPS; i++) {
        struct dropped dropped = {ops[i / 4], i & 1, i & 2};
        fmap_model *model = net_model(build, &dropped);
        cr_assert(model && net_passes_change_no_bit(model));
        cr_assert(net_passes_remove(model, "same", NULL) && net_passes_remove(model, "again", NULL));
        cr_assert(!net_passes_remove(
            model, "same", &(struct net_passes){.without = "remove_dead drop_identity merge_reshapes"}));
        cr_assert_null(net_passes_fused_into(model, "same"));
        fmap_model_destroy(model);
    }
}

Test(drop_identity, dropout_stays_in_training) {
    fmap_model *model = net_model(build, &(struct dropped){.op = "Dropout"});
    cr_assert(!net_passes_remove(model, "same", &(struct net_passes){.training = true}));
    fmap_model_destroy(model);
}

Test(drop_identity, a_tap_on_one_sees_what_it_would_have_put_out) {
    float x[38], y[38], map[38], expected[38];
    fmap_model *model = net_model(build, &(struct dropped){.op = "Identity"});
    fmap_tap_request tap = {.layers = "again"}, before = {.layers = "before"};
    for (int i = 0; i < 38; i++) x[i] = (float)i / 7 - 2;
    for (int i = 0; i < 2; i++) {
        struct net net;
        cr_assert(net_open(&net, model, &(fmap_plan_options){.taps = i ? &before : &tap, .n_taps = 1}));
        fmap_context_set_tap(net.context, 0, i ? expected : map, NULL);
        cr_assert(net_run(&net, x, y));
        net_close(&net);
    }
    cr_assert_arr_eq(map, expected, sizeof map);
    fmap_model_destroy(model);
}

/* What a tap looks at is the output of the addition, which must not be activated then. */
static void build_tapped(fmap_model *model, const void *what) {
    (void)what;
    fmap_value x = net_input(model, "x", 4, image), both[2] = {x, x};
    x = net_node(model, "Add", "sum", both, 2, NULL, 0);
    x = net_node(model, "Identity", "same", &x, 1, NULL, 0);
    fmap_model_output(model, net_node(model, "Relu", "relu", &x, 1, NULL, 0));
}

Test(drop_identity, what_a_tapped_one_stands_for_is_kept) {
    float x[38], y[38], map[38];
    fmap_model *model = net_model(build_tapped, NULL);
    fmap_tap_request tap = {.layers = "same"};
    struct net net;
    for (int i = 0; i < 38; i++) x[i] = (float)i / 7 - 2;
    cr_assert(net_open(&net, model, &(fmap_plan_options){.taps = &tap, .n_taps = 1}));
    fmap_context_set_tap(net.context, 0, map, NULL);
    cr_assert(net_run(&net, x, y));
    for (int i = 0; i < 38; i++) {
        cr_assert_eq(map[i], 2 * x[i]);
        cr_assert_eq(y[i], x[i] > 0 ? 2 * x[i] : 0);
    }
    net_close(&net);
    cr_assert(net_passes_remove(model, "relu", NULL));
    cr_assert(!net_passes_remove(model, "relu", &(struct net_passes){.kept = "same"}));
    fmap_model_destroy(model);
}

/* A reshape that changes the shape, and a flattening in another order. */
static void build_needed(fmap_model *model, const void *what) {
    static const int64_t dims[4] = {2, 3, 2, 2}, wanted[3] = {0, -1, 2};
    (void)what;
    fmap_value inputs[2] = {net_input(model, "x", 4, dims), net_ints(model, wanted, 3)};
    fmap_attribute last = net_int("channels_last", 1);
    fmap_model_output(model, net_node(model, "Reshape", "reshape", inputs, 2, NULL, 0));
    fmap_model_output(model, net_node(model, "Flatten", "flatten", inputs, 1, &last, 1));
}

Test(drop_identity, what_changes_shape_or_order_stays) {
    fmap_model *model = net_model(build_needed, NULL);
    cr_assert(!net_passes_remove(model, "reshape", NULL) && !net_passes_remove(model, "flatten", NULL));
    cr_assert(net_passes_change_no_bit(model));
    fmap_model_destroy(model);
}

/* Dropout whose mask somebody uses. */
static void build_mask(fmap_model *model, const void *what) {
    static const int64_t dims[4] = {2, 3, 2, 2};
    (void)what;
    fmap_value x = net_input(model, "x", 4, dims), outputs[2];
    fmap_node_definition node = {
        .op = "Dropout", .name = "dropout", .inputs = &x, .n_inputs = 1, .n_outputs = 2};
    fmap_model_node(model, &node, outputs);
    fmap_model_output(model, net_node(model, "Mul", NULL, outputs, 2, NULL, 0));
}

Test(drop_identity, dropout_stays_when_its_mask_is_used) {
    fmap_model *model = net_model(build_mask, NULL);
    cr_assert(!net_passes_remove(model, "dropout", NULL));
    cr_assert(net_passes_change_no_bit(model));
    fmap_model_destroy(model);
}

/* Layers of which most change something: by the number of the case these do not. */
static void build_more(fmap_model *model, const void *what) {
    static const int64_t dims[4] = {1, 18, 3, 4}, zeros[8] = {0}, crop[8] = {0, 0, -1, 0, 0, 0, 1, 0};
    static const int64_t ends[4] = {1, 18, 3, 4}, back[4] = {-1, -1, -1, -1}, front[4] = {-2, -19, -4, -5};
    static const float ones[4] = {1, 1, 1, 1};
    const int number = *(const int *)what;
    fmap_attribute axis = net_int("axis", 2);
    fmap_value x = net_input(model, "x", 4, dims),
               inputs[5] = {net_node(model, "Tanh", NULL, &x, 1, NULL, 0)};
    static const char *const more[] = {"Slice",  "Pad",   "Resize", "Expand", "Tile",
                                       "Concat", "Split", "Slice",  "Pad"};
    size_t n = number == 0 ? 3 : number == 2 ? 4 : number == 7 ? 5 : number == 5 || number == 6 ? 1 : 2;
    if (number == 0) inputs[1] = net_ints(model, zeros, 4);
    if (number == 0) inputs[2] = net_ints(model, ends, 4);
    if (number == 1) inputs[1] = net_ints(model, zeros, 8);
    if (number == 2) inputs[1] = FMAP_NO_VALUE;
    if (number == 2) inputs[2] = net_floats(model, ones, 1, (int64_t[]){4});
    if (number == 3) inputs[1] = net_ints(model, (int64_t[]){1, 1}, 2);
    if (number == 4) inputs[1] = net_ints(model, (int64_t[]){1, 1, 1, 1}, 4);
    if (number == 7) {
        inputs[1] = inputs[4] = net_ints(model, back, 4);
        inputs[2] = net_ints(model, front, 4);
        inputs[3] = net_ints(model, (int64_t[]){0, 1, 2, 3}, 4);
    }
    if (number == 8) inputs[1] = net_ints(model, crop, 8);
    if (number == 2) n = 3;
    x = net_node(model, more[number], "same", inputs, n, &axis, number == 5 || number == 6);
    fmap_model_output(model, net_node(model, "Sigmoid", NULL, &x, 1, NULL, 0));
}

Test(drop_identity, layers_that_happen_to_change_nothing_disappear) {
    for (int number = 0; number < 9; number++) {
        fmap_model *model = net_model(build_more, &number);
        cr_assert(model && net_passes_change_no_bit(model), "%d", number);
        cr_assert_eq(net_passes_remove(model, "same", NULL), number < 7, "%d", number);
        cr_assert(!net_passes_remove(
            model, "same", &(struct net_passes){.without = "remove_dead drop_identity merge_reshapes"}));
        fmap_model_destroy(model);
    }
}
