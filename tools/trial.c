#include "trial.h"

#include "explain.h"
#include <stdlib.h>

#include "tool.h"

static fmap_status plan(const fmap_model *model, const struct trial_options *options, bool profile,
                        struct trial *trial, fmap_error *error) {
    const fmap_plan_options plan_options = {.batch = trial->batch,
                                            .threads = trial->threads,
                                            .max_isa = options->max_isa,
                                            .ports = trial->ports.ports,
                                            .n_ports = trial->ports.count,
                                            .profile = profile,
                                            .weights = options->weights};
    TRY(fmap_plan_create(model, &plan_options, &trial->plan, error));
    TRY(explain_if_asked(trial->plan, plan_options.max_isa, error));
    fmap_plan_describe(trial->plan, &trial->info);
    TRY(fmap_context_create(trial->plan, &trial->context, error));
    TRY(buffers_create(model, trial->plan, &trial->buffers, error));
    buffers_fill(&trial->buffers);
    return FMAP_OK;
}

static void unplan(struct trial *trial) {
    buffers_release(&trial->buffers);
    fmap_context_destroy(trial->context);
    fmap_plan_destroy(trial->plan);
    trial->buffers = (struct buffers){0};
    trial->context = NULL;
    trial->plan = NULL;
}

static fmap_status measure_layers(const struct trial_options *options, struct trial *trial,
                                  fmap_error *error) {
    struct timing profiled;
    trial->layer_seconds = calloc(trial->info.n_layers + 1, sizeof *trial->layer_seconds);
    if (trial->layer_seconds == NULL) return fail_memory(error, "the times");
    return timing_measure(trial->context, &trial->buffers, &options->timing, &profiled, trial->layer_seconds,
                          trial->info.n_layers, error);
}

/* For as long as the network takes, within bounds: what is compared should meet the same interruptions. */
static fmap_status measure_roofs(const struct trial_options *options, struct trial *trial,
                                 fmap_error *error) {
    double milliseconds = 1e3 * trial->timing.median;
    milliseconds = milliseconds < 0.1 ? 0.1 : milliseconds > 5 ? 5 : milliseconds;
    const fmap_machine_options machine_options = {
        .max_isa = options->max_isa, .threads = trial->info.threads, .milliseconds = milliseconds};
    trial->has_roofs = true;
    return fmap_machine_measure(&machine_options, &trial->machine, error);
}

/* The whole network first; its layers in runs of their own, because reading the clock costs time. */
fmap_status trial_measure(const fmap_model *model, const struct sidecar *sidecar,
                          const struct trial_options *options, int threads, int64_t batch,
                          struct trial *trial, fmap_error *error) {
    *trial = (struct trial){.threads = threads, .batch = 1};
    TRY(ports_settle(options->ports, model, sidecar, batch, &trial->ports, error));
    /* What the model or the command line made of "whatever the batch is". */
    if (trial->ports.count > 0 && trial->ports.shapes[0].rank > 0) {
        trial->batch = trial->ports.shapes[0].dims[0];
    }
    TRY(plan(model, options, false, trial, error));
    TRY(timing_measure(trial->context, &trial->buffers, &options->timing, &trial->timing, NULL, 0, error));
    if (options->roofs) TRY(measure_roofs(options, trial, error));
    if (!options->layers && !options->profiled) return FMAP_OK;
    unplan(trial);
    TRY(plan(model, options, true, trial, error));
    return options->layers ? measure_layers(options, trial, error) : FMAP_OK;
}

void trial_release(struct trial *trial) {
    unplan(trial);
    free(trial->layer_seconds);
    trial->layer_seconds = NULL;
}
