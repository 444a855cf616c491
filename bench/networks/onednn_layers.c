/* Everything that is no sum of products, and what all steps share. */
#include "onednn_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const json_t *step, const char *key) {
    const char *value = json_string_value(json_object_get(step, key));
    return value != NULL ? value : "";
}

static int integer(const json_t *step, const char *key) {
    return (int)json_integer_value(json_object_get(step, key));
}

static float number(const json_t *step, const char *key) {
    return (float)json_number_value(json_object_get(step, key));
}

bool step_numbers(struct network *net, const json_t *step, const char *key, int n, dnnl_dims_t numbers) {
    const json_t *array = json_object_get(step, key);
    for (int i = 0; i < n; i++) numbers[i] = json_integer_value(json_array_get(array, (size_t)i));
    if (json_array_size(array) == (size_t)n) return true;
    snprintf(net->reason, sizeof net->reason, "a step's %s are not %d numbers", key, n);
    return false;
}

int step_shape(struct network *net, const json_t *step, dnnl_dims_t dims) {
    size_t n = json_array_size(json_object_get(step, "shape"));
    dnnl_dims_t image;
    if (n >= DNNL_MAX_NDIMS || !step_numbers(net, step, "shape", (int)n, image)) return 0;
    dims[0] = net->batch;
    memcpy(dims + 1, image, n * sizeof *image);
    return (int)n + 1;
}

const struct tensor *step_input(struct network *net, const json_t *step, size_t i) {
    const char *name = json_string_value(json_array_get(json_object_get(step, "from"), i));
    return network_find(net, name != NULL ? name : "nothing");
}

const float *step_weights(struct network *net, const json_t *step, const char *key, int *n_dims,
                          dnnl_dims_t dims) {
    const json_t *place = json_object_get(step, key), *sizes = json_object_get(place, "dims");
    json_int_t at = json_integer_value(json_object_get(place, "at"));
    size_t elements = net->weights_bytes / sizeof(float), wanted = 1;
    *n_dims = (int)json_array_size(sizes);
    if (*n_dims > DNNL_MAX_NDIMS || at < 0 || !step_numbers(net, place, "dims", *n_dims, dims)) return NULL;
    for (int i = 0; i < *n_dims; i++) {
        if (dims[i] < 1 || wanted > elements / (size_t)dims[i])
            wanted = elements + 1;
        else
            wanted *= (size_t)dims[i];
    }
    if ((size_t)at / sizeof(float) + wanted <= elements)
        return (const float *)(const void *)(net->weights + at);
    snprintf(net->reason, sizeof net->reason, "the weights of a step are not in their file");
    return NULL;
}

int step_weights_in(struct network *net, const json_t *step, const char *key,
                    const dnnl_memory_desc_t *wanted) {
    dnnl_memory_desc_t plain;
    dnnl_dims_t dims;
    int n_dims;
    const float *weights = step_weights(net, step, key, &n_dims, dims);
    if (weights == NULL) return -1;
    for (; n_dims > wanted->ndims; n_dims--)
        dims[n_dims - 2] *= dims[n_dims - 1]; /* of maps that lie in rows */
    if (!network_plain(net, &plain, n_dims, dims)) return -1;
    size_t bytes = dnnl_memory_desc_get_size(wanted);
    char *memory = network_memory(bytes);
    int buffer = memory != NULL ? network_buffer(net, bytes, memory, true) : -1;
    if (buffer < 0) free(memory);
    return buffer >= 0 && network_reorder(net, &plain, weights, wanted, memory) ? buffer : -1;
}

static dnnl_alg_kind_t function_kind(const char *name) {
    static const struct {
        const char *name;
        dnnl_alg_kind_t kind;
    } kinds[] = {{"relu", dnnl_eltwise_relu},     {"clip", dnnl_eltwise_clip},
                 {"linear", dnnl_eltwise_linear}, {"logistic", dnnl_eltwise_logistic},
                 {"swish", dnnl_eltwise_swish},   {"hardswish", dnnl_eltwise_hardswish},
                 {"tanh", dnnl_eltwise_tanh}};
    for (size_t i = 0; name != NULL && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name) == 0) return kinds[i].kind;
    }
    return dnnl_alg_kind_undef;
}

/* A step's i-th activation: its kind and two numbers. */
static dnnl_alg_kind_t activation(const json_t *step, size_t i, float numbers[2]) {
    const json_t *function = json_array_get(json_object_get(step, "after"), i);
    for (size_t j = 0; j < 2; j++) numbers[j] = (float)json_number_value(json_array_get(function, j + 1));
    return function_kind(json_string_value(json_array_get(function, 0)));
}

dnnl_primitive_attr_t step_attributes(struct network *net, const json_t *step) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t after = NULL;
    bool made = dnnl_primitive_attr_create(&attributes) == dnnl_success &&
                dnnl_post_ops_create(&after) == dnnl_success &&
                dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) ==
                    dnnl_success;
    if (made && json_object_get(step, "sum") != NULL)
        made = dnnl_post_ops_append_sum(after, 1) == dnnl_success;
    for (size_t i = 0; made && i < json_array_size(json_object_get(step, "after")); i++) {
        float numbers[2];
        dnnl_alg_kind_t kind = activation(step, i, numbers);
        made = dnnl_post_ops_append_eltwise(after, 1, kind, numbers[0], numbers[1]) == dnnl_success;
    }
    made = made && dnnl_primitive_attr_set_post_ops(attributes, after) == dnnl_success;
    if (after) dnnl_post_ops_destroy(after);
    if (made) return attributes;
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    network_check(net, dnnl_unimplemented, "such activation");
    return NULL;
}

/* ---- one primitive with one input ------------------------------------------------------------------------------ */

/* A stage of what an operation descriptor describes. NULL: there is none. */
static struct stage *stage_of(struct network *net, const json_t *step, dnnl_status_t status,
                              const_dnnl_op_desc_t operation) {
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_attr_t attributes = step_attributes(net, step);
    if (attributes == NULL) return NULL;
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(&description, operation, attributes, net->engine, NULL);
    dnnl_primitive_attr_destroy(attributes);
    return network_check(net, status, text(step, "op")) ? network_stage(net, description) : NULL;
}

/* The only input as it lies, and the output. */
static bool finish(struct network *net, const json_t *step, struct stage *stage, const struct tensor *input) {
    return stage != NULL && network_operand(net, stage, DNNL_ARG_SRC, &input->desc, input->buffer) &&
           network_output(net, stage, text(step, "to"));
}

static bool pool(struct network *net, const json_t *step, const struct tensor *input) {
    dnnl_dims_t dims, kernel, strides, begin, end;
    dnnl_memory_desc_t output;
    dnnl_pooling_desc_t pooling;
    const char *kind = text(step, "kind");
    dnnl_alg_kind_t algorithm = strcmp(kind, "max") == 0       ? dnnl_pooling_max
                                : strcmp(kind, "average") == 0 ? dnnl_pooling_avg_exclude_padding
                                                               : dnnl_pooling_avg_include_padding;
    int n_dims = step_shape(net, step, dims);
    if (n_dims == 0 || !step_numbers(net, step, "kernel", 2, kernel) ||
        !step_numbers(net, step, "strides", 2, strides) || !step_numbers(net, step, "begin", 2, begin) ||
        !step_numbers(net, step, "end", 2, end))
        return false;
    dnnl_memory_desc_init_by_tag(&output, n_dims, dims, dnnl_f32, dnnl_format_tag_any);
    dnnl_status_t status = dnnl_pooling_forward_desc_init(&pooling, dnnl_forward_inference, algorithm,
                                                          &input->desc, &output, strides, kernel, begin, end);
    return finish(net, step, stage_of(net, step, status, &pooling), input);
}

static bool resample(struct network *net, const json_t *step, const struct tensor *input) {
    dnnl_dims_t dims;
    dnnl_memory_desc_t output;
    dnnl_resampling_desc_t resampling;
    dnnl_alg_kind_t kind = strcmp(text(step, "kind"), "linear") == 0 ? dnnl_resampling_linear
                                                                     : dnnl_resampling_nearest;
    int n_dims = step_shape(net, step, dims);
    if (n_dims == 0) return false;
    dnnl_memory_desc_init_by_tag(&output, n_dims, dims, dnnl_f32, dnnl_format_tag_any);
    dnnl_status_t status = dnnl_resampling_forward_desc_init(&resampling, dnnl_forward_inference, kind, NULL,
                                                             &input->desc, &output);
    return finish(net, step, stage_of(net, step, status, &resampling), input);
}

static bool softmax(struct network *net, const json_t *step, const struct tensor *input) {
    dnnl_softmax_desc_t operation;
    dnnl_status_t status = dnnl_softmax_forward_desc_init(&operation, dnnl_forward_inference, &input->desc,
                                                          integer(step, "axis"));
    return finish(net, step, stage_of(net, step, status, &operation), input);
}

static bool lrn(struct network *net, const json_t *step, const struct tensor *input) {
    dnnl_lrn_desc_t operation;
    dnnl_status_t status = dnnl_lrn_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_lrn_across_channels, &input->desc, integer(step, "size"),
        number(step, "alpha"), number(step, "beta"), number(step, "constant"));
    return finish(net, step, stage_of(net, step, status, &operation), input);
}

/* Channels of all groups in turn. What oneDNN calls a group's size is how many channels are between neighbours. */
static bool shuffle(struct network *net, const json_t *step, const struct tensor *input) {
    dnnl_shuffle_desc_t operation;
    int groups = integer(step, "groups");
    dnnl_status_t status = groups < 1 ? dnnl_invalid_arguments
                                      : dnnl_shuffle_forward_desc_init(&operation, dnnl_forward_inference,
                                                                       &input->desc, 1,
                                                                       input->desc.dims[1] / groups);
    return finish(net, step, stage_of(net, step, status, &operation), input);
}

static bool eltwise(struct network *net, const json_t *step, const struct tensor *input) {
    dnnl_eltwise_desc_t operation;
    float numbers[2];
    dnnl_alg_kind_t kind = activation(step, 0, numbers);
    dnnl_status_t status = dnnl_eltwise_forward_desc_init(&operation, dnnl_forward_inference, kind,
                                                          &input->desc, numbers[0], numbers[1]);
    json_t *alone = json_pack("{s:s, s:O}", "op", "eltwise", "to", json_object_get(step, "to"));
    bool done = finish(net, alone, stage_of(net, alone, status, &operation), input);
    json_decref(alone);
    return done;
}

/* scale * x + shift for each channel, which is what a normalization with known statistics does. */
static bool affine(struct network *net, const json_t *step, const struct tensor *input) {
    static const struct {
        int argument;
        const char *key;
        float value; /* without a key */
    } operands[] = {{DNNL_ARG_MEAN, NULL, 0},
                    {DNNL_ARG_VARIANCE, NULL, 1},
                    {DNNL_ARG_SCALE, "weights", 0},
                    {DNNL_ARG_SHIFT, "bias", 0}};
    dnnl_batch_normalization_desc_t operation;
    unsigned flags = dnnl_use_global_stats | dnnl_use_scale | dnnl_use_shift;
    if (json_is_true(json_object_get(step, "relu"))) flags |= dnnl_fuse_norm_relu;
    dnnl_status_t status = dnnl_batch_normalization_forward_desc_init(&operation, dnnl_forward_inference,
                                                                      &input->desc, 0, flags);
    struct stage *stage = stage_of(net, step, status, &operation);
    for (size_t i = 0; stage != NULL && i < 4; i++) {
        const dnnl_memory_desc_t *wanted = network_wanted(stage, operands[i].argument);
        size_t n = (size_t)input->desc.dims[1];
        int buffer = -1;
        if (operands[i].key != NULL) {
            buffer = step_weights_in(net, step, operands[i].key, wanted);
        } else {
            float *values = (float *)(void *)network_memory(n * sizeof(float));
            for (size_t c = 0; values != NULL && c < n; c++) values[c] = operands[i].value;
            buffer = values != NULL ? network_buffer(net, n * sizeof(float), (char *)values, true) : -1;
        }
        if (!network_operand(net, stage, operands[i].argument, wanted, buffer)) return false;
    }
    return finish(net, step, stage, input);
}

bool network_step(struct network *net, const json_t *step) {
    static const struct {
        const char *op;
        bool (*add)(struct network *, const json_t *, const struct tensor *);
    } kinds[] = {{"pool", pool},       {"resample", resample}, {"softmax", softmax}, {"lrn", lrn},
                 {"shuffle", shuffle}, {"eltwise", eltwise},   {"affine", affine}};
    const char *op = text(step, "op");
    if (strcmp(op, "conv") == 0 || strcmp(op, "deconv") == 0 || strcmp(op, "dense") == 0)
        return network_convolution(net, step);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(op, kinds[i].op) != 0) continue;
        const struct tensor *input = step_input(net, step, 0);
        return input != NULL && kinds[i].add(net, step, input);
    }
    return network_join(net, step);
}
