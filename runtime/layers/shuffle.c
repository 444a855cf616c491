/* Shuffle: channels of several groups, one of each in turn. */
#include "runtime/layers/shuffle.h"

#include "runtime/layers/channels.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/moves.h"

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    return fmap_set_output_type(graph, node, 0, in->type, &in->shape);
}

static fmap_status plan_blocked(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                int64_t groups, int64_t c) {
    int64_t *sources = fmap_storage_take(&planning->storage, (size_t)c, sizeof *sources);
    if (!sources) return fmap_planning_out_of_memory(planning);
    for (int64_t i = 0; i < c; i++) sources[i] = i % groups * (c / groups) + i / groups;
    return fmap_plan_channels(planning, node, fmap_node_input(planning->graph, node, 0), node->outputs[0],
                              &(struct fmap_channels){.count = c, .sources = sources});
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_shuffle_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    const fmap_shape *dims = &planning->graph->values[in].shape;
    int64_t groups = parameters->groups, c = dims->dims[1], points = fmap_shape_product(dims, 2, dims->rank);
    if (fmap_form_at_hand(planning, in) == FMAP_FORM_BLOCKED) return plan_blocked(planning, node, groups, c);
    const struct fmap_strided strided = {.rank = 4,
                                         .dims = {dims->dims[0], c / groups, groups, points},
                                         .src_strides = {c * points, points, c / groups * points, 1},
                                         .dst_strides = {c * points, groups * points, points, 1}};
    return fmap_plan_move(planning, node, in, node->outputs[0], FMAP_FORM_PLAIN, &strided);
}

const struct fmap_layer fmap_layer_shuffle = {.op = "Shuffle",
                                              .min_inputs = 1,
                                              .max_inputs = 1,
                                              .max_outputs = 1,
                                              .shape = shape,
                                              .plan = plan,
                                              .by_image = true};
