#include <criterion/criterion.h>

#include <math.h>
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

enum c_form { C_NONE, C_ROW, C_ROW_OF_1, C_COLUMN, C_ALL, C_SCALAR, C_ONE, C_FORMS };

struct gemm {
    int rows, depth, columns;
    bool transpose_a, transpose_b;
    float alpha, beta;
    enum c_form form;
    const float *b, *c;
};

static fmap_value add_c(fmap_model *model, const struct gemm *gemm) {
    const int64_t m = gemm->rows, n = gemm->columns;
    switch (gemm->form) {
    case C_ROW: return net_floats(model, gemm->c, 1, &n);
    case C_ROW_OF_1: return net_floats(model, gemm->c, 2, (int64_t[]){1, n});
    case C_COLUMN: return net_floats(model, gemm->c, 2, (int64_t[]){m, 1});
    case C_ALL: return net_floats(model, gemm->c, 2, (int64_t[]){m, n});
    case C_SCALAR: return net_floats(model, gemm->c, 0, NULL);
    case C_ONE: return net_floats(model, gemm->c, 1, (int64_t[]){1});
    default: return FMAP_NO_VALUE;
    }
}

/* The element of C that is added to row i, column j. */
static double c_at(const struct gemm *gemm, int i, int j) {
    switch (gemm->form) {
    case C_ROW:
    case C_ROW_OF_1: return (double)gemm->c[j];
    case C_COLUMN: return (double)gemm->c[i];
    case C_ALL: return (double)gemm->c[i * gemm->columns + j];
    case C_SCALAR:
    case C_ONE: return (double)gemm->c[0];
    default: return 0;
    }
}

static void build_gemm(fmap_model *model, const void *what) {
    const struct gemm *gemm = what;
    const int64_t a[2] = {gemm->transpose_a ? gemm->depth : gemm->rows,
                          gemm->transpose_a ? gemm->rows : gemm->depth};
    const int64_t b[2] = {gemm->transpose_b ? gemm->columns : gemm->depth,
                          gemm->transpose_b ? gemm->depth : gemm->columns};
    fmap_value inputs[3] = {net_input(model, "a", 2, a), net_floats(model, gemm->b, 2, b),
                            add_c(model, gemm)};
    fmap_attribute attributes[] = {net_int("transA", gemm->transpose_a), net_int("transB", gemm->transpose_b),
                                   net_float("alpha", gemm->alpha), net_float("beta", gemm->beta)};
    fmap_model_output(model,
                      net_node(model, "Gemm", "y", inputs, gemm->form == C_NONE ? 2 : 3, attributes, 4));
}

static void check_gemm(struct gemm gemm, uint64_t seed, int threads) {
    size_t n = (size_t)(gemm.rows * gemm.columns), n_a = (size_t)(gemm.rows * gemm.depth);
    float *a = net_random(n_a, seed + 1), *straight = net_random(n_a, 0);
    float *b = net_random((size_t)(gemm.depth * gemm.columns), seed + 2), *c = net_random(n, seed + 3);
    double *expected = calloc(n, sizeof *expected), *bounds = calloc(n, sizeof *bounds);
    gemm.b = b;
    gemm.c = c;
    for (int i = 0; i < gemm.rows; i++) {
        for (int k = 0; k < gemm.depth; k++) {
            straight[i * gemm.depth + k] = a[gemm.transpose_a ? k * gemm.rows + i : i * gemm.depth + k];
        }
    }
    oracle_dense(&(struct oracle_dense){.n = gemm.rows,
                                        .features = gemm.depth,
                                        .units = gemm.columns,
                                        .unit_stride = gemm.transpose_b ? gemm.depth : 1,
                                        .feature_stride = gemm.transpose_b ? 1 : gemm.columns,
                                        .src = straight,
                                        .weights = b},
                 expected, bounds);
    for (int i = 0; i < gemm.rows; i++) {
        for (int j = 0; j < gemm.columns; j++) {
            size_t at = (size_t)(i * gemm.columns + j);
            double addend = (double)gemm.beta * c_at(&gemm, i, j);
            expected[at] = (double)gemm.alpha * expected[at] + addend;
            /* A chain of FMAs, the product of alpha and a weight, and beta times C and its sum. */
            bounds[at] = check_bound(gemm.depth + 3, fabs((double)gemm.alpha) * bounds[at] + fabs(addend));
        }
    }
    agrees(build_gemm, &gemm, &(fmap_plan_options){.threads = threads}, a, expected, bounds, n);
    free(a);
    free(straight);
    free(b);
    free(c);
    free(expected);
    free(bounds);
}

Test(gemm, all_forms_agree_with_the_oracle_and_between_instruction_sets) {
    uint64_t seed = 1;
    for (int form = 0; form < C_FORMS; form++) {
        for (int transposed = 0; transposed < 4; transposed++) {
            for (int i = 0; i < 6; i++) {
                struct gemm gemm = {.rows = check_between(&seed, 1, 17),
                                    .depth = check_between(&seed, 1, 70),
                                    .columns = check_between(&seed, 1, 70),
                                    .transpose_a = transposed & 1,
                                    .transpose_b = transposed & 2,
                                    .alpha = i < 3 ? 1.0f : 0.75f,
                                    .beta = i % 3 ? 1.0f : -1.3f,
                                    .form = (enum c_form)form};
                check_gemm(gemm, seed, check_between(&seed, 1, 3));
            }
        }
    }
}

Test(gemm, any_number_of_rows) {
    for (int rows = 1; rows <= 33; rows++) {
        check_gemm(
            (struct gemm){.rows = rows, .depth = 37, .columns = 21, .alpha = 1, .beta = 1, .form = C_ROW},
            (uint64_t)rows, 2);
    }
}

Test(gemm, any_number_of_columns) {
    for (int columns = 1; columns <= 80; columns++) {
        check_gemm(
            (struct gemm){.rows = 3, .depth = 19, .columns = columns, .alpha = 1, .beta = 1, .form = C_ROW},
            (uint64_t)columns, 2);
    }
}

Test(gemm, a_long_sum_is_still_one_chain) {
    check_gemm((struct gemm){.rows = 1, .depth = 5000, .columns = 10, .alpha = 1, .beta = 1, .form = C_ROW},
               1, 2);
    check_gemm((struct gemm){.rows = 2, .depth = 3000, .columns = 100, .alpha = 1, .beta = 1}, 2, 3);
}

/* Longer than the pieces in which many rows pass over the weights. */
Test(gemm, long_sums_of_many_rows) {
    for (int rows = 1; rows <= 30; rows++) {
        check_gemm((struct gemm){.rows = rows,
                                 .depth = 1000 + 37 * rows,
                                 .columns = 40 + 5 * rows,
                                 .transpose_b = rows & 1,
                                 .alpha = 1,
                                 .beta = 1,
                                 .form = C_ROW},
                   (uint64_t)rows, 1 + rows % 3);
    }
    check_gemm((struct gemm){.rows = 300, .depth = 530, .columns = 50, .alpha = 1, .beta = 1}, 5, 2);
}

static void run_rows(struct gemm gemm, int rows, int threads, const float *a, float *y) {
    gemm.rows = rows;
    fmap_model *model = net_model(build_gemm, &gemm);
    fmap_plan *plan = NULL;
    fmap_context *context = NULL;
    cr_assert_eq(fmap_plan_create(model, &(fmap_plan_options){.threads = threads}, &plan, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_create(plan, &context, NULL), FMAP_OK);
    cr_assert_eq(fmap_context_run(context, (const void *[]){a}, (void *[]){y}, NULL), FMAP_OK);
    fmap_context_destroy(context);
    fmap_plan_destroy(plan);
    fmap_model_destroy(model);
}

Test(gemm, a_row_alone_has_the_bits_of_the_row_among_others) {
    enum { ROWS = 23, DEPTH = 1100, COLUMNS = 75 };
    float *a = net_random((size_t)ROWS * DEPTH, 1), *b = net_random((size_t)DEPTH * COLUMNS, 2);
    float *c = net_random(COLUMNS, 3), *all = net_random((size_t)ROWS * COLUMNS, 0), one[COLUMNS];
    struct gemm gemm = {
        .depth = DEPTH, .columns = COLUMNS, .alpha = 1, .beta = 1, .form = C_ROW, .b = b, .c = c};
    for (int rows = 2; rows <= ROWS; rows += 7) {
        run_rows(gemm, rows, 1 + rows % 3, a, all);
        for (int i = 0; i < rows; i++) {
            run_rows(gemm, 1, 1 + i % 2, a + (size_t)i * DEPTH, one);
            cr_assert_eq(memcmp(one, all + (size_t)i * COLUMNS, sizeof one), 0, "row %d of %d", i, rows);
        }
    }
    free(a);
    free(b);
    free(c);
    free(all);
}
