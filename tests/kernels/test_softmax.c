#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "tests/cases/case.h"

Test(softmax, rows_of_every_length_agree_with_the_oracle) {
    for (int n = 1; n <= 70; n++) {
        for (int in_place = 0; in_place <= 1; in_place++) {
            struct softmax_shape shape = {
                .n = n, .stride = 1, .n_rows = 1, .in_place = in_place, .range = 4.0f};
            cr_assert(kernel_case_holds_and_destroy(softmax_case(&shape)));
        }
    }
    struct softmax_shape imagenet = {.n = 1000, .stride = 1, .n_rows = 1, .range = 20.0f};
    cr_assert(kernel_case_holds_and_destroy(softmax_case(&imagenet)));
}

Test(softmax, rows_side_by_side_agree_with_the_oracle) {
    for (int n = 1; n <= 11; n += 2) {
        for (int n_rows = 1; n_rows <= 150; n_rows += n_rows < 35 ? 1 : 13) {
            for (int gap = n_rows == 1; gap <= 3; gap += 2) {
                struct softmax_shape shape = {.n = n,
                                              .stride = n_rows + gap,
                                              .n_rows = n_rows,
                                              .in_place = n_rows % 2 == 0,
                                              .range = 4.0f};
                cr_assert(kernel_case_holds_and_destroy(softmax_case(&shape)));
            }
        }
    }
}

/* Around the length up to which exponentials are kept beside the rows. */
Test(softmax, long_rows_side_by_side_agree_with_the_oracle) {
    for (int n = 63; n <= 65; n++) {
        for (int in_place = 0; in_place <= 1; in_place++) {
            for (int n_rows = 37; n_rows <= 140; n_rows += 103) {
                struct softmax_shape shape = {
                    .n = n, .stride = 143, .n_rows = n_rows, .in_place = in_place, .range = 4.0f};
                cr_assert(kernel_case_holds_and_destroy(softmax_case(&shape)));
            }
        }
    }
}

Test(softmax, large_numbers_do_not_overflow) {
    for (int n_rows = 1; n_rows <= 2; n_rows++) {
        struct softmax_shape shape = {.n = 40, .stride = n_rows, .n_rows = n_rows, .range = 500.0f};
        cr_assert(kernel_case_holds_and_destroy(softmax_case(&shape)));
    }
}

/* Softmax of src[0 .. n - 1] on one instruction set, as a row of its own or as one of two side by side. */
static void softmax(const struct fmap_kernels *kernels, const float *src, float *dst, int n, bool apart) {
    float wide[64], wide_dst[64];
    for (int i = 0; i < n; i++) wide[2 * i] = wide[2 * i + 1] = src[i];
    if (apart)
        kernels->softmax(&(struct fmap_softmax){wide, wide_dst, n, 2, 2});
    else
        kernels->softmax(&(struct fmap_softmax){src, dst, n, 1, 1});
    for (int i = 0; apart && i < n; i++) dst[i] = wide_dst[2 * i];
}

#define FOR_EACH_WAY(kernels, apart) \
    for (int way = 0; way < 2 * fmap_kernels_count(); way++) \
        for (const struct fmap_kernels *kernels = fmap_kernels_at(way / 2); kernels; kernels = NULL) \
            for (int apart = way % 2, once = 1; once; once = 0)

Test(softmax, of_one_element_is_one) {
    FOR_EACH_WAY(kernels, apart) {
        static const float values[] = {0.0f, -0.0f, 1e30f, -1e30f, FLT_TRUE_MIN, FLT_MAX, -FLT_MAX};
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            float result;
            softmax(kernels, &values[i], &result, 1, apart);
            cr_expect_eq(result, 1.0f, "%s: %g gives %g", kernels->isa, (double)values[i], (double)result);
        }
    }
}

Test(softmax, of_minus_infinity_is_zero_beside_a_finite_number) {
    FOR_EACH_WAY(kernels, apart) {
        const float src[] = {-INFINITY, 2.0f, -INFINITY, 2.0f};
        float dst[4];
        softmax(kernels, src, dst, 4, apart);
        cr_expect(dst[0] == 0.0f && dst[1] == 0.5f && dst[2] == 0.0f && dst[3] == 0.5f, "%s", kernels->isa);
    }
}

Test(softmax, of_nan_or_of_infinities_alone_is_nan_everywhere) {
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    FOR_EACH_WAY(kernels, apart) {
        for (int kind = 0; kind < 3; kind++) {
            for (int at = 0; at < 21; at++) {
                float src[21], dst[21];
                for (int i = 0; i < 21; i++) src[i] = kind == 2 ? -INFINITY : (float)i;
                src[at] = bad[kind];
                softmax(kernels, src, dst, 21, apart);
                int n_nan = 0;
                for (int i = 0; i < 21; i++) n_nan += isnan(dst[i]) != 0;
                int expected = kind == 1 ? 1
                                         : 21; /* exp(x - infinity) is 0, and 0 / NaN is NaN all the same. */
                cr_expect(n_nan >= expected, "%s: %d of 21", kernels->isa, n_nan);
            }
        }
    }
}

/* exp(x) itself: beside 0 a number below -17.4 adds nothing to the sum, which is 1. */
Test(softmax, exponentials_are_within_two_ulp_down_to_the_denormals) {
    FOR_EACH_WAY(kernels, apart) {
        double worst = 0.0;
        for (float x = -17.4f; x > -110.0f; x -= 0.00390625f) {
            const float src[] = {0.0f, x};
            float dst[2];
            softmax(kernels, src, dst, 2, apart);
            cr_assert_eq(dst[0], 1.0f);
            worst = fmax(worst, check_ulps(dst[1], exp((double)x)));
        }
        cr_expect(worst <= 2.0, "%s: %g ulp", kernels->isa, worst);
    }
}
