#include "runtime/context.h"

#include "runtime/layer.h"

fmap_status fmap_context_create(const fmap_plan *plan, fmap_context **context, fmap_error *error) {
    if (!plan || !context)
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_context_create: plan or context is NULL");
    *context = NULL;
    struct fmap_storage storage = {.allocator = plan->storage.allocator};
    size_t n_ports = plan->graph.n_inputs + plan->graph.n_outputs + plan->n_taps;
    size_t scratch_bytes = plan->scratch_bytes * (size_t)plan->threads;
    struct fmap_context *created = fmap_storage_take(&storage, 1, sizeof *created);
    void **ports = fmap_storage_take(&storage, n_ports, sizeof *ports);
    double *step_seconds = fmap_storage_take(&storage, plan->n_steps, sizeof *step_seconds);
    size_t n_spans = plan->profile ? plan->n_steps * (size_t)plan->threads : 0;
    fmap_span *spans = fmap_storage_take(&storage, n_spans, sizeof *spans);
    int64_t *counts = fmap_storage_take(&storage, plan->n_counted, sizeof *counts);
    fmap_statistics *statistics = fmap_storage_take(&storage, plan->n_statistics, sizeof *statistics);
    /* Nothing in here is read before it is written. */
    char *scratch = fmap_storage_take_raw(&storage, scratch_bytes, 1);
    char *arena = fmap_storage_take_raw(&storage, plan->arena.bytes, 1);
    char *local = fmap_storage_take_raw(&storage, plan->local.bytes * (size_t)plan->threads, 1);
    if (!local || !created || !counts || !ports || !step_seconds || !spans || !statistics || !scratch ||
        !arena) {
        fmap_storage_release(&storage);
        return fmap_fail_memory(error, plan->arena.bytes + scratch_bytes);
    }
    *created = (struct fmap_context){
        .storage = storage, .plan = plan, .ports = ports, .step_seconds = step_seconds, .spans = spans};
    created->run = (struct fmap_run){.kernels = plan->kernels,
                                     .arena = arena,
                                     .local = local,
                                     .ports = ports,
                                     .scratch = scratch,
                                     .statistics = statistics,
                                     .counts = counts};
    *context = created;
    return FMAP_OK;
}

void fmap_context_destroy(fmap_context *context) {
    if (!context) return;
    struct fmap_storage storage = context->storage; /* the context lies in its own storage */
    fmap_storage_release(&storage);
}

fmap_status fmap_context_set_tap(fmap_context *context, size_t i, float *map, fmap_error *error) {
    if (!context || i >= context->plan->n_taps) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "fmap_context_set_tap: there is no tap %zu", i);
    }
    const struct fmap_graph *graph = &context->plan->graph;
    context->ports[graph->n_inputs + graph->n_outputs + i] = map;
    return FMAP_OK;
}

void fmap_context_set_step(fmap_context *context, uint64_t step) {
    if (context) context->run.dropout_step = step;
}

const fmap_statistics *fmap_context_tap_statistics(const fmap_context *context, size_t i) {
    if (!context || !context->has_run || i >= context->plan->n_taps) return NULL;
    const struct fmap_tap *tap = &context->plan->taps[i];
    return tap->info.n_statistics > 0 ? context->run.statistics + tap->first_statistics : NULL;
}

/* The value whose rows are those of `value`: a Cast leaves them as they are. */
static fmap_value rows_of(const struct fmap_graph *graph, fmap_value value) {
    for (;;) {
        int64_t producer = graph->values[value].producer;
        if (producer < 0 || graph->nodes[producer].layer != &fmap_layer_cast) return value;
        value = fmap_node_input(graph, &graph->nodes[producer], 0);
    }
}

fmap_status fmap_context_output_shape(const fmap_context *context, size_t i, fmap_shape *shape) {
    if (!context || !shape || !context->has_run) return FMAP_ERROR_ARGUMENT;
    const struct fmap_plan *plan = context->plan;
    fmap_status status = fmap_plan_output_shape(plan, i, shape);
    if (status != FMAP_OK || plan->n_counted == 0) return status;
    fmap_value value = rows_of(&plan->graph, fmap_graph_resolve(&plan->graph, plan->graph.outputs[i]));
    for (size_t k = 0; k < plan->n_counted; k++) {
        if (plan->counted[k] == value) shape->dims[0] = context->run.counts[k];
    }
    return FMAP_OK;
}

fmap_status fmap_context_step_span(const fmap_context *context, size_t step, int thread, fmap_span *span) {
    if (!context || !span || !context->has_run || !context->plan->profile) return FMAP_ERROR_ARGUMENT;
    const struct fmap_plan *plan = context->plan;
    if (step >= plan->n_steps || thread < 0 || thread >= plan->threads) return FMAP_ERROR_ARGUMENT;
    *span = context->spans[step * (size_t)plan->threads + (size_t)thread];
    return FMAP_OK;
}

double fmap_context_layer_seconds(const fmap_context *context, size_t i) {
    double seconds = 0;
    if (!context || !context->plan->profile) return 0;
    for (size_t s = 0; s < context->plan->n_steps; s++) {
        if (context->plan->steps[s].layer == (int64_t)i) seconds += context->step_seconds[s];
    }
    return seconds;
}
