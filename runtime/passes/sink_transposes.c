/* sink_transposes: a Transpose from planes to pixels (n, c, h, w to n, h, w, c) goes behind a layer that treats elements
 * alike, joins, pads or reduces. Networks that come from TensorFlow work on pixels between their convolutions and turn every image
 * over and back; behind each other the two cancel (merge_transposes), and the blocked form stays as it is. The same
 * operations on the same elements: the bits do not change. */
#include "runtime/layer.h"
#include "runtime/layers/concat.h"
#include "runtime/layers/pad.h"
#include "runtime/layers/transpose.h"
#include "runtime/passes/passes.h"

enum { RANK = 4 };

/* Axis i of an image of pixels is axis to_pixels[i] of its planes. */
static const int to_pixels[RANK] = {0, 2, 3, 1};

static const char *const elementwise[] = {
    "Abs",        "Add",         "Ceil",      "Clip",     "Div",      "Elu",  "Erf",       "Exp",
    "Floor",      "HardSigmoid", "HardSwish", "Log",      "Max",      "Mean", "LeakyRelu", "Min",
    "Mul",        "Neg",         "PRelu",     "Pow",      "Relu",     "Sub",  "Sum",       "Sqrt",
    "Reciprocal", "Tanh",        "Sigmoid",   "Softplus", "Softsign", "Mish"};

static bool is_elementwise(const struct fmap_graph_node *node) {
    for (size_t i = 0; i < sizeof elementwise / sizeof elementwise[0]; i++)
        if (strcmp(node->layer->op, elementwise[i]) == 0) return true;
    return false;
}

/* The image of planes that a Transpose makes the value of; FMAP_NO_VALUE when none does. */
static fmap_value planes_of(const struct fmap_graph *graph, fmap_value value) {
    const struct fmap_graph_node *node = fmap_producer(graph, value);
    int permutation[FMAP_MAX_RANK];
    if (!node || node->layer != &fmap_layer_transpose || graph->values[value].shape.rank != RANK ||
        graph->values[value].type != FMAP_FLOAT32)
        return FMAP_NO_VALUE;
    fmap_transpose_permutation(node, RANK, permutation);
    for (int i = 0; i < RANK; i++)
        if (permutation[i] != to_pixels[i]) return FMAP_NO_VALUE;
    return fmap_node_input(graph, node, 0);
}

static bool is_number(const struct fmap_graph_value *value) {
    return value->data && fmap_shape_product(&value->shape, 0, value->shape.rank) == 1;
}

/* The axes that a reduction of pixels is over, bit i: axis i; 0 when it is none, or one over channels and pixels at once,
 * whose order a sum would notice, or one that leaves channels and rows or columns without a place for a Transpose. */
static unsigned reduced_axes(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    int axes[FMAP_MAX_RANK];
    size_t n;
    unsigned set = 0;
    fmap_value in = fmap_node_input(graph, node, 0);
    if (strncmp(node->layer->op, "Reduce", 6) != 0 || !in || graph->values[in].shape.rank != RANK) return 0;
    if (fmap_constant_axes(graph, node, 1, RANK, axes, &n, NULL) != FMAP_OK) return 0;
    for (size_t i = 0; i < n; i++) set |= 1u << axes[i];
    bool channels = (set & 8) != 0, rows_or_columns = (set & 6) != 0, both = (set & 6) == 6;
    bool keeps_rank = fmap_output_value(graph, node, 0)->shape.rank == RANK;
    return (channels && rows_or_columns) || !(keeps_rank || channels || both) ? 0 : set;
}

/* Whether the layer could work on planes: all that it works on comes out of such Transposes, or is constant. */
static bool can_sink(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    bool joins = node->layer == &fmap_layer_concat, pads = node->layer == &fmap_layer_pad, any = false;
    const struct fmap_graph_value *out = fmap_output_value(graph, node, 0);
    bool reduces = !node->dead && reduced_axes(graph, node) != 0;
    if (node->dead || node->n_outputs != 1 || (!joins && !pads && !reduces && !is_elementwise(node)))
        return false;
    if (out->type != FMAP_FLOAT32 || (out->shape.rank != RANK && !reduces)) return false;
    for (size_t i = 0; i < (pads || reduces ? 1 : node->n_inputs); i++) {
        fmap_value in = fmap_node_input(graph, node, i);
        const struct fmap_graph_value *value = &graph->values[in];
        if (!in || is_number(value)) continue;
        bool planes = planes_of(graph, in) != FMAP_NO_VALUE;
        bool constant = value->data && value->type == FMAP_FLOAT32 && value->shape.rank <= RANK;
        if (!planes && !constant) return false;
        any |= planes;
    }
    return any;
}

/* The shape of planes that has this one in pixels. */
static fmap_shape planes_shape(const fmap_shape *pixels) {
    fmap_shape planes = {.rank = RANK};
    for (int i = 0; i < RANK; i++) planes.dims[to_pixels[i]] = pixels->dims[i];
    return planes;
}

/* A constant that is joined with, or broadcast to, pixels, for planes. */
static fmap_status turn_constant(struct fmap_graph *graph, fmap_value *constant, fmap_error *error) {
    struct fmap_graph_value value = graph->values[*constant];
    fmap_shape pixels = {.rank = RANK, .dims = {1, 1, 1, 1}};
    int missing = RANK - value.shape.rank;
    for (int i = missing; i < RANK; i++) pixels.dims[i] = value.shape.dims[i - missing];
    int64_t c = pixels.dims[3], points = pixels.dims[1] * pixels.dims[2], images = pixels.dims[0];
    size_t n = (size_t)(images * points * c);
    value.shape = planes_shape(&pixels);
    value.alias = FMAP_NO_VALUE;
    if (c > 1 && points > 1) {
        float *turned = fmap_storage_take(&graph->storage, n, sizeof *turned);
        if (!turned) return fmap_fail_memory(error, n * sizeof *turned);
        for (size_t i = 0; i < n; i++) {
            int64_t channel = (int64_t)i % c, point = (int64_t)i / c % points,
                    image = (int64_t)i / c / points;
            turned[(image * c + channel) * points + point] = fmap_float_at(value.data, (int64_t)i);
        }
        value.data = turned;
    }
    *constant = fmap_graph_add_value(graph, &value);
    return *constant ? FMAP_OK : fmap_fail_memory(error, sizeof value);
}

static fmap_status turn_inputs(struct fmap_graph *graph, struct fmap_graph_node *node, size_t n,
                               fmap_error *error) {
    for (size_t i = 0; i < n; i++) {
        fmap_value in = fmap_node_input(graph, node, i);
        if (!in) continue;
        fmap_value planes = planes_of(graph, in);
        if (planes)
            node->inputs[i] = planes;
        else if (!is_number(&graph->values[in]) || node->layer == &fmap_layer_concat)
            TRY(turn_constant(graph, &node->inputs[i], error));
    }
    return FMAP_OK;
}

static fmap_status turn_axis(struct fmap_graph *graph, struct fmap_graph_node *node, fmap_error *error) {
    struct fmap_concat_parameters parameters = *(const struct fmap_concat_parameters *)node->parameters;
    parameters.axis = to_pixels[fmap_axis_of(parameters.axis, RANK)];
    return fmap_replace_parameters(graph, node, &parameters, sizeof parameters, error);
}

static fmap_status set_ints(struct fmap_graph *graph, struct fmap_graph_node *node, size_t input,
                            const int64_t *ints, int64_t n, fmap_error *error) {
    const int64_t *copy = fmap_storage_copy(&graph->storage, ints, (size_t)n, sizeof *ints);
    const struct fmap_graph_value value = {
        .name = "", .type = FMAP_INT64, .shape = {.rank = 1, .dims = {n}}, .data = copy, .producer = -1};
    node->inputs[input] = copy ? fmap_graph_add_value(graph, &value) : FMAP_NO_VALUE;
    return node->inputs[input] ? FMAP_OK : fmap_fail_memory(error, (size_t)n * sizeof *ints);
}

static fmap_status turn_axes(struct fmap_graph *graph, struct fmap_graph_node *node, unsigned set,
                             fmap_error *error) {
    int64_t axes[RANK], n = 0;
    for (int i = 0; i < RANK; i++)
        if (set >> i & 1) axes[n++] = to_pixels[i];
    return set_ints(graph, node, 1, axes, n, error);
}

/* Pads of all axes, in a constant of the node's own. */
static fmap_status turn_pads(struct fmap_graph *graph, struct fmap_graph_node *node, fmap_error *error) {
    struct fmap_pads pads;
    TRY(fmap_pads_of(graph, node, &pads, error));
    int64_t ends[2 * RANK];
    for (int i = 0; i < RANK; i++) {
        ends[to_pixels[i]] = pads.before[i];
        ends[RANK + to_pixels[i]] = pads.after[i];
    }
    if (node->n_inputs > 3) node->n_inputs = 3; /* all axes are meant */
    return set_ints(graph, node, 1, ends, 2 * RANK, error);
}

/* The layer works on planes, and a Transpose behind it makes pixels of what it puts out, unless there are none left. */
static fmap_status sink(struct fmap_graph *graph, size_t slot, const struct fmap_graph_node *above,
                        fmap_error *error) {
    struct fmap_graph_node *node = &graph->nodes[slot];
    bool joins = node->layer == &fmap_layer_concat, pads = node->layer == &fmap_layer_pad;
    struct fmap_graph_node below = *above;
    unsigned axes = reduced_axes(graph, node);
    if (pads) TRY(turn_pads(graph, node, error)); /* which looks at the shape of the input */
    TRY(turn_inputs(graph, node, pads || axes ? 1 : node->n_inputs, error));
    if (axes) TRY(turn_axes(graph, node, axes, error));
    if (joins) TRY(turn_axis(graph, node, error));
    fmap_value pixels = node->outputs[0];
    if (graph->values[pixels].shape.rank != RANK) return FMAP_OK;
    struct fmap_graph_value value = graph->values[pixels];
    value.shape = planes_shape(&value.shape);
    value.kept = false;
    value.producer = (int64_t)slot;
    fmap_value planes = fmap_graph_add_value(graph, &value);
    if (!planes) return fmap_fail_memory(error, sizeof value);
    node->outputs[0] = planes;
    below.name = node->name;
    below.origin = node->origin;
    below.inputs = &planes;
    below.outputs = &pixels;
    below.n_inputs = below.n_outputs = 1;
    return fmap_insert_node(graph, slot, &below, error);
}

/* One of the Transposes above the node. */
static const struct fmap_graph_node *transpose_above(const struct fmap_graph *graph,
                                                     const struct fmap_graph_node *node) {
    for (size_t i = 0; i < node->n_inputs; i++) {
        fmap_value in = fmap_node_input(graph, node, i);
        if (in && planes_of(graph, in)) return fmap_producer(graph, in);
    }
    return NULL;
}

static fmap_status apply(struct fmap_graph *graph, const struct fmap_pass_options *options,
                         fmap_error *error) {
    (void)options;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        if (!can_sink(graph, node)) continue;
        const struct fmap_graph_node *above = transpose_above(graph, node);
        if (above) TRY(sink(graph, i, above, error));
    }
    return fmap_remove_unread(graph, &fmap_layer_transpose, error);
}

const struct fmap_pass fmap_pass_sink_transposes = {"sink_transposes", apply};
