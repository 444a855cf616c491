#include "runtime/layers/window.h"

#include <string.h>

/* Sizes beyond this cannot come from a real network and would overflow sums of a few of them. */
static const int64_t LARGEST = INT32_MAX;

/* A list attribute of 1 or 2 elements (times `ends`), written behind a neutral height when there is 1. */
static fmap_status parse_pair(struct fmap_parsing *parsing, const char *name, int64_t least, int64_t *pair,
                              int *n_dims) {
    int64_t values[FMAP_MAX_RANK];
    size_t n;
    TRY(fmap_attribute_ints(parsing, name, values, FMAP_MAX_RANK, &n));
    if (n == 0) return FMAP_OK;
    if (n > 2) {
        return fmap_fail_node(
            parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
            "attribute '%s' has %zu elements: images of more than 2 dimensions are not supported", name, n);
    }
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

static fmap_status parse_pads(struct fmap_parsing *parsing, int64_t *pads, int *n_dims) {
    int64_t values[2 * FMAP_MAX_RANK];
    size_t n;
    TRY(fmap_attribute_ints(parsing, "pads", values, 2 * FMAP_MAX_RANK, &n));
    if (n == 0) return FMAP_OK;
    if (n > 4 && n % 2 == 0) {
        return fmap_fail_node(
            parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
            "attribute 'pads' has %zu elements: images of more than 2 dimensions are not supported", n);
    }
    if (n % 2 != 0 || (*n_dims != 0 && n != 2 * (size_t)*n_dims)) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute 'pads' has %zu elements, expected %d", n, *n_dims ? 2 * *n_dims : 4);
    }
    *n_dims = (int)(n / 2);
    for (size_t i = 0; i < n; i++) {
        if (values[i] < 0 || values[i] > LARGEST) {
            return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                                  "attribute 'pads' has the element %lld, expected 0 to %lld",
                                  (long long)values[i], (long long)LARGEST);
        }
    }
    if (n == 4) {
        memcpy(pads, values, 4 * sizeof *pads);
    } else {
        pads[1] = values[0];
        pads[3] = values[1];
    }
    return FMAP_OK;
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
    int *n_dims = &parameters->n_dims;
    TRY(parse_pair(parsing, "kernel_shape", 1, parameters->kernel, n_dims));
    if (*n_dims == 1) parameters->kernel[0] = 1;
    TRY(parse_pair(parsing, "strides", 1, parameters->strides, n_dims));
    TRY(parse_pair(parsing, "dilations", 1, parameters->dilations, n_dims));
    TRY(parse_pads(parsing, parameters->pads, n_dims));
    TRY(parse_auto_pad(parsing, &parameters->auto_pad));
    int64_t ceil_mode;
    TRY(fmap_attribute_int(parsing, "ceil_mode", 0, &ceil_mode));
    parameters->ceil_mode = ceil_mode != 0;
    return FMAP_OK;
}

/* Output size along one axis; pads[0] and [1] are the ends. FMAP_UNKNOWN for an unknown input; below 1 when the
 * window does not fit. */
static int64_t resolve_axis(const struct fmap_window_parameters *parameters, int axis,
                            struct fmap_window_size *size) {
    int64_t in = size->in[axis], stride = size->strides[axis];
    int64_t reach = (size->kernel[axis] - 1) * size->dilations[axis] + 1;
    int64_t *before = &size->pads[axis], *after = &size->pads[axis + 2];
    if (in < 0) return FMAP_UNKNOWN;
    if (parameters->auto_pad == FMAP_AUTO_PAD_VALID) *before = *after = 0;
    if (parameters->auto_pad == FMAP_AUTO_PAD_SAME_UPPER ||
        parameters->auto_pad == FMAP_AUTO_PAD_SAME_LOWER) {
        int64_t out = (in + stride - 1) / stride;
        int64_t total = (out - 1) * stride + reach - in;
        if (total < 0) total = 0;
        *before = parameters->auto_pad == FMAP_AUTO_PAD_SAME_UPPER ? total / 2 : (total + 1) / 2;
        *after = total - *before;
        return out;
    }
    int64_t room = in + *before + *after - reach;
    if (room < 0) return 0;
    int64_t out = room / stride + 1;
    if (parameters->ceil_mode && room % stride != 0) {
        /* One more window, unless it would begin beyond the image and its padding in front. */
        if (out * stride < in + *before) out++;
    }
    return out;
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
        if (size->kernel[axis] < 1) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "there is no kernel_shape");
        }
        int64_t reach;
        if (size->in[axis] > LARGEST || size->kernel[axis] > LARGEST ||
            __builtin_mul_overflow(size->kernel[axis], size->dilations[axis], &reach) || reach > LARGEST) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT,
                                  "the image or the window is too large");
        }
        size->out[axis] = resolve_axis(parameters, axis, size);
        if (size->out[axis] == 0) {
            return fmap_fail_node(
                graph, node, error, FMAP_ERROR_MODEL,
                "a window of %lld (dilation %lld) does not fit into %lld padded by %lld and %lld",
                (long long)size->kernel[axis], (long long)size->dilations[axis], (long long)size->in[axis],
                (long long)size->pads[axis], (long long)size->pads[axis + 2]);
        }
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
