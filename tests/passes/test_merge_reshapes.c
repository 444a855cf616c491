#include <criterion/criterion.h>

#include "tests/net_passes.h"

struct shaped {
    bool back; /* to the shape before all of them */
    bool seen; /* what lies between is an output */
};

static void build(fmap_model *model, const void *what) {
    const struct shaped *shaped = what;
    static const int64_t dims[4] = {2, 18, 1, 1}, two = 2, one = 1;
    fmap_value x = net_input(model, "x", 4, dims);
    x = net_node(model, "Tanh", "tanh", &x, 1, NULL, 0);
    fmap_value squeeze[2] = {x, net_ints(model, &two, 1)};
    x = net_node(model, "Squeeze", "squeeze", squeeze, 2, NULL, 0);
    if (shaped->seen) fmap_model_output(model, x);
    x = net_node(model, "Flatten", "flatten", &x, 1, NULL, 0);
    fmap_value reshape[2] = {x, net_ints(model, (int64_t[]){2, 3, 6}, 3)};
    x = net_node(model, "Reshape", "reshape", reshape, 2, NULL, 0);
    fmap_value unsqueeze[2] = {x, net_ints(model, &one, 1)};
    if (shaped->back) unsqueeze[1] = net_ints(model, dims, 4);
    x = net_node(model, shaped->back ? "Reshape" : "Unsqueeze", "last", unsqueeze, 2, NULL, 0);
    fmap_model_output(model, net_node(model, "Sigmoid", NULL, &x, 1, NULL, 0));
}

static void assert_merged(struct shaped shaped) {
    static const char *const between[] = {"flatten", "reshape"};
    fmap_model *model = net_model(build, &shaped);
    const struct net_passes without = {.without = "merge_reshapes"};
    cr_assert(net_passes_change_no_bit(model));
    for (int i = 0; i < 2; i++) {
        cr_assert(net_passes_remove(model, between[i], NULL));
        cr_assert(!net_passes_remove(model, "reshape", &without));
    }
    cr_assert_eq(net_passes_remove(model, "squeeze", NULL), !shaped.seen);
    cr_assert_eq(net_passes_remove(model, "last", NULL), shaped.back);
    cr_assert(!net_passes_remove(model, "last", &without));
    fmap_model_destroy(model);
}

Test(merge_reshapes, the_last_one_reads_what_the_first_one_does) {
    assert_merged((struct shaped){.back = false});
    assert_merged((struct shaped){.seen = true});
}

Test(merge_reshapes, those_that_lead_back_disappear) {
    assert_merged((struct shaped){.back = true});
    assert_merged((struct shaped){.back = true, .seen = true});
}
