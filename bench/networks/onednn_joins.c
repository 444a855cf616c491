/* Steps with several inputs, and views: values that lie where another one lies. */
#include "onednn_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *output_name(const json_t *step) {
    const char *name = json_string_value(json_object_get(step, "to"));
    return name != NULL ? name : "";
}

/* The value row by row; where it lies. -1: failed. */
static int in_rows(struct network *net, const struct tensor *input, dnnl_memory_desc_t *rows) {
    dnnl_memory_desc_t desc = input->desc;
    return network_plain(net, rows, desc.ndims, desc.dims) ? network_in_layout(net, input, rows) : -1;
}

static bool reshape(struct network *net, const json_t *step) {
    const struct tensor *input = step_input(net, step, 0);
    dnnl_memory_desc_t rows, desc;
    dnnl_dims_t dims;
    int n_dims = step_shape(net, step, dims), buffer = input != NULL ? in_rows(net, input, &rows) : -1;
    return buffer >= 0 && n_dims > 0 && network_plain(net, &desc, n_dims, dims) &&
           dnnl_memory_desc_get_size(&desc) == dnnl_memory_desc_get_size(&rows) &&
           network_add(net, output_name(step), &desc, buffer);
}

static bool transpose(struct network *net, const json_t *step) {
    const struct tensor *input = step_input(net, step, 0);
    dnnl_dims_t axes;
    dnnl_memory_desc_t desc;
    int permutation[DNNL_MAX_NDIMS];
    if (input == NULL || !step_numbers(net, step, "axes", input->desc.ndims, axes)) return false;
    for (int i = 0; i < input->desc.ndims; i++) {
        if (axes[i] < 0 || axes[i] >= input->desc.ndims) return false;
        permutation[axes[i]] = i;
    }
    return network_check(net, dnnl_memory_desc_permute_axes(&desc, &input->desc, permutation), "transpose") &&
           network_add(net, output_name(step), &desc, input->buffer);
}

/* A part of a value. Blocks of channels cannot be cut; then the value is brought to channels last first. */
static bool slice(struct network *net, const json_t *step) {
    const struct tensor *input = step_input(net, step, 0);
    dnnl_memory_desc_t desc, last;
    dnnl_dims_t dims, offsets = {0}, all;
    int n_dims = step_shape(net, step, dims);
    json_int_t axis = json_integer_value(json_object_get(step, "axis"));
    if (input == NULL || n_dims != input->desc.ndims || axis < 1 || axis >= n_dims) return false;
    offsets[axis] = json_integer_value(json_object_get(step, "begin"));
    if (dnnl_memory_desc_init_submemory(&desc, &input->desc, dims, offsets) == dnnl_success)
        return network_add(net, output_name(step), &desc, input->buffer);
    memcpy(all, input->desc.dims, sizeof all);
    int buffer = -1;
    if (n_dims != 4)
        buffer = in_rows(net, input, &last);
    else if (dnnl_memory_desc_init_by_tag(&last, n_dims, all, dnnl_f32, dnnl_nhwc) == dnnl_success)
        buffer = network_in_layout(net, input, &last);
    return buffer >= 0 &&
           network_check(net, dnnl_memory_desc_init_submemory(&desc, &last, dims, offsets), "slice") &&
           network_add(net, output_name(step), &desc, buffer);
}

/* All outputs of a pixel that lie behind one another, channels last, become its part of a larger image. */
static bool spread(struct network *net, const json_t *step) {
    const struct tensor *input = step_input(net, step, 0);
    dnnl_memory_desc_t apart, source, target, image;
    dnnl_primitive_desc_t description = NULL;
    dnnl_dims_t dims, in, k;
    if (input == NULL || step_shape(net, step, dims) != 4 || !step_numbers(net, step, "kernel", 2, k))
        return false;
    memcpy(in, input->desc.dims, sizeof in);
    if (k[0] < 1 || k[1] < 1 || in[1] != dims[1] * k[0] * k[1] || dims[2] != in[2] * k[0] ||
        dims[3] != in[3] * k[1])
        return network_check(net, dnnl_invalid_arguments, "spread of such sizes");
    dnnl_dim_t row = in[3] * k[1] * dims[1];
    dnnl_dims_t parts = {in[0], in[2], in[3], k[0], k[1], dims[1]};
    dnnl_dims_t strides = {in[2] * k[0] * row, k[0] * row, k[1] * dims[1], row, dims[1], 1};
    bool described = dnnl_memory_desc_init_by_tag(&apart, 4, in, dnnl_f32, dnnl_nhwc) == dnnl_success &&
                     dnnl_memory_desc_init_by_tag(&image, 4, dims, dnnl_f32, dnnl_nhwc) == dnnl_success &&
                     dnnl_memory_desc_init_by_strides(&target, 6, parts, dnnl_f32, strides) == dnnl_success &&
                     network_plain(net, &source, 6, parts);
    int from = described ? network_in_layout(net, input, &apart) : -1;
    int to = network_buffer(net, dnnl_memory_desc_get_size(&image), NULL, false);
    if (from < 0 || to < 0 ||
        !network_check(net,
                       dnnl_reorder_primitive_desc_create(&description, &source, net->engine, &target,
                                                          net->engine, NULL),
                       "reorder"))
        return false;
    struct stage *stage = network_stage(net, description);
    return stage != NULL && network_operand(net, stage, DNNL_ARG_FROM, &source, from) &&
           network_operand(net, stage, DNNL_ARG_TO, &target, to) &&
           network_add(net, output_name(step), &image, to);
}

/* A constant operand, once for each image. */
static bool constant(struct network *net, const json_t *step) {
    dnnl_dims_t dims, plain;
    dnnl_memory_desc_t desc;
    int n_plain, n_dims = step_shape(net, step, dims);
    const float *weights = step_weights(net, step, "weights", &n_plain, plain);
    if (weights == NULL || n_dims == 0 || !network_plain(net, &desc, n_dims, dims)) return false;
    size_t bytes = dnnl_memory_desc_get_size(&desc), image = bytes / (size_t)net->batch,
           elements = sizeof(float);
    for (int i = 0; i < n_plain; i++) elements *= (size_t)plain[i];
    char *memory = network_memory(bytes);
    if (memory == NULL || elements != image) {
        free(memory);
        return network_check(net, dnnl_invalid_arguments, "constant of that size");
    }
    for (dnnl_dim_t i = 0; i < net->batch; i++) memcpy(memory + (size_t)i * image, weights, image);
    int buffer = network_buffer(net, bytes, memory, true);
    if (buffer < 0) free(memory);
    return buffer >= 0 && network_add(net, output_name(step), &desc, buffer);
}

static bool concat(struct network *net, const json_t *step) {
    dnnl_memory_desc_t sources[MOST_OPERANDS];
    int buffers[MOST_OPERANDS];
    size_t n = json_array_size(json_object_get(step, "from"));
    dnnl_primitive_desc_t description = NULL;
    if (n > MOST_OPERANDS - 2) return network_check(net, dnnl_invalid_arguments, "room for that many inputs");
    for (size_t i = 0; i < n; i++) {
        const struct tensor *input = step_input(net, step, i);
        if (input == NULL) return false;
        sources[i] = input->desc;
        buffers[i] = input->buffer;
    }
    json_t *plain = json_object();
    dnnl_primitive_attr_t attributes = step_attributes(net, plain);
    json_decref(plain);
    if (attributes == NULL) return false;
    dnnl_status_t status = dnnl_concat_primitive_desc_create(
        &description, NULL, (int)n, (int)json_integer_value(json_object_get(step, "axis")), sources,
        attributes, net->engine);
    dnnl_primitive_attr_destroy(attributes);
    struct stage *stage = network_check(net, status, "concat") ? network_stage(net, description) : NULL;
    if (stage == NULL) return false;
    for (size_t i = 0; i < n; i++) {
        if (!network_operand(net, stage, DNNL_ARG_MULTIPLE_SRC + (int)i, &sources[i], buffers[i]))
            return false;
    }
    return network_output(net, stage, output_name(step));
}

/* ---- sums and products of two values --------------------------------------------------------------------------- */

static dnnl_alg_kind_t binary_kind(const json_t *step) {
    static const struct {
        const char *name;
        dnnl_alg_kind_t kind;
    } kinds[] = {{"add", dnnl_binary_add},
                 {"sub", dnnl_binary_sub},
                 {"mul", dnnl_binary_mul},
                 {"div", dnnl_binary_div},
                 {"eq", dnnl_binary_eq}};
    const char *name = json_string_value(json_object_get(step, "kind"));
    for (size_t i = 0; name != NULL && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name) == 0) return kinds[i].kind;
    }
    return dnnl_alg_kind_undef;
}

/* NULL: oneDNN does not have it. */
static dnnl_primitive_desc_t describe_binary(struct network *net, const json_t *step,
                                             const dnnl_memory_desc_t desc[3]) {
    dnnl_primitive_desc_t description = NULL;
    dnnl_binary_desc_t operation;
    dnnl_primitive_attr_t attributes = step_attributes(net, step);
    if (attributes == NULL) return NULL;
    dnnl_status_t status = dnnl_binary_desc_init(&operation, binary_kind(step), &desc[0], &desc[1], &desc[2]);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(&description, &operation, attributes, net->engine, NULL);
    dnnl_primitive_attr_destroy(attributes);
    network_check(net, status, "binary");
    return status == dnnl_success ? description : NULL;
}

static bool add_binary(struct network *net, dnnl_primitive_desc_t description,
                       const dnnl_memory_desc_t desc[3], const int buffers[3]) {
    static const int arguments[] = {DNNL_ARG_SRC_0, DNNL_ARG_SRC_1, DNNL_ARG_DST};
    struct stage *stage = description != NULL ? network_stage(net, description) : NULL;
    for (int i = 0; stage != NULL && i < 3; i++) {
        if (!network_operand(net, stage, arguments[i], &desc[i], buffers[i])) return false;
    }
    return stage != NULL;
}

/* Image by image: a factor for each channel of each image is something that oneDNN's fast code does not have. */
static bool binary_by_image(struct network *net, const json_t *step, const dnnl_memory_desc_t desc[3],
                            const int buffers[3]) {
    for (dnnl_dim_t image = 0; image < net->batch; image++) {
        dnnl_memory_desc_t one[3];
        for (int i = 0; i < 3; i++) {
            dnnl_dims_t dims, offsets = {image};
            memcpy(dims, desc[i].dims, sizeof dims);
            dims[0] = 1;
            if (dnnl_memory_desc_init_submemory(&one[i], &desc[i], dims, offsets) != dnnl_success)
                return false;
        }
        if (!add_binary(net, describe_binary(net, step, one), one, buffers)) return false;
    }
    return true;
}

static bool binary(struct network *net, const json_t *step) {
    const struct tensor *x = step_input(net, step, 0), *y = step_input(net, step, 1);
    dnnl_memory_desc_t desc[3];
    int buffers[3];
    if (x == NULL || y == NULL) return false;
    desc[0] = x->desc;
    desc[1] = y->desc;
    buffers[0] = x->buffer;
    buffers[1] = y->buffer;
    if (memcmp(desc[0].dims, desc[1].dims, (size_t)desc[0].ndims * sizeof *desc[0].dims) == 0) {
        desc[1] = desc[0];
        buffers[1] = network_in_layout(net, y, &desc[0]);
    }
    dnnl_memory_desc_init_by_tag(&desc[2], desc[0].ndims, desc[0].dims, dnnl_f32, dnnl_format_tag_any);
    dnnl_primitive_desc_t description = describe_binary(net, step, desc);
    if (description == NULL) return false;
    desc[2] = *dnnl_primitive_desc_query_md(description, dnnl_query_exec_arg_md, DNNL_ARG_DST);
    buffers[2] = network_buffer(net, dnnl_memory_desc_get_size(&desc[2]), NULL, false);
    if (buffers[1] < 0 || buffers[2] < 0) {
        dnnl_primitive_desc_destroy(description);
        return false;
    }
    bool split = net->batch > 1 && network_is_slow(description);
    if (split) {
        dnnl_primitive_desc_destroy(description);
        net->buffers[buffers[2]].shared = true;
    }
    return (split ? binary_by_image(net, step, desc, buffers)
                  : add_binary(net, description, desc, buffers)) &&
           network_add(net, output_name(step), &desc[2], buffers[2]);
}

bool network_join(struct network *net, const json_t *step) {
    static const struct {
        const char *op;
        bool (*add)(struct network *, const json_t *);
    } kinds[] = {{"reshape", reshape},   {"spread", spread}, {"transpose", transpose}, {"slice", slice},
                 {"constant", constant}, {"concat", concat}, {"binary", binary}};
    const char *op = json_string_value(json_object_get(step, "op"));
    for (size_t i = 0; op != NULL && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(op, kinds[i].op) == 0) return kinds[i].add(net, step);
    }
    return network_check(net, dnnl_unimplemented, op != NULL ? op : "step without a name");
}
