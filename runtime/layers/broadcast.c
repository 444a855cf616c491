#include "runtime/layers/broadcast.h"

#include "runtime/layer.h"

static bool join(int64_t *size, int64_t other) {
    if (*size != other && *size != 1 && other != 1 && *size != FMAP_UNKNOWN && other != FMAP_UNKNOWN)
        return false;
    /* An unknown size beside another one can only be that one, or 1. */
    if (*size == 1 || (*size == FMAP_UNKNOWN && other != 1)) *size = other;
    return true;
}

fmap_status fmap_broadcast_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                 fmap_shape *out, fmap_error *error) {
    *out = fmap_input_value(graph, node, 0)->shape;
    for (size_t k = 1; k < node->n_inputs; k++) {
        const fmap_shape *other = &fmap_input_value(graph, node, k)->shape;
        fmap_shape joined = {.rank = out->rank > other->rank ? out->rank : other->rank};
        for (int i = 0; i < joined.rank; i++) {
            int64_t *size = &joined.dims[joined.rank - 1 - i];
            *size = fmap_dim_from_end(out, i);
            if (join(size, fmap_dim_from_end(other, i))) continue;
            return fmap_fail_node(
                graph, node, error, FMAP_ERROR_MODEL, "%s and %s cannot be broadcast together",
                fmap_input_text(graph, node, k - 1).text, fmap_input_text(graph, node, k).text);
        }
        *out = joined;
    }
    return FMAP_OK;
}

struct fmap_broadcast fmap_broadcast_of(const fmap_shape *const *operands, int n_operands,
                                        const fmap_shape *out) {
    struct fmap_broadcast rows = {.n_operands = n_operands, .rank = -1, .n = 1};
    int64_t strides[FMAP_MOST_OPERANDS][FMAP_MAX_RANK];
    for (int k = 0; k < n_operands; k++) fmap_strides_of(operands[k], strides[k]);
    for (int i = 0; i < out->rank; i++) {
        int64_t n = out->dims[i], step[FMAP_MOST_OPERANDS];
        int from_end = out->rank - 1 - i;
        bool joins = rows.rank >= 0; /* the axis before, along which all operands go on in the same way */
        for (int k = 0; k < n_operands; k++) {
            bool runs = fmap_dim_from_end(operands[k], from_end) > 1;
            step[k] = runs ? strides[k][operands[k]->rank - 1 - from_end] : 0;
            joins = joins && rows.strides[k][rows.rank] == n * step[k];
        }
        if (n == 1) continue;
        if (!joins) rows.dims[++rows.rank] = 1;
        rows.dims[rows.rank] *= n;
        for (int k = 0; k < n_operands; k++) rows.strides[k][rows.rank] = step[k];
    }
    if (rows.rank < 0) {
        rows.rank = 0;
        rows.dims[0] = 1;
        for (int k = 0; k < n_operands; k++) rows.strides[k][0] = 1;
    }
    for (int i = 0; i < rows.rank; i++) rows.n *= rows.dims[i];
    return rows;
}

void fmap_broadcast_offsets(const struct fmap_broadcast *rows, int64_t row, int64_t *offsets) {
    for (int k = 0; k < rows->n_operands; k++) offsets[k] = 0;
    for (int i = rows->rank - 1; i >= 0; i--) {
        int64_t index = row % rows->dims[i];
        row /= rows->dims[i];
        for (int k = 0; k < rows->n_operands; k++) offsets[k] += index * rows->strides[k][i];
    }
}
