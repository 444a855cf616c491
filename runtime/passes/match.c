#include "runtime/passes/match.h"

#include "runtime/layers/eltwise.h"

#include <math.h>

struct fmap_graph_node *fmap_inner_producer(const struct fmap_graph *graph, const struct fmap_use *uses,
                                            fmap_value value) {
    if (!value || uses[value].n_readers != 1 || fmap_seen_outside(graph, uses, value)) return NULL;
    return fmap_producer(graph, value);
}

static bool is_number(const struct fmap_graph *graph, fmap_value value, float *number) {
    const struct fmap_graph_value *constant = &graph->values[value];
    if (!constant->data || constant->type != FMAP_FLOAT32 ||
        fmap_shape_product(&constant->shape, 0, constant->shape.rank) != 1)
        return false;
    *number = fmap_float_at(constant->data, 0);
    return true;
}

bool fmap_match_with_number(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                            const struct fmap_layer *layer, fmap_value *other, float *number, bool *first) {
    if (!node || node->layer != layer || node->n_inputs != 2) return false;
    const struct fmap_eltwise_parameters *parameters = node->parameters;
    if (parameters->activate.kind != FMAP_ACTIVATE_NONE) return false;
    for (size_t i = 0; i < 2; i++) {
        *other = fmap_node_input(graph, node, 1 - i);
        *first = i == 0;
        if (!is_number(graph, fmap_node_input(graph, node, i), number) || graph->values[*other].data)
            continue;
        return fmap_shape_equal(&graph->values[*other].shape, &fmap_output_value(graph, node, 0)->shape);
    }
    return false;
}

bool fmap_match_multiple(const struct fmap_graph *graph, const struct fmap_graph_node *node, fmap_value *x,
                         double *factor) {
    float number;
    bool first;
    if (fmap_match_with_number(graph, node, &fmap_layer_mul, x, &number, &first)) {
        *factor = (double)number;
        return true;
    }
    if (!fmap_match_with_number(graph, node, &fmap_layer_div, x, &number, &first) || first) return false;
    *factor = 1.0 / (double)number;
    return true;
}

bool fmap_match_function(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         enum fmap_activate kind, struct fmap_activate_job *function) {
    return node && fmap_function_of(graph, node, function) && function->kind == kind;
}

bool fmap_about(double a, double b) { return fabs(a - b) <= 1e-6 * fabs(b); }

static void count(const struct fmap_graph *graph, struct fmap_use *uses, const struct fmap_graph_node *node,
                  int64_t readers) {
    for (size_t i = 0; i < node->n_inputs; i++) uses[fmap_node_input(graph, node, i)].n_readers += readers;
}

fmap_status fmap_become_function(struct fmap_graph *graph, struct fmap_use *uses,
                                 struct fmap_graph_node *node, fmap_value x,
                                 const struct fmap_activate_job *function, struct fmap_graph_node **inner,
                                 size_t n_inner, fmap_error *error) {
    fmap_value *input = fmap_storage_take(&graph->storage, 1, sizeof *input);
    if (!input) return fmap_fail_memory(error, sizeof *input);
    TRY(fmap_replace_parameters(graph, node, function, sizeof *function, error));
    count(graph, uses, node, -1);
    *input = x;
    node->layer = &fmap_layer_swish;
    node->inputs = input;
    node->n_inputs = 1;
    count(graph, uses, node, 1);
    for (size_t i = 0; i < n_inner; i++) {
        if (!inner[i]) continue;
        count(graph, uses, inner[i], -1);
        inner[i]->dead = true;
        inner[i]->fused_into = node->origin;
        for (size_t k = 0; k < graph->n_nodes; k++) { /* what it has taken in before */
            struct fmap_graph_node *other = &graph->nodes[k];
            if (other->dead && other->fused_into == inner[i]->origin) other->fused_into = node->origin;
        }
    }
    return FMAP_OK;
}
