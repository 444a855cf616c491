/* What `fmap bench` measures and reports. */
#ifndef FMAP_TOOLS_BENCH_H
#define FMAP_TOOLS_BENCH_H

#include <jansson.h>

#include "ports.h"
#include "table.h"
#include "progress.h"
#include "timing.h"

/* One number of threads, one batch. */
struct trial {
    int threads;
    int64_t batch;
    struct ports ports;
    fmap_plan *plan;
    fmap_context *context;
    struct buffers buffers;
    fmap_plan_info info;
    struct timing timing;
    double *layer_seconds; /* NULL: not asked for */
};

/* The table of all trials. */
void bench_add_titles(struct table *table);
void bench_add_row(struct table *table, const struct trial *trial);

/* The table of one trial's layers. */
fmap_status bench_print_layers(const struct trial *trial, fmap_error *error);

json_t *bench_json(const struct trial *trial);

#endif
