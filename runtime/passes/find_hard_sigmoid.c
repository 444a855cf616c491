/* find_hard_sigmoid: min(max(x + k, 0), m) / m, as exporters write it with k = 3 and m = 6, is HardSigmoid, and x times that
 * is HardSwish, in whichever order product and quotient stand. One rounding instead of two or three: the result differs
 * by roundings. */
#include "runtime/passes/match.h"

struct found {
    fmap_value x;
    struct fmap_activate_job function;
    struct fmap_graph_node *inner[3];
};

/* A clip from 0 to m of x + k. */
static bool is_clipped_sum(const struct fmap_graph *graph, const struct fmap_use *uses,
                           struct fmap_graph_node *clip, double factor, struct found *found) {
    struct fmap_activate_job limits;
    float k;
    bool first;
    if (!fmap_match_function(graph, clip, FMAP_ACTIVATE_CLIP, &limits) || limits.a < 0 || limits.a > 0)
        return false;
    if (!fmap_about(factor * (double)limits.b, 1.0)) return false;
    struct fmap_graph_node *add = fmap_inner_producer(graph, uses, fmap_node_input(graph, clip, 0));
    if (!fmap_match_with_number(graph, add, &fmap_layer_add, &found->x, &k, &first)) return false;
    found->function = (struct fmap_activate_job){FMAP_ACTIVATE_HARD_SIGMOID, (float)(1.0 / (double)limits.b),
                                                 (float)((double)k / (double)limits.b)};
    found->inner[0] = clip;
    found->inner[1] = add;
    return true;
}

/* x times such a clip. */
static bool is_product(const struct fmap_graph *graph, const struct fmap_use *uses,
                       struct fmap_graph_node *product, double factor, struct found *found) {
    if (!product || product->layer != &fmap_layer_mul) return false;
    for (size_t i = 0; i < 2; i++) {
        struct fmap_graph_node *clip = fmap_inner_producer(graph, uses, fmap_node_input(graph, product, i));
        if (!is_clipped_sum(graph, uses, clip, factor, found)) continue;
        if (fmap_node_input(graph, product, 1 - i) != found->x) continue;
        found->function.kind = FMAP_ACTIVATE_HARD_SWISH;
        found->inner[2] = product;
        return true;
    }
    return false;
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    (void)options;
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        struct found found = {.x = FMAP_NO_VALUE};
        fmap_value inside;
        double factor;
        if (node->dead || !fmap_match_multiple(graph, node, &inside, &factor)) continue;
        struct fmap_graph_node *inner = fmap_inner_producer(graph, uses, inside);
        if (!is_clipped_sum(graph, uses, inner, factor, &found) &&
            !is_product(graph, uses, inner, factor, &found))
            continue;
        TRY(fmap_become_function(graph, uses, node, found.x, &found.function, found.inner, 3, error));
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_find_hard_sigmoid = {"find_hard_sigmoid", apply};
