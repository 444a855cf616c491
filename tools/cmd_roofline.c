/* fmap roofline: how close every layer comes to what this machine can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "file.h"
#include "output.h"
#include "roofline.h"
#include "tool.h"

struct roofline_options {
    const char *model;
    const char *output; /* NULL: roofline.svg, or nothing with --json */
    struct engine_options engine;
    struct port_options ports;
    struct timing_options timing;
    int64_t batch;
    bool json;
};

enum { KEY_SECONDS = 0x400 };

static error_t parse(int key, char *argument, struct argp_state *state) {
    struct roofline_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->ports;
        state->child_inputs[1] = &options->engine;
        return 0;
    case 'o': options->output = argument; return 0;
    case 'b': options->batch = option_integer(state, "batch", argument, 1, 1 << 20); return 0;
    case KEY_SECONDS:
        options->timing.seconds = option_number(state, "seconds", argument, 0, 86400);
        options->timing.warmup = options->timing.seconds / 4;
        return 0;
    case 'j': options->json = true; return 0;
    default: return parse_model(key, argument, state, &options->model);
    }
}

static const struct argp_option options_table[] = {
    {.name = "output", .key = 'o', .arg = "FILE.svg", .doc = "Write the picture here (default roofline.svg)"},
    {.name = "batch", .key = 'b', .arg = "N", .doc = "Pictures in a run (default: the model's, or 1)"},
    {.name = "seconds", .key = KEY_SECONDS, .arg = "S", .doc = "Measure the layers for so long (default 2)"},
    {.name = "json", .key = 'j', .doc = "Print the numbers as JSON; a picture only with --output"},
    {0},
};

static const struct argp roofline_argp = {
    .options = options_table,
    .parser = parse,
    .args_doc = "MODEL",
    .doc =
        "Draws how fast each layer of a network is under the roofs of this machine, which are measured too: "
        "the peak of its multiply-adds, and the bandwidths of its caches and of its memory.\v"
        "A point is a layer: its operations for each byte of input, weights and output on the horizontal "
        "axis, its GFLOP/s on the vertical one, its share of the time as its size, its algorithm as its "
        "colour.",
    .children = (const struct argp_child[]){{.argp = &port_argp}, {.argp = &engine_argp}, {0}},
};

static fmap_status draw(const char *path, const char *network, const struct trial *trial, fmap_error *error) {
    struct roofline roofline;
    char *text = NULL;
    size_t n_bytes = 0;
    fmap_status status = roofline_collect(&roofline, network, trial, error);
    FILE *stream = status == FMAP_OK ? open_memstream(&text, &n_bytes) : NULL;
    if (stream != NULL) {
        roofline_draw(&roofline, stream);
        bool good = ferror(stream) == 0;
        if (fclose(stream) != 0 || !good) status = fail_memory(error, "the picture");
    } else if (status == FMAP_OK) {
        status = fail_memory(error, "the picture");
    }
    if (status == FMAP_OK) status = file_write(path, text, n_bytes, error);
    free(text);
    roofline_release(&roofline);
    return status;
}

static fmap_status report(const struct roofline_options *options, const fmap_model *model,
                          const struct trial *trial, fmap_error *error) {
    const char *path = options->output != NULL ? options->output : options->json ? NULL : "roofline.svg";
    const char *name = fmap_model_name(model);
    const char *slash = strrchr(name, '/');
    if (path != NULL) TRY(draw(path, slash != NULL ? slash + 1 : name, trial, error));
    if (!options->json) {
        printf("%s\n", path);
        return FMAP_OK;
    }
    return output_json(json_pack("{s:o, s:i, s:I, s:f, s:o, s:o}", "network", json_name(name), "threads",
                                 trial->info.threads, "batch", (json_int_t)trial->batch, "median",
                                 trial->timing.median, "machine", json_machine(&trial->machine), "layers",
                                 json_layers(trial)),
                       error);
}

static fmap_status run_roofline(const struct roofline_options *options, fmap_error *error) {
    struct progress progress;
    struct sidecar sidecar = {0};
    struct trial trial = {0};
    fmap_model *model = NULL;
    progress_start(&progress, "measuring", 200);
    struct trial_options trial_options = {.ports = &options->ports,
                                          .timing = options->timing,
                                          .max_isa = options->engine.max_isa,
                                          .weights = options->engine.weights,
                                          .layers = true,
                                          .roofs = true};
    trial_options.timing.progress = &progress;
    fmap_status status = fmap_model_load(options->model, NULL, &model, error);
    if (status == FMAP_OK) status = sidecar_find(options->model, &sidecar, error);
    if (status == FMAP_OK) {
        status = trial_measure(model, &sidecar, &trial_options, options->engine.threads, options->batch,
                               &trial, error);
    }
    progress_end(&progress);
    if (status == FMAP_OK) status = report(options, model, &trial, error);
    trial_release(&trial);
    sidecar_release(&sidecar);
    fmap_model_destroy(model);
    return status;
}

int cmd_roofline(int argc, char **argv) {
    struct roofline_options options = {.timing = {.warmup = 0.5, .seconds = 2}};
    parse_options(&roofline_argp, argc, argv, &options);
    fmap_error error;
    fmap_status status = run_roofline(&options, &error);
    return status == FMAP_OK ? TOOL_OK : complain(&error);
}
