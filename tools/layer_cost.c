#include <stdio.h>
#include <string.h>

#include "trial.h"

/* Splits "direct_avx512" into "direct" and "avx512". */
static void split_kernel(struct layer_cost *cost) {
    snprintf(cost->algorithm, sizeof cost->algorithm, "%s", cost->layer.kernel);
    cost->isa = "";
    char *underscore = strrchr(cost->algorithm, '_');
    fmap_isa isa;
    if (underscore == NULL || !fmap_isa_parse(underscore + 1, &isa)) return;
    *underscore = '\0';
    cost->isa = fmap_isa_name(isa);
}

/* Whether layer `i` is computed by layer `into`, through however many others. */
static bool is_fused(const fmap_plan *plan, size_t i, size_t into, size_t n_layers, fmap_layer_info *layer) {
    if (fmap_plan_layer(plan, i, layer) != FMAP_OK) return false;
    fmap_layer_info next = *layer;
    for (size_t hops = 0; hops < n_layers && next.fused_into >= 0; hops++) {
        if ((size_t)next.fused_into == into) return true;
        if (fmap_plan_layer(plan, (size_t)next.fused_into, &next) != FMAP_OK) return false;
    }
    return false;
}

static double flops_of(const struct trial *trial, size_t i, const fmap_layer_info *layer) {
    double macs = (double)layer->macs;
    for (size_t k = 0; k < trial->info.n_layers; k++) {
        fmap_layer_info other;
        if (k != i && is_fused(trial->plan, k, i, trial->info.n_layers, &other)) macs += (double)other.macs;
    }
    return 2 * macs;
}

/* The first two levels belong to one core: the threads that share the layer bring theirs. */
static fmap_memory_level level_of(const struct trial *trial, const fmap_layer_info *layer) {
    for (int level = FMAP_LEVEL_L1; level < FMAP_LEVEL_MEMORY; level++) {
        double bytes = (double)trial->machine.level_bytes[level];
        if (level < FMAP_LEVEL_L3) bytes *= layer->threads;
        if ((double)layer->bytes <= bytes) return (fmap_memory_level)level;
    }
    return FMAP_LEVEL_MEMORY;
}

static void find_roof(const struct trial *trial, struct layer_cost *cost) {
    cost->level = level_of(trial, &cost->layer);
    double computing = cost->flops / trial->machine.flops_per_second;
    double moving = (double)cost->layer.bytes / trial->machine.bytes_per_second[cost->level];
    cost->memory_bound = moving > computing;
    cost->roof_seconds = cost->memory_bound ? moving : computing;
}

bool trial_layer_cost(const struct trial *trial, size_t i, struct layer_cost *cost) {
    *cost = (struct layer_cost){.seconds = trial->layer_seconds[i]};
    if (cost->seconds <= 0 || fmap_plan_layer(trial->plan, i, &cost->layer) != FMAP_OK) return false;
    double sum = 0;
    for (size_t k = 0; k < trial->info.n_layers; k++) {
        sum += trial->layer_seconds[k];
    }
    cost->share = cost->seconds / sum;
    cost->flops = flops_of(trial, i, &cost->layer);
    split_kernel(cost);
    if (trial->has_roofs) find_roof(trial, cost);
    return true;
}

const char *layer_cost_limit(const struct layer_cost *cost) {
    return cost->memory_bound ? fmap_memory_level_name(cost->level) : "peak";
}
