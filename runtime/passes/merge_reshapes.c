/* merge_reshapes: of layers behind each other that only give the elements another shape, the last one reads what the first
 * one does; where that has the same shape, it is only another name for it. */
#include "runtime/layer.h"
#include "runtime/layers/flatten.h"
#include "runtime/passes/passes.h"

static bool reshapes(const struct fmap_graph_node *node) {
    return node->layer == &fmap_layer_reshape || node->layer == &fmap_layer_squeeze ||
           node->layer == &fmap_layer_unsqueeze ||
           (node->layer == &fmap_layer_flatten && fmap_flatten_keeps_order(node));
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    static const struct fmap_layer *const layers[] = {&fmap_layer_reshape, &fmap_layer_squeeze,
                                                      &fmap_layer_unsqueeze, &fmap_layer_flatten};
    (void)options;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead || !reshapes(node)) continue;
        const struct fmap_graph_node *first = fmap_producer(graph, fmap_node_input(graph, node, 0));
        if (!first || !reshapes(first)) continue;
        node->inputs[0] = fmap_node_input(graph, first, 0);
        struct fmap_graph_value *in = &graph->values[node->inputs[0]],
                                *out = fmap_output_value(graph, node, 0);
        if (!fmap_shape_equal(&in->shape, &out->shape)) continue;
        out->alias = node->inputs[0];
        in->kept |= out->kept;
        node->dead = true;
    }
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        TRY(fmap_remove_unread(graph, layers[i], error));
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_merge_reshapes = {"merge_reshapes", apply};
