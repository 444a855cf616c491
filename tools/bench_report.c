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

fmap_status bench_print_layers(const struct trial *trial, fmap_error *error) {
    static const char *const titles[] = {"layer", "operator", "kernel", "ms", "share", "GFLOP/s"};
    struct table table;
    double sum = 0;
    table_begin(&table, "<<<>>>");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        table_add(&table, titles[i]);
    }
    for (size_t i = 0; i < trial->info.n_layers; i++) {
        sum += trial->layer_seconds[i];
    }
    for (size_t i = 0; i < trial->info.n_layers; i++) {
        fmap_layer_info layer;
        double seconds = trial->layer_seconds[i];
        if (fmap_plan_layer(trial->plan, i, &layer) != FMAP_OK || seconds <= 0) continue;
        table_add(&table, layer.name);
        table_add(&table, layer.op);
        table_add(&table, layer.kernel);
        table_addf(&table, "%.4f", 1e3 * seconds);
        table_addf(&table, "%.1f%%", 100 * seconds / sum);
        if (layer.macs > 0) {
            table_addf(&table, "%.2f", gflops(layer.macs, seconds));
        } else {
            table_add(&table, "");
        }
    }
    printf("\n%d thread%s, batch %" PRId64
           ": %.3f ms in layers (those that are fused into another count there)\n",
           trial->info.threads, trial->info.threads == 1 ? "" : "s", trial->batch, 1e3 * sum);
    return table_print(&table, stdout, error);
}

static json_t *json_layers(const struct trial *trial) {
    json_t *list = json_array();
    for (size_t i = 0; i < trial->info.n_layers; i++) {
        fmap_layer_info layer;
        double seconds = trial->layer_seconds[i];
        if (fmap_plan_layer(trial->plan, i, &layer) != FMAP_OK) break;
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:o, s:f, s:f}", "name", json_name(layer.name),
                                        "operator", json_name(layer.op), "kernel", json_name(layer.kernel),
                                        "seconds", seconds, "gflops", gflops(layer.macs, seconds)));
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
    return object;
}
