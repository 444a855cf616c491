/* Concat: each input is copied to its place, in blocked form where one of them has it. Whatever begins on a block of
 * channels, a layer can write to that place itself, and nothing is left to copy. */
#include "runtime/layers/concat.h"

#include "runtime/layer.h"
#include "runtime/layers/channels.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/moves.h"

enum { OPSET_AXIS_IS_REQUIRED = 4 };

static fmap_status parse(struct fmap_parsing *parsing) {
    struct fmap_concat_parameters parameters;
    if (!fmap_attribute_present(parsing, "axis") && parsing->opset >= OPSET_AXIS_IS_REQUIRED) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "there is no attribute 'axis'");
    }
    TRY(fmap_attribute_int(parsing, "axis", 1, &parameters.axis));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* Takes another input into account: sizes other than along the axis must agree, unless one is unknown. */
static bool join(fmap_shape *out, const fmap_shape *in, int axis) {
    if (in->rank != out->rank) return false;
    for (int i = 0; i < out->rank; i++) {
        int64_t *size = &out->dims[i];
        if (i == axis) {
            if (*size == FMAP_UNKNOWN || in->dims[i] == FMAP_UNKNOWN)
                *size = FMAP_UNKNOWN;
            else if (__builtin_add_overflow(*size, in->dims[i], size))
                return false;
        } else if (*size == FMAP_UNKNOWN) {
            *size = in->dims[i];
        } else if (in->dims[i] != FMAP_UNKNOWN && in->dims[i] != *size) {
            return false;
        }
    }
    return true;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct fmap_concat_parameters *parameters = node->parameters;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    fmap_type type = fmap_input_value(graph, node, 0)->type;
    for (size_t i = 1; i < node->n_inputs; i++)
        TRY(fmap_expect_type(graph, node, i, FMAP_TYPES(type), error));
    fmap_shape out = fmap_input_value(graph, node, 0)->shape;
    int axis = fmap_axis_of(parameters->axis, out.rank);
    if (axis < 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has no axis %lld",
                              fmap_input_text(graph, node, 0).text, (long long)parameters->axis);
    }
    for (size_t i = 1; i < node->n_inputs; i++) {
        if (!join(&out, &fmap_input_value(graph, node, i)->shape, axis)) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "%s does not fit to %s, expected shapes that differ only along axis %d",
                                  fmap_input_text(graph, node, i).text, fmap_input_text(graph, node, 0).text,
                                  axis);
        }
    }
    return fmap_set_output_type(graph, node, 0, type, &out);
}

/* Whether blocks of channels can be joined: along other axes, or lane by lane. */
static bool has_blocks(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct fmap_graph_value *in = fmap_input_value(graph, node, i);
        if (in->type != FMAP_FLOAT32 || in->shape.rank < 2) return false;
        if (fmap_shape_product(&in->shape, 0, in->shape.rank) == 0) return false;
    }
    return true;
}

/* An input that begins on a block can be written in its place: what it leaves behind in the lanes of its last block is
 * overwritten by the next one. Of several images the blocks of one input do not lie one behind the other: then nobody
 * else may read them. */
static fmap_status reserve(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_concat_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    const fmap_shape *to = &graph->values[node->outputs[0]].shape;
    if (fmap_axis_of(parameters->axis, to->rank) != 1 || !has_blocks(graph, node)) return FMAP_OK;
    int64_t channel = 0;
    for (size_t i = 0; i < node->n_inputs; i++) {
        fmap_value in = fmap_node_input(graph, node, i);
        const struct fmap_graph_value *from = &graph->values[in];
        bool alone = to->dims[0] == 1 || planning->values[in].read_once;
        if (alone && from->producer >= 0 && channel % FMAP_BLOCK == 0)
            fmap_planning_slice(planning, in, node->outputs[0], channel / FMAP_BLOCK);
        channel += from->shape.dims[1];
    }
    return FMAP_OK;
}

/* Blocked when it is at hand. */
static enum fmap_form choose_form(const struct fmap_planning *planning, const struct fmap_graph_node *node) {
    bool at_hand = false;
    for (size_t i = 0; i < node->n_inputs; i++) {
        at_hand |= fmap_planning_has(planning, fmap_node_input(planning->graph, node, i), FMAP_FORM_BLOCKED);
    }
    return at_hand && has_blocks(planning->graph, node) ? FMAP_FORM_BLOCKED : FMAP_FORM_PLAIN;
}

/* Both arrays as [before the axis][the axis and what is behind it]. */
static struct fmap_strided strided_of(const fmap_shape *in, const fmap_shape *out, enum fmap_form form,
                                      int axis, int64_t place) {
    int64_t from[FMAP_MAX_RANK + 1], to[FMAP_MAX_RANK + 1];
    int rank = fmap_memory_dims(in, form, from);
    fmap_memory_dims(out, form, to);
    struct fmap_strided strided = {
        .rank = 2, .dims = {1, 1}, .src_strides = {1, 1}, .dst_strides = {1, 1}, .dst_offset = place};
    for (int i = 0; i < rank; i++) {
        strided.dims[i < axis ? 0 : 1] *= from[i];
        if (i >= axis) strided.dst_strides[0] *= to[i];
        if (i > axis) strided.dst_offset *= from[i];
    }
    strided.src_strides[0] = strided.dims[1];
    return strided;
}

/* A constant is packed while planning. */
static fmap_status read_input(struct fmap_planning *planning, fmap_value in, enum fmap_form form,
                              struct fmap_operand *src) {
    const struct fmap_graph_value *value = &planning->graph->values[in];
    if (!value->data || form != FMAP_FORM_BLOCKED) return fmap_planning_read(planning, in, form, src);
    return fmap_pack_blocked(planning, in, &value->shape, src);
}

/* Channels of the output in blocked form, which may lie in the slice of another Concat; then images are further apart. */
static fmap_status join_channels(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_graph *graph = planning->graph;
    fmap_value out = node->outputs[0];
    struct fmap_geometry to = fmap_geometry_of(&graph->values[out].shape);
    struct fmap_planned_value *whole = &planning->values[out];
    struct fmap_operand src, dst;
    int64_t channel = 0;
    if (!whole->placed[FMAP_FORM_BLOCKED])
        TRY(fmap_planning_write_images(planning, out, &dst, &to.image_stride));
    dst = whole->places[FMAP_FORM_BLOCKED];
    to.image_stride = whole->image_stride;
    for (size_t i = 0; i < node->n_inputs; i++) {
        fmap_value in = fmap_node_input(graph, node, i);
        const struct fmap_planned_value *planned = &planning->values[in];
        const struct fmap_geometry from = fmap_geometry_of(&graph->values[in].shape);
        bool there = planned->in_slice && planned->slice_of == out &&
                     planned->slice_block * FMAP_BLOCK == channel;
        const struct fmap_channels channels = {.dst_first = channel, .count = from.c};
        if (!there) {
            TRY(read_input(planning, in, FMAP_FORM_BLOCKED, &src));
            TRY(fmap_plan_channel_copy(planning, node, &src, &from, &dst, &to, &channels));
        }
        channel += from.c;
    }
    return FMAP_OK;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_concat_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    const fmap_shape *to = &graph->values[node->outputs[0]].shape;
    int axis = fmap_axis_of(parameters->axis, to->rank);
    enum fmap_form form = choose_form(planning, node);
    int64_t place = 0; /* along the axis */
    struct fmap_operand src, dst;
    if (form == FMAP_FORM_BLOCKED && axis == 1) return join_channels(planning, node);
    TRY(fmap_planning_write(planning, node->outputs[0], form, &dst));
    for (size_t i = 0; i < node->n_inputs; i++) {
        fmap_value in = fmap_node_input(graph, node, i);
        const fmap_shape *from = &graph->values[in].shape;
        struct fmap_strided strided = strided_of(from, to, form, axis, place);
        strided.element_bytes = fmap_type_bytes(graph->values[in].type);
        TRY(read_input(planning, in, form, &src));
        TRY(fmap_planning_copy(planning, node, &src, &dst, &strided));
        place += from->dims[axis];
    }
    return FMAP_OK;
}

const struct fmap_layer fmap_layer_concat = {.op = "Concat",
                                             .min_inputs = 1,
                                             .max_inputs = INT32_MAX,
                                             .max_outputs = 1,
                                             .parse = parse,
                                             .shape = shape,
                                             .reserve = reserve,
                                             .plan = plan,
                                             .by_image = true};
