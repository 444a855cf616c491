#include "maps_run.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS = 100 };                      /* of which the fastest counts */
static const double enough_seconds = 0.5; /* after which no further run is begun */

/* ---- a plan with its context and its outputs ---------------------------------------------------- */

struct engine {
    fmap_plan *plan;
    fmap_context *context;
    void **outputs;
    size_t n_outputs;
};

static void engine_release(struct engine *engine) {
    for (size_t i = 0; engine->outputs != NULL && i < engine->n_outputs; i++) free(engine->outputs[i]);
    free(engine->outputs);
    fmap_context_destroy(engine->context);
    fmap_plan_destroy(engine->plan);
}

static fmap_status create_outputs(const fmap_model *model, struct engine *engine, fmap_error *error) {
    engine->n_outputs = fmap_model_output_count(model);
    engine->outputs = calloc(engine->n_outputs, sizeof *engine->outputs);
    if (engine->outputs == NULL) return fail_memory(error, "the network's outputs");
    for (size_t i = 0; i < engine->n_outputs; i++) {
        fmap_shape shape;
        int64_t elements = 0;
        TRY(fmap_plan_output_shape(engine->plan, i, &shape));
        fmap_shape_elements(&shape, &elements);
        /* One byte more: an output without elements must not look like a lack of memory. */
        engine->outputs[i] = calloc(
            1, (size_t)elements * fmap_type_bytes(fmap_plan_output_type(engine->plan, i)) + 1);
        if (engine->outputs[i] == NULL) return fail_memory(error, "the network's outputs");
    }
    return FMAP_OK;
}

static fmap_status engine_create(const struct network *network, const fmap_plan_options *options,
                                 struct engine *engine, fmap_error *error) {
    *engine = (struct engine){.plan = NULL};
    fmap_status status = network_plan(network, 1, options, &engine->plan, error);
    if (status == FMAP_OK) status = fmap_context_create(engine->plan, &engine->context, error);
    if (status == FMAP_OK) status = create_outputs(network->model, engine, error);
    if (status != FMAP_OK) engine_release(engine);
    return status;
}

static fmap_status engine_run(struct engine *engine, const float *input, fmap_error *error) {
    const void *inputs[] = {input};
    return fmap_context_run(engine->context, inputs, engine->outputs, error);
}

/* ---- time -------------------------------------------------------------------------------------- */

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static fmap_status describe_layers(const fmap_plan *plan, struct maps *maps, fmap_error *error) {
    fmap_plan_describe(plan, &maps->plan);
    for (size_t i = 1; i < maps->n_layers; i++) {
        struct layer_maps *layer = &maps->layers[i];
        fmap_layer_info info;
        TRY(fmap_plan_layer(plan, i - 1, &info));
        layer->shape = info.shape;
        layer->parameters = info.parameters;
        layer->macs = info.macs;
        layer->fused_into = info.fused_into < 0 ? 0 : (size_t)info.fused_into + 1;
        layer->kernel = strdup(info.kernel);
        if (layer->kernel == NULL) return fail_memory(error, "the layers' names");
    }
    return FMAP_OK;
}

/* Keeps the times of the fastest run: the layers' times then belong together. */
static void keep_times(const fmap_context *context, double seconds, struct maps *maps) {
    if (maps->seconds > 0.0 && seconds >= maps->seconds) return;
    maps->seconds = seconds;
    for (size_t i = 1; i < maps->n_layers; i++) {
        maps->layers[i].seconds = fmap_context_layer_seconds(context, i - 1);
    }
}

fmap_status maps_time(const struct network *network, const struct maps_options *options, const float *input,
                      struct maps *maps, fmap_error *error) {
    const fmap_plan_options plan_options = {.threads = options->engine.threads,
                                            .max_isa = options->engine.max_isa,
                                            .profile = true,
                                            .weights = options->engine.weights};
    struct engine engine;
    TRY(engine_create(network, &plan_options, &engine, error));
    fmap_status status = describe_layers(engine.plan, maps, error);
    double begin = now();
    for (int run = 0; status == FMAP_OK && run < RUNS && now() - begin < enough_seconds; run++) {
        double started = now();
        status = engine_run(&engine, input, error);
        keep_times(engine.context, now() - started, maps);
    }
    engine_release(&engine);
    return status;
}

/* ---- maps -------------------------------------------------------------------------------------- */

fmap_status layer_see(struct layer_maps *layer, const fmap_statistics *known, int64_t n_known,
                      fmap_error *error) {
    layer->view = view_of(&layer->shape, layer->values);
    int64_t channels = layer->view.channels;
    layer->statistics = calloc((size_t)channels + 1, sizeof *layer->statistics);
    if (layer->statistics == NULL) return fail_memory(error, "the layers' statistics");
    for (int64_t i = 0; i < channels; i++) {
        bool fits = known != NULL && n_known == channels;
        layer->statistics[i] = fits ? known[i] : view_statistics(&layer->view, i);
    }
    return FMAP_OK;
}

static fmap_status set_taps(struct engine *engine, struct maps *maps, fmap_error *error) {
    for (size_t i = 0; i < fmap_plan_tap_count(engine->plan); i++) {
        fmap_tap_info tap;
        int64_t elements = 0;
        TRY(fmap_plan_tap(engine->plan, i, &tap));
        struct layer_maps *layer = &maps->layers[tap.layer_index + 1];
        layer->shape = tap.shape;
        fmap_shape_elements(&tap.shape, &elements);
        layer->values = calloc((size_t)elements + 1, sizeof *layer->values);
        if (layer->values == NULL) return fail_memory(error, "the feature maps");
        TRY(fmap_context_set_tap(engine->context, i, layer->values, error));
    }
    return FMAP_OK;
}

static fmap_status see_taps(const struct engine *engine, struct maps *maps, fmap_error *error) {
    for (size_t i = 0; i < fmap_plan_tap_count(engine->plan); i++) {
        fmap_tap_info tap;
        TRY(fmap_plan_tap(engine->plan, i, &tap));
        TRY(layer_see(&maps->layers[tap.layer_index + 1], fmap_context_tap_statistics(engine->context, i),
                      tap.n_statistics, error));
    }
    return FMAP_OK;
}

/* Takes the first output, when it is one of floats, from the engine. */
static void take_output(struct engine *engine, struct maps *maps) {
    if (fmap_plan_output_type(engine->plan, 0) != FMAP_FLOAT32) return;
    fmap_plan_output_shape(engine->plan, 0, &maps->output_shape);
    maps->output = engine->outputs[0];
    engine->outputs[0] = NULL;
}

fmap_status maps_record(const struct network *network, const struct maps_options *options, const float *input,
                        struct maps *maps, fmap_error *error) {
    const fmap_tap_request request = {.layers = options->layers,
                                      .point = FMAP_TAP_OUTPUT,
                                      .layout = FMAP_NCHW,
                                      .values = true,
                                      .statistics = true};
    const fmap_plan_options plan_options = {.threads = options->engine.threads,
                                            .max_isa = options->engine.max_isa,
                                            .taps = &request,
                                            .n_taps = 1,
                                            .weights = options->engine.weights};
    struct engine engine;
    TRY(engine_create(network, &plan_options, &engine, error));
    fmap_status status = set_taps(&engine, maps, error);
    if (status == FMAP_OK) status = engine_run(&engine, input, error);
    if (status == FMAP_OK) status = see_taps(&engine, maps, error);
    if (status == FMAP_OK) take_output(&engine, maps);
    engine_release(&engine);
    return status;
}
