#include "runtime/layers/window.h"

#include <string.h>

/* Sizes beyond this cannot come from a real network and would overflow sums of a few of them. */
static const int64_t LARGEST = INT32_MAX;

/* A list attribute of as many elements as others have (times `ends`), each of at least `least`. */
static fmap_status parse_list(struct fmap_parsing *parsing, const char *name, int ends, int64_t least,
                              int64_t *list, int *n_dims) {
    int64_t values[2 * FMAP_WINDOW_DIMS];
    size_t n;
    TRY(fmap_attribute_ints(parsing, name, values, (size_t)ends * FMAP_WINDOW_DIMS, &n));
    if (n == 0) return FMAP_OK;
    if (n % (size_t)ends != 0 || (*n_dims != 0 && n != (size_t)ends * (size_t)*n_dims)) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute '%s' has %zu elements, expected %d", name, n,
                              ends * (*n_dims ? *n_dims : 2));
    }
    *n_dims = (int)n / ends;
    for (size_t i = 0; i < n; i++) {
        if (values[i] < least || values[i] > LARGEST) {
            return fmap_fail_node(parsing->graph, parsing->node, parsing->error,
                                  ends == 2 ? FMAP_ERROR_UNSUPPORTED : FMAP_ERROR_MODEL,
                                  "attribute '%s' has the element %lld, expected %lld to %lld", name,
                                  (long long)values[i], (long long)least, (long long)LARGEST);
        }
        list[i] = values[i];
    }
    return FMAP_OK;
}

static fmap_status parse_lists(struct fmap_parsing *parsing, struct fmap_window_lists *lists) {
    *lists = (struct fmap_window_lists){.n_dims = 0};
    for (int d = 0; d < FMAP_WINDOW_DIMS; d++) lists->strides[d] = lists->dilations[d] = 1;
    TRY(parse_list(parsing, "kernel_shape", 1, 1, lists->kernel, &lists->n_dims));
    TRY(parse_list(parsing, "strides", 1, 1, lists->strides, &lists->n_dims));
    TRY(parse_list(parsing, "dilations", 1, 1, lists->dilations, &lists->n_dims));
    return parse_list(parsing, "pads", 2, 0, lists->pads, &lists->n_dims);
}

/* One or two dimensions, behind a neutral height where there is only one. */
static void take_pairs(struct fmap_window_parameters *parameters) {
    const struct fmap_window_lists *lists = &parameters->lists;
    int n = lists->n_dims;
    for (int d = 0; d < n && n <= 2; d++) {
        int axis = 2 - n + d;
        parameters->kernel[axis] = lists->kernel[d];
        parameters->strides[axis] = lists->strides[d];
        parameters->dilations[axis] = lists->dilations[d];
        parameters->pads[axis] = lists->pads[d];
        parameters->pads[axis + 2] = lists->pads[d + n];
    }
    if (n == 1) parameters->kernel[0] = 1;
}

static fmap_status parse_auto_pad(struct fmap_parsing *parsing, enum fmap_auto_pad *auto_pad) {
    static const char *const names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
    const char *text;
    TRY(fmap_attribute_string(parsing, "auto_pad", "NOTSET", &text));
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            *auto_pad = (enum fmap_auto_pad)i;
            return FMAP_OK;
        }
    }
    return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                          "attribute 'auto_pad' is '%.40s', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID",
                          text);
}

fmap_status fmap_window_parse(struct fmap_parsing *parsing, struct fmap_window_parameters *parameters) {
    *parameters = (struct fmap_window_parameters){.strides = {1, 1}, .dilations = {1, 1}};
    TRY(parse_lists(parsing, &parameters->lists));
    parameters->n_dims = parameters->lists.n_dims;
    take_pairs(parameters);
    TRY(parse_auto_pad(parsing, &parameters->auto_pad));
    int64_t ceil_mode;
    TRY(fmap_attribute_int(parsing, "ceil_mode", 0, &ceil_mode));
    parameters->ceil_mode = ceil_mode != 0;
    return FMAP_OK;
}

fmap_status fmap_window_parse_group(struct fmap_parsing *parsing, int64_t *group) {
    TRY(fmap_attribute_int(parsing, "group", 1, group));
    if (*group >= 1 && *group <= LARGEST) return FMAP_OK;
    return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                          "attribute 'group' is %lld, expected 1 or more", (long long)*group);
}

/* Output size along one axis; FMAP_UNKNOWN for an unknown input, below 1 when the window does not fit. */
static int64_t resolve_axis(const struct fmap_window_parameters *parameters, struct fmap_window_axis *axis) {
    int64_t in = axis->in, stride = axis->stride, reach = (axis->kernel - 1) * axis->dilation + 1;
    if (in < 0) return FMAP_UNKNOWN;
    if (parameters->auto_pad == FMAP_AUTO_PAD_VALID) axis->before = axis->after = 0;
    if (parameters->auto_pad == FMAP_AUTO_PAD_SAME_UPPER ||
        parameters->auto_pad == FMAP_AUTO_PAD_SAME_LOWER) {
        int64_t out = (in + stride - 1) / stride;
        int64_t total = (out - 1) * stride + reach - in;
        if (total < 0) total = 0;
        axis->before = parameters->auto_pad == FMAP_AUTO_PAD_SAME_UPPER ? total / 2 : (total + 1) / 2;
        axis->after = total - axis->before;
        return out;
    }
    int64_t room = in + axis->before + axis->after - reach;
    if (room < 0) return 0;
    int64_t out = room / stride + 1;
    if (parameters->ceil_mode && room % stride != 0) {
        /* One more window, unless it would begin beyond the image and its padding in front. */
        if (out * stride < in + axis->before) out++;
    }
    return out;
}

fmap_status fmap_window_resolve_axis(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                     const struct fmap_window_parameters *parameters,
                                     struct fmap_window_axis *axis, fmap_error *error) {
    if (axis->kernel < 1)
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "there is no kernel_shape");
    int64_t reach;
    if (axis->in > LARGEST || axis->kernel > LARGEST ||
        __builtin_mul_overflow(axis->kernel, axis->dilation, &reach) || reach > LARGEST) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT, "the image or the window is too large");
    }
    axis->out = resolve_axis(parameters, axis);
    if (axis->out != 0) return FMAP_OK;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                          "a window of %lld (dilation %lld) does not fit into %lld padded by %lld and %lld",
                          (long long)axis->kernel, (long long)axis->dilation, (long long)axis->in,
                          (long long)axis->before, (long long)axis->after);
}

fmap_status fmap_window_resolve(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                const struct fmap_window_parameters *parameters, const fmap_shape *input,
                                const int64_t *kernel, struct fmap_window_size *size, fmap_error *error) {
    if (input->rank != 3 && input->rank != 4) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_UNSUPPORTED, "%s, expected rank 3 or 4",
                              fmap_input_text(graph, node, 0).text);
    }
    if (parameters->n_dims != 0 && parameters->n_dims != input->rank - 2) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s, expected rank %d as its attributes are for",
                              fmap_input_text(graph, node, 0).text, parameters->n_dims + 2);
    }
    *size = (struct fmap_window_size){
        .in = {input->rank == 4 ? input->dims[2] : 1, input->dims[input->rank - 1]}};
    memcpy(size->strides, parameters->strides, sizeof size->strides);
    memcpy(size->dilations, parameters->dilations, sizeof size->dilations);
    memcpy(size->pads, parameters->pads, sizeof size->pads);
    for (int axis = 0; axis < 2; axis++) {
        size->kernel[axis] = parameters->n_dims == 1 && axis == 0 ? 1
                             : parameters->kernel[axis]           ? parameters->kernel[axis]
                             : kernel                             ? kernel[axis]
                                                                  : 0;
        if (kernel && size->kernel[axis] != kernel[axis]) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "attribute 'kernel_shape' says %lld, but the weights have %lld",
                                  (long long)size->kernel[axis], (long long)kernel[axis]);
        }
        struct fmap_window_axis each = {.in = size->in[axis],
                                        .kernel = size->kernel[axis],
                                        .stride = size->strides[axis],
                                        .dilation = size->dilations[axis],
                                        .before = size->pads[axis],
                                        .after = size->pads[axis + 2]};
        TRY(fmap_window_resolve_axis(graph, node, parameters, &each, error));
        size->pads[axis] = each.before;
        size->pads[axis + 2] = each.after;
        size->out[axis] = each.out;
    }
    return FMAP_OK;
}

fmap_shape fmap_window_output(const struct fmap_window_size *size, const fmap_shape *input,
                              int64_t channels) {
    fmap_shape shape = {.rank = input->rank, .dims = {input->dims[0], channels}};
    if (input->rank == 4) shape.dims[2] = size->out[0];
    shape.dims[input->rank - 1] = size->out[1];
    return shape;
}
