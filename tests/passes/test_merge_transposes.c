#include <criterion/criterion.h>

#include "tests/net_passes.h"

struct turned {
    int64_t first[4], second[4];
    bool seen; /* what lies between the two is an output */
};

static void build(fmap_model *model, const void *what) {
    const struct turned *turned = what;
    static const int64_t dims[4] = {2, 3, 18, 5};
    fmap_attribute first = net_list("perm", turned->first, 4), second = net_list("perm", turned->second, 4);
    fmap_value x = net_input(model, "x", 4, dims);
    x = net_node(model, "Tanh", NULL, &x, 1, NULL, 0);
    x = net_node(model, "Transpose", "first", &x, 1, &first, 1);
    if (turned->seen) fmap_model_output(model, x);
    x = net_node(model, "Transpose", "second", &x, 1, &second, 1);
    fmap_model_output(model, net_node(model, "Sigmoid", NULL, &x, 1, NULL, 0));
}

static void assert_merged(struct turned turned, bool first_goes, bool second_goes) {
    fmap_model *model = net_model(build, &turned);
    cr_assert(net_passes_change_no_bit(model));
    cr_assert_eq(net_passes_remove(model, "first", NULL), first_goes);
    cr_assert_eq(net_passes_remove(model, "second", NULL), second_goes);
    cr_assert(!net_passes_remove(model, "first", &(struct net_passes){.without = "merge_transposes"}));
    fmap_model_destroy(model);
}

Test(merge_transposes, two_that_cancel_disappear) {
    assert_merged((struct turned){{0, 3, 1, 2}, {0, 2, 3, 1}, false}, true, true);
    assert_merged((struct turned){{3, 2, 0, 1}, {2, 3, 1, 0}, false}, true, true);
}

Test(merge_transposes, two_that_do_not_cancel_become_one) {
    assert_merged((struct turned){{3, 2, 0, 1}, {3, 2, 0, 1}, false}, true, false);
    assert_merged((struct turned){{1, 0, 2, 3}, {0, 1, 3, 2}, false}, true, false);
}

Test(merge_transposes, what_is_seen_between_them_stays) {
    assert_merged((struct turned){{3, 2, 0, 1}, {2, 3, 1, 0}, true}, false, true);
    assert_merged((struct turned){{3, 2, 0, 1}, {3, 2, 0, 1}, true}, false, false);
}
