/* Convolutions, transposed convolutions and dense layers. */
#include "onednn_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAST_CHANNELS = 8, /* of an image that is laid out in blocks of them */
    MOST_WAYS = 8,
};

/* A layer as oneDNN wants it described, with every layout open; and the layouts in blocks of channels. */
struct layer {
    dnnl_memory_desc_t source, weights, bias, output;
    dnnl_memory_desc_t blocked, blocked_output;
    bool has_bias;
    dnnl_dims_t strides, dilations, begin, end;
};

static bool describe_any(struct network *net, dnnl_memory_desc_t *desc, int n_dims, const dnnl_dims_t dims) {
    return network_check(net, dnnl_memory_desc_init_by_tag(desc, n_dims, dims, dnnl_f32, dnnl_format_tag_any),
                         "such shape");
}

static bool in_blocks(struct network *net, dnnl_memory_desc_t *desc, const dnnl_dims_t dims) {
    bool wide = dnnl_get_effective_cpu_isa() >= dnnl_cpu_isa_avx512_core;
    return network_check(
        net, dnnl_memory_desc_init_by_tag(desc, 4, dims, dnnl_f32, wide ? dnnl_nChw16c : dnnl_nChw8c),
        "blocks of channels");
}

static bool describe(struct network *net, const json_t *step, const struct tensor *input,
                     const struct tensor *sum, struct layer *layer) {
    dnnl_dims_t dims = {0}, weights = {0}, bias = {0};
    int n_dims = step_shape(net, step, dims), n_weights = 0, n_bias = 0;
    if (n_dims == 0 || step_weights(net, step, "weights", &n_weights, weights) == NULL ||
        !describe_any(net, &layer->source, input->desc.ndims, input->desc.dims) ||
        !describe_any(net, &layer->weights, n_weights, weights) ||
        !describe_any(net, &layer->output, n_dims, dims))
        return false;
    layer->blocked = layer->source;
    layer->blocked_output = layer->output;
    if (net->blocked && n_dims == 4) {
        const dnnl_dim_t *in = input->desc.dims;
        if (in[1] >= LEAST_CHANNELS && !in_blocks(net, &layer->blocked, in)) return false;
        if (!in_blocks(net, &layer->blocked_output, dims)) return false;
    }
    if (sum != NULL) layer->output = layer->blocked_output = sum->desc;
    layer->has_bias = json_is_object(json_object_get(step, "bias"));
    if (layer->has_bias && (step_weights(net, step, "bias", &n_bias, bias) == NULL ||
                            !describe_any(net, &layer->bias, n_bias, bias)))
        return false;
    if (json_object_get(step, "strides") == NULL) return true; /* dense */
    bool read = step_numbers(net, step, "strides", 2, layer->strides) &&
                step_numbers(net, step, "dilations", 2, layer->dilations) &&
                step_numbers(net, step, "begin", 2, layer->begin) &&
                step_numbers(net, step, "end", 2, layer->end);
    for (int i = 0; i < 2; i++) layer->dilations[i]--; /* oneDNN counts from none. */
    return read;
}

/* The operation descriptor of a layer. */
union operation {
    dnnl_convolution_desc_t conv;
    dnnl_deconvolution_desc_t deconv;
    dnnl_inner_product_desc_t dense;
};

static dnnl_status_t describe_operation(union operation *operation, const char *op, const struct layer *l,
                                        dnnl_alg_kind_t algorithm) {
    const dnnl_memory_desc_t *bias = l->has_bias ? &l->bias : NULL;
    if (strcmp(op, "conv") == 0)
        return dnnl_dilated_convolution_forward_desc_init(&operation->conv, dnnl_forward_inference, algorithm,
                                                          &l->source, &l->weights, bias, &l->output,
                                                          l->strides, l->dilations, l->begin, l->end);
    if (strcmp(op, "deconv") == 0)
        return dnnl_dilated_deconvolution_forward_desc_init(
            &operation->deconv, dnnl_forward_inference, dnnl_deconvolution_direct, &l->source, &l->weights,
            bias, &l->output, l->strides, l->dilations, l->begin, l->end);
    return dnnl_inner_product_forward_desc_init(&operation->dense, dnnl_forward_inference, &l->source,
                                                &l->weights, bias, &l->output);
}

/* oneDNN's nth way to compute it, in the order in which it likes them. NULL: it has not so many. */
static dnnl_primitive_desc_t describe_with(struct network *net, const char *op, const struct layer *l,
                                           dnnl_alg_kind_t algorithm, dnnl_primitive_attr_t attributes,
                                           int nth) {
    union operation operation;
    dnnl_primitive_desc_iterator_t iterator = NULL;
    if (describe_operation(&operation, op, l, algorithm) != dnnl_success ||
        dnnl_primitive_desc_iterator_create(&iterator, &operation, attributes, net->engine, NULL) !=
            dnnl_success)
        return NULL;
    bool there = true;
    for (int i = 0; there && i < nth; i++)
        there = dnnl_primitive_desc_iterator_next(iterator) == dnnl_success;
    dnnl_primitive_desc_t found = there ? dnnl_primitive_desc_iterator_fetch(iterator) : NULL;
    dnnl_primitive_desc_iterator_destroy(iterator);
    return found;
}

/* ---- which algorithm ------------------------------------------------------------------------------------------- */

/* What the variant says of this convolution: a direct sum (0), or Winograd with outputs of 2 or 4 pixels a side. */
static int listed(const char *variant, int number) {
    const char *at = strchr(variant, ':');
    while (at != NULL) {
        int size = 0;
        if (atoi(at + 1) == number) return sscanf(at + 1, "%*d/%d", &size) == 1 ? size : 0;
        at = strchr(at + 1, ',');
    }
    return 0;
}

/* The direct sum in blocks of channels if that is asked for and oneDNN has fast code for it, else as oneDNN likes it. */
static dnnl_primitive_desc_t describe_direct(struct network *net, const char *op, const struct layer *layer,
                                             dnnl_primitive_attr_t attributes) {
    struct layer blocked = *layer;
    blocked.source = layer->blocked;
    blocked.output = layer->blocked_output;
    dnnl_primitive_desc_t found = net->blocked ? describe_with(net, op, &blocked, dnnl_convolution_direct,
                                                               attributes, 0)
                                               : NULL;
    if (found != NULL && !network_is_slow(found)) return found;
    if (found != NULL) dnnl_primitive_desc_destroy(found);
    return describe_with(net, op, layer, dnnl_convolution_direct, attributes, 0);
}

static bool may_be_winograd(const struct layer *layer) {
    return layer->weights.ndims == 4 && layer->weights.dims[2] == 3 && layer->weights.dims[3] == 3 &&
           layer->strides[0] == 1 && layer->strides[1] == 1 && layer->dilations[0] == 0 &&
           layer->dilations[1] == 0;
}

/* Winograd with outputs of so many pixels a side, 2 or 4. NULL: oneDNN does not have it for this convolution. */
static dnnl_primitive_desc_t describe_winograd(struct network *net, const struct layer *layer, int size,
                                               dnnl_primitive_attr_t attributes) {
    if (!may_be_winograd(layer)) return NULL;
    for (int nth = 0; nth < MOST_WAYS; nth++) {
        const char *name = NULL;
        dnnl_primitive_desc_t found = describe_with(net, "conv", layer, dnnl_convolution_winograd, attributes,
                                                    nth);
        if (found == NULL) return NULL;
        if (dnnl_primitive_desc_query(found, dnnl_query_impl_info_str, 0, (void *)&name) == dnnl_success &&
            strstr(name, size == 2 ? "wino_2x3" : "wino_4x3") != NULL)
            return found;
        dnnl_primitive_desc_destroy(found);
    }
    return NULL;
}

/* The algorithm that the network's policy or variant says. */
static dnnl_primitive_desc_t choose(struct network *net, const struct layer *layer,
                                    dnnl_primitive_attr_t attributes) {
    int number = net->n_convolutions++;
    int size = net->variant != NULL ? listed(net->variant, number) : net->winograd;
    dnnl_primitive_desc_t found = size > 0 ? describe_winograd(net, layer, size, attributes) : NULL;
    if (found == NULL) return describe_direct(net, "conv", layer, attributes);
    if (number < MOST_CONVOLUTIONS) net->by_winograd[number] = true;
    return found;
}

/* ---- the stage ------------------------------------------------------------------------------------------------- */

static bool feed(struct network *net, struct stage *stage, const json_t *step, const char *key,
                 int argument) {
    const dnnl_memory_desc_t *wanted = network_wanted(stage, argument);
    return network_operand(net, stage, argument, wanted, step_weights_in(net, step, key, wanted));
}

static bool add_stage(struct network *net, const json_t *step, dnnl_primitive_desc_t description,
                      const struct layer *layer, const struct tensor *input, const struct tensor *sum) {
    const char *output = json_string_value(json_object_get(step, "to"));
    const dnnl_memory_desc_t *wanted = dnnl_primitive_desc_query_md(description, dnnl_query_exec_arg_md,
                                                                    DNNL_ARG_SRC);
    struct tensor target = sum != NULL ? *sum : (struct tensor){0};
    int source = network_in_layout(net, input, wanted);
    struct stage *stage = network_stage(net, description);
    if (stage == NULL || !network_operand(net, stage, DNNL_ARG_SRC, wanted, source) ||
        !feed(net, stage, step, "weights", DNNL_ARG_WEIGHTS) ||
        (layer->has_bias && !feed(net, stage, step, "bias", DNNL_ARG_BIAS)))
        return false;
    if (sum == NULL) return network_output(net, stage, output);
    net->buffers[target.buffer].shared = true;
    return network_operand(net, stage, DNNL_ARG_DST, &target.desc, target.buffer) &&
           network_add(net, output, &target.desc, target.buffer);
}

/* A dense layer reads maps as they lie where oneDNN has fast code for it, else row by row. */
static dnnl_primitive_desc_t describe_dense(struct network *net, struct layer *layer, struct tensor *input,
                                            dnnl_primitive_attr_t attributes) {
    dnnl_primitive_desc_t found = describe_with(net, "dense", layer, dnnl_convolution_direct, attributes, 0);
    dnnl_memory_desc_t rows;
    dnnl_dims_t flat = {input->desc.dims[0], 1}, weights = {layer->weights.dims[0]};
    if (input->desc.ndims == 2 || (found != NULL && !network_is_slow(found))) return found;
    if (found != NULL) dnnl_primitive_desc_destroy(found);
    for (int i = 1; i < input->desc.ndims; i++) flat[1] *= input->desc.dims[i];
    weights[1] = flat[1];
    if (!network_plain(net, &rows, input->desc.ndims, input->desc.dims) ||
        !describe_any(net, &layer->source, 2, flat) || !describe_any(net, &layer->weights, 2, weights))
        return NULL;
    int buffer = network_in_layout(net, input, &rows);
    *input = (struct tensor){.original = -1, .buffer = buffer};
    if (buffer < 0 || !network_plain(net, &input->desc, 2, flat)) return NULL;
    return describe_with(net, "dense", layer, dnnl_convolution_direct, attributes, 0);
}

bool network_convolution(struct network *net, const json_t *step) {
    const char *op = json_string_value(json_object_get(step, "op"));
    const char *sum_name = json_string_value(json_object_get(step, "sum"));
    const struct tensor *found = step_input(net, step, 0);
    const struct tensor *sum = sum_name != NULL && found != NULL ? network_find(net, sum_name) : NULL;
    struct layer layer = {0};
    if (found == NULL || (sum_name != NULL && sum == NULL) || !describe(net, step, found, sum, &layer))
        return false;
    struct tensor input = *found;
    dnnl_primitive_attr_t attributes = step_attributes(net, step);
    if (attributes == NULL) return false;
    dnnl_primitive_desc_t description;
    if (strcmp(op, "conv") == 0)
        description = choose(net, &layer, attributes);
    else if (strcmp(op, "dense") == 0)
        description = describe_dense(net, &layer, &input, attributes);
    else
        description = describe_direct(net, op, &layer, attributes);
    dnnl_primitive_attr_destroy(attributes);
    if (description == NULL) return network_check(net, dnnl_unimplemented, op);
    return add_stage(net, step, description, &layer, &input, sum);
}
