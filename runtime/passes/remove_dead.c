/* remove_dead: nodes that nobody looks at, from the last to the first, so that whole branches go. */
#include "runtime/passes/passes.h"

static bool is_needed(const struct fmap_graph *graph, const struct fmap_use *uses,
                      const struct fmap_graph_node *node) {
    for (size_t k = 0; k < node->n_outputs; k++) {
        fmap_value output = fmap_graph_resolve(graph, node->outputs[k]);
        if (uses[output].n_readers > 0 || fmap_seen_outside(graph, uses, output)) return true;
    }
    return false;
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    (void)options;
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = graph->n_nodes; i-- > 0;) {
        struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead || is_needed(graph, uses, node)) continue;
        node->dead = true;
        for (size_t k = 0; k < node->n_inputs; k++) uses[fmap_node_input(graph, node, k)].n_readers--;
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_remove_dead = {"remove_dead", apply};
