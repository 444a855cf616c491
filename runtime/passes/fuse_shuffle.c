/* fuse_shuffle: a Reshape of c channels to groups x c / groups, a Transpose of these two axes and a Reshape back shuffle
 * channels. In one layer they are moved from lane to lane, and the map stays in blocked form. */
#include "runtime/layers/shuffle.h"
#include "runtime/layers/transpose.h"
#include "runtime/passes/passes.h"

/* The node that makes the value for its only reader, of that layer; NULL: none. */
static struct fmap_graph_node *only_producer(const struct fmap_graph *graph, const struct fmap_use *uses,
                                             fmap_value value, const struct fmap_layer *layer) {
    struct fmap_graph_node *node = fmap_producer(graph, value);
    return node && node->layer == layer && fmap_only_reader(graph, uses, value) ? node : NULL;
}

/* Whether the shape is the other one with the channels in two axes. */
static bool splits_channels(const fmap_shape *flat, const fmap_shape *split) {
    if (flat->rank < 3 || split->rank != flat->rank + 1 || split->dims[0] != flat->dims[0]) return false;
    for (int i = 2; i < flat->rank; i++)
        if (split->dims[i + 1] != flat->dims[i]) return false;
    return split->dims[1] * split->dims[2] == flat->dims[1] && flat->dims[1] > 0;
}

static bool swaps_groups(const struct fmap_graph_node *node, int rank) {
    int permutation[FMAP_MAX_RANK];
    fmap_transpose_permutation(node, rank, permutation);
    for (int i = 0; i < rank; i++) {
        int expected = i == 1 ? 2 : i == 2 ? 1 : i;
        if (permutation[i] != expected) return false;
    }
    return true;
}

static fmap_status fuse(struct fmap_graph *graph, const struct fmap_use *uses, struct fmap_graph_node *last,
                        fmap_error *error) {
    struct fmap_graph_node *middle = only_producer(graph, uses, fmap_node_input(graph, last, 0),
                                                   &fmap_layer_transpose);
    if (!middle) return FMAP_OK;
    struct fmap_graph_node *first = only_producer(graph, uses, fmap_node_input(graph, middle, 0),
                                                  &fmap_layer_reshape);
    if (!first) return FMAP_OK;
    const struct fmap_graph_value *in = fmap_input_value(graph, first, 0);
    const fmap_shape *split = &fmap_output_value(graph, first, 0)->shape;
    if (!fmap_shape_equal(&in->shape, &fmap_output_value(graph, last, 0)->shape) ||
        !splits_channels(&in->shape, split) || !swaps_groups(middle, split->rank))
        return FMAP_OK;
    const struct fmap_shuffle_parameters parameters = {.groups = split->dims[1]};
    TRY(fmap_replace_parameters(graph, last, &parameters, sizeof parameters, error));
    last->layer = &fmap_layer_shuffle;
    last->inputs[0] = fmap_node_input(graph, first, 0);
    last->n_inputs = 1;
    first->dead = middle->dead = true;
    first->fused_into = middle->fused_into = last->origin;
    return FMAP_OK;
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    (void)options;
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        if (!node->dead && node->layer == &fmap_layer_reshape) TRY(fuse(graph, uses, node, error));
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fuse_shuffle = {"fuse_shuffle", apply};
