/* find_gate: x * Sigmoid(x) is SiLU, x * HardSigmoid(x) is HardSwish, in the same operations: the bits do not change.
 * x * Tanh(Softplus(x)) is Mish, by a shorter way: the result differs by roundings. A PRelu of one slope is a LeakyRelu. */
#include "runtime/layers/eltwise.h"
#include "runtime/passes/match.h"

struct found {
    struct fmap_activate_job function;
    struct fmap_graph_node *inner[2];
};

/* Whether the node computes a gate of x; what the gated x is. */
static bool is_gate(const struct fmap_graph *graph, const struct fmap_use *uses, struct fmap_graph_node *gate,
                    fmap_value x, struct found *found) {
    if (!gate || !fmap_function_of(graph, gate, &found->function)) return false;
    fmap_value in = fmap_node_input(graph, gate, 0);
    *found = (struct found){.function = found->function, .inner = {gate}};
    switch (found->function.kind) {
    case FMAP_ACTIVATE_SIGMOID: found->function.kind = FMAP_ACTIVATE_SILU; return in == x;
    case FMAP_ACTIVATE_HARD_SIGMOID: found->function.kind = FMAP_ACTIVATE_HARD_SWISH; return in == x;
    case FMAP_ACTIVATE_TANH: {
        struct fmap_activate_job softplus;
        found->inner[1] = fmap_inner_producer(graph, uses, in);
        found->function.kind = FMAP_ACTIVATE_MISH;
        return fmap_match_function(graph, found->inner[1], FMAP_ACTIVATE_SOFTPLUS, &softplus) &&
               fmap_node_input(graph, found->inner[1], 0) == x;
    }
    default: return false;
    }
}

static fmap_status gate(struct fmap_graph *graph, struct fmap_use *uses, struct fmap_graph_node *node,
                        fmap_error *error) {
    const struct fmap_eltwise_parameters *parameters = node->parameters;
    if (parameters->activate.kind != FMAP_ACTIVATE_NONE) return FMAP_OK;
    for (size_t i = 0; i < 2; i++) {
        fmap_value x = fmap_node_input(graph, node, i), y = fmap_node_input(graph, node, 1 - i);
        struct found found;
        if (!is_gate(graph, uses, fmap_inner_producer(graph, uses, y), x, &found)) continue;
        return fmap_become_function(graph, uses, node, x, &found.function, found.inner, 2, error);
    }
    return FMAP_OK;
}

static fmap_status one_slope(struct fmap_graph *graph, struct fmap_use *uses, struct fmap_graph_node *node,
                             fmap_error *error) {
    struct fmap_activate_job leaky = {.kind = FMAP_ACTIVATE_LEAKY};
    fmap_value x;
    bool first;
    if (!fmap_match_with_number(graph, node, &fmap_layer_prelu, &x, &leaky.a, &first) || first)
        return FMAP_OK;
    return fmap_become_function(graph, uses, node, x, &leaky, NULL, 0, error);
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    (void)options;
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        if (!node->dead && node->layer == &fmap_layer_mul) TRY(gate(graph, uses, node, error));
        if (!node->dead && node->layer == &fmap_layer_prelu) TRY(one_slope(graph, uses, node, error));
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_find_gate = {"find_gate", apply};
