/* Slice: a range of each axis, forwards or backwards, in steps. Whole blocks of channels stay in blocked form, and what
 * lies side by side in memory is not even copied. */
#include "runtime/layers/slice.h"

#include "runtime/layer.h"
#include "runtime/layers/channels.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/moves.h"

static int64_t clamp(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

/* numpy's rule for start:end:step of an axis of n elements. */
static void take_range(struct fmap_slices *slices, int axis, int64_t n, int64_t start, int64_t end,
                       int64_t step) {
    step = clamp(step, -INT32_MAX, INT32_MAX); /* further than any axis is long */
    slices->step[axis] = step;
    if (n == FMAP_UNKNOWN) {
        bool whole = start == 0 && step == 1 && end >= INT32_MAX;
        slices->first[axis] = 0;
        slices->count[axis] = FMAP_UNKNOWN;
        if (!whole) slices->first[axis] = FMAP_UNKNOWN;
        return;
    }
    if (start < 0) start += n;
    if (end < 0) end += n;
    start = step > 0 ? clamp(start, 0, n) : clamp(start, -1, n - 1);
    end = step > 0 ? clamp(end, 0, n) : clamp(end, -1, n - 1);
    int64_t distance = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    slices->first[axis] = start;
    slices->count[axis] = distance > 0 ? (distance - 1) / stride + 1 : 0;
}

/* What the inputs say, axis by axis that they name. */
struct ranges {
    size_t n;
    int64_t starts[FMAP_MAX_RANK], ends[FMAP_MAX_RANK], steps[FMAP_MAX_RANK];
    int axes[FMAP_MAX_RANK];
};

static fmap_status read_ranges(const struct fmap_graph *graph, const struct fmap_graph_node *node, int rank,
                               struct ranges *ranges, fmap_error *error) {
    size_t n, n_ends, n_axes, n_steps;
    TRY(fmap_constant_ints(graph, node, 1, ranges->starts, FMAP_MAX_RANK, &n, error));
    TRY(fmap_constant_ints(graph, node, 2, ranges->ends, FMAP_MAX_RANK, &n_ends, error));
    TRY(fmap_constant_axes(graph, node, 3, rank, ranges->axes, &n_axes, error));
    TRY(fmap_constant_ints(graph, node, 4, ranges->steps, FMAP_MAX_RANK, &n_steps, error));
    if (!fmap_input_value(graph, node, 3)) {
        for (n_axes = 0; n_axes < n; n_axes++) ranges->axes[n_axes] = (int)n_axes;
    }
    if (!fmap_input_value(graph, node, 4)) {
        for (n_steps = 0; n_steps < n; n_steps++) ranges->steps[n_steps] = 1;
    }
    ranges->n = n;
    if (n_ends == n && n_axes == n && n_steps == n && n <= (size_t)rank) return FMAP_OK;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                          "has %zu starts, %zu ends, %zu axes and %zu steps for %s, expected as many of each",
                          n, n_ends, n_axes, n_steps, fmap_input_text(graph, node, 0).text);
}

fmap_status fmap_slices_of(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                           struct fmap_slices *slices, fmap_error *error) {
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    struct ranges ranges;
    TRY(read_ranges(graph, node, in->rank, &ranges, error));
    for (int i = 0; i < in->rank; i++) {
        slices->first[i] = 0;
        slices->count[i] = in->dims[i];
        slices->step[i] = 1;
    }
    for (size_t k = 0; k < ranges.n; k++) {
        if (ranges.steps[k] == 0)
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "step %zu is 0", k);
        int axis = ranges.axes[k];
        take_range(slices, axis, in->dims[axis], ranges.starts[k], ranges.ends[k], ranges.steps[k]);
    }
    return FMAP_OK;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    struct fmap_slices slices;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    fmap_shape out = in->shape;
    bool pending = false;
    for (size_t i = 1; i < node->n_inputs; i++) pending |= fmap_input_pending(graph, node, i);
    if (pending) { /* the rank is known, but who may say which axes are cut */
        for (int i = 0; i < out.rank; i++) out.dims[i] = FMAP_UNKNOWN;
        return fmap_set_output_type(graph, node, 0, in->type, &out);
    }
    TRY(fmap_slices_of(graph, node, &slices, error));
    for (int i = 0; i < out.rank; i++) out.dims[i] = slices.count[i];
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

static bool takes_all(const struct fmap_slices *slices, const fmap_shape *in, int axis) {
    return slices->count[axis] == in->dims[axis] && (slices->step[axis] == 1 || in->dims[axis] == 1);
}

bool fmap_slice_is_identity(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    struct fmap_slices slices;
    bool same = fmap_slices_of(graph, node, &slices, NULL) == FMAP_OK;
    for (int i = 0; i < in->rank && same; i++) same = takes_all(&slices, in, i);
    return same;
}

/* Ranges of memory in that form. */
static struct fmap_strided strided_of(const struct fmap_slices *slices, const fmap_shape *in,
                                      const fmap_shape *out, enum fmap_form form) {
    struct fmap_strided strided = {.rank = 0};
    int64_t dims[FMAP_MAX_RANK + 1], strides[FMAP_MAX_RANK + 1];
    int rank = fmap_memory_dims(in, form, dims);
    fmap_memory_strides(rank, dims, strides);
    strided.rank = fmap_memory_dims(out, form, strided.dims);
    fmap_memory_strides(rank, strided.dims, strided.dst_strides);
    for (int i = 0; i < rank; i++) {
        bool cut = i < in->rank;
        int64_t first = cut ? slices->first[i] : 0;
        if (form == FMAP_FORM_BLOCKED && i == 1) first /= FMAP_BLOCK;
        strided.src_strides[i] = strides[i] * (cut ? slices->step[i] : 1);
        strided.src_offset += first * strides[i];
    }
    return strided;
}

/* Whether the slice is one piece of memory. */
static bool is_one_piece(const struct fmap_strided *strided) {
    int64_t expected = 1;
    for (int i = strided->rank - 1; i >= 0; i--) {
        if (strided->dims[i] == 1) continue;
        if (strided->src_strides[i] != expected) return false;
        expected *= strided->dims[i];
    }
    return true;
}

/* Whether nothing but channels is cut, and these side by side. */
static bool cuts_channels_only(const struct fmap_slices *slices, const fmap_shape *in) {
    for (int i = 0; i < in->rank; i++)
        if (i != 1 && !takes_all(slices, in, i)) return false;
    return slices->step[1] == 1;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value in = fmap_node_input(planning->graph, node, 0), out = node->outputs[0];
    const fmap_shape *from = &planning->graph->values[in].shape, *to = &planning->graph->values[out].shape;
    struct fmap_slices slices;
    TRY(fmap_slices_of(planning->graph, node, &slices, planning->error));
    if (fmap_shape_product(to, 0, to->rank) == 0) {
        struct fmap_operand nothing;
        return fmap_planning_write(planning, out, FMAP_FORM_PLAIN, &nothing);
    }
    enum fmap_form form = fmap_form_at_hand(planning, in);
    if (form == FMAP_FORM_BLOCKED) {
        bool whole = takes_all(&slices, from, 1);
        bool blocks = slices.step[1] == 1 && slices.first[1] % FMAP_BLOCK == 0;
        if (!whole && !blocks && cuts_channels_only(&slices, from)) {
            const struct fmap_channels channels = {.src_first = slices.first[1], .count = to->dims[1]};
            return fmap_plan_channels(planning, node, in, out, &channels);
        }
        if (!whole && !blocks) form = FMAP_FORM_PLAIN;
    } else {
        form = FMAP_FORM_PLAIN;
    }
    struct fmap_strided strided = strided_of(&slices, from, to, form);
    if (is_one_piece(&strided) && fmap_can_view(planning, out))
        return fmap_plan_part(planning, in, out, form, strided.src_offset);
    return fmap_plan_move(planning, node, in, out, form, &strided);
}

const struct fmap_layer fmap_layer_slice = {
    .op = "Slice", .min_inputs = 3, .max_inputs = 5, .max_outputs = 1, .shape = shape, .plan = plan};
