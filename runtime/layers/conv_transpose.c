/* ConvTranspose (ONNX): every input pixel adds its multiple of the kernel to the output, `strides` apart.
 * Inputs: x [n, c, h, w], weights [c, o / group, kh, kw], optional bias [o]. */
#include "runtime/layers/conv_transpose.h"

#include "runtime/layer.h"
#include "runtime/layers/conv_transpose_phases.h"

static const int64_t LARGEST = INT32_MAX;

/* ---- attributes ------------------------------------------------------------------------------------------------ */

/* A list for height and width, or for width alone. */
static fmap_status parse_list(struct fmap_parsing *parsing, const char *name, int64_t least, int64_t neutral,
                              int *n_dims, int64_t *pair) {
    int64_t values[2];
    size_t n;
    TRY(fmap_attribute_ints(parsing, name, values, 2, &n));
    pair[0] = pair[1] = neutral;
    if (n == 0) return FMAP_OK;
    if (*n_dims != 0 && (size_t)*n_dims != n) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute '%s' has %zu elements, expected %d", name, n, *n_dims);
    }
    *n_dims = (int)n;
    for (size_t i = 0; i < n; i++) {
        if (values[i] < least || values[i] > LARGEST) {
            return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                                  "attribute '%s' has the element %lld, expected %lld to %lld", name,
                                  (long long)values[i], (long long)least, (long long)LARGEST);
        }
        pair[2 - n + i] = values[i];
    }
    return FMAP_OK;
}

static fmap_status parse(struct fmap_parsing *parsing) {
    struct fmap_conv_transpose_parameters parameters = {.group = 1};
    TRY(fmap_window_parse(parsing, &parameters.window));
    int *n_dims = &parameters.window.n_dims;
    TRY(parse_list(parsing, "output_padding", 0, 0, n_dims, parameters.output_padding));
    TRY(parse_list(parsing, "output_shape", 1, 0, n_dims, parameters.output_shape));
    TRY(fmap_window_parse_group(parsing, &parameters.group));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* ---- shapes ---------------------------------------------------------------------------------------------------- */

static fmap_status check_inputs(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                fmap_error *error) {
    const struct fmap_conv_transpose_parameters *parameters = node->parameters;
    for (size_t i = 0; i < node->n_inputs; i++) {
        if (i < 2 || fmap_node_input(graph, node, i)) TRY(fmap_expect_floats(graph, node, i, error));
    }
    const fmap_shape *x = &fmap_input_value(graph, node, 0)->shape,
                     *w = &fmap_input_value(graph, node, 1)->shape;
    const struct fmap_graph_value *bias = fmap_input_value(graph, node, 2);
    if (x->rank > 4) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_UNSUPPORTED,
                              "%s: images of more than 2 dimensions are not supported",
                              fmap_input_text(graph, node, 0).text);
    }
    if (x->rank != w->rank || x->rank < 3) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s and %s, expected both of rank 4 (or 3 for a 1-D convolution)",
                              fmap_input_text(graph, node, 0).text, fmap_input_text(graph, node, 1).text);
    }
    if (!fmap_shape_known(w) || fmap_shape_product(w, 0, w->rank) < 1 ||
        w->dims[1] > LARGEST / parameters->group) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected dimensions of 1 and more",
                              fmap_input_text(graph, node, 1).text);
    }
    if ((x->dims[1] >= 0 && x->dims[1] != w->dims[0]) || w->dims[0] % parameters->group != 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s and %s, expected the same number of channels, a multiple of %lld groups",
                              fmap_input_text(graph, node, 0).text, fmap_input_text(graph, node, 1).text,
                              (long long)parameters->group);
    }
    long long outputs = fmap_dim_product(w->dims[1], parameters->group);
    if (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != outputs)) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected the shape %lld",
                              fmap_input_text(graph, node, 2).text, outputs);
    }
    return FMAP_OK;
}

/* Output size and padding along one axis; of an unknown input FMAP_UNKNOWN, 0 when nothing is left. */
static int64_t resolve_axis(const struct fmap_conv_transpose_parameters *parameters, int axis,
                            struct fmap_window_size *size) {
    int64_t in = size->in[axis], stride = size->strides[axis], wanted = parameters->output_shape[axis];
    int64_t *before = &size->pads[axis], *after = &size->pads[axis + 2];
    enum fmap_auto_pad auto_pad = parameters->window.auto_pad;
    bool same = auto_pad == FMAP_AUTO_PAD_SAME_UPPER || auto_pad == FMAP_AUTO_PAD_SAME_LOWER;
    if (in < 0) return wanted ? wanted : FMAP_UNKNOWN;
    int64_t full = stride * (in - 1) + parameters->output_padding[axis] +
                   (size->kernel[axis] - 1) * size->dilations[axis] + 1;
    if (auto_pad == FMAP_AUTO_PAD_VALID) *before = *after = 0;
    if (!wanted && same) wanted = in * stride;
    if (!wanted) return full > *before + *after ? full - *before - *after : 0;
    int64_t total = full > wanted ? full - wanted : 0;
    *before = auto_pad == FMAP_AUTO_PAD_SAME_UPPER ? total / 2 : total - total / 2;
    *after = total - *before;
    return wanted;
}

static fmap_status resolve(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                           struct fmap_window_size *size, fmap_error *error) {
    const struct fmap_conv_transpose_parameters *parameters = node->parameters;
    const fmap_shape *x = &fmap_input_value(graph, node, 0)->shape,
                     *w = &fmap_input_value(graph, node, 1)->shape;
    const struct fmap_window_parameters *window = &parameters->window;
    if (window->n_dims != 0 && window->n_dims != x->rank - 2) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s, expected rank %d as its attributes are for",
                              fmap_input_text(graph, node, 0).text, window->n_dims + 2);
    }
    bool line = x->rank == 3;
    *size = (struct fmap_window_size){.in = {line ? 1 : x->dims[2], x->dims[x->rank - 1]},
                                      .kernel = {line ? 1 : w->dims[2], w->dims[w->rank - 1]}};
    memcpy(size->strides, window->strides, sizeof size->strides);
    memcpy(size->dilations, window->dilations, sizeof size->dilations);
    memcpy(size->pads, window->pads, sizeof size->pads);
    for (int axis = line; axis < 2; axis++) {
        int64_t reach, spread;
        if (window->kernel[axis] && window->kernel[axis] != size->kernel[axis]) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "attribute 'kernel_shape' says %lld, but the weights have %lld",
                                  (long long)window->kernel[axis], (long long)size->kernel[axis]);
        }
        if (__builtin_mul_overflow(size->kernel[axis], size->dilations[axis], &reach) || reach > LARGEST ||
            size->in[axis] > LARGEST ||
            __builtin_mul_overflow(size->in[axis], size->strides[axis], &spread) || spread > LARGEST) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT,
                                  "the image or the window is too large");
        }
        size->out[axis] = resolve_axis(parameters, axis, size);
        if (size->out[axis] == 0) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "padding of %lld and %lld leaves nothing of the output",
                                  (long long)size->pads[axis], (long long)size->pads[axis + 2]);
        }
    }
    if (line) size->out[0] = 1;
    return FMAP_OK;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct fmap_conv_transpose_parameters *parameters = node->parameters;
    struct fmap_window_size size;
    TRY(check_inputs(graph, node, error));
    TRY(resolve(graph, node, &size, error));
    int64_t outputs = fmap_input_value(graph, node, 1)->shape.dims[1] * parameters->group;
    fmap_shape output = fmap_window_output(&size, &fmap_input_value(graph, node, 0)->shape, outputs);
    return fmap_set_output(graph, node, &output);
}

static int64_t macs(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    const fmap_shape *x = &fmap_input_value(graph, node, 0)->shape,
                     *w = &fmap_input_value(graph, node, 1)->shape;
    return fmap_dim_product(fmap_shape_product(x, 0, x->rank), fmap_shape_product(w, 1, w->rank));
}

/* ---- planning -------------------------------------------------------------------------------------------------- */

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_conv_transpose_parameters *parameters = node->parameters;
    const struct fmap_graph_value *weights = fmap_input_value(planning->graph, node, 1),
                                  *bias = fmap_input_value(planning->graph, node, 2);
    fmap_value x = fmap_node_input(planning->graph, node, 0);
    struct fmap_geometry in = fmap_geometry_of(&planning->graph->values[x].shape);
    struct fmap_window_size size;
    TRY(resolve(planning->graph, node, &size, planning->error));
    for (size_t i = 1; i < 3; i++) {
        const struct fmap_graph_value *constant = fmap_input_value(planning->graph, node, i);
        if (constant && !constant->data) {
            return fmap_fail_node(planning->graph, node, planning->error, FMAP_ERROR_UNSUPPORTED,
                                  "%s is computed, expected a constant",
                                  fmap_input_text(planning->graph, node, i).text);
        }
    }
    struct fmap_tiles_problem problem = {.images = in.n,
                                         .channels = in.c,
                                         .in = {in.h, in.w},
                                         .outputs = weights->shape.dims[1] * parameters->group,
                                         .groups = parameters->group,
                                         .strides = {1, 1},
                                         .src_image_stride = in.image_stride,
                                         .dst_pixel_stride = size.strides[1] * FMAP_BLOCK,
                                         .dst_line_stride = size.strides[0] * size.out[1] * FMAP_BLOCK,
                                         .dst_block_stride = size.out[0] * size.out[1] * FMAP_BLOCK,
                                         .weight_scale = 1,
                                         .bias = bias ? bias->data : NULL,
                                         .bias_scale = 1,
                                         .activate = parameters->activate,
                                         .name = "transposed"};
    TRY(fmap_planning_read(planning, x, FMAP_FORM_BLOCKED, &problem.src));
    TRY(fmap_planning_write_images(planning, node->outputs[0], &problem.dst, &problem.dst_image_stride));
    return fmap_plan_transposed_phases(planning, node, &size, &problem);
}

const struct fmap_layer fmap_layer_conv_transpose = {.op = "ConvTranspose",
                                                     .min_inputs = 2,
                                                     .max_inputs = 3,
                                                     .max_outputs = 1,
                                                     .parse = parse,
                                                     .shape = shape,
                                                     .plan = plan,
                                                     .by_image = true,
                                                     .macs = macs};
