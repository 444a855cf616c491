#include "runtime/passes/passes.h"

#include <string.h>

static const struct fmap_pass *const passes[] = {
#define PASS(name) &fmap_pass_##name,
#include "runtime/passes/passes.inc"
#undef PASS
};

static bool names(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *word = list; word && *word; word += strspn(word, " ")) {
        size_t word_length = strcspn(word, " ");
        if (word_length == length && memcmp(word, name, length) == 0) return true;
        word += word_length;
    }
    return false;
}

fmap_status fmap_run_passes(struct fmap_graph *graph, const struct fmap_pass_options *options,
                            fmap_error *error) {
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        if (!names(options->without, passes[i]->name)) TRY(passes[i]->apply(graph, options, error));
    }
    return FMAP_OK;
}

struct fmap_use *fmap_graph_uses(struct fmap_graph *graph) {
    struct fmap_use *uses = fmap_storage_take(&graph->storage, graph->n_values, sizeof *uses);
    if (!uses) return NULL;
    for (size_t i = 0; i < graph->n_values; i++) uses[i].reader = -1;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->n_inputs && !node->dead; k++) {
            struct fmap_use *use = &uses[fmap_node_input(graph, node, k)];
            use->n_readers++;
            use->reader = (int64_t)i;
        }
    }
    for (size_t i = 0; i < graph->n_outputs; i++)
        uses[fmap_graph_resolve(graph, graph->outputs[i])].output = true;
    return uses;
}

bool fmap_seen_outside(const struct fmap_graph *graph, const struct fmap_use *uses, fmap_value value) {
    return uses[value].output || graph->values[value].kept;
}

struct fmap_graph_node *fmap_only_reader(const struct fmap_graph *graph, const struct fmap_use *uses,
                                         fmap_value value) {
    if (uses[value].n_readers != 1 || fmap_seen_outside(graph, uses, value)) return NULL;
    return &graph->nodes[uses[value].reader];
}

struct fmap_graph_node *fmap_producer(const struct fmap_graph *graph, fmap_value value) {
    int64_t index = graph->values[value].producer;
    if (!value || index < 0) return NULL;
    struct fmap_graph_node *node = &graph->nodes[index];
    return node->dead || node->outputs[0] != value ? NULL : node;
}

void fmap_take_over(struct fmap_graph *graph, const struct fmap_graph_node *taker,
                    struct fmap_graph_node *removed) {
    removed->dead = true;
    removed->fused_into = taker->origin;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        if (node->dead && node->fused_into == removed->origin) node->fused_into = taker->origin;
    }
}

void fmap_fuse_nodes(struct fmap_graph *graph, struct fmap_graph_node *producer,
                     struct fmap_graph_node *removed) {
    producer->outputs[0] = removed->outputs[0];
    graph->values[removed->outputs[0]].producer = producer - graph->nodes;
    fmap_take_over(graph, producer, removed);
}

fmap_status fmap_insert_node(struct fmap_graph *graph, size_t slot, const struct fmap_graph_node *node,
                             fmap_error *error) {
    if (!fmap_graph_add_node(graph, node)) return fmap_fail_memory(error, sizeof *node);
    struct fmap_graph_node added = graph->nodes[graph->n_nodes - 1], *behind = &graph->nodes[slot + 1];
    memmove(behind + 1, behind, (graph->n_nodes - slot - 2) * sizeof *behind);
    *behind = added;
    for (size_t i = 0; i < graph->n_values; i++) {
        if (graph->values[i].producer > (int64_t)slot) graph->values[i].producer++;
    }
    for (size_t i = 0; i < added.n_outputs; i++) graph->values[added.outputs[i]].producer = (int64_t)slot + 1;
    return FMAP_OK;
}

fmap_status fmap_remove_unread(struct fmap_graph *graph, const struct fmap_layer *layer, fmap_error *error) {
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = graph->n_nodes; i-- > 0;) {
        struct fmap_graph_node *node = &graph->nodes[i];
        fmap_value out = node->outputs[0];
        if (node->dead || node->layer != layer || graph->values[out].alias || uses[out].n_readers > 0 ||
            fmap_seen_outside(graph, uses, out))
            continue;
        node->dead = true;
        for (size_t k = 0; k < node->n_inputs; k++) uses[fmap_node_input(graph, node, k)].n_readers--;
    }
    return FMAP_OK;
}

fmap_status fmap_replace_parameters(struct fmap_graph *graph, struct fmap_graph_node *node,
                                    const void *parameters, size_t bytes, fmap_error *error) {
    const void *copy = fmap_storage_copy(&graph->storage, parameters, bytes, 1);
    if (!copy) return fmap_fail_memory(error, bytes);
    node->parameters = copy;
    return FMAP_OK;
}
