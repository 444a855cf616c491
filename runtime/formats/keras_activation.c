/* Keras' activations: layers of their own, and what other layers end with. Those that are ReLU or near it: keras_relu.c. */
#include <math.h>
#include <string.h>

#include "keras_loader.h"

static bool relu6(struct fmap_saved_call *call, fmap_value x, fmap_value *y) {
    return fmap_saved_clip(call, x, 0, 6, y);
}

static bool hard_tanh(struct fmap_saved_call *call, fmap_value x, fmap_value *y) {
    return fmap_saved_clip(call, x, -1, 1, y);
}

static bool slope_of_leaky_relu(struct fmap_saved_call *call, fmap_value x, fmap_value *y) {
    return fmap_saved_add_with(call, "LeakyRelu", x, fmap_saved_float_attribute("alpha", 0.2), y);
}

/* Keras 3 took over PyTorch's, with another slope. */
static bool hard_sigmoid(struct fmap_saved_call *call, fmap_value x, fmap_value *y) {
    const fmap_attribute attributes[2] = {
        fmap_saved_float_attribute("alpha", call->loader->keras_3 ? 1.0 / 6 : 0.2),
        fmap_saved_float_attribute("beta", 0.5)};
    return fmap_saved_add(
        call,
        &(struct fmap_saved_node){
            .op = "HardSigmoid", .inputs = &x, .n_inputs = 1, .attributes = attributes, .n_attributes = 2},
        y);
}

/* x * sigmoid(x) */
static bool silu(struct fmap_saved_call *call, fmap_value x, fmap_value *y) {
    fmap_value sigmoid;
    return fmap_saved_add_plain(call, "Sigmoid", "sigmoid", x, &sigmoid) &&
           fmap_saved_add_pair(call, "Mul", NULL, x, sigmoid, y);
}

/* x * tanh(log(1 + exp(x))) */
static bool mish(struct fmap_saved_call *call, fmap_value x, fmap_value *y) {
    fmap_value inner;
    return fmap_saved_add_plain(call, "Softplus", "softplus", x, &inner) &&
           fmap_saved_add_plain(call, "Tanh", "tanh", inner, &inner) &&
           fmap_saved_add_pair(call, "Mul", NULL, x, inner, y);
}

/* 0.5 * x * (1 + erf(x / sqrt(2))) */
static bool gelu(struct fmap_saved_call *call, fmap_value x, fmap_value *y) {
    fmap_value inner;
    return fmap_saved_add_pair(call, "Mul", "scaled", x, fmap_saved_scalar(call, sqrt(0.5)), &inner) &&
           fmap_saved_add_plain(call, "Erf", "erf", inner, &inner) &&
           fmap_saved_add_pair(call, "Add", "shifted", inner, fmap_saved_scalar(call, 1), &inner) &&
           fmap_saved_add_pair(call, "Mul", "product", x, inner, &inner) &&
           fmap_saved_add_pair(call, "Mul", NULL, inner, fmap_saved_scalar(call, 0.5), y);
}

/* Over the last axis, or the one that a layer names. */
static bool softmax_of(struct fmap_saved_call *call, const char *op, const char *key,
                       struct fmap_saved_tensor *input, struct fmap_saved_tensor *output) {
    fmap_shape shape = {0};
    fmap_value value;
    int64_t axis = -1;
    if (!fmap_saved_shape(call, input, &shape) || !fmap_saved_get_axis(call, key, shape.rank, &axis))
        return false;
    if (input->moved && shape.rank > 2) axis = fmap_saved_moved_axis(axis, shape.rank);
    if (!fmap_saved_add_with(call, op, fmap_saved_any(input), fmap_saved_int_attribute("axis", axis), &value))
        return false;
    *output = fmap_saved_like(input, value);
    return true;
}

/* ---- by name ----------------------------------------------------------------------------------------- */

static const struct activation {
    const char *name;
    const char *op; /* without attributes */
    bool (*build)(struct fmap_saved_call *call, fmap_value x, fmap_value *y);
} activations[] = {
    {"linear", "Identity", NULL},
    {"relu", "Relu", NULL},
    {"relu6", NULL, relu6},
    {"leaky_relu", NULL, slope_of_leaky_relu},
    {"elu", "Elu", NULL},
    {"selu", "Selu", NULL},
    {"sigmoid", "Sigmoid", NULL},
    {"hard_sigmoid", NULL, hard_sigmoid},
    {"tanh", "Tanh", NULL},
    {"hard_tanh", NULL, hard_tanh},
    {"softplus", "Softplus", NULL},
    {"softsign", "Softsign", NULL},
    {"exponential", "Exp", NULL},
    {"swish", NULL, silu},
    {"silu", NULL, silu},
    {"hard_swish", "HardSwish", NULL},
    {"hard_silu", "HardSwish", NULL},
    {"mish", NULL, mish},
    {"gelu", NULL, gelu},
};

/* Applies an activation as the layer that the call is of. */
bool fmap_saved_activate_by_name(struct fmap_saved_call *call, const char *name,
                                 struct fmap_saved_tensor *tensor) {
    fmap_value value, input = fmap_saved_any(tensor);
    if (strcmp(name, "softmax") == 0) return softmax_of(call, "Softmax", "", tensor, tensor);
    if (strcmp(name, "log_softmax") == 0) return softmax_of(call, "LogSoftmax", "", tensor, tensor);
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (strcmp(activations[i].name, name) != 0) continue;
        bool good = activations[i].build ? activations[i].build(call, input, &value)
                                         : fmap_saved_add_plain(call, activations[i].op, NULL, input, &value);
        if (good) *tensor = fmap_saved_like(tensor, value);
        return good;
    }
    return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "the activation '%s' is not supported",
                             fmap_saved_show(name).text);
}

/* A layer, such as LeakyReLU, that stands where the name of an activation could. */
static bool by_layer(struct fmap_saved_call *call, const json_t *activation,
                     struct fmap_saved_tensor *tensor) {
    struct fmap_saved_tensor *inputs[1] = {tensor}, output = {FMAP_NO_VALUE, FMAP_NO_VALUE};
    struct fmap_saved_layer layer = *call->layer;
    struct fmap_saved_call inner = *call;
    layer.class_name = json_string_value(json_object_get(activation, "class_name"));
    layer.config = json_object_get(activation, "config");
    inner.layer = &layer;
    inner.inputs = inputs;
    inner.n_inputs = 1;
    if (strcmp(layer.class_name, "Activation") == 0)
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "its activation is a layer of activations");
    if (!fmap_saved_apply(&inner, &output)) return false;
    *tensor = output;
    return true;
}

/* An activation's own name, as text or as Keras 3 writes a function down; NULL for a layer. */
static const char *name_of(const json_t *activation) {
    const char *class_name = json_string_value(json_object_get(activation, "class_name"));
    const json_t *config = json_object_get(activation, "config");
    return class_name && strcmp(class_name, "function") == 0 ? json_string_value(config)
                                                             : json_string_value(activation);
}

static bool apply(struct fmap_saved_call *call, const json_t *activation, struct fmap_saved_tensor *tensor) {
    const char *name = name_of(activation);
    if (name) return fmap_saved_activate_by_name(call, name, tensor);
    if (json_string_value(json_object_get(activation, "class_name")))
        return by_layer(call, activation, tensor);
    return fmap_saved_refuse(call, FMAP_ERROR_FORMAT, "its activation is %s, expected a name or a layer",
                             fmap_saved_show_json(activation).text);
}

bool fmap_saved_activate(struct fmap_saved_call *call, const char *key, struct fmap_saved_tensor *tensor) {
    const json_t *activation = json_object_get(call->layer->config, key);
    if (!activation || json_is_null(activation)) return true;
    const char *name = name_of(activation);
    if (name && strcmp(name, "linear") == 0) return true;
    if (!name) name = json_string_value(json_object_get(activation, "class_name"));
    if (name && fmap_text_fault((const uint8_t *)name, strlen(name))) name = NULL;
    struct fmap_saved_call after = *call;
    after.name_is_free = false;
    after.name = fmap_saved_join(call->loader, call->name, "_", name ? name : "activation");
    return after.name && apply(&after, activation, tensor);
}

bool fmap_saved_activation(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    *output = *call->inputs[0];
    return apply(call, json_object_get(call->layer->config, "activation"), output);
}

/* ---- layers ------------------------------------------------------------------------------------------ */

bool fmap_saved_softmax(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    return softmax_of(call, "Softmax", "axis", call->inputs[0], output);
}

bool fmap_saved_elu(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    double alpha = 1;
    fmap_value value;
    if (!fmap_saved_get_number(call, "alpha", &alpha) ||
        !fmap_saved_add_with(call, "Elu", fmap_saved_any(call->inputs[0]),
                             fmap_saved_float_attribute("alpha", alpha), &value))
        return false;
    *output = fmap_saved_like(call->inputs[0], value);
    return true;
}
