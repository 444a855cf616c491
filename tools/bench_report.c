#include <inttypes.h>
#include <stdio.h>

#include "bench.h"
#include "output.h"
#include "tool.h"

static double gflops(int64_t macs, double seconds) { return seconds > 0 ? 2e-9 * (double)macs / seconds : 0; }

static double images_per_second(const struct trial *trial) {
    return (double)trial->batch / trial->timing.mean;
}

void bench_add_titles(struct table *table) {
    static const char *const titles[] = {"threads", "batch",   "runs",     "min ms", "median ms",
                                         "p99 ms",  "mean ms", "images/s", "GFLOP/s"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        table_add(table, titles[i]);
    }
}

void bench_add_row(struct table *table, const struct trial *trial) {
    const struct timing *timing = &trial->timing;
    table_addf(table, "%d", trial->info.threads);
    table_addf(table, "%" PRId64, trial->batch);
    table_addf(table, "%zu", timing->n_runs);
    table_addf(table, "%.4f", 1e3 * timing->minimum);
    table_addf(table, "%.4f", 1e3 * timing->median);
    table_addf(table, "%.4f", 1e3 * timing->p99);
    table_addf(table, "%.4f", 1e3 * timing->mean);
    table_addf(table, "%.1f", images_per_second(trial));
    table_addf(table, "%.2f", gflops(trial->info.macs, timing->mean));
}

static void add_gflops(struct table *table, const struct layer_cost *cost) {
    if (cost->flops > 0) {
        table_addf(table, "%.2f", 1e-9 * cost->flops / cost->seconds);
    } else {
        table_add(table, "");
    }
}

static void add_short_cells(struct table *table, const struct layer_cost *cost) {
    table_add(table, cost->layer.name);
    table_add(table, cost->layer.op);
    table_add(table, cost->layer.kernel);
    table_addf(table, "%.4f", 1e3 * cost->seconds);
    table_addf(table, "%.1f%%", 100 * cost->share);
    add_gflops(table, cost);
}

static void add_cells(struct table *table, const struct layer_cost *cost) {
    char bytes[QUANTITY_TEXT_BYTES];
    table_add(table, cost->layer.name);
    table_add(table, cost->layer.op);
    table_add(table, cost->algorithm);
    table_add(table, cost->isa);
    table_addf(table, "%d", cost->layer.threads);
    table_addf(table, "%.4f", 1e3 * cost->seconds);
    table_addf(table, "%.1f%%", 100 * cost->share);
    add_gflops(table, cost);
    table_addf(table, "%.0f%%", 100 * cost->roof_seconds / cost->seconds);
    table_add(table, layer_cost_limit(cost));
    table_add(table, bytes_text((uint64_t)cost->layer.bytes, bytes));
}

static void print_roofs(const fmap_machine *machine) {
    printf("roofs, measured: %.1f GFLOP/s", 1e-9 * machine->flops_per_second);
    for (int level = FMAP_LEVEL_L1; level < FMAP_LEVELS; level++) {
        printf(", %s %.1f", fmap_memory_level_name((fmap_memory_level)level),
               1e-9 * machine->bytes_per_second[level]);
    }
    puts(" GB/s");
}

fmap_status bench_print_layers(const struct trial *trial, fmap_error *error) {
    static const char *const short_titles[] = {"layer", "operator", "kernel", "ms", "share", "GFLOP/s", NULL};
    static const char *const titles[] = {"layer", "operator", "algorithm", "ISA",   "threads", "ms",
                                         "share", "GFLOP/s",  "of roof",   "limit", "moved",   NULL};
    struct table table;
    double sum = 0;
    table_begin(&table, trial->has_roofs ? "<<<<>>>>><>" : "<<<>>>");
    for (const char *const *title = trial->has_roofs ? titles : short_titles; *title != NULL; title++) {
        table_add(&table, *title);
    }
    for (size_t i = 0; i < trial->info.n_layers; i++) {
        struct layer_cost cost;
        if (!trial_layer_cost(trial, i, &cost)) continue;
        sum += cost.seconds;
        (trial->has_roofs ? add_cells : add_short_cells)(&table, &cost);
    }
    printf("\n%d thread%s, batch %" PRId64
           ": %.3f ms in layers (those that are fused into another count there)\n",
           trial->info.threads, trial->info.threads == 1 ? "" : "s", trial->batch, 1e3 * sum);
    if (trial->has_roofs) print_roofs(&trial->machine);
    return table_print(&table, stdout, error);
}

json_t *json_machine(const fmap_machine *machine) {
    json_t *levels = json_array();
    for (int level = FMAP_LEVEL_L1; level < FMAP_LEVELS; level++) {
        json_array_append_new(levels, json_pack("{s:s, s:f, s:I}", "level",
                                                fmap_memory_level_name((fmap_memory_level)level),
                                                "gbytes_per_second", 1e-9 * machine->bytes_per_second[level],
                                                "bytes", (json_int_t)machine->level_bytes[level]));
    }
    return json_pack("{s:s, s:i, s:f, s:o}", "isa", fmap_isa_name(machine->isa), "threads", machine->threads,
                     "gflops", 1e-9 * machine->flops_per_second, "read", levels);
}

static json_t *json_layer(const struct layer_cost *cost) {
    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:i, s:f, s:f, s:f, s:f, s:I}", "name",
                     json_name(cost->layer.name), "operator", json_name(cost->layer.op), "kernel",
                     json_name(cost->layer.kernel), "algorithm", json_name(cost->algorithm), "isa", cost->isa,
                     "threads", cost->layer.threads, "seconds", cost->seconds, "share", cost->share, "flops",
                     cost->flops, "gflops", cost->seconds > 0 ? 1e-9 * cost->flops / cost->seconds : 0,
                     "bytes", (json_int_t)cost->layer.bytes);
}

static void add_roof(json_t *object, const struct layer_cost *cost) {
    double bytes = (double)cost->layer.bytes;
    json_object_set_new(object, "intensity", bytes > 0 ? json_real(cost->flops / bytes) : json_null());
    json_object_set_new(object, "level", json_string(fmap_memory_level_name(cost->level)));
    json_object_set_new(object, "limit", json_string(layer_cost_limit(cost)));
    json_object_set_new(object, "roof_gflops",
                        cost->roof_seconds > 0 ? json_real(1e-9 * cost->flops / cost->roof_seconds)
                                               : json_null());
    json_object_set_new(object, "roof_share", json_real(cost->roof_seconds / cost->seconds));
}

/* All layers of the model, those that took no time too. */
json_t *json_layers(const struct trial *trial) {
    json_t *list = json_array();
    for (size_t i = 0; i < trial->info.n_layers; i++) {
        struct layer_cost cost;
        bool worked = trial_layer_cost(trial, i, &cost);
        if (!worked && fmap_plan_layer(trial->plan, i, &cost.layer) != FMAP_OK) break;
        if (cost.isa == NULL) cost.isa = "";
        json_t *object = json_layer(&cost);
        if (worked && trial->has_roofs) add_roof(object, &cost);
        json_array_append_new(list, object);
    }
    return list;
}

json_t *bench_json(const struct trial *trial) {
    const struct timing *timing = &trial->timing;
    json_t *object = json_pack(
        "{s:i, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "threads", trial->info.threads, "batch",
        (json_int_t)trial->batch, "runs", (json_int_t)timing->n_runs, "minimum", timing->minimum, "median",
        timing->median, "p99", timing->p99, "mean", timing->mean, "maximum", timing->maximum,
        "images_per_second", images_per_second(trial), "gflops", gflops(trial->info.macs, timing->mean));
    if (trial->layer_seconds != NULL) json_object_set_new(object, "layers", json_layers(trial));
    if (trial->has_roofs) json_object_set_new(object, "machine", json_machine(&trial->machine));
    return object;
}
