/* Keras' layers that are ReLU or near it: ReLU with a slope, a threshold and a limit, LeakyReLU, ThresholdedReLU, PReLU. */
#include <math.h>

#include "keras_loader.h"

bool fmap_saved_leaky_relu(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    double slope = 0.3;
    fmap_value value;
    if (!fmap_saved_get_number(call, "alpha", &slope) ||
        !fmap_saved_get_number(call, "negative_slope", &slope) ||
        !fmap_saved_add_with(call, "LeakyRelu", fmap_saved_any(call->inputs[0]),
                             fmap_saved_float_attribute("alpha", slope), &value))
        return false;
    *output = fmap_saved_like(call->inputs[0], value);
    return true;
}

/* x where it is above (or at) the threshold, else slope * (x - threshold). */
static bool threshold_relu(struct fmap_saved_call *call, const char *compare, const char *part, double slope,
                           double threshold, fmap_value x, fmap_value *y) {
    fmap_value above, below = fmap_saved_scalar(call, 0), at = fmap_saved_scalar(call, threshold);
    if (slope != 0 &&
        (!fmap_saved_add_pair(call, "Sub", "distance", x, at, &below) ||
         !fmap_saved_add_pair(call, "Mul", "below", below, fmap_saved_scalar(call, slope), &below)))
        return false;
    if (!fmap_saved_add_pair(call, compare, "above", x, at, &above)) return false;
    const fmap_value inputs[3] = {above, x, below};
    return fmap_saved_add(
        call, &(struct fmap_saved_node){.op = "Where", .part = part, .inputs = inputs, .n_inputs = 3}, y);
}

/* min(relu(x), max_value), where the negative side may have a slope and begin at a threshold. */
static bool relu_of(struct fmap_saved_call *call, double slope, double threshold, double most, fmap_value x,
                    fmap_value *y) {
    const char *part = isfinite(most) ? "unlimited" : NULL;
    const fmap_attribute alpha = fmap_saved_float_attribute("alpha", slope);
    *y = x;
    if (threshold != 0) {
        if (!threshold_relu(call, "GreaterOrEqual", part, slope, threshold, x, y)) return false;
    } else if (slope != 0) {
        if (!fmap_saved_add(call,
                            &(struct fmap_saved_node){.op = "LeakyRelu",
                                                      .part = part,
                                                      .inputs = &x,
                                                      .n_inputs = 1,
                                                      .attributes = &alpha,
                                                      .n_attributes = 1},
                            y))
            return false;
    } else if (!part) {
        return fmap_saved_add_plain(call, "Relu", NULL, x, y);
    }
    bool from_zero = threshold == 0 && slope == 0;
    return !part || fmap_saved_clip(call, *y, from_zero ? 0 : -HUGE_VAL, most, y);
}

bool fmap_saved_relu(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    double slope = 0, threshold = 0, most = HUGE_VAL;
    fmap_value value;
    if (!fmap_saved_get_number(call, "negative_slope", &slope) ||
        !fmap_saved_get_number(call, "threshold", &threshold) ||
        !fmap_saved_get_number(call, "max_value", &most))
        return false;
    if (most < 0)
        return fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "max_value is %g, expected at least 0", most);
    if (!relu_of(call, slope, threshold, most, fmap_saved_any(call->inputs[0]), &value)) return false;
    *output = fmap_saved_like(call->inputs[0], value);
    return true;
}

bool fmap_saved_thresholded_relu(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    double theta = 1;
    fmap_value value;
    if (!fmap_saved_get_number(call, "theta", &theta) ||
        !threshold_relu(call, "Greater", NULL, 0, theta, fmap_saved_any(call->inputs[0]), &value))
        return false;
    *output = fmap_saved_like(call->inputs[0], value);
    return true;
}

/* Which of the sizes of alpha are 1: the axes over which it is shared, counted without the batch. */
static bool read_shared_axes(struct fmap_saved_call *call, fmap_shape *alpha) {
    const json_t *shared = json_object_get(call->layer->config, "shared_axes");
    for (size_t i = 0; i < json_array_size(shared); i++) {
        const json_t *axis = json_array_get(shared, i);
        json_int_t at = json_integer_value(axis);
        if (!json_is_integer(axis) || at < 1 || at > alpha->rank)
            return fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "shared_axes is %s, expected axes of its input",
                                     fmap_saved_show_json(shared).text);
        alpha->dims[at - 1] = 1;
    }
    return true;
}

bool fmap_saved_prelu(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    static const int channels_first[3] = {2, 0, 1};
    struct fmap_saved_tensor *input = call->inputs[0];
    fmap_shape shape, alpha = {0};
    fmap_value slope, value;
    if (!fmap_saved_shape(call, input, &shape)) return false;
    alpha.rank = shape.rank - 1;
    for (int i = 0; i < alpha.rank; i++) alpha.dims[i] = shape.dims[i + 1];
    if (!read_shared_axes(call, &alpha)) return false;
    bool moved = input->moved && shape.rank == 4;
    const fmap_shape becomes = {.rank = 3, .dims = {alpha.dims[2], alpha.dims[0], alpha.dims[1]}};
    if (!moved && !fmap_saved_plain(call, input, &value)) return false;
    if (!(moved ? fmap_saved_reordered(call, "alpha", &alpha, channels_first, &becomes, &slope)
                : fmap_saved_constant(call, "alpha", &alpha, &slope)))
        return false;
    if (!fmap_saved_add_pair(call, "PRelu", NULL, moved ? input->moved : input->plain, slope, &value))
        return false;
    *output = moved ? (struct fmap_saved_tensor){.moved = value} : (struct fmap_saved_tensor){.plain = value};
    return true;
}
