/* Layers of tests as models: the operands, and the network of one node in each of the forms of its inputs. */
#include "net_variant.h"

#include <stdio.h>
#include <stdlib.h>

static fmap_shape shape_of(int rank, const int64_t *dims) {
    fmap_shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++) shape.dims[i] = dims[i];
    return shape;
}

struct net_operand net_computed(int rank, const int64_t *dims, const float *floats) {
    return (struct net_operand){.kind = NET_COMPUTED, .shape = shape_of(rank, dims), .floats = floats};
}

struct net_operand net_constant(int rank, const int64_t *dims, const float *floats) {
    return (struct net_operand){.kind = NET_CONSTANT, .shape = shape_of(rank, dims), .floats = floats};
}

struct net_operand net_constant_ints(int64_t n, const int64_t *ints) {
    return net_constant_of(FMAP_INT64, 1, &n, ints);
}

struct net_operand net_pending_ints(int64_t n, const int64_t *ints) {
    return net_pending_of(FMAP_INT64, 1, &n, ints);
}

static struct net_operand operand_of(enum net_operand_kind kind, fmap_type type, int rank,
                                     const int64_t *dims, const void *elements) {
    return (struct net_operand){
        .kind = kind, .shape = shape_of(rank, dims), .type = type, .elements = elements};
}

struct net_operand net_computed_of(fmap_type type, int rank, const int64_t *dims, const void *elements) {
    return operand_of(NET_COMPUTED, type, rank, dims, elements);
}

struct net_operand net_constant_of(fmap_type type, int rank, const int64_t *dims, const void *elements) {
    return operand_of(NET_CONSTANT, type, rank, dims, elements);
}

struct net_operand net_pending_of(fmap_type type, int rank, const int64_t *dims, const void *elements) {
    return operand_of(NET_PENDING, type, rank, dims, elements);
}

struct net_operand net_left_out(void) {
    return (struct net_operand){.kind = NET_LEFT_OUT};
}

void net_layer_attribute(struct net_layer *layer, fmap_attribute attribute) {
    if (layer->n_attributes == NET_MAX_ATTRIBUTES) abort();
    layer->attributes[layer->n_attributes++] = attribute;
}

/* A layer that changes nothing, but leaves its output in blocked form. */
static fmap_value block(fmap_model *model, fmap_value x, const fmap_shape *shape) {
    static const int64_t ones[2] = {1, 1};
    if (shape->rank == 3 || shape->rank == 4) {
        fmap_attribute kernel = net_list("kernel_shape", ones, (size_t)shape->rank - 2);
        return net_node(model, "MaxPool", NULL, &x, 1, &kernel, 1);
    }
    if (shape->rank < 2) return x;
    size_t c = (size_t)shape->dims[1];
    float *numbers = calloc(3 * c, sizeof *numbers);
    if (!numbers) abort();
    for (size_t i = 0; i < c; i++) {
        numbers[i] = 1;
        numbers[2 * c + i] = -0.0f; /* which changes no zero's sign */
    }
    fmap_value one = net_floats(model, numbers, 1, &shape->dims[1]);
    fmap_value zero = net_floats(model, numbers + c, 1, &shape->dims[1]);
    fmap_value shift = net_floats(model, numbers + 2 * c, 1, &shape->dims[1]);
    fmap_value inputs[5] = {x, one, shift, zero, one};
    fmap_attribute epsilon = net_float("epsilon", 0);
    free(numbers);
    return net_node(model, "BatchNormalization", NULL, inputs, 5, &epsilon, 1);
}

fmap_type net_operand_type(const struct net_operand *operand) {
    return operand->type ? operand->type : FMAP_FLOAT32;
}

const void *net_operand_elements(const struct net_operand *operand) {
    return operand->type ? operand->elements : operand->floats;
}

/* A plan knows what is computed from constants; until then nobody does. */
static fmap_value add_constant(fmap_model *model, const struct net_operand *operand) {
    fmap_value constant = net_elements(model, net_operand_type(operand), net_operand_elements(operand),
                                       operand->shape.rank, operand->shape.dims);
    return operand->kind == NET_PENDING ? net_node(model, "Identity", NULL, &constant, 1, NULL, 0) : constant;
}

static fmap_value add_operand(fmap_model *model, const struct net_variant *variant, size_t index) {
    const struct net_operand *operand = &variant->layer->operands[index];
    fmap_shape shape = operand->shape;
    char name[8];
    if (operand->kind == NET_LEFT_OUT) return FMAP_NO_VALUE;
    if (operand->kind != NET_COMPUTED) return add_constant(model, operand);
    if (variant->layer->batch) shape.dims[0] = FMAP_UNKNOWN;
    snprintf(name, sizeof name, "x%zu", index);
    fmap_value x = net_input_of(model, name, net_operand_type(operand), shape.rank, shape.dims);
    if (net_operand_type(operand) != FMAP_FLOAT32) return x;
    bool blocked = variant->forms == NET_BLOCKED ||
                   variant->forms == (index ? NET_FIRST_PLAIN : NET_FIRST_BLOCKED);
    return blocked ? block(model, x, &operand->shape) : x;
}

static fmap_value add_layer(fmap_model *model, const struct net_layer *layer, const fmap_value *inputs) {
    static const char *const names[NET_MAX_OUTPUTS] = {"y0", "y1", "y2", "y3", "y4", "y5"};
    fmap_value outputs[NET_MAX_OUTPUTS] = {FMAP_NO_VALUE};
    if (layer->n_outputs > NET_MAX_OUTPUTS || layer->output >= NET_MAX_OUTPUTS) abort();
    fmap_model_node(model,
                    &(fmap_node_definition){.op = layer->op,
                                            .name = "y",
                                            .inputs = inputs,
                                            .n_inputs = layer->n_operands,
                                            .output_names = layer->n_outputs > 1 ? names : NULL,
                                            .n_outputs = layer->n_outputs > 1 ? layer->n_outputs : 1,
                                            .attributes = layer->attributes,
                                            .n_attributes = layer->n_attributes},
                    outputs);
    return outputs[layer->output];
}

void net_variant_build(fmap_model *model, const void *what) {
    const struct net_variant *variant = what;
    const struct net_layer *layer = variant->layer;
    fmap_value inputs[NET_MAX_OPERANDS];
    for (size_t i = 0; i < layer->n_operands; i++) inputs[i] = add_operand(model, variant, i);
    if (layer->opset) fmap_model_set_opset(model, layer->opset);
    fmap_model_output(model, add_layer(model, layer, inputs));
}
