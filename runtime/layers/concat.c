/* Concat: each input is copied to its place, in blocked form where the blocks of channels fit one behind the
 * other. There a layer can write its output to that place itself, and nothing is left to copy. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/moves.h"

enum { OPSET_AXIS_IS_REQUIRED = 4 };

struct concat_parameters {
    int64_t axis;
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct concat_parameters parameters;
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
    const struct concat_parameters *parameters = node->parameters;
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

/* Whether no input's channels end inside of a block that another's begin in. */
static bool fits_blocks(const struct fmap_graph *graph, const struct fmap_graph_node *node, int axis) {
    for (size_t i = 0; i < node->n_inputs; i++) {
        const fmap_shape *in = &fmap_input_value(graph, node, i)->shape;
        if (in->rank < 2 || fmap_shape_product(in, 0, in->rank) == 0) return false;
        if (axis == 1 && i + 1 < node->n_inputs && in->dims[1] % FMAP_BLOCK != 0) return false;
    }
    return true;
}

/* Of several images the blocks of one input do not lie one behind the other: then nobody else may read them. */
static fmap_status reserve(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct concat_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    const fmap_shape *to = &graph->values[node->outputs[0]].shape;
    if (fmap_axis_of(parameters->axis, to->rank) != 1 || !fits_blocks(graph, node, 1)) return FMAP_OK;
    int64_t block = 0;
    for (size_t i = 0; i < node->n_inputs; i++) {
        fmap_value in = fmap_node_input(graph, node, i);
        const struct fmap_graph_value *from = &graph->values[in];
        bool alone = to->dims[0] == 1 || planning->values[in].read_once;
        if (alone && from->producer >= 0) fmap_planning_slice(planning, in, node->outputs[0], block);
        block += fmap_geometry_of(&from->shape).blocks;
    }
    return FMAP_OK;
}

/* Blocked when it is at hand. */
static enum fmap_form choose_form(const struct fmap_planning *planning, const struct fmap_graph_node *node,
                                  int axis) {
    bool at_hand = false;
    for (size_t i = 0; i < node->n_inputs; i++) {
        at_hand |= fmap_planning_has(planning, fmap_node_input(planning->graph, node, i), FMAP_FORM_BLOCKED);
    }
    return at_hand && fits_blocks(planning->graph, node, axis) ? FMAP_FORM_BLOCKED : FMAP_FORM_PLAIN;
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

/* Blocks of channels may lie in the slice of another Concat; then images are further apart. */
static fmap_status write_output(struct fmap_planning *planning, fmap_value out, enum fmap_form form, int axis,
                                struct fmap_operand *dst) {
    if (form != FMAP_FORM_BLOCKED || axis != 1) return fmap_planning_write(planning, out, form, dst);
    int64_t image_stride;
    if (!planning->values[out].placed[form])
        TRY(fmap_planning_write_images(planning, out, dst, &image_stride));
    *dst = planning->values[out].places[form];
    return FMAP_OK;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct concat_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    const fmap_shape *to = &graph->values[node->outputs[0]].shape;
    int axis = fmap_axis_of(parameters->axis, to->rank);
    enum fmap_form form = choose_form(planning, node, axis);
    bool blocks = form == FMAP_FORM_BLOCKED && axis == 1;
    int64_t place = 0; /* along the axis, in elements or blocks */
    struct fmap_operand src, dst;
    TRY(write_output(planning, node->outputs[0], form, axis, &dst));
    for (size_t i = 0; i < node->n_inputs; i++) {
        fmap_value in = fmap_node_input(graph, node, i);
        const struct fmap_planned_value *planned = &planning->values[in];
        const fmap_shape *from = &graph->values[in].shape;
        bool there = blocks && planned->in_slice && planned->slice_of == node->outputs[0] &&
                     planned->slice_block == place;
        if (!there) {
            struct fmap_strided strided = strided_of(from, to, form, axis, place);
            strided.element_bytes = fmap_type_bytes(graph->values[in].type);
            if (blocks) strided.dst_strides[0] = planning->values[node->outputs[0]].image_stride;
            TRY(fmap_planning_read(planning, in, form, &src));
            TRY(fmap_planning_copy(planning, node, &src, &dst, &strided));
        }
        place += blocks ? fmap_geometry_of(from).blocks : from->dims[axis];
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
