#include "runtime/layers/volume.h"

#include <string.h>

fmap_status fmap_volume_resolve(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                const struct fmap_window_parameters *parameters, const fmap_shape *input,
                                const int64_t *kernel, struct fmap_volume *volume, fmap_error *error) {
    const struct fmap_window_lists *lists = &parameters->lists;
    int n_dims = input->rank - 2;
    if (n_dims < 1 || (lists->n_dims != 0 && lists->n_dims != n_dims)) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected rank %d%s",
                              fmap_input_text(graph, node, 0).text, lists->n_dims ? lists->n_dims + 2 : 3,
                              lists->n_dims ? " as its attributes are for" : " or more");
    }
    *volume = (struct fmap_volume){.n_dims = n_dims};
    for (int d = 0; d < n_dims; d++) {
        volume->in[d] = input->dims[d + 2];
        volume->kernel[d] = lists->kernel[d] ? lists->kernel[d] : kernel ? kernel[d] : 0;
        volume->strides[d] = lists->strides[d];
        volume->dilations[d] = lists->dilations[d];
        if (kernel && volume->kernel[d] != kernel[d]) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "attribute 'kernel_shape' says %lld, but the weights have %lld",
                                  (long long)volume->kernel[d], (long long)kernel[d]);
        }
        struct fmap_window_axis axis = {.in = volume->in[d],
                                        .kernel = volume->kernel[d],
                                        .stride = volume->strides[d],
                                        .dilation = volume->dilations[d],
                                        .before = lists->pads[d],
                                        .after = lists->pads[d + n_dims]};
        TRY(fmap_window_resolve_axis(graph, node, parameters, &axis, error));
        volume->pads[d] = axis.before;
        volume->pads[d + n_dims] = axis.after;
        volume->out[d] = axis.out;
    }
    return FMAP_OK;
}

fmap_shape fmap_volume_output(const struct fmap_volume *volume, const fmap_shape *input, int64_t channels) {
    fmap_shape shape = {.rank = input->rank, .dims = {input->dims[0], channels}};
    for (int d = 0; d < volume->n_dims; d++) shape.dims[d + 2] = volume->out[d];
    return shape;
}

int64_t fmap_volume_product(const int64_t *sizes, int n_dims) {
    int64_t product = 1;
    for (int d = 0; d < n_dims; d++) product = fmap_dim_product(product, sizes[d]);
    return product;
}

struct fmap_volume fmap_volume_of(const struct fmap_window_size *size, int n_dims) {
    struct fmap_volume volume = {.n_dims = n_dims};
    for (int d = 0; d < n_dims; d++) {
        int axis = 2 - n_dims + d;
        volume.in[d] = size->in[axis];
        volume.out[d] = size->out[axis];
        volume.kernel[d] = size->kernel[axis];
        volume.strides[d] = size->strides[axis];
        volume.dilations[d] = size->dilations[axis];
        volume.pads[d] = size->pads[axis];
        volume.pads[d + n_dims] = size->pads[axis + 2];
    }
    return volume;
}
