#include "runtime/graph.h"

#include "runtime/layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fmap_graph_open(struct fmap_graph *graph, const fmap_allocator *allocator) {
    *graph = (struct fmap_graph){.storage = {.allocator = fmap_allocator_or_default(allocator)}};
    struct fmap_graph_value none = {.name = "", .type = FMAP_FLOAT32, .producer = -1};
    graph->values = fmap_storage_grow(&graph->storage, NULL, 0, &graph->values_capacity, sizeof none);
    if (!graph->values) return false;
    graph->values[graph->n_values++] = none;
    return true;
}

static bool copy_node_lists(struct fmap_graph *graph, struct fmap_graph_node *node) {
    node->inputs = fmap_storage_copy(&graph->storage, node->inputs, node->n_inputs, sizeof *node->inputs);
    node->outputs = fmap_storage_copy(&graph->storage, node->outputs, node->n_outputs, sizeof *node->outputs);
    return node->inputs && node->outputs;
}

bool fmap_graph_copy(struct fmap_graph *graph, const struct fmap_graph *source,
                     const fmap_allocator *allocator) {
    *graph = *source;
    graph->storage = (struct fmap_storage){.allocator = fmap_allocator_or_default(allocator)};
    struct fmap_storage *storage = &graph->storage;
    graph->values_capacity = source->n_values;
    graph->nodes_capacity = source->n_nodes;
    graph->inputs_capacity = source->n_inputs;
    graph->outputs_capacity = source->n_outputs;
    graph->values = fmap_storage_copy(storage, source->values, source->n_values, sizeof *source->values);
    graph->nodes = fmap_storage_copy(storage, source->nodes, source->n_nodes, sizeof *source->nodes);
    graph->inputs = fmap_storage_copy(storage, source->inputs, source->n_inputs, sizeof *source->inputs);
    graph->outputs = fmap_storage_copy(storage, source->outputs, source->n_outputs, sizeof *source->outputs);
    if (!graph->values || !graph->nodes || !graph->inputs || !graph->outputs) return false;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        if (!copy_node_lists(graph, &graph->nodes[i])) return false;
    }
    return true;
}

void fmap_graph_close(struct fmap_graph *graph) { fmap_storage_release(&graph->storage); }

fmap_value fmap_graph_add_value(struct fmap_graph *graph, const struct fmap_graph_value *value) {
    if (graph->n_values >= INT32_MAX) return FMAP_NO_VALUE;
    struct fmap_graph_value *values = fmap_storage_grow(&graph->storage, graph->values, graph->n_values,
                                                        &graph->values_capacity, sizeof *values);
    if (!values) return FMAP_NO_VALUE;
    graph->values = values;
    values[graph->n_values] = *value;
    return (fmap_value)graph->n_values++;
}

struct fmap_graph_node *fmap_graph_add_node(struct fmap_graph *graph, const struct fmap_graph_node *node) {
    struct fmap_graph_node *nodes = fmap_storage_grow(&graph->storage, graph->nodes, graph->n_nodes,
                                                      &graph->nodes_capacity, sizeof *nodes);
    if (!nodes) return NULL;
    graph->nodes = nodes;
    struct fmap_graph_node copy = *node;
    if (!copy_node_lists(graph, &copy)) return NULL;
    nodes[graph->n_nodes] = copy;
    return &nodes[graph->n_nodes++];
}

static bool add_port(struct fmap_storage *storage, fmap_value **ports, size_t *n, size_t *capacity,
                     fmap_value value) {
    fmap_value *grown = fmap_storage_grow(storage, *ports, *n, capacity, sizeof *grown);
    if (!grown) return false;
    *ports = grown;
    grown[(*n)++] = value;
    return true;
}

bool fmap_graph_add_input(struct fmap_graph *graph, fmap_value value) {
    return add_port(&graph->storage, &graph->inputs, &graph->n_inputs, &graph->inputs_capacity, value);
}

bool fmap_graph_add_output(struct fmap_graph *graph, fmap_value value) {
    return add_port(&graph->storage, &graph->outputs, &graph->n_outputs, &graph->outputs_capacity, value);
}

fmap_value fmap_graph_resolve(const struct fmap_graph *graph, fmap_value value) {
    while (graph->values[value].alias) value = graph->values[value].alias;
    return value;
}

fmap_value fmap_node_input(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i) {
    return i < node->n_inputs ? fmap_graph_resolve(graph, node->inputs[i]) : FMAP_NO_VALUE;
}

struct fmap_graph_value *fmap_input_value(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                          size_t i) {
    fmap_value value = fmap_node_input(graph, node, i);
    return value ? &graph->values[value] : NULL;
}

struct fmap_graph_value *fmap_output_value(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                           size_t i) {
    return &graph->values[node->outputs[i]];
}

fmap_status fmap_fail_node(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                           fmap_error *error, fmap_status status, const char *format, ...) {
    char sentence[FMAP_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return fmap_fail(error, status, "%.120s: node '%.120s' (%s): %s", graph->name, node->name,
                     node->layer->op, sentence);
}

struct fmap_input_text fmap_input_text(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                       size_t i) {
    struct fmap_input_text result;
    const struct fmap_graph_value *value = fmap_input_value(graph, node, i);
    if (!value) {
        snprintf(result.text, sizeof result.text, "input %zu (left out)", i);
    } else {
        snprintf(result.text, sizeof result.text, "input %zu '%.120s' of shape %s", i, value->name,
                 fmap_shape_text(&value->shape).text);
    }
    return result;
}
