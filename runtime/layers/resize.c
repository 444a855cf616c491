/* Resize and Upsample: what they ask for, and the sizes that follow. */
#include "runtime/layers/resize.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

#include <math.h>
#include <string.h>

enum { OPSET_LINEAR = 7, OPSET_ROI = 11, SCALES = 2, SIZES = 3, ROI = 1, OLD_SCALES = 1 };

/* One of several words. */
static fmap_status parse_word(struct fmap_parsing *parsing, const char *name, const char *const *words, int n,
                              int fallback, int *word) {
    const char *text;
    TRY(fmap_attribute_string(parsing, name, words[fallback], &text));
    for (*word = 0; *word < n; (*word)++)
        if (strcmp(text, words[*word]) == 0) return FMAP_OK;
    return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                          "attribute '%s' is '%.40s', which is unknown", name, text);
}

static const char *const modes[] = {"nearest", "linear", "cubic"};
static const char *const first_modes[] = {"nearest", "bilinear"};

static fmap_status parse_words(struct fmap_parsing *parsing, struct fmap_resize_parameters *parameters) {
    static const char *const coordinates[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
        "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    int word;
    TRY(parse_word(parsing, "coordinate_transformation_mode", coordinates, 7, 0, &word));
    parameters->coordinates = (enum fmap_resize_coordinates)word;
    TRY(parse_word(parsing, "nearest_mode", nearest, 4, 0, &word));
    parameters->nearest = (enum fmap_resize_nearest)word;
    TRY(parse_word(parsing, "keep_aspect_ratio_policy", policies, 3, 0, &word));
    parameters->policy = (enum fmap_resize_policy)word;
    return FMAP_OK;
}

static fmap_status parse_numbers(struct fmap_parsing *parsing, struct fmap_resize_parameters *parameters) {
    int64_t exclude, antialias;
    TRY(fmap_attribute_float(parsing, "cubic_coeff_a", -0.75f, &parameters->cubic_a));
    TRY(fmap_attribute_float(parsing, "extrapolation_value", 0.0f, &parameters->outside));
    TRY(fmap_attribute_int(parsing, "exclude_outside", 0, &exclude));
    TRY(fmap_attribute_int(parsing, "antialias", 0, &antialias));
    TRY(fmap_attribute_ints(parsing, "axes", parameters->axes, FMAP_MAX_RANK, &parameters->n_axes));
    parameters->exclude_outside = exclude != 0;
    parameters->antialias = antialias != 0;
    return FMAP_OK;
}

static fmap_status parse(struct fmap_parsing *parsing) {
    struct fmap_resize_parameters parameters = {.nearest = FMAP_RESIZE_OLD_NEAREST,
                                                .coordinates = FMAP_RESIZE_ASYMMETRIC,
                                                .old = parsing->opset < OPSET_ROI};
    const char *op = parsing->node->layer->op;
    int mode;
    if (strcmp(op, "Upsample") == 0) parameters.old = true;
    if (parameters.old && parsing->node->n_inputs > 2) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "has %zu inputs, expected 2 in opset %d", parsing->node->n_inputs,
                              parsing->opset);
    }
    bool first = parsing->opset < OPSET_LINEAR;
    TRY(parse_word(parsing, "mode", first ? first_modes : modes, parameters.old ? 2 : 3, 0, &mode));
    parameters.mode = (enum fmap_resize_mode)mode;
    if (!parameters.old) {
        TRY(parse_words(parsing, &parameters));
        TRY(parse_numbers(parsing, &parameters));
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* ---- which axes, how large -------------------------------------------------------------------------------- */

struct wanted {
    size_t n_axes; /* that scales and sizes are for */
    int axes[FMAP_MAX_RANK];
    size_t n_scales, n_sizes, n_roi; /* 0: not said */
    float scales[FMAP_MAX_RANK], roi[2 * FMAP_MAX_RANK];
    int64_t sizes[FMAP_MAX_RANK];
};

static bool has_elements(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i) {
    const struct fmap_graph_value *value = fmap_input_value(graph, node, i);
    return value && fmap_shape_product(&value->shape, 0, value->shape.rank) != 0;
}

static fmap_status find_axes(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                             struct wanted *wanted, fmap_error *error) {
    const struct fmap_resize_parameters *parameters = node->parameters;
    int rank = fmap_input_value(graph, node, 0)->shape.rank;
    bool seen[FMAP_MAX_RANK] = {false};
    wanted->n_axes = parameters->n_axes ? parameters->n_axes : (size_t)rank;
    for (size_t i = 0; i < wanted->n_axes; i++) {
        int axis = parameters->n_axes ? fmap_axis_of(parameters->axes[i], rank) : (int)i;
        if (axis < 0 || seen[axis]) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "attribute 'axes' names axis %lld of %s", (long long)parameters->axes[i],
                                  fmap_input_text(graph, node, 0).text);
        }
        seen[axis] = true;
        wanted->axes[i] = axis;
    }
    return FMAP_OK;
}

static fmap_status read_inputs(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               struct wanted *wanted, fmap_error *error) {
    const struct fmap_resize_parameters *parameters = node->parameters;
    size_t scales = parameters->old ? OLD_SCALES : SCALES;
    TRY(find_axes(graph, node, wanted, error));
    if (has_elements(graph, node, scales))
        TRY(fmap_constant_floats(graph, node, scales, wanted->scales, FMAP_MAX_RANK, &wanted->n_scales,
                                 error));
    if (!parameters->old && has_elements(graph, node, SIZES))
        TRY(fmap_constant_ints(graph, node, SIZES, wanted->sizes, FMAP_MAX_RANK, &wanted->n_sizes, error));
    bool crop = parameters->coordinates == FMAP_RESIZE_TF_CROP;
    if (crop)
        TRY(fmap_constant_floats(graph, node, ROI, wanted->roi, 2 * FMAP_MAX_RANK, &wanted->n_roi, error));
    if ((wanted->n_scales == wanted->n_axes && wanted->n_sizes == 0) ||
        (wanted->n_sizes == wanted->n_axes && wanted->n_scales == 0)) {
        if (!crop || wanted->n_roi == 2 * wanted->n_axes) return FMAP_OK;
    }
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                          "has %zu scales, %zu sizes and %zu ends of a region for %zu axes of %s",
                          wanted->n_scales, wanted->n_sizes, wanted->n_roi, wanted->n_axes,
                          fmap_input_text(graph, node, 0).text);
}

/* A size that may be anything, hostile ones too, rounded down; 0 for those that cannot be. */
static int64_t whole_size(double size) {
    if (!(size >= 1)) return 0;
    return size < INT32_MAX ? (int64_t)size : INT32_MAX;
}

/* The size of an axis that grows by its scale; FMAP_UNKNOWN when nobody knows. */
static int64_t scaled(const struct fmap_resize_axis *axis, bool crop) {
    if (axis->in == FMAP_UNKNOWN) return FMAP_UNKNOWN;
    double size = (double)axis->in * axis->scale;
    if (crop) size *= axis->roi_end - axis->roi_start;
    return whole_size(size);
}

/* Keeps the shape of the pixels: the same scale for all axes, so that none is larger, or smaller, than asked for. */
static void keep_ratio(const struct wanted *wanted, enum fmap_resize_policy policy,
                       struct fmap_resize_axis *axes) {
    double scale = policy == FMAP_RESIZE_NOT_LARGER ? HUGE_VAL : 0;
    bool known = true;
    for (size_t i = 0; i < wanted->n_axes; i++) {
        const struct fmap_resize_axis *axis = &axes[wanted->axes[i]];
        known &= axis->in > 0;
        double ratio = (double)wanted->sizes[i] / (double)axis->in;
        if (policy == FMAP_RESIZE_NOT_LARGER ? ratio < scale : ratio > scale) scale = ratio;
    }
    for (size_t i = 0; i < wanted->n_axes; i++) {
        struct fmap_resize_axis *axis = &axes[wanted->axes[i]];
        axis->scale = scale;
        axis->out = known ? whole_size(scale * (double)axis->in + 0.5) : FMAP_UNKNOWN;
    }
}

static fmap_status check_axes(const struct fmap_graph *graph, const struct fmap_graph_node *node, int rank,
                              const struct fmap_resize_axis *axes, fmap_error *error) {
    for (int i = 0; i < rank; i++) {
        if ((axes[i].scale > 0 && axes[i].scale < HUGE_VAL && axes[i].out > 0) || axes[i].out == FMAP_UNKNOWN)
            continue;
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "axis %d of %s cannot be resized to %lld elements by the scale %g", i,
                              fmap_input_text(graph, node, 0).text, (long long)axes[i].out, axes[i].scale);
    }
    return FMAP_OK;
}

fmap_status fmap_resize_axes(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                             struct fmap_resize_axis axes[FMAP_MAX_RANK], fmap_error *error) {
    const struct fmap_resize_parameters *parameters = node->parameters;
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    bool crop = parameters->coordinates == FMAP_RESIZE_TF_CROP;
    struct wanted wanted = {.n_axes = 0};
    TRY(read_inputs(graph, node, &wanted, error));
    for (int i = 0; i < in->rank; i++)
        axes[i] = (struct fmap_resize_axis){.in = in->dims[i], .out = in->dims[i], .scale = 1, .roi_end = 1};
    for (size_t i = 0; i < wanted.n_axes; i++) {
        struct fmap_resize_axis *axis = &axes[wanted.axes[i]];
        if (crop) axis->roi_start = (double)wanted.roi[i];
        if (crop) axis->roi_end = (double)wanted.roi[wanted.n_axes + i];
        if (wanted.n_scales > 0) {
            axis->scale = (double)wanted.scales[i];
            axis->out = scaled(axis, crop);
        } else {
            axis->out = wanted.sizes[i] > INT32_MAX ? INT32_MAX : wanted.sizes[i] < 0 ? 0 : wanted.sizes[i];
            axis->scale = axis->in > 0 ? (double)axis->out / (double)axis->in : 1;
        }
    }
    if (wanted.n_sizes > 0 && parameters->policy != FMAP_RESIZE_STRETCH)
        keep_ratio(&wanted, parameters->policy, axes);
    for (int i = 0; i < in->rank; i++) {
        struct fmap_resize_axis *axis = &axes[i];
        axis->same = axis->in == axis->out && axis->scale == 1 && axis->roi_start == 0 && axis->roi_end == 1;
    }
    return check_axes(graph, node, in->rank, axes, error);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct fmap_resize_parameters *parameters = node->parameters;
    struct fmap_resize_axis axes[FMAP_MAX_RANK];
    if (parameters->mode == FMAP_RESIZE_NEAREST)
        TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    else
        TRY(fmap_expect_floats(graph, node, 0, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    fmap_shape out = in->shape;
    bool pending = false;
    for (size_t i = 1; i < node->n_inputs; i++) pending |= fmap_input_pending(graph, node, i);
    for (int i = 0; i < out.rank; i++) {
        if (in->shape.dims[i] != 0) continue;
        return fmap_fail_node(graph, node, error, FMAP_ERROR_UNSUPPORTED, "%s has no elements",
                              fmap_input_text(graph, node, 0).text);
    }
    if (!pending) TRY(fmap_resize_axes(graph, node, axes, error));
    for (int i = 0; i < out.rank; i++) out.dims[i] = pending ? FMAP_UNKNOWN : axes[i].out;
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

bool fmap_resize_is_identity(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    struct fmap_resize_axis axes[FMAP_MAX_RANK] = {{0}};
    bool same = fmap_resize_axes(graph, node, axes, NULL) == FMAP_OK;
    for (int i = 0; i < fmap_input_value(graph, node, 0)->shape.rank; i++) same &= axes[i].same;
    return same;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    struct fmap_resize_axis axes[FMAP_MAX_RANK] = {{0}};
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    fmap_shape *shape = &planning->graph->values[in].shape;
    int64_t images = shape->dims[0];
    bool same = true, chunk = planning->n_chunks > 1;
    if (chunk) shape->dims[0] = planning->n_chunks; /* sizes are those of the whole batch */
    fmap_status status = fmap_resize_axes(planning->graph, node, axes, planning->error);
    shape->dims[0] = images;
    TRY(status);
    if (chunk) axes[0].in = axes[0].out = images;
    for (int i = 0; i < shape->rank; i++) same &= axes[i].same;
    if (!same) return fmap_plan_resize(planning, node, axes);
    fmap_plan_same_elements(planning, node->outputs[0], in);
    return FMAP_OK;
}

const struct fmap_layer fmap_layer_resize = {.op = "Resize",
                                             .min_inputs = 1,
                                             .max_inputs = 4,
                                             .max_outputs = 1,
                                             .parse = parse,
                                             .shape = shape,
                                             .plan = plan,
                                             .by_image = true};

const struct fmap_layer fmap_layer_upsample = {.op = "Upsample",
                                               .min_inputs = 2,
                                               .max_inputs = 2,
                                               .max_outputs = 1,
                                               .parse = parse,
                                               .shape = shape,
                                               .plan = plan,
                                               .by_image = true};
