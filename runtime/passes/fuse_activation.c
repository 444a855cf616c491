/* fuse_activation: an activation, or any function of one number, is the last thing that the layer before it does to a
 * value, while it is still in a register or in the first cache. The same operations in the same order: the bits do not change. */
#include "runtime/layer.h"
#include "runtime/layers/activation.h"
#include "runtime/layers/batch_normalization.h"
#include "runtime/layers/conv.h"
#include "runtime/layers/conv_transpose.h"
#include "runtime/layers/dense.h"
#include "runtime/layers/eltwise.h"
#include "runtime/passes/passes.h"

#include <stddef.h>
#include <string.h>

/* Layers that can activate, and where their parameters say how. */
static const struct activating {
    const struct fmap_layer *layer;
    size_t bytes;
    size_t offset;
} activating[] = {
#define ACTIVATING(layer, parameters) \
    { &fmap_layer_##layer, sizeof(parameters), offsetof(parameters, activate) }
    ACTIVATING(conv, struct fmap_conv_parameters),
    ACTIVATING(conv_transpose, struct fmap_conv_transpose_parameters),
    ACTIVATING(gemm, struct fmap_dense_parameters),
    ACTIVATING(matmul, struct fmap_dense_parameters),
    ACTIVATING(batch_normalization, struct fmap_batch_normalization_parameters),
    ACTIVATING(add, struct fmap_eltwise_parameters),
    ACTIVATING(mul, struct fmap_eltwise_parameters),
    ACTIVATING(sub, struct fmap_eltwise_parameters),
    ACTIVATING(div, struct fmap_eltwise_parameters),
    ACTIVATING(max, struct fmap_eltwise_parameters),
    ACTIVATING(min, struct fmap_eltwise_parameters),
    ACTIVATING(sum, struct fmap_eltwise_parameters),
    ACTIVATING(mean, struct fmap_eltwise_parameters),
    ACTIVATING(prelu, struct fmap_eltwise_parameters),
#undef ACTIVATING
};

static const struct activating *find(const struct fmap_layer *layer) {
    for (size_t i = 0; i < sizeof activating / sizeof activating[0]; i++) {
        if (activating[i].layer == layer) return &activating[i];
    }
    return NULL;
}

/* Gives the node its own copy of its parameters, with the activation. */
static fmap_status activate(struct fmap_graph *graph, struct fmap_graph_node *node,
                            const struct activating *kind, const struct fmap_activate_job *job,
                            fmap_error *error) {
    char *parameters = fmap_storage_copy(&graph->storage, node->parameters, kind->bytes, 1);
    if (!parameters) return fmap_fail_memory(error, kind->bytes);
    memcpy(parameters + kind->offset, job, sizeof *job);
    node->parameters = parameters;
    return FMAP_OK;
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    (void)options;
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        const struct activating *kind = find(node->layer);
        struct fmap_graph_node *after = kind && !node->dead ? fmap_only_reader(graph, uses, node->outputs[0])
                                                            : NULL;
        struct fmap_activate_job job;
        if (!after || !fmap_function_of(graph, after, &job)) continue;
        TRY(activate(graph, node, kind, &job, error));
        fmap_fuse_nodes(graph, node, after);
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fuse_activation = {"fuse_activation", apply};
