/* fmap run: what does the network see in these pictures? */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timing.h"

enum { KEY_LABELS = 0x400, KEY_EXPECT, KEY_AT_LEAST, KEY_SOFTMAX, USUAL_BATCH = 32 };

static error_t parse_argument(char *argument, struct argp_state *state) {
    struct run_options *options = state->input;
    if (options->model == NULL) {
        options->model = argument;
        return 0;
    }
    options->pictures = &state->argv[state->next - 1]; /* argp has moved all arguments to the end */
    options->n_pictures = 1 + (size_t)(state->argc - state->next);
    state->next = state->argc;
    return 0;
}

static error_t parse_end(const struct argp_state *state) {
    const struct run_options *options = state->input;
    if (options->model == NULL) argp_error(state, "which MODEL?");
    if (options->n_pictures == 0) argp_error(state, "which PICTURE?");
    if (options->at_least >= 0 && options->expect == NULL) argp_error(state, "--at-least needs --expect");
    return 0;
}

static double parse_percent(struct argp_state *state, char *text) {
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '%') text[length - 1] = '\0';
    return option_number(state, "at-least", text, 0, 100);
}

static error_t parse(int key, char *argument, struct argp_state *state) {
    struct run_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->engine;
        state->child_inputs[1] = &options->preprocess;
        return 0;
    case 'k': options->top = (size_t)option_integer(state, "top", argument, 1, 100000); return 0;
    case 'b': options->batch = option_integer(state, "batch", argument, 1, 1 << 16); return 0;
    case 'j': options->json = true; return 0;
    case 'v': options->verbose = true; return 0;
    case KEY_SOFTMAX: options->softmax = true; return 0;
    case KEY_LABELS: options->labels = argument; return 0;
    case KEY_EXPECT: options->expect = argument; return 0;
    case KEY_AT_LEAST: options->at_least = parse_percent(state, argument); return 0;
    case ARGP_KEY_ARG: return parse_argument(argument, state);
    case ARGP_KEY_END: return parse_end(state);
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options_table[] = {
    {.name = "top", .key = 'k', .arg = "N", .doc = "Show the N most likely classes (default 5)"},
    {.name = "labels", .key = KEY_LABELS, .arg = "FILE", .doc = "Names of the classes, one a line"},
    {.name = "softmax", .key = KEY_SOFTMAX, .doc = "Turn the network's scores into probabilities"},
    {.name = "expect",
     .key = KEY_EXPECT,
     .arg = "FILE",
     .doc = "What the pictures show (IDX labels, or one label a line): print the accuracy"},
    {.name = "at-least",
     .key = KEY_AT_LEAST,
     .arg = "PERCENT",
     .doc = "Exit with 1 when the accuracy is lower"},
    {.name = "batch", .key = 'b', .arg = "N", .doc = "Pictures in a run"},
    {.name = "json", .key = 'j', .doc = "Print JSON"},
    {.name = "verbose", .key = 'v', .doc = "Show every picture, however many, and the speed"},
    {0},
};

static const struct argp run_argp = {
    .options = options_table,
    .parser = parse,
    .args_doc = "MODEL PICTURE...",
    .doc =
        "Recognises pictures: PNG, JPEG, PNM, and IDX files (also .gz) that hold many, as MNIST's. Prints "
        "the "
        "most likely classes of each, or the range of the numbers when the network does not classify.\v"
        "What is known about a model, such as its labels and how pictures have to be prepared, is read from "
        "the sidecar beside it: model.json for model.onnx. See fmap(1).",
    .children =
        (const struct argp_child[]){
            {.argp = &engine_argp, .header = "Running:", .group = 1},
            {.argp = &preprocess_argp,
             .header = "Preparing the pictures (default: as the model's sidecar says):",
             .group = 2},
            {0}},
};

/* ---- the plan -------------------------------------------------------------------------------- */

static void unplan(struct run *run) {
    buffers_release(&run->buffers);
    fmap_context_destroy(run->context);
    fmap_plan_destroy(run->plan);
    free(run->waiting);
    run->context = NULL;
    run->plan = NULL;
    run->waiting = NULL;
}

/* Every output must be cut into one part a picture. */
static fmap_status check_outputs(struct run *run, fmap_error *error) {
    run->n_answers = 0;
    for (size_t i = 0; i < run->buffers.n_outputs; i++) {
        const struct buffer *output = &run->buffers.outputs[i];
        if (run->batch > 1 && (output->shape.rank == 0 || output->shape.dims[0] != run->batch)) {
            return fail(error, FMAP_ERROR_ARGUMENT,
                        "the output '%s' is not one for each picture: use --batch 1", output->name);
        }
        int64_t classes = output->type == FMAP_FLOAT32 ? output_classes(&output->shape) : 0;
        if (classes > 0 && run->n_answers == 0) {
            run->n_answers = (size_t)classes;
            run->answer_index = i;
        }
    }
    if (run->n_answers == 0 && run->expected.count > 0) {
        return fail(error, FMAP_ERROR_UNSUPPORTED,
                    "the network does not classify: it cannot be right or wrong");
    }
    return FMAP_OK;
}

static fmap_status plan(struct run *run, int64_t batch, fmap_error *error) {
    const struct engine_options *engine = &run->options->engine;
    const fmap_plan_options options = {
        .threads = engine->threads, .max_isa = engine->max_isa, .weights = engine->weights};
    run->batch = batch;
    TRY(network_plan(&run->network, batch, &options, &run->plan, error));
    fmap_plan_describe(run->plan, &run->info);
    TRY(fmap_context_create(run->plan, &run->context, error));
    TRY(buffers_create(run->network.model, run->plan, &run->buffers, error));
    run->waiting = calloc((size_t)batch, sizeof *run->waiting);
    if (run->waiting == NULL) return fail_memory(error, "a batch");
    return check_outputs(run, error);
}

/* Plans for the batch that was asked for, or for one that suits; networks that only take one picture at
 * a time get one at a time. */
static fmap_status plan_for(struct run *run, size_t n_pictures, fmap_error *error) {
    if (run->options->batch > 0) return plan(run, run->options->batch, error);
    if (run->network.model_batch > 0) return plan(run, run->network.model_batch, error);
    int64_t batch = n_pictures < USUAL_BATCH ? (int64_t)n_pictures : USUAL_BATCH;
    fmap_status status = plan(run, batch, error);
    if (status == FMAP_OK || batch == 1) return status;
    unplan(run);
    return plan(run, 1, error);
}

/* ---- the pictures ---------------------------------------------------------------------------- */

/* Runs what waits; in a batch that is not full the rest is run too and ignored. */
static fmap_status flush(struct run *run, fmap_error *error) {
    if (run->n_waiting == 0) return FMAP_OK;
    double start = clock_seconds();
    TRY(fmap_context_run(run->context, (const void *const *)run->buffers.input_data, run->buffers.output_data,
                         error));
    run->seconds += clock_seconds() - start;
    for (size_t i = 0; i < run->n_waiting; i++) {
        TRY(run_report_picture(run, i, error));
    }
    run->n_waiting = 0;
    return FMAP_OK;
}

static fmap_status add_picture(struct run *run, const struct image *image, const struct waiting *picture,
                               fmap_error *error) {
    float *input = (float *)run->buffers.input_data[0] +
                   (int64_t)run->n_waiting * run->network.input_elements;
    TRY(network_input(&run->network, image, input, error));
    run->waiting[run->n_waiting++] = *picture;
    return (int64_t)run->n_waiting == run->batch ? flush(run, error) : FMAP_OK;
}

static fmap_status run_set(struct run *run, size_t file, const struct image_set *set, fmap_error *error) {
    const struct run_options *options = run->options;
    if (run->plan == NULL) {
        TRY(plan_for(run, options->n_pictures > 1 ? options->n_pictures : set->count, error));
        progress_start(&run->progress, "running", 1000 * options->n_pictures);
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct image image = image_set_at(set, i);
        const struct waiting picture = {.path = options->pictures[file], .index = i, .count = set->count};
        TRY(add_picture(run, &image, &picture, error));
        progress_update(&run->progress, 1000 * file + 1000 * (i + 1) / set->count);
    }
    return FMAP_OK;
}

static fmap_status run_pictures(struct run *run, fmap_error *error) {
    const struct run_options *options = run->options;
    TRY(network_open(options->model, &options->preprocess, options->labels, &run->network, error));
    if (options->expect != NULL) {
        TRY(expected_read(options->expect, &run->network.sidecar.labels, &run->expected, error));
    }
    run->answers = calloc(options->top, sizeof *run->answers);
    run->results = json_array();
    if (run->answers == NULL || run->results == NULL) return fail_memory(error, "the answers");
    for (size_t file = 0; file < options->n_pictures; file++) {
        struct image_set set;
        TRY(image_set_read(options->pictures[file], &set, error));
        fmap_status status = run_set(run, file, &set, error);
        image_set_release(&set);
        if (status != FMAP_OK) return status;
    }
    TRY(flush(run, error));
    return run_report_end(run, error);
}

int cmd_run(int argc, char **argv) {
    struct run_options options = {.top = 5, .at_least = -1};
    parse_options(&run_argp, argc, argv, &options);
    struct run run = {.options = &options};
    fmap_error error;
    fmap_status status = run_pictures(&run, &error);
    bool enough = options.at_least < 0 || run_accuracy(&run) >= options.at_least;
    progress_end(&run.progress);
    unplan(&run);
    json_decref(run.results);
    free(run.answers);
    expected_release(&run.expected);
    network_close(&run.network);
    if (status != FMAP_OK) return complain(&error);
    return enough ? TOOL_OK : TOOL_NO;
}
