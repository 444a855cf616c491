/* Split: the pieces of one axis. Each is a Slice of its own: a part of the input's memory where it lies in one piece. */
#include "runtime/layer.h"
#include "runtime/layers/channels.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/moves.h"

struct split_parameters {
    int64_t axis;
    int64_t n_outputs; /* 0: as many as there are */
    bool uneven;       /* opset 18: the last piece may be smaller */
};

enum { OPSET_UNEVEN = 18, MOST_OUTPUTS = 64 };

static fmap_status parse(struct fmap_parsing *parsing) {
    struct split_parameters parameters = {.uneven = parsing->opset >= OPSET_UNEVEN};
    TRY(fmap_attribute_int(parsing, "axis", 0, &parameters.axis));
    if (parameters.uneven) TRY(fmap_attribute_int(parsing, "num_outputs", 0, &parameters.n_outputs));
    if (parameters.n_outputs != 0 && parameters.n_outputs != (int64_t)parsing->node->n_outputs) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute 'num_outputs' is %lld, but there are %zu outputs",
                              (long long)parameters.n_outputs, parsing->node->n_outputs);
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* Equal pieces, but for the last where that may be smaller. */
static fmap_status cut_evenly(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                              int64_t size, int64_t *sizes, fmap_error *error) {
    const struct split_parameters *parameters = node->parameters;
    int64_t n = (int64_t)node->n_outputs;
    if (size != FMAP_UNKNOWN && size % n != 0 && !parameters->uneven) {
        return fmap_fail_node(
            graph, node, error, FMAP_ERROR_MODEL, "%s cannot be split into %lld equal pieces along axis %lld",
            fmap_input_text(graph, node, 0).text, (long long)n, (long long)parameters->axis);
    }
    for (int64_t i = 0, rest = size; i < n; i++) {
        int64_t piece = (size + n - 1) / n;
        sizes[i] = size == FMAP_UNKNOWN ? FMAP_UNKNOWN : rest < piece ? rest : piece;
        rest -= sizes[i];
    }
    return FMAP_OK;
}

static fmap_status check_sizes(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               int64_t size, const int64_t *sizes, size_t n, fmap_error *error) {
    bool good = n == node->n_outputs;
    int64_t sum = 0;
    for (size_t i = 0; i < n && good; i++)
        good = sizes[i] >= 0 && sizes[i] <= INT32_MAX && !__builtin_add_overflow(sum, sizes[i], &sum);
    if (good && (size == FMAP_UNKNOWN || sum == size)) return FMAP_OK;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                          "%s are no sizes of %zu outputs that add up to axis %lld of %s",
                          fmap_input_text(graph, node, 1).text, node->n_outputs,
                          (long long)((const struct split_parameters *)node->parameters)->axis,
                          fmap_input_text(graph, node, 0).text);
}

/* The axis, and each output's size along it. */
static fmap_status read_sizes(const struct fmap_graph *graph, const struct fmap_graph_node *node, int *axis,
                              int64_t sizes[MOST_OUTPUTS], fmap_error *error) {
    const struct split_parameters *parameters = node->parameters;
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    size_t n;
    *axis = fmap_axis_of(parameters->axis, in->rank);
    if (*axis < 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has no axis %lld",
                              fmap_input_text(graph, node, 0).text, (long long)parameters->axis);
    }
    if (node->n_outputs > MOST_OUTPUTS) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT, "has %zu outputs, expected at most %d",
                              node->n_outputs, MOST_OUTPUTS);
    }
    if (!fmap_input_value(graph, node, 1)) return cut_evenly(graph, node, in->dims[*axis], sizes, error);
    TRY(fmap_constant_ints(graph, node, 1, sizes, MOST_OUTPUTS, &n, error));
    return check_sizes(graph, node, in->dims[*axis], sizes, n, error);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    int64_t sizes[MOST_OUTPUTS];
    int axis;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    if (fmap_input_pending(graph, node, 1)) return fmap_defer_outputs(graph, node);
    TRY(read_sizes(graph, node, &axis, sizes, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    for (size_t i = 0; i < node->n_outputs; i++) {
        fmap_shape out = in->shape;
        out.dims[axis] = sizes[i];
        TRY(fmap_set_output_type(graph, node, i, in->type, &out));
    }
    return FMAP_OK;
}

/* One output: `first` is where it begins along the axis. */
static fmap_status plan_piece(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              fmap_value out, enum fmap_form form, int axis, int64_t first) {
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    const fmap_shape *from = &planning->graph->values[in].shape, *to = &planning->graph->values[out].shape;
    struct fmap_strided strided = {.rank = 0};
    int64_t dims[FMAP_MAX_RANK + 1], before = 1;
    bool blocks = form == FMAP_FORM_BLOCKED && axis == 1;
    if (blocks && first % FMAP_BLOCK != 0) {
        const struct fmap_channels channels = {.src_first = first, .count = to->dims[1]};
        return fmap_plan_channels(planning, node, in, out, &channels);
    }
    int rank = fmap_memory_dims(from, form, dims);
    fmap_memory_strides(rank, dims, strided.src_strides);
    strided.rank = fmap_memory_dims(to, form, strided.dims);
    fmap_memory_strides(rank, strided.dims, strided.dst_strides);
    strided.src_offset = (blocks ? first / FMAP_BLOCK : first) * strided.src_strides[axis];
    for (int i = 0; i < axis; i++) before *= dims[i];
    if (before == 1 && fmap_can_view(planning, out))
        return fmap_plan_part(planning, in, out, form, strided.src_offset);
    return fmap_plan_move(planning, node, in, out, form, &strided);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    enum fmap_form form = fmap_form_at_hand(planning, fmap_node_input(planning->graph, node, 0));
    int64_t sizes[MOST_OUTPUTS], first = 0;
    int axis;
    if (node->n_outputs == 1) { /* even of the whole batch, of which this may be one image */
        fmap_plan_same_elements(planning, node->outputs[0], fmap_node_input(planning->graph, node, 0));
        return FMAP_OK;
    }
    TRY(read_sizes(planning->graph, node, &axis, sizes, planning->error));
    if (form != FMAP_FORM_BLOCKED) form = FMAP_FORM_PLAIN;
    for (size_t i = 0; i < node->n_outputs; i++) {
        struct fmap_operand nothing;
        if (node->outputs[i]) {
            const fmap_shape *to = &fmap_output_value(planning->graph, node, i)->shape;
            if (fmap_shape_product(to, 0, to->rank) == 0)
                TRY(fmap_planning_write(planning, node->outputs[i], FMAP_FORM_PLAIN, &nothing));
            else
                TRY(plan_piece(planning, node, node->outputs[i], form, axis, first));
        }
        first += sizes[i];
    }
    return FMAP_OK;
}

const struct fmap_layer fmap_layer_split = {.op = "Split",
                                            .min_inputs = 1,
                                            .max_inputs = 2,
                                            .max_outputs = MOST_OUTPUTS,
                                            .parse = parse,
                                            .shape = shape,
                                            .plan = plan,
                                            .by_image = true};
