/* fold_pad: zeros that a Pad puts around an image are padding that the next layer can do itself.
 *
 * A Conv takes them as they are. An AveragePool does when it counts padding, or has none of its own: then it
 * counts the Pad's zeros. A MaxPool does not: zero may be the largest element, padding never is; but it takes
 * what is minus infinity. */
#include "runtime/layer.h"
#include "runtime/layers/conv.h"
#include "runtime/layers/pad.h"
#include "runtime/layers/pool.h"
#include "runtime/passes/passes.h"

#include <math.h>

/* The zeros, or the least numbers for a maximum, around the image: top, left, bottom, right. False when the node does
 * anything else. */
static bool zeros_around(const struct fmap_graph *graph, const struct fmap_graph_node *node, bool for_maximum,
                         int64_t *zeros) {
    struct fmap_pads pads;
    int rank = fmap_input_value(graph, node, 0)->shape.rank;
    if ((rank != 3 && rank != 4) || fmap_pads_of(graph, node, &pads, NULL) != FMAP_OK) return false;
    if (pads.mode != FMAP_PAD_CONSTANT || fmap_input_value(graph, node, 0)->type != FMAP_FLOAT32)
        return false;
    if (for_maximum ? fmap_float_at(pads.value, 0) != -INFINITY : !fmap_pads_with_zero(&pads)) return false;
    for (int i = 0; i < rank; i++) {
        if (pads.before[i] < 0 || pads.after[i] < 0) return false;
        if (i < 2 && (pads.before[i] > 0 || pads.after[i] > 0)) return false;
    }
    zeros[0] = rank == 4 ? pads.before[2] : 0;
    zeros[1] = pads.before[rank - 1];
    zeros[2] = rank == 4 ? pads.after[2] : 0;
    zeros[3] = pads.after[rank - 1];
    return true;
}

/* The window with explicit pads, of which the Pad's zeros are now a part, as long as that gives the same
 * output. */
static bool widen(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                  const fmap_shape *unpadded, const int64_t *zeros, struct fmap_window_parameters *window) {
    const fmap_shape *padded = &fmap_input_value(graph, node, 0)->shape;
    struct fmap_window_size before, after;
    int64_t kernel[2];
    bool conv = node->layer == &fmap_layer_conv;
    if (conv) {
        const fmap_shape *weights = &fmap_input_value(graph, node, 1)->shape;
        kernel[0] = weights->rank == 4 ? weights->dims[2] : 1;
        kernel[1] = weights->dims[weights->rank - 1];
    }
    if (fmap_window_resolve(graph, node, window, padded, conv ? kernel : NULL, &before, NULL) != FMAP_OK)
        return false;
    window->auto_pad = FMAP_AUTO_PAD_NONE;
    for (int i = 0; i < 4; i++) {
        window->pads[i] = before.pads[i] + zeros[i];
        if (window->pads[i] > INT32_MAX) return false;
    }
    return fmap_window_resolve(graph, node, window, unpadded, conv ? kernel : NULL, &after, NULL) ==
               FMAP_OK &&
           after.out[0] == before.out[0] && after.out[1] == before.out[1];
}

static bool has_own_pads(const struct fmap_window_parameters *window) {
    return window->pads[0] > 0 || window->pads[1] > 0 || window->pads[2] > 0 || window->pads[3] > 0 ||
           window->auto_pad == FMAP_AUTO_PAD_SAME_UPPER || window->auto_pad == FMAP_AUTO_PAD_SAME_LOWER;
}

/* Gives the node the zeros to do itself; *done says whether it could take them. */
static fmap_status take_zeros(struct fmap_graph *graph, struct fmap_graph_node *node,
                              const fmap_shape *unpadded, const int64_t *zeros, bool *done,
                              fmap_error *error) {
    *done = false;
    if (node->layer == &fmap_layer_conv) {
        struct fmap_conv_parameters parameters = *(const struct fmap_conv_parameters *)node->parameters;
        if (!widen(graph, node, unpadded, zeros, &parameters.window)) return FMAP_OK;
        *done = true;
        return fmap_replace_parameters(graph, node, &parameters, sizeof parameters, error);
    }
    if (node->layer == &fmap_layer_max_pool) {
        struct fmap_pool_parameters parameters = *(const struct fmap_pool_parameters *)node->parameters;
        if (!widen(graph, node, unpadded, zeros, &parameters.window)) return FMAP_OK;
        *done = true;
        return fmap_replace_parameters(graph, node, &parameters, sizeof parameters, error);
    }
    if (node->layer == &fmap_layer_average_pool) {
        struct fmap_pool_parameters parameters = *(const struct fmap_pool_parameters *)node->parameters;
        bool own = has_own_pads(&parameters.window);
        /* What hangs over the end in ceil_mode would begin to count as padding. */
        if ((own && !parameters.count_padding) || parameters.window.ceil_mode) return FMAP_OK;
        if (!widen(graph, node, unpadded, zeros, &parameters.window)) return FMAP_OK;
        parameters.count_padding = true;
        *done = true;
        return fmap_replace_parameters(graph, node, &parameters, sizeof parameters, error);
    }
    return FMAP_OK;
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    (void)options;
    struct fmap_use *uses = fmap_graph_uses(graph);
    if (!uses) return fmap_fail_memory(error, graph->n_values * sizeof *uses);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        struct fmap_graph_node *node = &graph->nodes[i];
        bool maximum = node->layer == &fmap_layer_max_pool && node->n_outputs == 1;
        if (node->dead ||
            (node->layer != &fmap_layer_conv && node->layer != &fmap_layer_average_pool && !maximum))
            continue;
        fmap_value padded = fmap_node_input(graph, node, 0);
        struct fmap_graph_node *pad = fmap_producer(graph, padded);
        int64_t zeros[4];
        bool done;
        if (!pad || pad->layer != &fmap_layer_pad || !zeros_around(graph, pad, maximum, zeros)) continue;
        TRY(take_zeros(graph, node, &fmap_input_value(graph, pad, 0)->shape, zeros, &done, error));
        if (!done) continue;
        node->inputs[0] = fmap_node_input(graph, pad, 0);
        if (--uses[padded].n_readers > 0 || fmap_seen_outside(graph, uses, padded))
            continue; /* others need it */
        pad->dead = true;
        pad->fused_into = node->origin;
    }
    return FMAP_OK;
}

const struct fmap_pass fmap_pass_fold_pad = {"fold_pad", apply};
