#include <criterion/criterion.h>
#include <math.h>

#include "kernels/kernels.h"

enum { FLOATS = 4096, STEPS = 8 };

/* NaN everywhere but in the first lanes of the vectors that are to be read, which count 1, 2, 3... */
static double prepare(float *memory, int lanes, ptrdiff_t stream_stride, ptrdiff_t step) {
    double sum = 0;
    for (int i = 0; i < FLOATS; i++) memory[i] = NAN;
    for (int i = 0; i < STEPS; i++) {
        for (int stream = 0; stream < 4; stream++) {
            for (int vector = 0; vector < 2; vector++) {
                float value = (float)(8 * i + 2 * stream + vector + 1);
                memory[stream * stream_stride + i * step + vector * lanes] = value;
                sum += value;
            }
        }
    }
    return sum;
}

static void check(const struct fmap_kernels *kernels, ptrdiff_t stream_stride, ptrdiff_t step) {
    static _Alignas(64) float memory[FLOATS];
    double sum = prepare(memory, kernels->lanes, stream_stride, step);
    for (int iterations = 0; iterations <= 3; iterations++) {
        float result = -1;
        kernels->bandwidth(&(struct fmap_bandwidth){.src = memory,
                                                    .stream_stride = stream_stride,
                                                    .step = step,
                                                    .n_steps = STEPS,
                                                    .iterations = iterations,
                                                    .result = &result});
        cr_expect(result == (float)(iterations * sum), "%s: %g in %d iterations, expected %g", kernels->isa,
                  (double)result, iterations, iterations * sum);
    }
}

Test(bandwidth, reads_every_vector_of_every_stream_once) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        if (!kernels) continue;
        check(kernels, FLOATS / 4, 2 * kernels->lanes);         /* four streams */
        check(kernels, 2 * kernels->lanes, 8 * kernels->lanes); /* in turns: one piece of memory */
    }
}

Test(bandwidth, the_peak_counts_two_operations_for_each_lane_of_a_multiply_add) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        if (!kernels) continue;
        float result[2] = {0, 0};
        double flops[2] = {0, 0};
        kernels->peak(&(struct fmap_peak){.iterations = 1, .result = &result[0], .flops = &flops[0]});
        kernels->peak(&(struct fmap_peak){.iterations = 50, .result = &result[1], .flops = &flops[1]});
        cr_expect(flops[0] >= 2.0 * kernels->lanes && flops[1] == 50 * flops[0], "%s", kernels->isa);

        cr_expect(isfinite(result[0]) && result[1] < result[0] && result[1] > 0, "%s", kernels->isa);
    }
}
