/* merge_transposes: of two Transposes behind each other the second one reads what the first one does, in one step; where the
 * two cancel, both are only another name for it. */
#include "runtime/layer.h"
#include "runtime/layers/transpose.h"
#include "runtime/passes/passes.h"

/* Whether the second Transpose gives back what the first one was given. */
static bool combine(const struct fmap_graph_node *first, const struct fmap_graph_node *second, int rank,
                    int64_t *permutation) {
    int a[FMAP_MAX_RANK], b[FMAP_MAX_RANK];
    bool cancels = true;
    fmap_transpose_permutation(first, rank, a);
    fmap_transpose_permutation(second, rank, b);
    for (int i = 0; i < rank; i++) {
        permutation[i] = a[b[i]];
        cancels &= permutation[i] == i;
    }
    return cancels;
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    (void)options;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead || node->layer != &fmap_layer_transpose) continue;
        const struct fmap_graph_node *first = fmap_producer(graph, fmap_node_input(graph, node, 0));
        if (!first || first->layer != &fmap_layer_transpose) continue;
        struct fmap_transpose_parameters parameters = {
            .rank = (size_t)fmap_output_value(graph, node, 0)->shape.rank};
        bool cancels = combine(first, node, (int)parameters.rank, parameters.permutation);
        node->inputs[0] = fmap_node_input(graph, first, 0);
        TRY(fmap_replace_parameters(graph, node, &parameters, sizeof parameters, error));
        if (!cancels) continue;
        struct fmap_graph_value *out = fmap_output_value(graph, node, 0);
        out->alias = node->inputs[0];
        graph->values[node->inputs[0]].kept |= out->kept;
        node->dead = true;
    }
    return fmap_remove_unread(graph, &fmap_layer_transpose, error);
}

const struct fmap_pass fmap_pass_merge_transposes = {"merge_transposes", apply};
