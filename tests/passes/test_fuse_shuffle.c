#include <criterion/criterion.h>

#include "tests/net_passes.h"

struct shuffled {
    int64_t images, c, groups;
    bool blocked;        /* a MaxPool before it leaves blocks */
    bool seen;           /* what the Transpose puts out is an output */
    int64_t permutation; /* 1: of other axes */
};

static void build(fmap_model *model, const void *what) {
    const struct shuffled *shuffled = what;
    const int64_t dims[4] = {shuffled->images, shuffled->c, 9, 15}, ones[2] = {1, 1};
    const int64_t split[5] = {shuffled->images, shuffled->groups, shuffled->c / shuffled->groups, 9, 15};
    static const int64_t swap[5] = {0, 2, 1, 3, 4}, other[5] = {0, 2, 1, 4, 3};
    fmap_attribute kernel = net_list("kernel_shape", ones, 2);
    fmap_attribute permutation = net_list("perm", shuffled->permutation ? other : swap, 5);
    fmap_value x = net_input(model, "x", 4, dims);
    if (shuffled->blocked) x = net_node(model, "MaxPool", NULL, &x, 1, &kernel, 1);
    fmap_value first[2] = {x, net_ints(model, split, 5)};
    x = net_node(model, "Reshape", "first", first, 2, NULL, 0);
    x = net_node(model, "Transpose", "middle", &x, 1, &permutation, 1);
    if (shuffled->seen) fmap_model_output(model, x);
    fmap_value last[2] = {x, net_ints(model, dims, 4)};
    x = net_node(model, "Reshape", "last", last, 2, NULL, 0);
    if (shuffled->blocked) x = net_node(model, "MaxPool", NULL, &x, 1, &kernel, 1);
    fmap_model_output(model, x);
}

static bool is_fused(struct shuffled shuffled) {
    fmap_model *model = net_model(build, &shuffled);
    cr_assert(model && net_passes_change_no_bit(model));
    cr_assert(!net_passes_remove(model, "middle", &(struct net_passes){.without = "fuse_shuffle"}));
    const char *into = net_passes_fused_into(model, "first"), *too = net_passes_fused_into(model, "middle");
    cr_assert_eq(into != NULL, too != NULL);
    if (into) cr_assert_str_eq(into, "last");
    fmap_model_destroy(model);
    return into != NULL;
}

Test(fuse_shuffle, groups_of_any_number_of_channels) {
    static const int64_t counts[][2] = {{32, 2}, {48, 3}, {116, 2}, {24, 8}, {6, 3},
                                        {7, 1},  {7, 7},  {36, 2},  {22, 2}, {232, 2}};
    for (int i = 0; i < 40; i++) {
        cr_assert(is_fused((struct shuffled){.images = 1 + i % 4 / 2 * 2,
                                             .c = counts[i / 4][0],
                                             .groups = counts[i / 4][1],
                                             .blocked = i % 2 == 0}));
    }
}

Test(fuse_shuffle, not_what_somebody_sees_or_turns_over) {
    cr_assert(!is_fused((struct shuffled){.images = 1, .c = 32, .groups = 2, .seen = true}));
    cr_assert(
        !is_fused((struct shuffled){.images = 1, .c = 32, .groups = 2, .blocked = true, .permutation = 1}));
}
