#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cases/case.h"
#include "tests/net_layer.h"
#include "tests/oracle.h"

/* Root of the sum's bound: the square root halves a relative error, and rounds once. */
static bool agrees(const char *op, int exponent, int rank, const int64_t *dims) {
    int64_t pixels = 1, maps = dims[0] * dims[1];
    for (int i = 2; i < rank; i++) pixels *= dims[i];
    float *x = net_random((size_t)(maps * pixels), 7);
    double *expected = calloc((size_t)maps, sizeof *expected), *bounds = calloc((size_t)maps, sizeof *bounds);
    enum fmap_reduce_op sum = exponent == 1   ? FMAP_REDUCE_ABSOLUTES
                              : exponent == 2 ? FMAP_REDUCE_SQUARES
                              : op[6] == 'M'  ? FMAP_REDUCE_MAXIMUM
                                              : FMAP_REDUCE_SUM;
    for (int64_t i = 0; i < maps; i++) {
        double magnitude;
        expected[i] = oracle_reduce(sum, x + i * pixels, pixels, 0.0, &magnitude);
        bounds[i] = case_reduce_bound(sum, pixels, 0, magnitude);
        if (sum == FMAP_REDUCE_SUM) {
            expected[i] /= (double)pixels;
            bounds[i] = bounds[i] / (double)pixels + check_bound(1, fabs(expected[i]));
        } else if (exponent == 2) {
            bounds[i] = bounds[i] / sqrt(expected[i]) + (double)FLT_EPSILON * sqrt(expected[i]);
            expected[i] = sqrt(expected[i]);
        }
    }
    struct net_layer layer = {.op = op, .n_operands = 1, .batch = true};
    layer.operands[0] = net_computed(rank, dims, x);
    if (exponent == 1) net_layer_attribute(&layer, net_int("p", 1));
    bool good = net_layer_agrees(&layer, expected, bounds, (size_t)maps);
    free(x);
    free(expected);
    free(bounds);
    return good;
}

Test(global_pool, every_map_in_any_rank) {
    static const struct {
        const char *op;
        int exponent;
    } ops[] = {{"GlobalAveragePool", 0}, {"GlobalMaxPool", 0}, {"GlobalLpPool", 1}, {"GlobalLpPool", 2}};
    for (size_t i = 0; i < 4; i++) {
        const char *op = ops[i].op;
        cr_assert(agrees(op, ops[i].exponent, 4, (int64_t[]){3, 19, 5, 7}));
        cr_assert(agrees(op, ops[i].exponent, 4, (int64_t[]){1, 1, 1, 1}));
        cr_assert(agrees(op, ops[i].exponent, 4, (int64_t[]){2, 100, 41, 43}));
        cr_assert(agrees(op, ops[i].exponent, 3, (int64_t[]){2, 16, 9}));
        cr_assert(agrees(op, ops[i].exponent, 5, (int64_t[]){2, 17, 2, 3, 4}));
    }
}

Test(global_pool, other_norms_and_ranks_are_refused) {
    static const int64_t dims[3] = {1, 2, 3};
    struct net_layer layer = {
        .op = "GlobalLpPool", .n_operands = 1, .operands = {net_computed(3, dims, NULL)}};
    net_layer_attribute(&layer, net_int("p", 3));
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_UNSUPPORTED, "'p' is 3, expected 1 or 2"));
    layer = (struct net_layer){
        .op = "GlobalMaxPool", .n_operands = 1, .operands = {net_computed(2, dims, NULL)}};
    cr_assert(net_layer_refused(&layer, FMAP_ERROR_MODEL, "expected rank 3 or more"));
}
