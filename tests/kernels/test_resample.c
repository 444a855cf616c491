#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/net.h"

#include "runtime/plan.h"

enum { INPUTS = 9, MOST_OUTPUTS = 7, MOST_TAPS = 6, MOST_UNIT = 49 };

/* Against the sum in double; all instruction sets give the same bits. */
static void assert_resampled(int taps, int64_t n_outputs, int64_t unit, int64_t gap, uint64_t seed) {
    size_t n = (size_t)(n_outputs * unit), n_src = (size_t)((INPUTS - 1) * (unit + gap) + unit);
    float *random = net_random(n_src, seed), *weights = net_random((size_t)(n_outputs * taps), seed + 1);
    struct check_fenced src = check_fenced_create(n_src, sizeof(float)),
                        dst = check_fenced_create(n, sizeof(float));
    float first[MOST_OUTPUTS * MOST_UNIT];
    double expected[MOST_OUTPUTS * MOST_UNIT], bounds[MOST_OUTPUTS * MOST_UNIT];
    int32_t indices[MOST_OUTPUTS * MOST_TAPS];
    for (size_t i = 0; i < n_src; i++) src.data[i] = random[i];
    for (int i = 0; i < n_outputs * taps; i++) indices[i] = check_between(&seed, 0, INPUTS - 1);
    for (int64_t o = 0; o < n_outputs; o++) {
        for (int64_t i = 0; i < unit; i++) {
            double sum = 0, magnitude = 0;
            for (int t = 0; t < taps; t++) {
                double x = (double)src.data[indices[o * taps + t] * (unit + gap) + i];
                sum += (double)weights[o * taps + t] * x;
                magnitude += fabs((double)weights[o * taps + t] * x);
            }
            expected[o * unit + i] = sum;
            bounds[o * unit + i] = check_bound(taps, magnitude);
        }
    }
    fmap_isa isas[NET_MAX_ISAS];
    int n_isas = net_isas(isas);
    for (int k = 0; k < n_isas; k++) {
        const struct fmap_kernels *kernels;
        fmap_isa isa;
        cr_assert_eq(fmap_host_kernels(isas[k], &kernels, &isa, NULL), FMAP_OK);
        check_fenced_clear(&dst);
        kernels->resample(&(struct fmap_resample){.src = src.data,
                                                  .dst = dst.data,
                                                  .indices = indices,
                                                  .weights = weights,
                                                  .taps = taps,
                                                  .n_outputs = n_outputs,
                                                  .unit = unit,
                                                  .src_stride = unit + gap});
        cr_assert(check_fence_intact(kernels->isa, &dst));
        if (k == 0) {
            cr_assert(check_near(kernels->isa, dst.data, expected, bounds, n));
            for (size_t i = 0; i < n; i++) first[i] = dst.data[i];
        }
        cr_assert(check_same_bits(kernels->isa, dst.data, first, n));
    }
    check_fenced_destroy(&src);
    check_fenced_destroy(&dst);
    free(random);
    free(weights);
}

Test(resample, any_number_of_taps_outputs_and_elements) {
    for (int taps = 1; taps <= MOST_TAPS; taps++) {
        for (int64_t unit = 1; unit <= MOST_UNIT; unit += unit < 17 ? 1 : 16) {
            for (int64_t n = 1; n <= MOST_OUTPUTS; n += 3)
                assert_resampled(taps, n, unit, unit % 3, 1 + (uint64_t)n);
        }
    }
}
