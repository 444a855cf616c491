/* Folding: what depends on nothing but constants and shapes is computed while planning, by the steps that would have
 * computed it in a run. So shapes that a network computes itself are known when the next layer needs them, and
 * no operator has to be written a second time. */
#include "runtime/layer.h"
#include "runtime/planning.h"

#include <string.h>

/* Larger results stay steps unless their inputs are as large: a file of a few bytes can ask for terabytes. */
static const size_t MOST_BYTES = (size_t)64 << 20;

static bool can_fold(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    if (node->layer->never_fold) return false;
    size_t in_bytes = 0, out_bytes = 0;
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct fmap_graph_value *input = fmap_input_value(graph, node, i);
        if (!input) continue;
        if (!input->data && !node->layer->from_shapes) return false;
        in_bytes += fmap_form_bytes(input, FMAP_FORM_PLAIN);
    }
    for (size_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i])
            out_bytes += fmap_form_bytes(fmap_output_value(graph, node, i), FMAP_FORM_PLAIN);
    }
    return out_bytes <= MOST_BYTES || out_bytes <= in_bytes;
}

/* The memory of the outputs, needed beyond the last step. */
static fmap_status read_outputs(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                struct fmap_operand *places) {
    for (size_t i = 0; i < node->n_outputs; i++) {
        if (!node->outputs[i]) continue;
        TRY(fmap_planning_read(planning, node->outputs[i], FMAP_FORM_PLAIN, &places[i]));
    }
    for (size_t i = 0; i < node->n_outputs; i++) {
        if (!node->outputs[i] || places[i].base != FMAP_BASE_ARENA) continue;
        struct fmap_buffer *buffer = &planning->buffers[places[i].buffer];
        if (!buffer->used) buffer->first_step = 0;
        buffer->used = true;
        buffer->last_step = planning->plan->n_steps;
    }
    return FMAP_OK;
}

static fmap_status run_steps(struct fmap_planning *planning, struct fmap_run *run) {
    const struct fmap_plan *plan = planning->plan;
    run->kernels = plan->kernels;
    run->arena = fmap_storage_take(&planning->storage, plan->arena.bytes, 1);
    run->scratch = fmap_storage_take(&planning->storage, plan->scratch_bytes, 1);
    if (!run->arena || !run->scratch) return fmap_planning_out_of_memory(planning);
    for (size_t s = 0; s < plan->n_steps; s++) {
        const struct fmap_step *step = &plan->steps[s];
        for (int64_t part = 0; part < step->parts; part++) step->part(run, step, part);
    }
    return FMAP_OK;
}

/* A constant that is nothing but another shape of an input is not copied. */
static const void *keep(struct fmap_graph *graph, const struct fmap_graph_node *node, const void *elements,
                        size_t bytes) {
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct fmap_graph_value *input = fmap_input_value(graph, node, i);
        if (input && input->data == elements) return elements;
    }
    return fmap_storage_copy(&graph->storage, elements, bytes, 1);
}

static fmap_status set_outputs(const struct fmap_planning *planning, const struct fmap_run *run,
                               struct fmap_graph *graph, struct fmap_graph_node *node,
                               struct fmap_operand *places) {
    for (size_t i = 0; i < node->n_outputs; i++) {
        if (!node->outputs[i]) continue;
        struct fmap_graph_value *output = fmap_output_value(graph, node, i);
        if (places[i].base == FMAP_BASE_ARENA) places[i].offset += planning->buffers[places[i].buffer].offset;
        output->data = keep(graph, node, fmap_elements_at(run, &places[i]),
                            fmap_form_bytes(output, FMAP_FORM_PLAIN));
        if (!output->data) return fmap_planning_out_of_memory(planning);
        output->producer = -1;
    }
    node->dead = true;
    return FMAP_OK;
}

static fmap_status fold(struct fmap_planning *planning, struct fmap_graph *graph,
                        struct fmap_graph_node *node) {
    struct fmap_run run = {0};
    struct fmap_operand *places = fmap_storage_take(&planning->storage, node->n_outputs, sizeof *places);
    if (!places) return fmap_planning_out_of_memory(planning);
    TRY(node->layer->plan(planning, node));
    TRY(read_outputs(planning, node, places));
    TRY(fmap_settle_buffers(planning));
    TRY(run_steps(planning, &run));
    return set_outputs(planning, &run, graph, node, places);
}

/* Steps of one node touch nothing but the values that it reads and writes. */
static void clear(struct fmap_planned_value *values, const struct fmap_graph *graph,
                  const struct fmap_graph_node *node) {
    const struct fmap_planned_value nothing = {0};
    for (size_t i = 0; i < node->n_inputs; i++) values[fmap_node_input(graph, node, i)] = nothing;
    for (size_t i = 0; i < node->n_outputs; i++) values[node->outputs[i]] = nothing;
}

fmap_status fmap_fold_node(const struct fmap_plan *plan, struct fmap_graph *graph,
                           struct fmap_graph_node *node, struct fmap_planned_value *values,
                           fmap_error *error) {
    if (!can_fold(graph, node)) return FMAP_OK;
    struct fmap_graph without_ports = *graph; /* nothing is written to the caller's memory */
    without_ports.n_inputs = without_ports.n_outputs = 0;
    struct fmap_plan small = {.storage = {.allocator = plan->storage.allocator},
                              .kernels = plan->kernels,
                              .threads = 1,
                              .weights = plan->weights}; /* folded or not, a layer gives the same bits */
    struct fmap_planning planning = {.plan = &small,
                                     .graph = &without_ports,
                                     .kernels = plan->kernels,
                                     .storage = {.allocator = plan->storage.allocator},
                                     .values = values,
                                     .error = error};
    fmap_status status = fold(&planning, graph, node);
    clear(values, graph, node);
    fmap_storage_release(&planning.storage);
    fmap_storage_release(&small.storage);
    return status;
}
