#include "bench/roofs.h"
#include "bench/gbench.h"

#include <fmap/machine.h>

#include <math.h>
#include <stdio.h>

enum { MAX_ROOFS = 32 };

static fmap_machine roofs[MAX_ROOFS];
static int n_roofs;

static const fmap_machine *find(fmap_isa isa, int threads) {
    for (int i = 0; i < n_roofs; i++)
        if (roofs[i].isa == fmap_isa_select(isa) && roofs[i].threads == threads) return &roofs[i];
    return NULL;
}

static void tell(const fmap_machine *machine) {
    char key[64], value[128];
    const double *rates = machine->bytes_per_second;
    snprintf(key, sizeof key, "peak_%s_t%d_gflops", fmap_isa_name(machine->isa), machine->threads);
    snprintf(value, sizeof value, "%.1f", machine->flops_per_second * 1e-9);
    gbench_context(key, value);
    snprintf(key, sizeof key, "read_%s_t%d_gigabytes", fmap_isa_name(machine->isa), machine->threads);
    snprintf(value, sizeof value, "L1 %.0f, L2 %.0f, L3 %.0f, memory %.0f", rates[FMAP_LEVEL_L1] * 1e-9,
             rates[FMAP_LEVEL_L2] * 1e-9, rates[FMAP_LEVEL_L3] * 1e-9, rates[FMAP_LEVEL_MEMORY] * 1e-9);
    gbench_context(key, value);
}

void bench_measure_roofs(fmap_isa isa, int threads) {
    fmap_machine_options options = {.max_isa = isa, .threads = threads};
    fmap_error error;
    if (find(isa, threads) || n_roofs == MAX_ROOFS) return;
    if (fmap_machine_measure(&options, &roofs[n_roofs], &error) == FMAP_OK)
        tell(&roofs[n_roofs++]);
    else
        fprintf(stderr, "fmap-bench: %s\n", error.message);
}

double bench_roof(fmap_isa isa, int threads, double flops, double bytes) {
    const fmap_machine *machine = find(isa, threads);
    if (!machine) return INFINITY;
    int level = FMAP_LEVEL_L1;
    while (level < FMAP_LEVEL_MEMORY) {
        size_t capacity = machine->level_bytes[level];
        if (level <= FMAP_LEVEL_L2) capacity *= (size_t)threads; /* each core has its own */
        if (bytes <= (double)capacity) break;
        level++;
    }
    return fmin(machine->flops_per_second, flops / bytes * machine->bytes_per_second[level]);
}
