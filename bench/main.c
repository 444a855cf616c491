/* fmap-bench: every benchmark, with Google Benchmark's flags. */
#include "bench/bench.h"
#include "bench/gbench.h"
#include "bench/machine.h"

#include <stdio.h>
#include <unistd.h>

static double peaks[FMAP_ISA_AVX512 + 1];

double bench_peak(fmap_isa isa) { return peaks[isa]; }

/* Over two milliseconds: about as long as the layers that are compared with it. */
static void measure_peaks(void) {
    for (int i = 0; i < fmap_kernels_count(); i++) {
        const struct fmap_kernels *kernels = fmap_kernels_at(i);
        fmap_isa isa;
        if (!kernels || !fmap_isa_parse(kernels->isa, &isa) || isa == FMAP_ISA_SCALAR) continue;
        peaks[isa] = machine_peak(kernels, 2);
        char key[40], value[40];
        snprintf(key, sizeof key, "peak_%s_gflops_per_thread", kernels->isa);
        snprintf(value, sizeof value, "%.1f", peaks[isa] * 1e-9);
        gbench_context(key, value);
    }
}

int main(int argc, char **argv) {
    gbench_initialize(&argc, argv);
    if (argc > 1) {
        fprintf(stderr, "fmap-bench: unknown option %s (see --help)\n", argv[1]);
        return 2;
    }
    measure_peaks();
    gbench_context("fmap", fmap_version());
    bench_conv2d((int)sysconf(_SC_NPROCESSORS_ONLN));
    return gbench_run() > 0 ? 0 : 1;
}
