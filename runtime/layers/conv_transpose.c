/* ConvTranspose (ONNX): every input pixel adds its multiple of the kernel to the output, `strides` apart.
 * Inputs: x [n, c, h, w], weights [c, o / group, kh, kw], optional bias [o].
 *
 * Output pixels whose positions leave the same remainder by the stride, a phase, are made of the same elements of the
 * kernel: each phase is an ordinary convolution with stride 1, whose output pixels lie `strides` apart. */
#include "runtime/layers/conv_transpose.h"

#include "runtime/layer.h"
#include "runtime/layers/tiles.h"

static const int64_t LARGEST = INT32_MAX;

/* Each phase is a step. */
static const int64_t MOST_PHASES = 4096;

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

/* ---- phases ---------------------------------------------------------------------------------------------------- */

/* The outputs phase, phase + stride, ... of one axis as a convolution with stride 1: tap j is element first + j * step of
 * the kernel (step is negative, sources ascend), and output t reads source t - pad + j * dilation. */
struct phase {
    int64_t n_outputs, n_taps, first, step, dilation, pad;
};

static int64_t common_divisor(int64_t a, int64_t b) { return b == 0 ? a : common_divisor(b, a % b); }

static struct phase phase_of(const struct fmap_window_size *size, int axis, int64_t number) {
    int64_t stride = size->strides[axis], dilation = size->dilations[axis], kernel = size->kernel[axis];
    int64_t common = common_divisor(stride, dilation), step = stride / common,
            position = number + size->pads[axis];
    struct phase phase = {.n_outputs = (size->out[axis] - number + stride - 1) / stride,
                          .step = -step,
                          .dilation = dilation / common};
    for (int64_t first = 0; first < step && first < kernel; first++) {
        if ((position - first * dilation) % stride != 0) continue;
        phase.n_taps = (kernel - first + step - 1) / step;
        phase.first = first + step * (phase.n_taps - 1);
        phase.pad = phase.dilation * (phase.n_taps - 1) - (position - first * dilation) / stride;
    }
    return phase;
}

/* The phase's part of the kernel as the weights of a convolution, [o][c / group][rows][columns]. */
static fmap_status phase_weights(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 const struct phase *rows, const struct phase *columns,
                                 struct fmap_tiles_problem *problem) {
    const struct fmap_graph_value *weights = fmap_input_value(planning->graph, node, 1);
    const fmap_shape *w = &weights->shape;
    int64_t width = w->dims[w->rank - 1], height = w->rank == 4 ? w->dims[2] : 1;
    int64_t channels = problem->channels / problem->groups, outputs = problem->outputs / problem->groups;
    int64_t taps = rows->n_taps * columns->n_taps;
    float *to = fmap_storage_take(&planning->storage, (size_t)(problem->outputs * channels * taps),
                                  sizeof *to);
    if (!to) return fmap_planning_out_of_memory(planning);
    problem->weights = to;
    for (int64_t o = 0; o < problem->outputs; o++) {
        for (int64_t i = 0; i < channels; i++) {
            int64_t from = ((o / outputs * channels + i) * outputs + o % outputs) * height * width;
            for (int64_t tap = 0; tap < taps; tap++) {
                int64_t ky = rows->first + tap / columns->n_taps * rows->step,
                        kx = columns->first + tap % columns->n_taps * columns->step;
                *to++ = fmap_float_at(weights->data, from + ky * width + kx);
            }
        }
    }
    return FMAP_OK;
}

/* One phase of both axes. */
static fmap_status plan_phase(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct fmap_window_size *size, const int64_t *number,
                              struct fmap_tiles_problem problem) {
    struct phase phases[2];
    for (int axis = 0; axis < 2; axis++) {
        phases[axis] = phase_of(size, axis, number[axis]);
        if (phases[axis].n_outputs < 1) return FMAP_OK;
    }
    /* Outputs that nothing is added to are the bias: a kernel of one element beside the image. */
    if (phases[0].n_taps * phases[1].n_taps == 0) {
        phases[0] = (struct phase){
            .n_outputs = phases[0].n_outputs, .n_taps = 1, .dilation = 1, .pad = phases[0].n_outputs};
        phases[1] = (struct phase){.n_outputs = phases[1].n_outputs, .n_taps = 1, .dilation = 1};
    }
    TRY(phase_weights(planning, node, &phases[0], &phases[1], &problem));
    int64_t taps = phases[0].n_taps * phases[1].n_taps, channels = problem.channels / problem.groups;
    int64_t strides[4] = {channels * taps, taps, phases[1].n_taps, 1};
    memcpy(problem.weight_strides, strides, sizeof strides);
    for (int axis = 0; axis < 2; axis++) {
        problem.out[axis] = phases[axis].n_outputs;
        problem.kernel[axis] = phases[axis].n_taps;
        problem.dilations[axis] = phases[axis].dilation;
    }
    problem.pad_top = phases[0].pad;
    problem.pad_left = phases[1].pad;
    fmap_operand_advance(&problem.dst, (number[0] * size->out[1] + number[1]) * FMAP_BLOCK);
    return fmap_planning_tiles(planning, node, &problem);
}

static fmap_status plan_phases(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               const struct fmap_window_size *size,
                               const struct fmap_tiles_problem *problem) {
    int64_t rows = fmap_least(size->strides[0], size->out[0]),
            columns = fmap_least(size->strides[1], size->out[1]);
    if (rows > MOST_PHASES || columns > MOST_PHASES || rows * columns > MOST_PHASES) {
        return fmap_fail_node(planning->graph, node, planning->error, FMAP_ERROR_UNSUPPORTED,
                              "strides of %lld x %lld, expected a product of at most %lld",
                              (long long)size->strides[0], (long long)size->strides[1],
                              (long long)MOST_PHASES);
    }
    for (int64_t phase = 0; phase < rows * columns; phase++) {
        int64_t number[2] = {phase / columns, phase % columns};
        TRY(plan_phase(planning, node, size, number, *problem));
    }
    return FMAP_OK;
}

/* Whether input pixels do not share outputs, so that all phases read the same ones. */
static bool is_apart(const struct fmap_window_size *size, const struct fmap_tiles_problem *problem) {
    bool apart = problem->groups == 1 && problem->in[0] * problem->in[1] > 1;
    for (int axis = 0; axis < 2; axis++) {
        apart = apart && size->kernel[axis] == size->strides[axis] && size->dilations[axis] == 1 &&
                size->pads[axis] == 0 && size->out[axis] == size->in[axis] * size->strides[axis];
    }
    return apart;
}

/* All phases in one step: a 1x1 convolution whose outputs are the phases', each filled up to whole blocks. */
static fmap_status plan_apart(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct fmap_window_size *size, struct fmap_tiles_problem problem) {
    const void *kernel = fmap_input_value(planning->graph, node, 1)->data;
    int64_t phases = size->kernel[0] * size->kernel[1], outputs = problem.outputs,
            channels = problem.channels;
    problem.phase_outputs = fmap_blocks_of(outputs) * FMAP_BLOCK;
    problem.phase_columns = size->kernel[1];
    problem.phase_row_stride = size->out[1] * FMAP_BLOCK;
    problem.outputs = phases * problem.phase_outputs;
    float *weights = fmap_storage_take(&planning->storage, (size_t)(problem.outputs * channels),
                                       sizeof *weights);
    float *bias = fmap_storage_take(&planning->storage, (size_t)problem.outputs, sizeof *bias);
    if (!weights || !bias) return fmap_planning_out_of_memory(planning);
    for (int64_t i = 0; i < phases * outputs; i++) {
        int64_t phase = i / outputs, o = i % outputs, to = phase * problem.phase_outputs + o;
        if (problem.bias) bias[to] = fmap_float_at(problem.bias, o);
        for (int64_t c = 0; c < channels; c++)
            weights[to * channels + c] = fmap_float_at(kernel, (c * outputs + o) * phases + phase);
    }
    problem.weights = weights;
    problem.bias = bias;
    int64_t strides[4] = {channels, 1, 1, 1};
    memcpy(problem.weight_strides, strides, sizeof strides);
    for (int axis = 0; axis < 2; axis++) {
        problem.out[axis] = problem.in[axis];
        problem.kernel[axis] = problem.dilations[axis] = 1;
    }
    return fmap_planning_tiles(planning, node, &problem);
}

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
    if (is_apart(&size, &problem)) return plan_apart(planning, node, &size, problem);
    return plan_phases(planning, node, &size, &problem);
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
