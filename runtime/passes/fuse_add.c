/* fuse_add: what an Add adds to the output of a convolution, the convolution adds itself, to sums that are still in the
 * first cache. The same operations in the same order: the bits do not change.
 *
 * Of two inputs the one that is computed later takes the other one in, which is then at hand. */
#include "runtime/layer.h"
#include "runtime/layers/conv.h"
#include "runtime/layers/eltwise.h"
#include "runtime/passes/passes.h"

/* The later of the nodes that compute the inputs, when only the Add looks at what it computes; NULL: none. */
static struct fmap_graph_node *last_producer(const struct fmap_graph *graph, const struct fmap_use *uses,
                                             const struct fmap_graph_node *add, fmap_value *residual) {
    fmap_value a = fmap_node_input(graph, add, 0), b = fmap_node_input(graph, add, 1);
    const struct fmap_graph_value *first = &graph->values[a], *second = &graph->values[b];
    if (first->data || second->data || !fmap_shape_equal(&first->shape, &second->shape)) return NULL;
    bool a_is_later = first->producer > second->producer;
    fmap_value later = a_is_later ? a : b;
    *residual = a_is_later ? b : a;
    return fmap_only_reader(graph, uses, later) ? fmap_producer(graph, later) : NULL;
}

static bool can_add(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                    fmap_algorithm algorithm) {
    if (!node || node->layer != &fmap_layer_conv || fmap_node_input(graph, node, FMAP_CONV_RESIDUAL))
        return false;
    const struct fmap_conv_parameters *parameters = node->parameters;
    return parameters->activate.kind == FMAP_ACTIVATE_NONE && fmap_conv_can_add(graph, node, algorithm);
}

static fmap_status add_to(struct fmap_graph *graph, struct fmap_graph_node *conv, fmap_value residual,
                          const struct fmap_activate_job *activate, fmap_error *error) {
    struct fmap_conv_parameters parameters = *(const struct fmap_conv_parameters *)conv->parameters;
    fmap_value *inputs = fmap_storage_take(&graph->storage, FMAP_CONV_RESIDUAL + 1, sizeof *inputs);
    if (!inputs) return fmap_fail_memory(error, (FMAP_CONV_RESIDUAL + 1) * sizeof *inputs);
    for (size_t i = 0; i < conv->n_inputs; i++) inputs[i] = conv->inputs[i];
    inputs[FMAP_CONV_RESIDUAL] = residual;
    conv->inputs = inputs;
    conv->n_inputs = FMAP_CONV_RESIDUAL + 1;
    parameters.activate = *activate;
    return fmap_replace_parameters(graph, conv, &parameters, sizeof parameters, error);
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *add = &graph->nodes[i];
        if (add->dead || add->layer != &fmap_layer_add) continue;
        const struct fmap_eltwise_parameters *parameters = add->parameters;
        fmap_value residual;
        struct fmap_graph_node *conv = last_producer(graph, uses, add, &residual);
        if (!can_add(graph, conv, options->algorithm)) continue;
        TRY(add_to(graph, conv, residual, &parameters->activate, error));
        fmap_fuse_nodes(graph, conv, add);
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fuse_add = {"fuse_add", apply};
