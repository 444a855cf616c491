/* Keras' layers that scale and shift: normalisations and Rescaling. */
#include <math.h>
#include <string.h>

#include "keras_loader.h"

/* More channels than any network has; arrays of them are made whose size no file vouches for. */
enum { MOST_CHANNELS = 1 << 24 };

static bool check_channels(const struct fmap_saved_call *call, int64_t n) {
    if (n >= 1 && n <= MOST_CHANNELS) return true;
    return fmap_saved_refuse(call, FMAP_ERROR_MODEL,
                             "its input has %lld channels, expected a known number up to %d", (long long)n,
                             (int)MOST_CHANNELS);
}

/* One number a channel, of a layer's weights, or the same for all. */
static bool add_vector(struct fmap_saved_call *call, const char *what, int64_t n, const char *switched_by,
                       float otherwise, fmap_value *value) {
    const fmap_shape shape = {.rank = 1, .dims = {n}};
    bool used = true;
    if (switched_by && !fmap_saved_get_bool(call, switched_by, &used)) return false;
    if (used) return fmap_saved_constant(call, what, &shape, value);
    float *same = fmap_saved_keep(call->loader, &shape);
    if (!same) return false;
    for (int64_t i = 0; i < n; i++) same[i] = otherwise;
    const fmap_tensor tensor = {.type = FMAP_FLOAT32, .shape = shape, .data = same};
    *value = fmap_model_constant(call->loader->model, NULL, &tensor, FMAP_BORROW);
    return *value != FMAP_NO_VALUE;
}

/* The input with the axis in place 1, where a model has its channels. */
static bool channels_at_one(struct fmap_saved_call *call, int64_t axis, const fmap_shape *shape,
                            struct fmap_saved_tensor *output, fmap_value *value) {
    bool last = axis == shape->rank - 1;
    if (!last && axis != 1)
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "axis is %lld, expected that of the channels",
                                 (long long)axis);
    *output = last && shape->rank > 2 ? (struct fmap_saved_tensor){.moved = 1}
                                      : (struct fmap_saved_tensor){.plain = 1};
    return (output->moved ? fmap_saved_moved : fmap_saved_plain)(call, call->inputs[0], value);
}

static void put(struct fmap_saved_tensor *output, fmap_value value) {
    *output = fmap_saved_like(output, value);
}

bool fmap_saved_batch_normalization(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    int64_t axis = -1;
    double epsilon = 1e-3;
    fmap_shape shape = {0};
    fmap_value inputs[5], value;
    if (!fmap_saved_shape(call, call->inputs[0], &shape) ||
        !fmap_saved_get_axis(call, "axis", shape.rank, &axis) ||
        !fmap_saved_get_number(call, "epsilon", &epsilon) ||
        !channels_at_one(call, axis, &shape, output, &inputs[0]))
        return false;
    int64_t n = shape.dims[axis];
    if (!check_channels(call, n)) return false;
    const fmap_attribute attribute = fmap_saved_float_attribute("epsilon", epsilon);
    if (!add_vector(call, "gamma", n, "scale", 1, &inputs[1]) ||
        !add_vector(call, "beta", n, "center", 0, &inputs[2]) ||
        !add_vector(call, "moving_mean", n, NULL, 0, &inputs[3]) ||
        !add_vector(call, "moving_variance", n, NULL, 0, &inputs[4]) ||
        !fmap_saved_add(call,
                        &(struct fmap_saved_node){.op = "BatchNormalization",
                                                  .inputs = inputs,
                                                  .n_inputs = 5,
                                                  .attributes = &attribute,
                                                  .n_attributes = 1},
                        &value))
        return false;
    put(output, value);
    return true;
}

/* Over the last axis alone. */
bool fmap_saved_layer_normalization(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    int64_t axis = -1;
    double epsilon = 1e-3;
    fmap_shape shape = {0};
    fmap_value inputs[3];
    if (!fmap_saved_shape(call, call->inputs[0], &shape) ||
        !fmap_saved_get_axis(call, "axis", shape.rank, &axis) ||
        !fmap_saved_get_number(call, "epsilon", &epsilon))
        return false;
    if (axis != shape.rank - 1)
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "axis is %lld, expected the last one",
                                 (long long)axis);
    if (!check_channels(call, shape.dims[axis])) return false;
    const fmap_attribute attributes[2] = {fmap_saved_int_attribute("axis", -1),
                                          fmap_saved_float_attribute("epsilon", epsilon)};
    return fmap_saved_plain(call, call->inputs[0], &inputs[0]) &&
           add_vector(call, "gamma", shape.dims[axis], "scale", 1, &inputs[1]) &&
           add_vector(call, "beta", shape.dims[axis], "center", 0, &inputs[2]) &&
           fmap_saved_add(call,
                          &(struct fmap_saved_node){.op = "LayerNormalization",
                                                    .inputs = inputs,
                                                    .n_inputs = 3,
                                                    .attributes = attributes,
                                                    .n_attributes = 2},
                          &output->plain);
}

/* ---- numbers of the configuration -------------------------------------------------------------------- */

/* Numbers in nested lists, one behind the other; false when there is something else, or more than there is room for. */
static bool read_numbers(const json_t *json, float *numbers, int64_t room, int64_t *n, int depth) {
    if (json_is_number(json) && *n < room) {
        numbers[(*n)++] = (float)json_number_value(json);
        return true;
    }
    bool good = json_is_array(json) && depth < FMAP_MAX_RANK;
    for (size_t i = 0; i < json_array_size(json) && good; i++)
        good = read_numbers(json_array_get(json, i), numbers, room, n, depth + 1);
    return good;
}

/* A constant to be broadcast over the channels: one number, or one for each. */
static bool channel_constant(struct fmap_saved_call *call, const float *numbers, int64_t n,
                             const fmap_shape *shape, bool moved, fmap_value *value) {
    fmap_shape broadcast = {.rank = n == 1 ? 0 : 1, .dims = {n}};
    if (n > 1 && moved) {
        broadcast.rank = shape->rank - 1;
        for (int i = 1; i < broadcast.rank; i++) broadcast.dims[i] = 1;
    }
    *value = fmap_saved_floats_constant(call, &broadcast, numbers);
    return *value != FMAP_NO_VALUE;
}

/* Room for one number a channel, and the numbers under a key of the configuration. */
static bool config_numbers(struct fmap_saved_call *call, const char *key, int64_t channels, float fallback,
                           float **numbers, int64_t *n) {
    const json_t *given = json_object_get(call->layer->config, key);
    int64_t room = channels > 1 ? channels : 1;
    if (!check_channels(call, room)) return false;
    *numbers = fmap_scratch_array(&call->loader->scratch, (size_t)room, sizeof **numbers);
    if (!*numbers) return fmap_saved_out_of_memory(call->loader);
    *n = 0;
    if (!given || json_is_null(given))
        (*numbers)[(*n)++] = fallback;
    else if (!read_numbers(given, *numbers, room, n, 0) || (*n != 1 && *n != room))
        return fmap_saved_refuse(call, FMAP_ERROR_FORMAT,
                                 "%s is %s, expected one number or one for each channel", key,
                                 fmap_saved_show_json(given).text);
    return true;
}

/* x * scale + offset */
bool fmap_saved_rescaling(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    struct fmap_saved_tensor *input = call->inputs[0];
    fmap_value value = fmap_saved_any(input), constant;
    fmap_shape shape = {0};
    float *scale, *offset;
    int64_t n_scale, n_offset;
    if (!fmap_saved_shape(call, input, &shape)) return false;
    if (shape.rank < 2) return fmap_saved_refuse(call, FMAP_ERROR_MODEL, "its input has no channels");
    int64_t channels = shape.dims[shape.rank - 1];
    bool moved = input->moved && shape.rank > 2;
    if (!config_numbers(call, "scale", channels, 1, &scale, &n_scale) ||
        !config_numbers(call, "offset", channels, 0, &offset, &n_offset))
        return false;
    bool shifts = n_offset > 1 || offset[0] != 0;
    if (!channel_constant(call, scale, n_scale, &shape, moved, &constant) ||
        !fmap_saved_add_pair(call, "Mul", shifts ? "scale" : NULL, value, constant, &value))
        return false;
    if (shifts && (!channel_constant(call, offset, n_offset, &shape, moved, &constant) ||
                   !fmap_saved_add_pair(call, "Add", NULL, value, constant, &value)))
        return false;
    *output = fmap_saved_like(input, value);
    return true;
}

/* The mean or variance of a Normalization: of its configuration, or else of its weights. */
static bool moments(struct fmap_saved_call *call, const char *key, int64_t channels, float **numbers,
                    int64_t *n) {
    const json_t *given = json_object_get(call->layer->config, key);
    if (given && !json_is_null(given)) return config_numbers(call, key, channels, 0, numbers, n);
    const fmap_shape shape = {.rank = 1, .dims = {channels}};
    struct fmap_saved_weight *weight = check_channels(call, channels) ? fmap_saved_find(call, key, &shape)
                                                                      : NULL;
    const float *floats = weight ? fmap_saved_floats(call->loader, weight) : NULL;
    if (!floats) return false;
    *numbers = fmap_scratch_array(&call->loader->scratch, (size_t)channels, sizeof **numbers);
    if (!*numbers) return fmap_saved_out_of_memory(call->loader);
    memcpy(*numbers, floats, (size_t)channels * sizeof **numbers);
    *n = channels;
    return true;
}

/* (x - mean) / max(sqrt(variance), 1e-7), or the way back. */
bool fmap_saved_normalization(struct fmap_saved_call *call, struct fmap_saved_tensor *output) {
    struct fmap_saved_tensor *input = call->inputs[0];
    int64_t axis = -1, n_means, n_deviations;
    fmap_value value = fmap_saved_any(input), mean, deviation;
    fmap_shape shape = {0};
    float *means, *deviations;
    bool invert = false;
    if (!fmap_saved_shape(call, input, &shape) || !fmap_saved_get_axis(call, "axis", shape.rank, &axis) ||
        !fmap_saved_get_bool(call, "invert", &invert))
        return false;
    if (axis != shape.rank - 1 || axis < 1)
        return fmap_saved_refuse(call, FMAP_ERROR_UNSUPPORTED, "axis is %lld, expected the last one",
                                 (long long)axis);
    bool moved = input->moved && shape.rank > 2;
    if (!moments(call, "mean", shape.dims[axis], &means, &n_means) ||
        !moments(call, "variance", shape.dims[axis], &deviations, &n_deviations))
        return false;
    for (int64_t i = 0; i < n_deviations; i++) deviations[i] = fmaxf(sqrtf(deviations[i]), 1e-7f);
    if (!channel_constant(call, means, n_means, &shape, moved, &mean) ||
        !channel_constant(call, deviations, n_deviations, &shape, moved, &deviation))
        return false;
    if (invert ? !fmap_saved_add_pair(call, "Mul", "scaled", value, deviation, &value) ||
                     !fmap_saved_add_pair(call, "Add", NULL, value, mean, &value)
               : !fmap_saved_add_pair(call, "Sub", "centered", value, mean, &value) ||
                     !fmap_saved_add_pair(call, "Div", NULL, value, deviation, &value))
        return false;
    *output = fmap_saved_like(input, value);
    return true;
}
