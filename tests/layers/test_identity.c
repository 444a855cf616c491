#include <criterion/criterion.h>

#include <stdlib.h>

#include "tests/net_layer.h"

Test(identity, puts_out_what_it_takes_in) {
    static const int64_t dims[5] = {2, 19, 3, 4, 2};
    for (int rank = 0; rank <= 5; rank++) {
        size_t n = 1;
        for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
        float *x = net_random(n, n);
        struct net_layer layer = {.op = "Identity", .n_operands = 1, .batch = rank > 1};
        layer.operands[0] = net_computed(rank, dims, x);
        cr_assert(net_layer_moves(&layer, x, n), "rank %d", rank);
        free(x);
    }
}

Test(identity, of_integers_is_one_of_integers) {
    static const int64_t ints[2] = {1, 2}, two = 2;
    struct net_layer layer = {.op = "Identity", .n_operands = 1, .operands = {net_constant_ints(2, ints)}};
    cr_assert(net_layer_has_shape(&layer, 1, &two));
}
