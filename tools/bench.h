/* What `fmap bench` reports. */
#ifndef FMAP_TOOLS_BENCH_H
#define FMAP_TOOLS_BENCH_H

#include <jansson.h>

#include "table.h"
#include "trial.h"

/* The table of all trials. */
void bench_add_titles(struct table *table);
void bench_add_row(struct table *table, const struct trial *trial);

/* The table of one trial's layers: short, or with roofs. */
fmap_status bench_print_layers(const struct trial *trial, fmap_error *error);

json_t *bench_json(const struct trial *trial);

/* The roofs, and the layers with what the machine allows them (when they were measured). */
json_t *json_machine(const fmap_machine *machine);
json_t *json_layers(const struct trial *trial);

#endif
