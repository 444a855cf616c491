/* That what guards the other tests can fail. */
#include <criterion/criterion.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <unistd.h>

#include "tests/check.h"

Test(check, near_means_within_the_bound) {
    const double expected[] = {1.0, 2.0}, bounds[] = {0.0, 0.5};
    cr_expect(check_near("equal", (const float[]){1.0f, 2.5f}, expected, bounds, 2));
    cr_expect_not(check_near("first off", (const float[]){1.0000001f, 2.0f}, expected, bounds, 2));
    cr_expect_not(check_near("second off", (const float[]){1.0f, 2.51f}, expected, bounds, 2));
}

Test(check, nan_and_infinity_are_near_themselves_only) {
    const double expected[] = {(double)NAN, (double)INFINITY},
                 bounds[] = {(double)INFINITY, (double)INFINITY};
    cr_expect(check_near("same", (const float[]){NAN, INFINITY}, expected, bounds, 2));
    cr_expect_not(check_near("number for NaN", (const float[]){1.0f, INFINITY}, expected, bounds, 2));
    cr_expect_not(check_near("minus infinity", (const float[]){NAN, -INFINITY}, expected, bounds, 2));
    cr_expect_not(check_near("NaN for a number", (const float[]){NAN}, (const double[]){1.0}, bounds, 1));
}

Test(check, bits_differ_between_zeros_but_not_between_nans) {
    cr_expect_not(check_same_bits("zeros", (const float[]){0.0f}, (const float[]){-0.0f}, 1));
    cr_expect(check_same_bits("NaN", (const float[]){NAN}, (const float[]){-NAN}, 1));
}

Test(check, a_bound_is_half_an_epsilon_a_rounding) {
    cr_expect(check_bound(1.0, 1.0) >= (double)FLT_EPSILON / 2 &&
              check_bound(1.0, 1.0) < (double)FLT_EPSILON * 0.51);
    cr_expect(check_bound(100.0, 2.0) < (double)FLT_EPSILON * 101.0);
}

Test(check, ulps_are_those_of_the_exact_value) {
    cr_expect_eq(check_ulps(1.0f, 1.0), 0.0);
    cr_expect_eq(check_ulps(1.0f + FLT_EPSILON, 1.0), 1.0);
    cr_expect_eq(check_ulps(FLT_TRUE_MIN * 3, (double)FLT_TRUE_MIN), 2.0);
    cr_expect(isinf(check_ulps(NAN, 1.0)) && check_ulps(INFINITY, 1e39) == 0.0);
}

Test(check, a_write_beside_the_buffer_is_found) {
    for (int at = -1; at <= 3; at += 4) {
        struct check_fenced fenced = check_fenced_create(3, 64);
        cr_expect(check_fence_intact("untouched", &fenced));
        fenced.data[at] = 1.0f;
        cr_expect_not(check_fence_intact("touched", &fenced));
        check_fenced_destroy(&fenced);
    }
}

/* The system refuses to read where the program must not, without ending it. */
Test(check, the_page_behind_an_unaligned_buffer_is_forbidden) {
    int pipe_ends[2];
    cr_assert_eq(pipe(pipe_ends), 0);
    struct check_fenced fenced = check_fenced_create(3, sizeof(float));
    cr_expect_eq(write(pipe_ends[1], fenced.data + 2, 4), 4);
    cr_expect(write(pipe_ends[1], fenced.data + 3, 4) == -1 && errno == EFAULT);
    check_fenced_destroy(&fenced);
}

Test(check, a_cleared_buffer_is_nan) {
    struct check_fenced fenced = check_fenced_create(3, 64);
    check_fenced_clear(&fenced);
    cr_expect(isnan(fenced.data[0]) && isnan(fenced.data[2]) && isnan(fenced.data[-1]));
    check_fenced_destroy(&fenced);
}
