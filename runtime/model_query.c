/* Asking a model. */
#include "runtime/layer.h"
#include "runtime/model.h"

const char *fmap_model_name(const fmap_model *model) { return model ? model->graph.name : ""; }

fmap_value fmap_model_find_value(const fmap_model *model, const char *name) {
    return model && name ? (fmap_value)fmap_names_find(&model->value_names, name) : FMAP_NO_VALUE;
}

fmap_status fmap_model_value(const fmap_model *model, fmap_value value, fmap_value_info *info) {
    if (!model || !info || value <= 0 || (size_t)value >= model->graph.n_values) return FMAP_ERROR_ARGUMENT;
    const struct fmap_graph_value *found = &model->graph.values[value];
    *info = (fmap_value_info){
        .name = found->name, .type = found->type, .shape = found->shape, .data = found->data};
    return FMAP_OK;
}

size_t fmap_model_input_count(const fmap_model *model) { return model ? model->graph.n_inputs : 0; }
size_t fmap_model_output_count(const fmap_model *model) { return model ? model->graph.n_outputs : 0; }
size_t fmap_model_node_count(const fmap_model *model) { return model ? model->graph.n_nodes : 0; }

fmap_value fmap_model_input_value(const fmap_model *model, size_t i) {
    return i < fmap_model_input_count(model) ? model->graph.inputs[i] : FMAP_NO_VALUE;
}

fmap_value fmap_model_output_value(const fmap_model *model, size_t i) {
    return i < fmap_model_output_count(model) ? model->graph.outputs[i] : FMAP_NO_VALUE;
}

fmap_status fmap_model_node_at(const fmap_model *model, size_t i, fmap_node_info *info) {
    if (!info || i >= fmap_model_node_count(model)) return FMAP_ERROR_ARGUMENT;
    const struct fmap_graph_node *node = &model->graph.nodes[i];
    *info = (fmap_node_info){.name = node->name,
                             .op = node->layer->op,
                             .inputs = node->inputs,
                             .n_inputs = node->n_inputs,
                             .outputs = node->outputs,
                             .n_outputs = node->n_outputs};
    return FMAP_OK;
}
