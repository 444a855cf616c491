/* fuse_pool: a max pool is taken from the rows that a convolution has just computed, so that the convolution's own output
 * is never in memory. The same operations in the same order: the bits do not change. */
#include "runtime/layer.h"
#include "runtime/layers/conv.h"
#include "runtime/layers/pool.h"
#include "runtime/passes/passes.h"

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead || node->layer != &fmap_layer_conv) continue;
        struct fmap_graph_node *pool = fmap_only_reader(graph, uses, node->outputs[0]);
        if (!pool || pool->layer != &fmap_layer_max_pool || !fmap_max_pool_has_kernel(graph, pool)) continue;
        struct fmap_conv_parameters parameters = *(const struct fmap_conv_parameters *)node->parameters;
        const struct fmap_pool_parameters *pooling = pool->parameters;
        TRY(fmap_window_resolve(graph, pool, &pooling->window, &fmap_input_value(graph, pool, 0)->shape, NULL,
                                &parameters.pool, error));
        if (!fmap_conv_can_pool(graph, node, &parameters.pool, options->algorithm)) continue;
        TRY(fmap_replace_parameters(graph, node, &parameters, sizeof parameters, error));
        fmap_fuse_nodes(graph, node, pool);
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fuse_pool = {"fuse_pool", apply};
