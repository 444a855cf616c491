/* Asking a plan. */
#include "runtime/layer.h"
#include "runtime/plan.h"

void fmap_plan_describe(const fmap_plan *plan, fmap_plan_info *info) {
    if (!plan || !info) return;
    *info = (fmap_plan_info){
        .isa = plan->isa,
        .threads = plan->threads,
        .arena_bytes = plan->arena.bytes + (plan->local.bytes + plan->scratch_bytes) * (size_t)plan->threads,
        .maps_bytes = plan->arena.bytes + plan->local.bytes * (size_t)plan->threads,
        .least_bytes = plan->arena.least_bytes + plan->local.least_bytes * (size_t)plan->threads,
        .weights_bytes = plan->weights_bytes + plan->packings.own_bytes,
        .shared_bytes = plan->packings.shared_bytes,
        .n_layers = plan->model->graph.n_nodes,
        .n_steps = plan->n_steps,
        .weights = plan->weights};
    for (size_t i = 0; i < info->n_layers; i++) {
        info->macs += plan->layers[i].macs;
        info->parameters += plan->layers[i].parameters;
    }
}

static int64_t value_bytes(const struct fmap_graph_value *value) {
    int64_t elements;
    if (!value || !fmap_shape_elements(&value->shape, &elements)) return 0;
    return elements * (int64_t)fmap_type_bytes(value->type);
}

/* What the node reads and writes after the passes. */
static int64_t node_bytes(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    int64_t bytes = 0;
    for (size_t k = 0; k < node->n_inputs; k++) bytes += value_bytes(fmap_input_value(graph, node, k));
    for (size_t k = 0; k < node->n_outputs; k++) {
        if (node->outputs[k]) bytes += value_bytes(fmap_output_value(graph, node, k));
    }
    return bytes;
}

/* Costs that only layers with steps have. */
static void describe_work(const struct fmap_plan *plan, size_t i, fmap_layer_info *info) {
    int64_t parts = 0;
    for (size_t s = 0; s < plan->n_steps; s++) {
        const struct fmap_step *step = &plan->steps[s];
        int64_t step_parts = s < plan->n_chunked_steps ? plan->n_chunks : step->parts;
        if (step->layer == (int64_t)i && step_parts > parts) parts = step_parts;
    }
    info->threads = parts < plan->threads ? (int)parts : plan->threads;
    for (size_t k = 0; k < plan->graph.n_nodes && parts; k++) {
        const struct fmap_graph_node *node = &plan->graph.nodes[k];
        if (!node->dead && node->origin == (int64_t)i) info->bytes += node_bytes(&plan->graph, node);
    }
    if (parts) info->bytes -= plan->layers[i].narrowed;
}

fmap_status fmap_plan_layer(const fmap_plan *plan, size_t i, fmap_layer_info *info) {
    if (!plan || !info || i >= plan->model->graph.n_nodes) return FMAP_ERROR_ARGUMENT;
    const struct fmap_graph_node *node = &plan->model->graph.nodes[i];
    const struct fmap_plan_layer_state *layer = &plan->layers[i];
    *info = (fmap_layer_info){.name = node->name,
                              .op = node->layer->op,
                              .shape = layer->shape,
                              .parameters = layer->parameters,
                              .macs = layer->macs,
                              .kernel = layer->kernel,
                              .fused_into = layer->fused_into};
    describe_work(plan, i, info);
    return FMAP_OK;
}

fmap_status fmap_plan_step(const fmap_plan *plan, size_t i, fmap_step_info *info) {
    if (!plan || !info || i >= plan->n_steps) return FMAP_ERROR_ARGUMENT;
    const struct fmap_step *step = &plan->steps[i];
    /* Whole images are handed out where the step is run for one at a time. */
    struct fmap_share share = i < plan->n_chunked_steps ? fmap_share_units(plan->n_chunks, plan->n_chunks)
                                                        : step->share;
    int64_t shared = fmap_share_parts(&share);
    *info = (fmap_step_info){.layer = step->layer,
                             .kernel = step->kernel,
                             .parts = step->parts,
                             .threads = shared < plan->threads ? (int)shared : plan->threads,
                             .balance = fmap_share_balance(&share, plan->threads),
                             .tile_pixels = step->tile[0],
                             .tile_vectors = step->tile[1],
                             .why = step->why};
    return FMAP_OK;
}

static fmap_status port_shape(const struct fmap_graph *graph, const fmap_value *ports, size_t n_ports,
                              size_t i, fmap_shape *shape) {
    if (!shape || i >= n_ports) return FMAP_ERROR_ARGUMENT;
    *shape = graph->values[ports[i]].shape;
    return FMAP_OK;
}

fmap_status fmap_plan_input_shape(const fmap_plan *plan, size_t i, fmap_shape *shape) {
    return plan ? port_shape(&plan->graph, plan->graph.inputs, plan->graph.n_inputs, i, shape)
                : FMAP_ERROR_ARGUMENT;
}

fmap_status fmap_plan_output_shape(const fmap_plan *plan, size_t i, fmap_shape *shape) {
    return plan ? port_shape(&plan->graph, plan->graph.outputs, plan->graph.n_outputs, i, shape)
                : FMAP_ERROR_ARGUMENT;
}

size_t fmap_plan_tap_count(const fmap_plan *plan) { return plan ? plan->n_taps : 0; }

fmap_status fmap_plan_tap(const fmap_plan *plan, size_t i, fmap_tap_info *info) {
    if (!info || i >= fmap_plan_tap_count(plan)) return FMAP_ERROR_ARGUMENT;
    *info = plan->taps[i].info;
    return FMAP_OK;
}

static fmap_type port_type(const struct fmap_graph *graph, const fmap_value *ports, size_t n_ports,
                           size_t i) {
    return i < n_ports ? graph->values[ports[i]].type : FMAP_TYPE_UNKNOWN;
}

fmap_type fmap_plan_input_type(const fmap_plan *plan, size_t i) {
    if (!plan) return FMAP_TYPE_UNKNOWN;
    if (i < plan->graph.n_inputs && plan->pixels[i].mean) return FMAP_UINT8;
    return port_type(&plan->graph, plan->graph.inputs, plan->graph.n_inputs, i);
}

fmap_type fmap_plan_output_type(const fmap_plan *plan, size_t i) {
    return plan ? port_type(&plan->graph, plan->graph.outputs, plan->graph.n_outputs, i) : FMAP_TYPE_UNKNOWN;
}

size_t fmap_plan_packing_count(const fmap_plan *plan) { return plan ? plan->packings.n_entries : 0; }

fmap_status fmap_plan_packing(const fmap_plan *plan, size_t i, fmap_packing *packing) {
    if (!packing || i >= fmap_plan_packing_count(plan)) return FMAP_ERROR_ARGUMENT;
    fmap_packings_at(&plan->packings, i, &packing->key, &packing->data, &packing->bytes);
    return FMAP_OK;
}

const fmap_model *fmap_plan_model(const fmap_plan *plan) { return plan ? plan->model : NULL; }
