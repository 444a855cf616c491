/* A trial is a plan of one node: a copy of what is planned so far, to which the node is added in one way, and which is run
 * alone. Nothing of it remains in the plan. */
#include "runtime/context.h"
#include "runtime/layer.h"
#include "runtime/tuning.h"

#include <string.h>
#include <time.h>

enum { LEAST_ROUNDS = 3, MOST_ROUNDS = 15, LINE = 64 / sizeof(float) };
static const double ENOUGH_SECONDS = 0.1; /* for all ways of a layer together */

struct trial {
    struct fmap_plan plan;
    struct fmap_planning planning;
    fmap_context *context;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- planning ----------------------------------------------------------------------------------------- */

static void begin_plan(struct trial *trial, const struct fmap_planning *planning) {
    struct fmap_plan *plan = &trial->plan;
    *plan = *planning->plan;
    plan->storage = (struct fmap_storage){.allocator = planning->plan->storage.allocator};
    plan->packings = (struct fmap_packings){
        .storage = &plan->storage}; /* it shares none, and packs at once */
    plan->graph = *planning->graph; /* its nodes and values are only read */
    plan->graph.n_outputs = 0;      /* the caller's buffers are not there yet */
    plan->profile = false;
    plan->steps = NULL;
    plan->n_steps = plan->n_chunked_steps = plan->n_taps = plan->n_statistics = 0;
    plan->n_chunks = 0;
    plan->arena = plan->local = (struct fmap_arena){0};
    plan->scratch_bytes = 0;
}

static fmap_status plan_node(struct trial *trial, const struct fmap_planning *planning,
                             const struct fmap_graph_node *node, int way) {
    struct fmap_planning *copy = &trial->planning;
    begin_plan(trial, planning);
    *copy = *planning;
    copy->plan = &trial->plan;
    copy->graph = &trial->plan.graph;
    copy->storage = (struct fmap_storage){.allocator = planning->plan->storage.allocator};
    copy->steps_capacity = 0;
    copy->tasks = NULL;
    copy->tuning = NULL;
    copy->trial = way + 1;
    copy->error = NULL;
    copy->values = fmap_storage_copy(&copy->storage, planning->values, planning->graph->n_values,
                                     sizeof *copy->values);
    copy->buffers = fmap_storage_copy(&copy->storage, planning->buffers, planning->n_buffers,
                                      sizeof *copy->buffers);
    copy->buffers_capacity = copy->n_buffers;
    if (!copy->values || !copy->buffers) return FMAP_ERROR_MEMORY;
    for (size_t i = 0; i < copy->n_buffers; i++) copy->buffers[i].used = false;
    TRY(node->layer->plan(copy, node));
    return fmap_settle_buffers(copy);
}

/* The caller's buffers that the node reads. */
static fmap_status take_ports(struct trial *trial, const struct fmap_graph *graph) {
    struct fmap_plan *plan = &trial->plan;
    plan->graph.n_outputs = graph->n_outputs;
    TRY(fmap_context_create(plan, &trial->context, NULL));
    memset(trial->context->run.arena, 0,
           plan->arena.bytes); /* numbers so small that they take longer may be in there */
    memset(trial->context->run.local, 0, plan->local.bytes * (size_t)plan->threads);
    for (size_t s = 0; s < plan->n_steps; s++) {
        for (size_t i = 0; i < plan->steps[s].n_operands; i++) {
            const struct fmap_operand *operand = &plan->steps[s].operands[i];
            if (operand->base != FMAP_BASE_PORT) continue;
            size_t port = (size_t)operand->port;
            fmap_value value = port < graph->n_inputs
                                   ? graph->inputs[port]
                                   : fmap_graph_resolve(graph, graph->outputs[port - graph->n_inputs]);
            size_t bytes = fmap_form_bytes(&graph->values[value], FMAP_FORM_PLAIN);
            if (graph->values[value].shape.rank >= 2 &&
                fmap_form_bytes(&graph->values[value], FMAP_FORM_BLOCKED) > bytes)
                bytes = fmap_form_bytes(&graph->values[value], FMAP_FORM_BLOCKED);
            void *memory = fmap_storage_take(&plan->storage, bytes + operand->offset, 1);
            if (!memory) return FMAP_ERROR_MEMORY;
            trial->context->ports[port] = memory;
        }
    }
    return FMAP_OK;
}

static void end(struct trial *trial) {
    fmap_context_destroy(trial->context);
    fmap_storage_release(&trial->planning.storage);
    fmap_storage_release(&trial->plan.storage);
}

/* ---- running ------------------------------------------------------------------------------------------- */

struct sweep {
    const struct trial *trial;
    volatile float *memory; /* of all threads */
    size_t n_floats;        /* of each */
};

static void read_lines(const volatile float *memory, size_t n_floats) {
    for (size_t i = 0; i < n_floats; i += LINE) (void)memory[i];
}

/* The second cache forgets the weights, and has then seen the layer's input last. */
static void forget(void *argument, int thread, int team) {
    const struct sweep *sweep = argument;
    const struct fmap_context *context = sweep->trial->context;
    size_t arena = sweep->trial->plan.arena.bytes / sizeof(float), share = arena / (size_t)team;
    read_lines(sweep->memory + (size_t)thread * sweep->n_floats, sweep->n_floats);
    read_lines((const float *)(const void *)context->run.arena + (size_t)thread * share, share);
}

static double run(struct sweep *sweep, struct trial *trial) {
    sweep->trial = trial;
    fmap_host_together(trial->plan.threads, forget, sweep);
    double begin = now();
    fmap_context_work(trial->context);
    return now() - begin;
}

/* In turns, so that whoever else uses the machine disturbs all alike. The shortest time of each. */
static void race(struct trial *trials, int n, struct sweep *sweep, double *seconds) {
    double begin = now();
    for (int i = 0; i < n; i++) seconds[i] = run(sweep, &trials[i]);
    for (int round = 0; round < MOST_ROUNDS && (round < LEAST_ROUNDS || now() - begin < ENOUGH_SECONDS);
         round++) {
        for (int i = 0; i < n; i++) {
            double taken = run(sweep, &trials[i]);
            if (taken < seconds[i]) seconds[i] = taken;
        }
    }
}

fmap_status fmap_tuning_measure(const struct fmap_planning *planning, const struct fmap_graph_node *node,
                                int n, double *seconds) {
    struct fmap_storage storage = {.allocator = planning->plan->storage.allocator};
    size_t threads = (size_t)planning->plan->threads;
    struct sweep sweep = {.n_floats = 2 * planning->plan->near_bytes / sizeof(float)};
    struct trial *trials = fmap_storage_take(&storage, (size_t)n, sizeof *trials);
    sweep.memory = fmap_storage_take(&storage, threads * sweep.n_floats, sizeof(float));
    fmap_status status = trials && sweep.memory ? FMAP_OK : FMAP_ERROR_MEMORY;
    int begun = 0;
    while (begun < n && status == FMAP_OK) {
        struct trial *trial = &trials[begun];
        status = plan_node(trial, planning, node, begun++);
        if (status == FMAP_OK) status = take_ports(trial, planning->graph);
    }
    if (status == FMAP_OK) race(trials, n, &sweep, seconds);
    for (int i = 0; i < begun; i++) end(&trials[i]);
    fmap_storage_release(&storage);
    return status;
}
