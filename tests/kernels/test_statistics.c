#include <criterion/criterion.h>
#include <math.h>

#include "tests/cases/case.h"

Test(statistics, every_lane_has_the_bits_of_the_obvious_loop) {
    for (int lanes = 1; lanes <= FMAP_BLOCK; lanes++) {
        for (int pixels = 1; pixels <= 40; pixels += 3) {
            for (int fill = CASE_FILL_UNIFORM; fill <= CASE_FILL_SPECIAL; fill++) {
                struct statistics_shape shape = {.n_pixels = pixels,
                                                 .pixel_stride = lanes + pixels % 3,
                                                 .n_lanes = lanes,
                                                 .fill = (enum case_fill)fill};
                cr_assert(kernel_case_holds_and_destroy(statistics_case(&shape)));
            }
        }
    }
}

Test(statistics, nan_is_left_out_of_minimum_and_maximum) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        if (!kernels) continue;
        const float src[] = {NAN, 3.0f, -2.0f, NAN, 0.0f, -0.0f, NAN};
        struct fmap_lane_statistics result;
        kernels->statistics(&(struct fmap_statistics_job){src, &result, 7, 1, 1});
        cr_expect(result.minimum[0] == -2.0f && result.maximum[0] == 3.0f, "%s", kernels->isa);
        cr_expect(isnan(result.sum[0]) && result.zeros[0] == 2.0, "%s", kernels->isa);
    }
}

/* Sums of squares about a value near the mean do not cancel: 1000 values of 1e6 and 1e6 + 1 in turn. */
Test(statistics, variance_of_large_values_is_exact) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        if (!kernels) continue;
        float src[1000];
        for (int j = 0; j < 1000; j++) src[j] = 1e6f + (float)(j % 2);
        struct fmap_lane_statistics result;
        kernels->statistics(&(struct fmap_statistics_job){src, &result, 1000, 1, 1});
        cr_expect(result.shift[0] == 1e6f && result.sum_of_squares[0] == 500.0, "%s", kernels->isa);
    }
}
