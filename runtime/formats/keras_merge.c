/* Keras' layers that join tensors. */
#include <stdio.h>
#include <string.h>

#include "keras_loader.h"

/* The inputs of a layer in one order, as many axes each. */
struct operands {
    fmap_value *values;
    bool moved;
};

/* Axes of one element behind the batch, as Keras puts them there: n, c becomes n, 1, 1, c. */
static bool raise_rank(struct fmap_saved_call *call, struct fmap_saved_tensor *tensor, int rank, int wanted,
                       bool moved, fmap_value *value) {
    int64_t axes[FMAP_MAX_RANK];
    if (moved && rank != 2)
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "its inputs have %d and %d axes", rank,
                                 wanted);
    /* In the moved order the channels, which are axis 1, stay where they are. */
    for (int i = 0; i < wanted - rank; i++) axes[i] = i + (moved ? 2 : 1);
    return fmap_saved_plain(call, tensor, value) &&
           fmap_saved_add_pair(call, "Unsqueeze", "axes", *value,
                               fmap_saved_ints(call, axes, (size_t)(wanted - rank)), value);
}

/* Moved, when one of them is; then all have as many axes or are features alone. */
static bool bring_together(struct fmap_saved_call *call, struct operands *operands) {
    int rank = 0;
    bool all_features = true;
    fmap_shape shape = {0};
    operands->moved = false;
    operands->values = fmap_scratch_array(&call->loader->scratch, call->n_inputs, sizeof *operands->values);
    if (!operands->values) return fmap_saved_out_of_memory(call->loader);
    for (size_t i = 0; i < call->n_inputs; i++) {
        if (!fmap_saved_shape(call, call->inputs[i], &shape)) return false;
        if (shape.rank > rank) rank = shape.rank;
    }
    for (size_t i = 0; i < call->n_inputs; i++) {
        if (!fmap_saved_shape(call, call->inputs[i], &shape)) return false;
        operands->moved |= call->inputs[i]->moved && shape.rank > 2;
        all_features &= shape.rank == rank || shape.rank == 2 || shape.rank == 0;
    }
    operands->moved &= all_features;
    for (size_t i = 0; i < call->n_inputs; i++) {
        struct fmap_saved_tensor *input = call->inputs[i];
        if (!fmap_saved_shape(call, input, &shape)) return false;
        if (!(shape.rank == 0 ? (operands->values[i] = fmap_saved_any(input)) != FMAP_NO_VALUE
              : shape.rank < rank
                  ? raise_rank(call, input, shape.rank, rank, operands->moved, &operands->values[i])
              : operands->moved ? fmap_saved_moved(call, input, &operands->values[i])
                                : fmap_saved_plain(call, input, &operands->values[i])))
            return false;
    }
    return true;
}

static void set_output(const struct operands *operands, fmap_value value, struct fmap_saved_tensor *output) {
    *output = operands->moved ? (struct fmap_saved_tensor){.moved = value}
                              : (struct fmap_saved_tensor){.plain = value};
}

/* One after the other; the last node is the layer. */
static bool fold(struct fmap_saved_call *call, const char *op, const char *last_part,
                 const struct operands *operands, fmap_value *value) {
    *value = operands->values[0];
    for (size_t i = 1; i < call->n_inputs; i++) {
        char part[32];
        (void)snprintf(part, sizeof part, "%zu", i);
        if (!fmap_saved_add_pair(call, op, i + 1 < call->n_inputs ? part : last_part, *value,
                                 operands->values[i], value))
            return false;
    }
    return true;
}

static bool merge(struct fmap_saved_call *call, const char *op, struct fmap_saved_tensor *output) {
    struct operands operands;
    fmap_value value;
    if (!bring_together(call, &operands) || !fold(call, op, NULL, &operands, &value)) return false;
    set_output(&operands, value, output);
    return true;
}

bool fmap_saved_add_all(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return merge(call, "Add", output);
}

bool fmap_saved_subtract(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return merge(call, "Sub", output);
}

bool fmap_saved_divide(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return merge(call, "Div", output);
}

bool fmap_saved_multiply(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return merge(call, "Mul", output);
}

bool fmap_saved_maximum(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return merge(call, "Max", output);
}

bool fmap_saved_minimum(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return merge(call, "Min", output);
}

bool fmap_saved_average(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    struct operands operands;
    fmap_value value;
    if (!bring_together(call, &operands) || !fold(call, "Add", "sum", &operands, &value) ||
        !fmap_saved_add_pair(call, "Div", NULL, value, fmap_saved_scalar(call, (double)call->n_inputs),
                             &value))
        return false;
    set_output(&operands, value, output);
    return true;
}

bool fmap_saved_concatenate(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    struct operands operands;
    fmap_shape shape = {0};
    fmap_value value;
    int64_t axis = -1;
    if (!fmap_saved_shape(call, call->inputs[0], &shape) ||
        !fmap_saved_get_axis(call, "axis", shape.rank, &axis) || !bring_together(call, &operands))
        return false;
    const fmap_attribute attribute = fmap_saved_int_attribute(
        "axis", operands.moved && shape.rank > 2 ? fmap_saved_moved_axis(axis, shape.rank) : axis);
    if (!fmap_saved_add(call,
                        &(struct fmap_saved_node){.op = "Concat",
                                                  .inputs = operands.values,
                                                  .n_inputs = call->n_inputs,
                                                  .attributes = &attribute,
                                                  .n_attributes = 1},
                        &value))
        return false;
    set_output(&operands, value, output);
    return true;
}
