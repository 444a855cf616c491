/* Functions of TensorFlow that a network of Keras applies as if they were layers: TFOpLambda. The first argument is what the
 * node reads, others are named in the call. */
#include <string.h>

#include "keras_loader.h"

/* What it computes with: two tensors, or a tensor and a number. */
static bool operands(struct fmap_saved_call *call, struct fmap_saved_tensor *number,
                     struct fmap_saved_tensor *inputs[2]) {
    const json_t *other = json_object_get(call->arguments, "y");
    inputs[0] = call->inputs[0];
    if (call->n_inputs == 2) {
        inputs[1] = call->inputs[1];
        return true;
    }
    if (call->n_inputs != 1 || !json_is_number(other))
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED,
                                 "it is not given a tensor and a number, or two tensors");
    *number = (struct fmap_saved_tensor){.plain = fmap_saved_scalar(call, json_number_value(other))};
    inputs[1] = number;
    return number->plain != FMAP_NO_VALUE;
}

static bool arithmetic(struct fmap_saved_call *call, fmap_saved_build *build,
                       struct fmap_saved_tensor *output) {
    struct fmap_saved_tensor number, *inputs[2];
    struct fmap_saved_call both = *call;
    if (!operands(call, &number, inputs)) return false;
    both.inputs = inputs;
    both.n_inputs = 2;
    return build(&both, output);
}

static bool clip_by_value(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    const json_t *low = json_object_get(call->arguments, "clip_value_min");
    const json_t *high = json_object_get(call->arguments, "clip_value_max");
    fmap_value value;
    if (!json_is_number(low) || !json_is_number(high))
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "its limits are not numbers");
    if (!fmap_saved_clip(call, fmap_saved_any(call->inputs[0]), json_number_value(low),
                         json_number_value(high), &value))
        return false;
    *output = fmap_saved_like(call->inputs[0], value);
    return true;
}

/* Both take the channels of a block's pixels one pixel after the other, as ONNX' mode DCR does. */
static bool blocks(struct fmap_saved_call *call, const char *op, struct fmap_saved_tensor *output) {
    const json_t *size = json_object_get(call->arguments, "block_size");
    const char *format = json_string_value(json_object_get(call->arguments, "data_format"));
    fmap_shape shape = {0};
    fmap_value value;
    if (!json_is_integer(size) || (format && strcmp(format, "NHWC") != 0))
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "it has no block_size, or is not for NHWC");
    if (!fmap_saved_shape(call, call->inputs[0], &shape)) return false;
    if (shape.rank != 4)
        return fmap_saved_refuse(call, FMAP_ERROR_MODEL, "its input has %d axes, expected 4", shape.rank);
    return fmap_saved_moved(call, call->inputs[0], &value) &&
           fmap_saved_add_with(call, op, value,
                               fmap_saved_int_attribute("blocksize", json_integer_value(size)),
                               &output->moved);
}

static bool depth_to_space(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return blocks(call, "DepthToSpace", output);
}

static bool space_to_depth(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return blocks(call, "SpaceToDepth", output);
}

/* Functions of two operands that a layer computes too. */
static const struct {
    const char *name;
    fmap_saved_build *build;
} pairs[] = {
    {"math.add", fmap_saved_add_all},       {"__operators__.add", fmap_saved_add_all},
    {"math.subtract", fmap_saved_subtract}, {"math.multiply", fmap_saved_multiply},
    {"math.truediv", fmap_saved_divide},    {"math.divide", fmap_saved_divide},
    {"math.maximum", fmap_saved_maximum},   {"math.minimum", fmap_saved_minimum},
};

static const struct {
    const char *name;
    fmap_saved_build *build;
} functions[] = {
    {"clip_by_value", clip_by_value},
    {"nn.depth_to_space", depth_to_space},
    {"compat.v1.nn.depth_to_space", depth_to_space},
    {"nn.space_to_depth", space_to_depth},
    {"compat.v1.nn.space_to_depth", space_to_depth},
    {"identity", fmap_saved_identity},
    {"stop_gradient", fmap_saved_identity},
};

/* Functions of one operand that are activations. */
static const struct {
    const char *name, *activation;
} activations[] = {
    {"nn.relu", "relu"},         {"nn.relu6", "relu6"},       {"math.sigmoid", "sigmoid"},
    {"nn.sigmoid", "sigmoid"},   {"math.tanh", "tanh"},       {"nn.tanh", "tanh"},
    {"nn.elu", "elu"},           {"nn.selu", "selu"},         {"nn.silu", "silu"},
    {"nn.swish", "silu"},        {"nn.softplus", "softplus"}, {"math.softplus", "softplus"},
    {"math.exp", "exponential"}, {"nn.softsign", "softsign"},
};

bool fmap_saved_operator(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    const char *function = "";
    if (!fmap_saved_get_text(call, "function", &function)) return false;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (strcmp(pairs[i].name, function) == 0) return arithmetic(call, pairs[i].build, output);
    }
    if (call->n_inputs != 1)
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED,
                                 "the function '%s' of %zu inputs is not supported",
                                 fmap_saved_show(function).text, call->n_inputs);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i].name, function) == 0) return functions[i].build(call, output);
    }
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (strcmp(activations[i].name, function) != 0) continue;
        *output = *call->inputs[0];
        return fmap_saved_activate_by_name(call, activations[i].activation, output);
    }
    return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "the function '%s' is not supported",
                             fmap_saved_show(function).text);
}
