/* Asking a plan. */
#include "runtime/layer.h"
#include "runtime/plan.h"

void fmap_plan_describe(const fmap_plan *plan, fmap_plan_info *info) {
    if (!plan || !info) return;
    *info = (fmap_plan_info){.isa = plan->isa,
                             .threads = plan->threads,
                             .arena_bytes = plan->arena_bytes + plan->scratch_bytes * (size_t)plan->threads,
                             .weights_bytes = plan->weights_bytes,
                             .n_layers = plan->model->graph.n_nodes,
                             .n_steps = plan->n_steps};
    for (size_t i = 0; i < info->n_layers; i++) {
        info->macs += plan->layers[i].macs;
        info->parameters += plan->layers[i].parameters;
    }
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
