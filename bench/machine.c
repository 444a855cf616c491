#include "bench/machine.h"

#include <time.h>

double machine_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double rate(const struct fmap_kernels *kernels, int64_t iterations, double *seconds) {
    float result;
    double flops, begin = machine_seconds();
    struct fmap_peak job = {.iterations = iterations, .result = &result, .flops = &flops};
    kernels->peak(&job);
    *seconds = machine_seconds() - begin;
    return flops / *seconds;
}

double machine_peak(const struct fmap_kernels *kernels, double milliseconds) {
    int64_t iterations = 1000;
    double seconds = 0, best = 0;
    while (rate(kernels, iterations, &seconds) > 0 && seconds < 1e-3 * milliseconds) iterations *= 2;
    for (int i = 0; i < 10; i++) {
        double this_rate = rate(kernels, iterations, &seconds);
        if (this_rate > best) best = this_rate;
    }
    return best;
}
