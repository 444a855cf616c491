/* The steps of a plan: every layer adds its own, then they get their memory. */
#include "runtime/chunks.h"
#include "runtime/layer.h"
#include "runtime/passes/passes.h"
#include "runtime/packing.h"
#include "runtime/tuning.h"

#include <string.h>

static void place_inputs(struct fmap_planning *planning) {
    const struct fmap_graph *graph = planning->graph;
    for (size_t i = 0; i < graph->n_inputs; i++) {
        fmap_value value = graph->inputs[i];
        if (graph->values[value].data) continue; /* settled by the plan */
        enum fmap_form form = fmap_planning_port_form(planning, i, &graph->values[value].shape);
        if (planning->plan->pixels[i].mean) {
            planning->values[value].picture = &planning->plan->pixels[i];
            form = FMAP_FORM_PICTURE;
        }
        planning->values[value].placed[form] = true;
        struct fmap_operand *place = &planning->values[value].places[form];
        *place = (struct fmap_operand){.base = FMAP_BASE_PORT, .port = (int)i};
        if (planning->n_chunks > 1) place->chunk_bytes = fmap_form_bytes(&graph->values[value], form);
    }
}

/* Outputs that no layer wrote into the caller's memory itself. */
static fmap_status copy_outputs(struct fmap_planning *planning) {
    const struct fmap_graph *graph = planning->graph;
    for (size_t i = 0; i < graph->n_outputs; i++) {
        fmap_value value = fmap_graph_resolve(graph, graph->outputs[i]);
        const struct fmap_graph_value *known = &graph->values[value];
        int port = (int)(graph->n_inputs + i);
        enum fmap_form form = fmap_planning_port_form(planning, (size_t)port, &known->shape);
        struct fmap_operand place, wanted = {.base = FMAP_BASE_PORT, .port = port};
        TRY(fmap_planning_read(planning, value, form, &place));
        if (place.base == FMAP_BASE_PORT && place.port == port) continue;
        TRY(fmap_planning_convert(planning, NULL, known, form, &place, form, &wanted));
    }
    return FMAP_OK;
}

/* Layers say where they want their inputs. */
static fmap_status reserve_places(struct fmap_planning *planning) {
    struct fmap_graph *graph = planning->graph;
    const struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_planning_out_of_memory(planning);
    for (fmap_value value = 1; (size_t)value < graph->n_values; value++) {
        planning->values[value].read_once = fmap_only_reader(graph, uses, value) != NULL;
    }
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        if (!node->dead && node->layer->reserve) TRY(node->layer->reserve(planning, node));
    }
    return FMAP_OK;
}

static fmap_status add_nodes(struct fmap_planning *planning, size_t first, size_t end) {
    const struct fmap_graph *graph = planning->graph;
    for (size_t i = first; i < end; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead) continue;
        TRY(node->layer->plan(planning, node));
        for (size_t k = 0; k < node->n_outputs; k++) TRY(fmap_plan_tap_steps(planning, node->outputs[k]));
    }
    return FMAP_OK;
}

/* A chunk is one thread's alone: no step of it is cut for several. */
static fmap_status add_chunked_nodes(struct fmap_planning *planning, const struct fmap_chunks *chunks) {
    int threads = planning->plan->threads;
    planning->plan->threads = 1;
    fmap_status status = add_nodes(planning, 0, chunks->n_nodes);
    planning->plan->threads = threads;
    fmap_chunks_end(planning, chunks);
    return status;
}

static fmap_status add_steps(struct fmap_planning *planning, bool rewrite) {
    const struct fmap_graph *graph = planning->graph;
    struct fmap_chunks chunks = {0};
    if (rewrite && !planning->training && planning->plan->n_taps == 0)
        chunks = fmap_chunks_choose(graph, planning->plan->threads);
    if (chunks.n_nodes > 0) fmap_chunks_begin(planning, &chunks);
    place_inputs(planning);
    if (rewrite) TRY(reserve_places(planning));
    for (fmap_value value = 1; (size_t)value < graph->n_values; value++) {
        if (graph->values[value].producer < 0) TRY(fmap_plan_tap_steps(planning, value));
    }
    if (chunks.n_nodes > 0) TRY(add_chunked_nodes(planning, &chunks));
    TRY(add_nodes(planning, chunks.n_nodes, graph->n_nodes));
    return copy_outputs(planning);
}

/* The buffers of the arena of all threads, or of each one's own. */
static fmap_status place_arena(struct fmap_planning *planning, bool local, struct fmap_arena *arena) {
    struct fmap_buffer *some = fmap_storage_copy(&planning->storage, planning->buffers, planning->n_buffers,
                                                 sizeof *some);
    if (!some) return fmap_planning_out_of_memory(planning);
    for (size_t i = 0; i < planning->n_buffers; i++) some[i].used &= some[i].local == local;
    TRY(fmap_place_buffers(&planning->storage, some, planning->n_buffers, arena, planning->error));
    for (size_t i = 0; i < planning->n_buffers; i++) {
        if (planning->buffers[i].local == local) planning->buffers[i].offset = some[i].offset;
    }
    return FMAP_OK;
}

/* The arena is settled: operands learn where their buffers are. */
static void settle_operands(struct fmap_plan *plan, const struct fmap_buffer *buffers) {
    for (size_t s = 0; s < plan->n_steps; s++) {
        for (size_t i = 0; i < plan->steps[s].n_operands; i++) {
            struct fmap_operand *operand = &plan->steps[s].operands[i];
            if (operand->base != FMAP_BASE_ARENA) continue;
            operand->offset += buffers[operand->buffer].offset;
            if (buffers[operand->buffer].local) operand->base = FMAP_BASE_LOCAL;
        }
    }
}

fmap_status fmap_settle_buffers(struct fmap_planning *planning) {
    TRY(place_arena(planning, false, &planning->plan->arena));
    TRY(place_arena(planning, true, &planning->plan->local));
    settle_operands(planning->plan, planning->buffers);
    return FMAP_OK;
}

static void name_kernels(struct fmap_plan *plan) {
    for (size_t s = 0; s < plan->n_steps; s++) {
        const struct fmap_step *step = &plan->steps[s];
        if (step->layer < 0) continue;
        const char **kernel = &plan->layers[step->layer].kernel;
        bool moves_only = strncmp(step->kernel, "reorder", 7) == 0 || strcmp(step->kernel, "tap") == 0;
        if (!moves_only || !**kernel) *kernel = step->kernel;
    }
    for (size_t i = 0; i < plan->graph.n_nodes; i++) {
        const struct fmap_graph_node *node = &plan->graph.nodes[i];
        if (node->dead) plan->layers[node->origin].fused_into = node->fused_into;
    }
}

fmap_status fmap_plan_steps(struct fmap_plan *plan, const fmap_plan_options *options, fmap_error *error) {
    struct fmap_planning planning = {.plan = plan,
                                     .graph = &plan->graph,
                                     .kernels = plan->kernels,
                                     .training = options->training,
                                     .seed = options->seed,
                                     .algorithm = options->algorithm,
                                     .storage = {.allocator = plan->storage.allocator},
                                     .error = error};
    planning.values = fmap_storage_take(&planning.storage, plan->graph.n_values, sizeof *planning.values);
    fmap_status status = planning.values ? fmap_tuning_open(&planning, options)
                                         : fmap_planning_out_of_memory(&planning);
    if (status == FMAP_OK) status = add_steps(&planning, !options->no_fusion);
    fmap_planning_pack_all(&planning);
    if (status == FMAP_OK) status = fmap_tuning_close(&planning);
    if (status == FMAP_OK) status = fmap_settle_buffers(&planning);
    if (status == FMAP_OK) name_kernels(plan);
    fmap_storage_release(&planning.storage);
    return status;
}
