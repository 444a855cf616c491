/* fmap bench: how fast a network runs here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "bench.h"
#include "output.h"
#include "tool.h"
#include "trace.h"

struct bench_options {
    const char *model;
    struct port_options ports;
    struct trial_options trial;
    struct option_list threads; /* empty: the library's choice, as the batch */
    struct option_list batches;
    const char *trace; /* file; NULL: none */
    bool json;
};

struct bench {
    const struct bench_options *options;
    fmap_model *model;
    struct sidecar sidecar;
    struct trial_options trial;
    struct trace trace;
    fmap_isa isa;       /* of the last trial: all have the same */
    struct table table; /* of all trials; printed at the end */
    json_t *results;    /* the same for --json */
};

enum {
    KEY_SECONDS = 0x400,
    KEY_WARMUP,
    KEY_LAYERS,
    KEY_PROFILE,
    KEY_TRACE,
    KEY_MAX_ISA,
    KEY_WEIGHTS,
    KEY_TUNE,
    KEY_STRIPS
};

static error_t parse(int key, char *argument, struct argp_state *state) {
    struct bench_options *options = state->input;
    struct timing_options *timing = &options->trial.timing;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &options->ports; return 0;
    case 't': option_list(state, "threads", argument, 4096, &options->threads); return 0;
    case 'b': option_list(state, "batch", argument, 1 << 20, &options->batches); return 0;
    case KEY_SECONDS: timing->seconds = option_number(state, "seconds", argument, 0, 86400); return 0;
    case KEY_WARMUP: timing->warmup = option_number(state, "warmup", argument, 0, 86400); return 0;
    case KEY_MAX_ISA: options->trial.max_isa = option_isa(state, argument); return 0;
    case KEY_WEIGHTS: options->trial.weights = option_weights(state, argument); return 0;
    case KEY_TUNE: option_tune(); return 0;
    case KEY_STRIPS: option_strips(state, argument); return 0;
    case KEY_PROFILE: options->trial.roofs = true; /* fall through */
    case KEY_LAYERS: options->trial.layers = true; return 0;
    case KEY_TRACE:
        options->trace = argument;
        options->trial.profiled = true;
        return 0;
    case 'j': options->json = true; return 0;
    default: return parse_model(key, argument, state, &options->model);
    }
}

static const struct argp_option options_table[] = {
    {.name = "threads", .key = 't', .arg = "N,...", .doc = "Numbers of threads to try"},
    {.name = "batch", .key = 'b', .arg = "N,...", .doc = "Batches to try (default: the model's, or 1)"},
    {.name = "seconds", .key = KEY_SECONDS, .arg = "S", .doc = "Measure each for so long (default 2)"},
    {.name = "warmup", .key = KEY_WARMUP, .arg = "S", .doc = "Run each for so long before (default 0.5)"},
    {.name = "layers", .key = KEY_LAYERS, .doc = "Measure every layer too, in runs of their own"},
    {.name = "profile",
     .key = KEY_PROFILE,
     .doc = "The same, and what this machine could do at most: its roofs are measured too"},
    {.name = "trace",
     .key = KEY_TRACE,
     .arg = "FILE.json",
     .doc = "Write what each thread did when, in five more runs, for ui.perfetto.dev or chrome://tracing"},
    {.name = "isa",
     .key = KEY_MAX_ISA,
     .arg = "NAME",
     .doc = "Use nothing above this instruction set: scalar, neon, avx2 or avx512"},
    {.name = "weights", .key = KEY_WEIGHTS, .arg = "KIND", .doc = WEIGHTS_DOC},
    {.name = "tune", .key = KEY_TUNE, .doc = TUNE_DOC},
    {.name = "strips", .key = KEY_STRIPS, .arg = "WHEN", .doc = STRIPS_DOC},
    {.name = "json", .key = 'j', .doc = "Print JSON"},
    {0},
};

static const struct argp bench_argp = {
    .options = options_table,
    .parser = parse,
    .args_doc = "MODEL",
    .doc =
        "Measures how long a network takes for an input of arbitrary numbers: the shortest run, the median, "
        "the 99th percentile, the mean, and how many pictures that is a second (by the mean).\v"
        "GFLOP/s counts two operations for each multiply-accumulate of the direct algorithms, also where a "
        "faster algorithm needs fewer: so it may exceed what the processor can do. The roof of a layer is "
        "the "
        "least time for its operations at the measured peak and for its inputs, weights and outputs, moved "
        "once, "
        "at the measured bandwidth of the nearest level that holds them.",
    .children = (const struct argp_child[]){{.argp = &port_argp}, {0}},
};

/* ---- measuring ------------------------------------------------------------------------------- */

static fmap_status report(struct bench *bench, const struct trial *trial, fmap_error *error) {
    bench->isa = trial->info.isa;
    if (bench->options->trace != NULL) TRY(trace_add(&bench->trace, bench->model, trial, error));
    if (bench->options->json) {
        json_array_append_new(bench->results, bench_json(trial));
        return FMAP_OK;
    }
    bench_add_row(&bench->table, trial);
    progress_end(bench->trial.timing.progress);
    return trial->layer_seconds != NULL ? bench_print_layers(trial, error) : FMAP_OK;
}

static fmap_status run_trial(struct bench *bench, int threads, int64_t batch, fmap_error *error) {
    struct trial trial;
    fmap_status status = trial_measure(bench->model, &bench->sidecar, &bench->trial, threads, batch, &trial,
                                       error);
    if (status == FMAP_OK) status = report(bench, &trial, error);
    trial_release(&trial);
    return status;
}

static fmap_status run_trials(struct bench *bench, fmap_error *error) {
    static const struct option_list usual = {.count = 1}; /* of zero: whatever is the default */
    const struct option_list *threads = bench->options->threads.count > 0 ? &bench->options->threads : &usual;
    const struct option_list *batches = bench->options->batches.count > 0 ? &bench->options->batches : &usual;
    size_t measurements = threads->count * batches->count * (bench->trial.layers ? 2 : 1);
    struct progress progress;
    progress_start(&progress, "measuring", 100 * measurements);
    bench->trial.timing.progress = &progress;
    fmap_status status = FMAP_OK;
    for (size_t i = 0; i < threads->count; i++) {
        for (size_t j = 0; j < batches->count && status == FMAP_OK; j++) {
            status = run_trial(bench, threads->values[i], batches->values[j], error);
        }
    }
    progress_end(&progress);
    return status;
}

static fmap_status print_results(struct bench *bench, fmap_error *error) {
    const char *isa = fmap_isa_name(bench->isa);
    if (!bench->options->json) {
        printf("%s%s, %s\n", bench->trial.layers ? "\n" : "", fmap_model_name(bench->model), isa);
        return table_print(&bench->table, stdout, error);
    }
    json_t *root = json_pack("{s:o, s:s, s:O}", "network", json_name(fmap_model_name(bench->model)), "isa",
                             isa, "results", bench->results);
    return output_json(root, error);
}

static fmap_status run_bench(struct bench *bench, fmap_error *error) {
    TRY(fmap_model_load(bench->options->model, NULL, &bench->model, error));
    TRY(sidecar_find(bench->options->model, &bench->sidecar, error));
    if (bench->options->trace != NULL) TRY(trace_begin(&bench->trace, error));
    bench_add_titles(&bench->table);
    TRY(run_trials(bench, error));
    if (bench->options->trace != NULL) TRY(trace_write(&bench->trace, bench->options->trace, error));
    return print_results(bench, error);
}

int cmd_bench(int argc, char **argv) {
    struct bench_options options = {.trial.timing = {.warmup = 0.5, .seconds = 2}};
    parse_options(&bench_argp, argc, argv, &options);
    options.trial.ports = &options.ports;
    struct bench bench = {.options = &options, .trial = options.trial, .results = json_array()};
    table_begin(&bench.table, ">>>>>>>>>");
    fmap_error error;
    fmap_status status = run_bench(&bench, &error);
    trace_release(&bench.trace);
    table_free(&bench.table);
    json_decref(bench.results);
    sidecar_release(&bench.sidecar);
    fmap_model_destroy(bench.model);
    return status == FMAP_OK ? TOOL_OK : complain(&error);
}
