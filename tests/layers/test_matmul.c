#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/net.h"
#include "tests/oracle.h"

static void agrees(net_build *build, const void *what, const fmap_plan_options *options, const float *input,
                   const double *expected, const double *bounds, size_t n) {
    fmap_model *model = net_model(build, what);
    cr_assert(model && net_agrees(model, options, input, expected, bounds, n));
    fmap_model_destroy(model);
}

struct matmul {
    int a_rank, b_rank;
    int64_t a[4], b[4];
    const float *weights; /* NULL: the network computes B = relu(input) */
    const float *left;    /* NULL: A is the input */
};

static void build_matmul(fmap_model *model, const void *what) {
    const struct matmul *matmul = what;
    fmap_value inputs[2];
    inputs[0] = matmul->left ? net_floats(model, matmul->left, matmul->a_rank, matmul->a)
                             : net_input(model, "a", matmul->a_rank, matmul->a);
    if (matmul->weights) {
        inputs[1] = net_floats(model, matmul->weights, matmul->b_rank, matmul->b);
    } else {
        fmap_value b = net_input(model, "b", matmul->b_rank, matmul->b);
        inputs[1] = net_node(model, "Relu", NULL, &b, 1, NULL, 0);
    }
    fmap_model_output(model, net_node(model, "MatMul", "y", inputs, 2, NULL, 0));
}

static size_t product(const int64_t *dims, int first, int last) {
    size_t result = 1;
    for (int i = first; i < last; i++) result *= (size_t)dims[i];
    return result;
}

/* One product of a stack: [m, k] x [k, n]. */
static void matrices(const float *a, const float *b, size_t m, size_t k, size_t n, double *expected,
                     double *bounds) {
    oracle_dense(&(struct oracle_dense){.n = (int)m,
                                        .features = (int)k,
                                        .units = (int)n,
                                        .unit_stride = 1,
                                        .feature_stride = (ptrdiff_t)n,
                                        .src = a,
                                        .weights = b},
                 expected, bounds);
    for (size_t i = 0; i < m * n; i++) bounds[i] = check_bound((double)k, bounds[i]);
}

/* A [..., m, k] x a constant B [k, n]. */
static void check_rows_matmul(int rank, const int64_t *dims, int64_t columns, uint64_t seed) {
    struct matmul matmul = {.a_rank = rank, .b_rank = 2, .b = {dims[rank - 1], columns}};
    memcpy(matmul.a, dims, (size_t)rank * sizeof *dims);
    size_t m = product(dims, 0, rank - 1), k = (size_t)dims[rank - 1], n = (size_t)columns;
    float *a = net_random(m * k, seed), *b = net_random(k * n, seed + 1);
    double *expected = calloc(m * n, sizeof *expected), *bounds = calloc(m * n, sizeof *bounds);
    matrices(a, b, m, k, n, expected, bounds);
    matmul.weights = b;
    agrees(build_matmul, &matmul, &(fmap_plan_options){.threads = 2}, a, expected, bounds, m * n);
    free(a);
    free(b);
    free(expected);
    free(bounds);
}

Test(matmul, of_any_rank_with_constant_weights) {
    uint64_t seed = 3;
    for (int rank = 1; rank <= 4; rank++) {
        for (int i = 0; i < 8; i++) {
            int64_t dims[4];
            for (int axis = 0; axis < rank; axis++)
                dims[axis] = check_between(&seed, 1, axis == rank - 1 ? 40 : 5);
            check_rows_matmul(rank, dims, check_between(&seed, 1, 50), seed);
        }
    }
}

/* Runs a network of two inputs on every instruction set. */
static void check_pair_matmul(const struct matmul *matmul, const double *expected, const double *bounds,
                              const float *a, const float *b, size_t n) {
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    float *got = net_random(n, 1);
    fmap_model *model = net_model(build_matmul, matmul);
    cr_assert(model);
    for (int i = 0; i < n_isas; i++) {
        struct net net;
        cr_assert(net_open(&net, model, &(fmap_plan_options){.max_isa = isas[i], .threads = 2}));
        cr_assert_eq(net_output_elements(&net, 0), n);
        cr_assert_eq(fmap_context_run(net.context, (const void *[]){a, b}, (void *[]){got}, NULL), FMAP_OK);
        cr_assert(check_near(fmap_isa_name(isas[i]), got, expected, bounds, n));
        net_close(&net);
    }
    fmap_model_destroy(model);
    free(got);
}

Test(matmul, of_two_computed_matrices) {
    uint64_t seed = 4;
    for (int i = 0; i < 12; i++) {
        struct matmul matmul = {.a_rank = 2, .b_rank = 2};
        size_t m = (size_t)check_between(&seed, 1, 9), k = (size_t)check_between(&seed, 1, 40),
               n = (size_t)check_between(&seed, 1, 40);
        matmul.a[0] = (int64_t)m;
        matmul.a[1] = matmul.b[0] = (int64_t)k;
        matmul.b[1] = (int64_t)n;
        float *a = net_random(m * k, seed), *b = net_random(k * n, seed + 1),
              *positive = net_random(k * n, seed + 1);
        double *expected = calloc(m * n, sizeof *expected), *bounds = calloc(m * n, sizeof *bounds);
        for (size_t j = 0; j < k * n; j++) positive[j] = b[j] > 0 ? b[j] : 0;
        matrices(a, positive, m, k, n, expected, bounds);
        check_pair_matmul(&matmul, expected, bounds, a, b, m * n);
        free(a);
        free(b);
        free(positive);
        free(expected);
        free(bounds);
    }
}

/* A [2, 1, m, k] x B [3, k, n]: stacks of matrices broadcast to [2, 3]. */
Test(matmul, of_stacks_that_broadcast) {
    enum { M = 3, K = 18, N = 20, A_STACK = 2, B_STACK = 3 };
    struct matmul matmul = {.a_rank = 4, .b_rank = 3, .a = {A_STACK, 1, M, K}, .b = {B_STACK, K, N}};
    float *a = net_random(A_STACK * M * K, 1), *b = net_random(B_STACK * K * N, 2);
    static float positive[B_STACK * K * N];
    static double expected[A_STACK * B_STACK * M * N], bounds[A_STACK * B_STACK * M * N];
    for (int j = 0; j < B_STACK * K * N; j++) positive[j] = b[j] > 0 ? b[j] : 0;
    for (int i = 0; i < A_STACK; i++) {
        for (int j = 0; j < B_STACK; j++) {
            size_t at = (size_t)(i * B_STACK + j) * M * N;
            matrices(a + i * M * K, positive + j * K * N, M, K, N, expected + at, bounds + at);
        }
    }
    check_pair_matmul(&matmul, expected, bounds, a, b, A_STACK * B_STACK * M * N);
    free(a);
    free(b);
}

Test(matmul, sizes_that_do_not_match_are_refused_with_both_shapes) {
    float weights[40] = {0};
    struct matmul matmul = {.a_rank = 2, .b_rank = 2, .a = {3, 7}, .b = {8, 5}, .weights = weights};
    fmap_model *model = NULL;
    fmap_error error = {0};
    cr_assert_eq(net_try_model(build_matmul, &matmul, NULL, &model, &error), FMAP_ERROR_MODEL);
    cr_assert(strstr(error.message, "3x7") && strstr(error.message, "8x5"), "%s", error.message);
}

static void build_empty_matmul(fmap_model *model, const void *what) {
    (void)what;
    const int64_t one = 1;
    float nothing = 0;
    fmap_value inputs[2] = {net_floats(model, &nothing, 2, (int64_t[]){2, 0}),
                            net_floats(model, &nothing, 2, (int64_t[]){0, 3})};
    fmap_value y = net_node(model, "MatMul", "y", inputs, 2, NULL, 0);
    fmap_value sum[2] = {y, net_input(model, "x", 1, &one)};
    fmap_model_output(model, net_node(model, "Add", "z", sum, 2, NULL, 0));
}

Test(matmul, an_empty_sum_is_zero_or_refused) {
    fmap_model *model = NULL;
    fmap_error error = {0};
    float x = 5, z[6] = {0};
    if (net_try_model(build_empty_matmul, NULL, NULL, &model, &error) != FMAP_OK) return;
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    if (fmap_plan_create(model, NULL, &plan, &error) == FMAP_OK) {
        cr_assert_eq(fmap_context_create(plan, &context, &error), FMAP_OK);
        cr_assert_eq(fmap_context_run(context, (const void *[]){&x}, (void *[]){z}, &error), FMAP_OK);
        for (int i = 0; i < 6; i++) cr_assert_eq(z[i], 5.0f);
    }
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}
