/* Keras' activations, as layers and as the end of other layers. */
#include "runtime/keras.h"

#include "runtime/shape.h"

/* How each activation is written in ONNX, and what its node is called after the layer that it ends. */
static const struct {
    const char *op;
    const char *suffix;
    float low, high; /* of Clip */
} activations[] = {
    [FMAP_LINEAR] = {"Identity", "linear", 0, 0},  [FMAP_RELU] = {"Relu", "relu", 0, 0},
    [FMAP_RELU6] = {"Clip", "relu6", 0, 6},        [FMAP_LEAKY_RELU] = {"LeakyRelu", "leaky_relu", 0, 0},
    [FMAP_SIGMOID] = {"Sigmoid", "sigmoid", 0, 0}, [FMAP_TANH] = {"Tanh", "tanh", 0, 0},
    [FMAP_SOFTMAX] = {"Softmax", "softmax", 0, 0},
};

#define KERAS_LEAKY_RELU_ALPHA 0.3f

/* Adds the node, as a layer of its own or after the one that has just been added. */
static fmap_value add(const struct fmap_keras *layer, bool follows, fmap_activation activation,
                      struct fmap_keras_node node) {
    node.op = activations[activation].op;
    node.name = layer->name;
    return follows ? fmap_keras_follow(layer, activations[activation].suffix, &node)
                   : fmap_keras_node(layer, &node);
}

static fmap_value add_clip(const struct fmap_keras *layer, bool follows, fmap_value input, float low,
                           float high) {
    fmap_tensor lows = {.type = FMAP_FLOAT32, .data = &low}, highs = {.type = FMAP_FLOAT32, .data = &high};
    const fmap_value inputs[3] = {input, fmap_model_constant(layer->model, NULL, &lows, FMAP_COPY),
                                  fmap_model_constant(layer->model, NULL, &highs, FMAP_COPY)};
    return add(layer, follows, FMAP_RELU6, (struct fmap_keras_node){.inputs = inputs, .n_inputs = 3});
}

static fmap_value add_leaky_relu(const struct fmap_keras *layer, bool follows, fmap_value input,
                                 float alpha) {
    const fmap_attribute slope = {.name = "alpha", .type = FMAP_ATTRIBUTE_FLOAT, .f = alpha};
    return add(
        layer, follows, FMAP_LEAKY_RELU,
        (struct fmap_keras_node){.inputs = &input, .n_inputs = 1, .attributes = &slope, .n_attributes = 1});
}

static fmap_value add_activation(const struct fmap_keras *layer, bool follows, fmap_value input,
                                 fmap_activation activation) {
    const fmap_attribute channels = fmap_keras_int("axis", 1);
    fmap_value_info info;
    if ((int)activation < FMAP_LINEAR || activation > FMAP_SOFTMAX) {
        return fmap_keras_fail(layer, FMAP_ERROR_ARGUMENT, "there is no activation %d", (int)activation);
    }
    if (!fmap_keras_input(layer, input, 0, &info)) return FMAP_NO_VALUE;
    if (activation == FMAP_LEAKY_RELU) return add_leaky_relu(layer, follows, input, KERAS_LEAKY_RELU_ALPHA);
    if (activation == FMAP_RELU6) {
        return add_clip(layer, follows, input, activations[FMAP_RELU6].low, activations[FMAP_RELU6].high);
    }
    return add(layer, follows, activation,
               (struct fmap_keras_node){.inputs = &input,
                                        .n_inputs = 1,
                                        .attributes = &channels,
                                        .n_attributes = activation == FMAP_SOFTMAX});
}

fmap_value fmap_keras_activate(const struct fmap_keras *layer, fmap_value value, fmap_activation activation) {
    return activation == FMAP_LINEAR ? value : add_activation(layer, true, value, activation);
}

fmap_value fmap_model_activation(fmap_model *model, const char *name, fmap_value input,
                                 fmap_activation activation) {
    const struct fmap_keras layer = {model, "Activation", name};
    return add_activation(&layer, false, input, activation);
}

fmap_value fmap_model_relu(fmap_model *model, const char *name, fmap_value input) {
    const struct fmap_keras layer = {model, "ReLU", name};
    return add_activation(&layer, false, input, FMAP_RELU);
}

fmap_value fmap_model_softmax(fmap_model *model, const char *name, fmap_value input) {
    const struct fmap_keras layer = {model, "Softmax", name};
    return add_activation(&layer, false, input, FMAP_SOFTMAX);
}

fmap_value fmap_model_leaky_relu(fmap_model *model, const char *name, fmap_value input, float alpha) {
    const struct fmap_keras layer = {model, "LeakyReLU", name};
    fmap_value_info info;
    if (alpha != alpha) return fmap_keras_fail(&layer, FMAP_ERROR_ARGUMENT, "alpha is not a number");
    if (!fmap_keras_input(&layer, input, 0, &info)) return FMAP_NO_VALUE;
    return add_leaky_relu(&layer, false, input, alpha);
}

fmap_value fmap_model_clip(fmap_model *model, const char *name, fmap_value input, float low, float high) {
    const struct fmap_keras layer = {model, "Clip", name};
    fmap_value_info info;
    if (!(low <= high)) { /* not low > high: NaN is refused too */
        return fmap_keras_fail(&layer, FMAP_ERROR_ARGUMENT, "low is %g and high is %g, expected low <= high",
                               (double)low, (double)high);
    }
    if (!fmap_keras_input(&layer, input, 0, &info)) return FMAP_NO_VALUE;
    return add_clip(&layer, false, input, low, high);
}
