/* drop_identity: a layer that puts out what it takes in, in the same shape, is only another name for it. */
#include "runtime/layer.h"
#include "runtime/layers/flatten.h"
#include "runtime/layers/pad.h"
#include "runtime/layers/resize.h"
#include "runtime/layers/slice.h"
#include "runtime/passes/passes.h"

/* Layers that change nothing if they do not change the shape. */
static bool keeps_elements(const struct fmap_layer *layer) {
    static const struct fmap_layer *const layers[] = {&fmap_layer_reshape, &fmap_layer_squeeze,
                                                      &fmap_layer_unsqueeze, &fmap_layer_expand,
                                                      &fmap_layer_tile};
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        if (layer == layers[i]) return true;
    return false;
}

static bool is_identity(const struct fmap_graph *graph, const struct fmap_graph_node *node, bool training) {
    const struct fmap_layer *layer = node->layer;
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    bool same_shape = fmap_shape_equal(in, &fmap_output_value(graph, node, 0)->shape);
    if (layer == &fmap_layer_identity || (layer == &fmap_layer_dropout && !training)) return true;
    if (!node->outputs[0] || !same_shape) return false;
    if (layer == &fmap_layer_flatten) return fmap_flatten_keeps_order(node);
    if (layer == &fmap_layer_slice) return fmap_slice_is_identity(graph, node);
    if (layer == &fmap_layer_pad) return fmap_pad_is_identity(graph, node);
    if (layer == &fmap_layer_resize || layer == &fmap_layer_upsample)
        return fmap_resize_is_identity(graph, node);
    if (layer == &fmap_layer_concat) return node->n_inputs == 1;
    if (layer == &fmap_layer_split) return node->n_outputs == 1;
    return keeps_elements(layer);
}

static bool is_used(const struct fmap_graph *graph, const struct fmap_use *uses, fmap_value value) {
    return uses[value].n_readers > 0 || fmap_seen_outside(graph, uses, value);
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead || !is_identity(graph, node, options->training)) continue;
        if (node->n_outputs > 1 && is_used(graph, uses, node->outputs[1])) continue; /* Dropout's mask */
        fmap_value in = fmap_node_input(graph, node, 0);
        struct fmap_graph_value *out = fmap_output_value(graph, node, 0);
        out->alias = in;
        graph->values[in].kept |= out->kept;
        node->dead = true;
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_drop_identity = {"drop_identity", apply};
