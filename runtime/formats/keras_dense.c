/* Keras' Dense: over the last axis, whatever lies in front of it. */
#include "keras_loader.h"

/* Over features alone: Keras' kernel is Gemm's B as it lies in the file. */
static bool dense(struct fmap_saved_call *call, const fmap_shape *kernel, bool use_bias,
                  struct fmap_saved_tensor *output) {
    fmap_value inputs[3];
    return fmap_saved_plain(call, call->inputs[0], &inputs[0]) &&
           fmap_saved_constant(call, "kernel", kernel, &inputs[1]) &&
           (!use_bias ||
            fmap_saved_constant(call, "bias", &(fmap_shape){.rank = 1, .dims = {kernel->dims[1]}},
                                &inputs[2])) &&
           fmap_saved_add(
               call, &(struct fmap_saved_node){.op = "Gemm", .inputs = inputs, .n_inputs = use_bias ? 3 : 2},
               &output->plain);
}

/* Over the channels of images it is a convolution of one pixel. */
static bool dense_pixels(struct fmap_saved_call *call, const fmap_shape *kernel, bool use_bias,
                         struct fmap_saved_tensor *output) {
    static const int order[2] = {1, 0};
    const fmap_shape becomes = {.rank = 4, .dims = {kernel->dims[1], kernel->dims[0], 1, 1}};
    fmap_value inputs[3];
    return fmap_saved_moved(call, call->inputs[0], &inputs[0]) &&
           fmap_saved_reordered(call, "kernel", kernel, order, &becomes, &inputs[1]) &&
           (!use_bias ||
            fmap_saved_constant(call, "bias", &(fmap_shape){.rank = 1, .dims = {kernel->dims[1]}},
                                &inputs[2])) &&
           fmap_saved_add(
               call, &(struct fmap_saved_node){.op = "Conv", .inputs = inputs, .n_inputs = use_bias ? 3 : 2},
               &output->moved);
}

static bool dense_any(struct fmap_saved_call *call, const fmap_shape *kernel, bool use_bias,
                      struct fmap_saved_tensor *output) {
    fmap_value input, weights, bias;
    return fmap_saved_plain(call, call->inputs[0], &input) &&
           fmap_saved_constant(call, "kernel", kernel, &weights) &&
           fmap_saved_add_pair(call, "MatMul", use_bias ? "product" : NULL, input, weights, &output->plain) &&
           (!use_bias ||
            (fmap_saved_constant(call, "bias", &(fmap_shape){.rank = 1, .dims = {kernel->dims[1]}}, &bias) &&
             fmap_saved_add_pair(call, "Add", NULL, output->plain, bias, &output->plain)));
}

bool fmap_saved_dense(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    fmap_shape shape = {0};
    int64_t units = 0;
    bool use_bias = true;
    if (!fmap_saved_shape(call, call->inputs[0], &shape) || !fmap_saved_get_sizes(call, "units", 1, &units) ||
        !fmap_saved_get_bool(call, "use_bias", &use_bias))
        return false;
    if (units < 1) return fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "it says no number of units");
    if (shape.rank < 2 || shape.dims[shape.rank - 1] < 1)
        return fmap_saved_refuse(call, FMAP_ERROR_MODEL, "the number of features of its input is not known");
    const fmap_shape kernel = {.rank = 2, .dims = {shape.dims[shape.rank - 1], units}};
    return (shape.rank == 2   ? dense
            : shape.rank == 4 ? dense_pixels
                              : dense_any)(call, &kernel, use_bias, output) &&
           fmap_saved_activate(call, "activation", output);
}
