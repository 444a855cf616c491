/* Identity: another name for the same elements. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    return fmap_set_output_type(graph, node, 0, in->type, &in->shape);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_plan_same_elements(planning, node->outputs[0], fmap_node_input(planning->graph, node, 0));
    return FMAP_OK;
}

const struct fmap_layer fmap_layer_identity = {
    .op = "Identity", .min_inputs = 1, .max_inputs = 1, .max_outputs = 1, .shape = shape, .plan = plan};
