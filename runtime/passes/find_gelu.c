/* find_gelu: x / 2 * (1 + Erf(x / sqrt(2))) is Gelu, in whichever order the three factors are multiplied, and whether x is
 * divided or multiplied. Where it is divided the result differs by roundings. */
#include "runtime/layers/eltwise.h"
#include "runtime/passes/match.h"

/* 1 + Erf(x / sqrt(2)), and the nodes that it is made of. */
struct bell {
    fmap_value x;
    struct fmap_graph_node *inner[3];
};

static bool is_bell(const struct fmap_graph *graph, const struct fmap_use *uses, fmap_value value,
                    struct bell *bell) {
    struct fmap_activate_job erf;
    fmap_value inside;
    float one;
    double factor;
    bool first;
    bell->inner[0] = fmap_inner_producer(graph, uses, value);
    if (!fmap_match_with_number(graph, bell->inner[0], &fmap_layer_add, &inside, &one, &first)) return false;
    bell->inner[1] = fmap_inner_producer(graph, uses, inside);
    if (!fmap_about((double)one, 1.0) || !fmap_match_function(graph, bell->inner[1], FMAP_ACTIVATE_ERF, &erf))
        return false;
    bell->inner[2] = fmap_inner_producer(graph, uses, fmap_node_input(graph, bell->inner[1], 0));
    return fmap_match_multiple(graph, bell->inner[2], &bell->x, &factor) &&
           fmap_about(factor, 0.70710678118654752440);
}

/* Whether a value is half of x. */
static bool is_half(const struct fmap_graph *graph, const struct fmap_graph_node *node, fmap_value x) {
    fmap_value of;
    double factor;
    return fmap_match_multiple(graph, node, &of, &factor) && of == x && fmap_about(factor, 0.5);
}

static bool is_product(const struct fmap_graph_node *node) {
    return node && !node->dead && node->layer == &fmap_layer_mul &&
           ((const struct fmap_eltwise_parameters *)node->parameters)->activate.kind == FMAP_ACTIVATE_NONE;
}

/* A product of x, or of half of x, and the rest: *rest is its operand for which is_bell() holds, or half of that. */
static bool is_x_times_bell(const struct fmap_graph *graph, const struct fmap_use *uses,
                            const struct fmap_graph_node *product, bool halved, struct bell *bell,
                            struct fmap_graph_node **half) {
    if (!is_product(product)) return false;
    for (size_t i = 0; i < 2; i++) {
        fmap_value other = fmap_node_input(graph, product, i), value = fmap_node_input(graph, product, 1 - i);
        double factor;
        *half = NULL;
        if (halved) { /* (x / 2) * bell or x * (bell / 2) */
            if (is_bell(graph, uses, value, bell)) {
                *half = fmap_inner_producer(graph, uses, other);
                if (is_half(graph, *half, bell->x)) return true;
                continue;
            }
            *half = fmap_inner_producer(graph, uses, value);
            if (!fmap_match_multiple(graph, *half, &value, &factor) || !fmap_about(factor, 0.5)) continue;
        }
        if (is_bell(graph, uses, value, bell) && bell->x == other) return true;
    }
    return false;
}

/* The whole: x * bell, one of the two halved, or their product. */
static bool is_gelu(const struct fmap_graph *graph, const struct fmap_use *uses,
                    const struct fmap_graph_node *node, struct bell *bell, struct fmap_graph_node **last) {
    fmap_value inside;
    double factor;
    struct fmap_graph_node *none;
    if (is_x_times_bell(graph, uses, node, true, bell, last)) return true;
    if (!fmap_match_multiple(graph, node, &inside, &factor) || !fmap_about(factor, 0.5)) return false;
    *last = fmap_inner_producer(graph, uses, inside);
    return is_x_times_bell(graph, uses, *last, false, bell, &none);
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    static const struct fmap_activate_job gelu = {.kind = FMAP_ACTIVATE_GELU};
    (void)options;
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i], *last;
        struct bell bell;
        if (node->dead || (node->layer != &fmap_layer_mul && node->layer != &fmap_layer_div)) continue;
        if (!is_gelu(graph, uses, node, &bell, &last)) continue;
        struct fmap_graph_node *inner[] = {bell.inner[0], bell.inner[1], bell.inner[2], last};
        TRY(fmap_become_function(graph, uses, node, bell.x, &gelu, inner, 4, error));
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_find_gelu = {"find_gelu", apply};
