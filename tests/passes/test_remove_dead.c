#include <criterion/criterion.h>

#include "tests/net_passes.h"

/* A branch of three nodes that leads nowhere, beside one that is an output. */
static void build(fmap_model *model, const void *what) {
    static const int64_t dims[2] = {2, 5};
    (void)what;
    fmap_value x = net_input(model, "x", 2, dims);
    fmap_value y = net_node(model, "Relu", "needed", &x, 1, NULL, 0), both[2] = {y, x};
    fmap_value z = net_node(model, "Tanh", "a", &y, 1, NULL, 0);
    z = net_node(model, "Softmax", "b", &z, 1, NULL, 0);
    both[1] = z;
    net_node(model, "Mul", "c", both, 2, NULL, 0);
    fmap_model_output(model, y);
}

Test(remove_dead, branches_that_lead_nowhere_are_not_computed) {
    fmap_model *model = net_model(build, NULL);
    cr_assert(net_passes_remove(model, "a", NULL) && net_passes_remove(model, "b", NULL) &&
              net_passes_remove(model, "c", NULL));
    cr_assert(!net_passes_remove(model, "needed", NULL));
    cr_assert(!net_passes_remove(model, "a", &(struct net_passes){.without = "remove_dead"}));
    cr_assert(net_passes_change_no_bit(model));
    fmap_model_destroy(model);
}

Test(remove_dead, a_tap_keeps_what_leads_to_it) {
    fmap_model *model = net_model(build, NULL);
    const struct net_passes tap = {.kept = "b"};
    cr_assert(!net_passes_remove(model, "a", &tap) && !net_passes_remove(model, "b", &tap));
    cr_assert(net_passes_remove(model, "c", &tap));
    fmap_model_destroy(model);
}
