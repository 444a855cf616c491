/* fuse_pool: a pool is taken from the rows that a convolution has just computed, or from its maps, so that the convolution's own
 * output is never in memory. The same operations in the same order: the bits do not change. */
#include "runtime/layer.h"
#include "runtime/layers/conv.h"
#include "runtime/layers/pool.h"
#include "runtime/passes/passes.h"

/* A window as large as the maps. */
static bool pools_maps(const struct fmap_graph *graph, const struct fmap_graph_node *pool,
                       struct fmap_pooled *pooled) {
    if (pool->layer == &fmap_layer_global_average_pool)
        pooled->kind = FMAP_POOLED_WHOLE_AVERAGE;
    else if (pool->layer == &fmap_layer_global_max_pool)
        pooled->kind = FMAP_POOLED_WHOLE_MAX;
    else
        return false;
    const fmap_shape *in = &fmap_input_value(graph, pool, 0)->shape;
    if (in->rank != 4) return false;
    pooled->window = (struct fmap_window_size){.in = {in->dims[2], in->dims[3]},
                                               .out = {1, 1},
                                               .kernel = {in->dims[2], in->dims[3]},
                                               .strides = {in->dims[2], in->dims[3]},
                                               .dilations = {1, 1}};
    return true;
}

/* What a convolution would have to do for the node that pools its output; kind NONE: it is no such node. */
static fmap_status pooled_by(const struct fmap_graph *graph, const struct fmap_graph_node *pool,
                             struct fmap_pooled *pooled, fmap_error *error) {
    *pooled = (struct fmap_pooled){.kind = FMAP_POOLED_NONE};
    if (!pool || pools_maps(graph, pool, pooled)) return FMAP_OK;
    if (pool->layer != &fmap_layer_max_pool && pool->layer != &fmap_layer_average_pool) return FMAP_OK;
    if (!fmap_pool_has_kernel(graph, pool)) return FMAP_OK;
    const struct fmap_pool_parameters *parameters = pool->parameters;
    pooled->kind = pool->layer == &fmap_layer_max_pool ? FMAP_POOLED_MAX : FMAP_POOLED_AVERAGE;
    pooled->count_padding = parameters->count_padding;
    return fmap_window_resolve(graph, pool, &parameters->window, &fmap_input_value(graph, pool, 0)->shape,
                               NULL, &pooled->window, error);
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead || node->layer != &fmap_layer_conv) continue;
        struct fmap_graph_node *pool = fmap_only_reader(graph, uses, node->outputs[0]);
        struct fmap_conv_parameters parameters = *(const struct fmap_conv_parameters *)node->parameters;
        if (parameters.pool.kind != FMAP_POOLED_NONE) continue;
        TRY(pooled_by(graph, pool, &parameters.pool, error));
        if (parameters.pool.kind == FMAP_POOLED_NONE ||
            !fmap_conv_can_pool(graph, node, &parameters.pool, options->algorithm))
            continue;
        TRY(fmap_replace_parameters(graph, node, &parameters, sizeof parameters, error));
        fmap_fuse_nodes(graph, node, pool);
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fuse_pool = {"fuse_pool", apply};
