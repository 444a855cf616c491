/* Expand and Tile: the same elements again and again. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/moves.h"

static fmap_status expand_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                fmap_error *error) {
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    if (fmap_input_pending(graph, node, 1)) return fmap_defer_outputs(graph, node);
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    fmap_shape wanted = {.rank = 0};
    size_t n;
    TRY(fmap_constant_ints(graph, node, 1, wanted.dims, FMAP_MAX_RANK, &n, error));
    wanted.rank = (int)n;
    fmap_shape out = {.rank = wanted.rank > in->shape.rank ? wanted.rank : in->shape.rank};
    for (int i = 0; i < out.rank; i++) {
        int a = i - (out.rank - in->shape.rank), b = i - (out.rank - wanted.rank);
        int64_t size = a >= 0 ? in->shape.dims[a] : 1, other = b >= 0 ? wanted.dims[b] : 1;
        if (other < 0 || (size != other && size != 1 && other != 1 && size != FMAP_UNKNOWN)) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s cannot be expanded to %s",
                                  fmap_input_text(graph, node, 0).text, fmap_shape_text(&wanted).text);
        }
        out.dims[i] = size == 1 ? other : size == FMAP_UNKNOWN && other != 1 ? other : size;
    }
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

static fmap_status expand_plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value in = fmap_node_input(planning->graph, node, 0), out = node->outputs[0];
    const fmap_shape *from = &planning->graph->values[in].shape, *to = &planning->graph->values[out].shape;
    struct fmap_strided strided = {.rank = to->rank};
    int64_t strides[FMAP_MAX_RANK];
    int missing = to->rank - from->rank;
    if (fmap_shape_product(from, 0, from->rank) == fmap_shape_product(to, 0, to->rank)) {
        fmap_plan_same_elements(planning, out, in);
        return FMAP_OK;
    }
    fmap_strides_of(from, strides);
    fmap_strides_of(to, strided.dst_strides);
    for (int i = 0; i < to->rank; i++) {
        strided.dims[i] = to->dims[i];
        strided.src_strides[i] = i < missing || from->dims[i - missing] == 1 ? 0 : strides[i - missing];
    }
    return fmap_plan_move(planning, node, in, out, FMAP_FORM_PLAIN, &strided);
}

const struct fmap_layer fmap_layer_expand = {.op = "Expand",
                                             .min_inputs = 2,
                                             .max_inputs = 2,
                                             .max_outputs = 1,
                                             .shape = expand_shape,
                                             .plan = expand_plan};

/* Before opset 6 there were a number of tiles and the axis that they lie along. */
static fmap_status read_repeats(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                int64_t repeats[FMAP_MAX_RANK], fmap_error *error) {
    int rank = fmap_input_value(graph, node, 0)->shape.rank, axis;
    size_t n, n_axes;
    TRY(fmap_constant_ints(graph, node, 1, repeats, FMAP_MAX_RANK, &n, error));
    if (fmap_input_value(graph, node, 2)) {
        TRY(fmap_constant_axes(graph, node, 2, rank, &axis, &n_axes, error));
        int64_t tiles = repeats[0];
        bool one = n == 1 && n_axes == 1;
        n = one ? (size_t)rank : SIZE_MAX;
        for (int i = 0; i < rank && one; i++) repeats[i] = i == axis ? tiles : 1;
    }
    bool good = n == (size_t)rank;
    for (size_t i = 0; i < n && good; i++) good = repeats[i] >= 0;
    if (good) return FMAP_OK;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                          "%s does not say how often each axis of %s is repeated",
                          fmap_input_text(graph, node, 1).text, fmap_input_text(graph, node, 0).text);
}

static fmap_status tile_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                              fmap_error *error) {
    int64_t repeats[FMAP_MAX_RANK];
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    fmap_shape out = in->shape;
    if (fmap_input_pending(graph, node, 1) || fmap_input_pending(graph, node, 2)) {
        for (int i = 0; i < out.rank; i++) out.dims[i] = FMAP_UNKNOWN;
        return fmap_set_output_type(graph, node, 0, in->type, &out);
    }
    TRY(read_repeats(graph, node, repeats, error));
    for (int i = 0; i < out.rank; i++) {
        if (in->shape.dims[i] == FMAP_UNKNOWN) continue;
        if (__builtin_mul_overflow(in->shape.dims[i], repeats[i], &out.dims[i])) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT,
                                  "axis %d of %s is repeated %lld times", i,
                                  fmap_input_text(graph, node, 0).text, (long long)repeats[i]);
        }
    }
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

static fmap_status tile_plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value in = fmap_node_input(planning->graph, node, 0), out = node->outputs[0];
    const fmap_shape *from = &planning->graph->values[in].shape, *to = &planning->graph->values[out].shape;
    struct fmap_strided strided = {.rank = 2 * from->rank};
    int64_t src[FMAP_MAX_RANK], dst[FMAP_MAX_RANK], repeats[FMAP_MAX_RANK];
    TRY(read_repeats(planning->graph, node, repeats, planning->error));
    if (fmap_shape_equal(from, to)) {
        fmap_plan_same_elements(planning, out, in);
        return FMAP_OK;
    }
    fmap_strides_of(from, src);
    fmap_strides_of(to, dst);
    for (int i = 0; i < from->rank; i++) {
        strided.dims[2 * i] = repeats[i];
        strided.dst_strides[2 * i] = from->dims[i] * dst[i];
        strided.dims[2 * i + 1] = from->dims[i];
        strided.src_strides[2 * i + 1] = src[i];
        strided.dst_strides[2 * i + 1] = dst[i];
    }
    return fmap_plan_move(planning, node, in, out, FMAP_FORM_PLAIN, &strided);
}

const struct fmap_layer fmap_layer_tile = {
    .op = "Tile", .min_inputs = 2, .max_inputs = 3, .max_outputs = 1, .shape = tile_shape, .plan = tile_plan};
