#include "explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "table.h"
#include "tool.h"

const char *explain_isa(const fmap_plan *plan, fmap_isa cap) {
    fmap_plan_info info;
    fmap_plan_describe(plan, &info);
    if (info.isa == fmap_isa_select(FMAP_ISA_BEST)) return "the best of this processor";
    return cap != FMAP_ISA_BEST && info.isa == fmap_isa_select(cap) ? "capped by --isa"
                                                                    : "capped by FMAP_MAX_ISA";
}

/* The step's layer; one without a name when it serves none. */
static fmap_layer_info layer_of(const fmap_plan *plan, const fmap_step_info *step) {
    fmap_layer_info layer = {.name = "", .op = ""};
    if (step->layer >= 0) fmap_plan_layer(plan, (size_t)step->layer, &layer);
    return layer;
}

/* The layers that the step's kernel computes too, in the model's order. */
static size_t next_fused(const fmap_plan *plan, int64_t into, size_t from, fmap_layer_info *layer) {
    for (size_t i = from; fmap_plan_layer(plan, i, layer) == FMAP_OK; i++) {
        if (into >= 0 && layer->fused_into == into) return i + 1;
    }
    return 0;
}

static void tile_text(const fmap_step_info *step, char *text, size_t size) {
    if (step->tile_pixels > 0)
        snprintf(text, size, "%dx%d", step->tile_pixels, step->tile_vectors);
    else
        snprintf(text, size, "-");
}

static void add_step(struct table *table, const fmap_plan *plan, size_t i, const fmap_step_info *step) {
    fmap_layer_info layer = layer_of(plan, step);
    char text[SHAPE_TEXT_BYTES];
    table_addf(table, "%zu", i + 1);
    table_add(table, step->layer >= 0 ? layer.name : "-");
    table_add(table, step->layer >= 0 ? layer.op : "-");
    table_add(table, step->layer >= 0 ? shape_text(&layer.shape, text) : "-");
    table_add(table, step->kernel);
    tile_text(step, text, sizeof text);
    table_add(table, text);
    table_addf(table, "%" PRId64, step->parts);
    table_addf(table, "%d", step->threads);
    table_addf(table, "%.2f", step->balance);
}

/* "3 conv1 with conv1_relu, pool1: F(4x4, 3x3): ..." */
static void print_reason(const fmap_plan *plan, size_t i, const fmap_step_info *step, FILE *stream) {
    fmap_layer_info fused;
    bool moves_only = strncmp(step->kernel, "reorder", 7) == 0 || strcmp(step->kernel, "tap") == 0;
    size_t next = moves_only ? 0 : next_fused(plan, step->layer, 0, &fused);
    if (next == 0 && step->why[0] == '\0') return;
    fprintf(stream, "%zu %s", i + 1, layer_of(plan, step).name);
    for (const char *before = " with "; next > 0; before = ", ") {
        fprintf(stream, "%s%s", before, fused.name);
        next = next_fused(plan, step->layer, next, &fused);
    }
    fprintf(stream, "%s%s\n", step->why[0] != '\0' ? ": " : "", step->why);
}

fmap_status explain_print(const fmap_plan *plan, fmap_isa cap, FILE *stream, fmap_error *error) {
    static const char *const titles[] = {"step", "layer", "operator", "output", "kernel",
                                         "tile", "parts", "threads",  "balance"};
    fmap_plan_info info;
    fmap_step_info step;
    struct table table;
    fmap_plan_describe(plan, &info);
    fprintf(stream, "%s: %s; %d thread%s\n", fmap_isa_name(info.isa), explain_isa(plan, cap), info.threads,
            info.threads == 1 ? "" : "s");
    table_begin(&table, "><<<<<>>>");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_add(&table, titles[i]);
    for (size_t i = 0; fmap_plan_step(plan, i, &step) == FMAP_OK; i++) add_step(&table, plan, i, &step);
    TRY(table_print(&table, stream, error));
    fputc('\n', stream);
    for (size_t i = 0; fmap_plan_step(plan, i, &step) == FMAP_OK; i++) print_reason(plan, i, &step, stream);
    return FMAP_OK;
}

static json_t *json_fused(const fmap_plan *plan, int64_t into) {
    json_t *names = json_array();
    fmap_layer_info fused;
    for (size_t next = next_fused(plan, into, 0, &fused); next > 0;
         next = next_fused(plan, into, next, &fused)) {
        json_array_append_new(names, json_name(fused.name));
    }
    return names;
}

json_t *explain_json(const fmap_plan *plan) {
    json_t *list = json_array();
    fmap_step_info step;
    for (size_t i = 0; fmap_plan_step(plan, i, &step) == FMAP_OK; i++) {
        fmap_layer_info layer = layer_of(plan, &step);
        json_array_append_new(list, json_pack("{s:o, s:o, s:[ii], s:I, s:i, s:f, s:o, s:o}", "layer",
                                              step.layer >= 0 ? json_name(layer.name) : json_null(), "kernel",
                                              json_name(step.kernel), "tile", step.tile_pixels,
                                              step.tile_vectors, "parts", (json_int_t)step.parts, "threads",
                                              step.threads, "balance", step.balance, "fused",
                                              json_fused(plan, step.layer), "why", json_name(step.why)));
    }
    return list;
}

/* Words are separated by commas or spaces. */
static bool asked(const char *words) {
    static const char WORD[] = "dispatch";
    while (words != NULL && *words != '\0') {
        size_t length = strcspn(words, ", ");
        if (length == sizeof WORD - 1 && strncmp(words, WORD, length) == 0) return true;
        words += length;
        words += strspn(words, ", ");
    }
    return false;
}

fmap_status explain_if_asked(const fmap_plan *plan, fmap_isa cap, fmap_error *error) {
    return asked(getenv("FMAP_VERBOSE")) ? explain_print(plan, cap, stderr, error) : FMAP_OK;
}
