/* Tensors in Keras' order of the axes and in the model's, and the nodes between them. */
#include <string.h>

#include "keras_loader.h"

fmap_value fmap_saved_any(const struct fmap_saved_tensor *tensor) {
    return tensor->moved ? tensor->moved : tensor->plain;
}

struct fmap_saved_tensor fmap_saved_like(const struct fmap_saved_tensor *tensor, fmap_value value) {
    return tensor->moved ? (struct fmap_saved_tensor){.moved = value}
                         : (struct fmap_saved_tensor){.plain = value};
}

int64_t fmap_saved_moved_axis(int64_t axis, int rank) {
    return axis == 0 ? 0 : axis == rank - 1 ? 1 : axis + 1;
}

bool fmap_saved_shape(const struct fmap_saved_call *call, const struct fmap_saved_tensor *tensor,
                      fmap_shape *shape) {
    fmap_value_info info;
    if (fmap_model_value(call->loader->model, fmap_saved_any(tensor), &info) != FMAP_OK ||
        info.shape.rank < 0)
        return fmap_saved_refuse(call, FMAP_ERROR_MODEL, "the shape of its input is not known");
    *shape = info.shape;
    if (!tensor->plain) {
        for (int i = 1; i < shape->rank; i++)
            shape->dims[i] = info.shape.dims[fmap_saved_moved_axis(i, shape->rank)];
    }
    return true;
}

/* Adds a Transpose in front of the layer, or finds that two axes are the same in both orders. */
static bool transpose(struct fmap_saved_call *call, fmap_value from, int rank, bool to_plain,
                      fmap_value *to) {
    int64_t order[FMAP_MAX_RANK] = {0};
    if (rank < 3) {
        *to = from;
        return true;
    }
    for (int i = 1; i < rank; i++) {
        int64_t moved = fmap_saved_moved_axis(i, rank);
        order[to_plain ? i : moved] = to_plain ? moved : i;
    }
    const fmap_attribute permutation = fmap_saved_ints_attribute("perm", order, (size_t)rank);
    return fmap_saved_add(call,
                          &(struct fmap_saved_node){.op = "Transpose",
                                                    .part = to_plain ? "channels_last" : "channels_first",
                                                    .inputs = &from,
                                                    .n_inputs = 1,
                                                    .attributes = &permutation,
                                                    .n_attributes = 1},
                          to);
}

bool fmap_saved_plain(struct fmap_saved_call *call, struct fmap_saved_tensor *tensor, fmap_value *value) {
    fmap_shape shape = {0};
    if (!tensor->plain && (!fmap_saved_shape(call, tensor, &shape) ||
                           !transpose(call, tensor->moved, shape.rank, true, &tensor->plain)))
        return false;
    *value = tensor->plain;
    return true;
}

bool fmap_saved_moved(struct fmap_saved_call *call, struct fmap_saved_tensor *tensor, fmap_value *value) {
    fmap_shape shape = {0};
    if (!tensor->moved && (!fmap_saved_shape(call, tensor, &shape) ||
                           !transpose(call, tensor->plain, shape.rank, false, &tensor->moved)))
        return false;
    *value = tensor->moved;
    return true;
}

/* ---- nodes ------------------------------------------------------------------------------------------- */

/* The layer's own name, which was put aside for it, or one that nobody has. */
const char *fmap_saved_name_node(struct fmap_saved_call *call, const char *part) {
    if (!part && call->name_is_free) {
        call->name_is_free = false;
        return call->name;
    }
    const char *wanted = part ? fmap_saved_join(call->loader, call->name, "/", part) : call->name;
    const char *name = wanted ? fmap_name_set_claim(&call->loader->names, wanted) : NULL;
    if (wanted && !name) (void)fmap_saved_out_of_memory(call->loader);
    return name;
}

bool fmap_saved_add(struct fmap_saved_call *call, const struct fmap_saved_node *node, fmap_value *output) {
    for (size_t i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] == FMAP_NO_VALUE) return false; /* a constant that failed */
    }
    const char *name = fmap_saved_name_node(call, node->part);
    const fmap_node_definition definition = {.op = node->op,
                                             .name = name,
                                             .inputs = node->inputs,
                                             .n_inputs = node->n_inputs,
                                             .n_outputs = 1,
                                             .attributes = node->attributes,
                                             .n_attributes = node->n_attributes};
    return name && fmap_model_node(call->loader->model, &definition, output) == FMAP_OK;
}

bool fmap_saved_add_plain(struct fmap_saved_call *call, const char *op, const char *part, fmap_value input,
                          fmap_value *output) {
    return fmap_saved_add(
        call, &(struct fmap_saved_node){.op = op, .part = part, .inputs = &input, .n_inputs = 1}, output);
}

bool fmap_saved_add_pair(struct fmap_saved_call *call, const char *op, const char *part, fmap_value a,
                         fmap_value b, fmap_value *output) {
    const fmap_value inputs[2] = {a, b};
    return fmap_saved_add(
        call, &(struct fmap_saved_node){.op = op, .part = part, .inputs = inputs, .n_inputs = 2}, output);
}

bool fmap_saved_add_with(struct fmap_saved_call *call, const char *op, fmap_value input,
                         fmap_attribute attribute, fmap_value *output) {
    return fmap_saved_add(
        call,
        &(struct fmap_saved_node){
            .op = op, .inputs = &input, .n_inputs = 1, .attributes = &attribute, .n_attributes = 1},
        output);
}

bool fmap_saved_clip(struct fmap_saved_call *call, fmap_value input, double low, double high,
                     fmap_value *output) {
    const fmap_value inputs[3] = {input, fmap_saved_scalar(call, low), fmap_saved_scalar(call, high)};
    return fmap_saved_add(call, &(struct fmap_saved_node){.op = "Clip", .inputs = inputs, .n_inputs = 3},
                          output);
}

fmap_attribute fmap_saved_int_attribute(const char *name, int64_t value) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_INT, .i = value};
}

fmap_attribute fmap_saved_float_attribute(const char *name, double value) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_FLOAT, .f = (float)value};
}

fmap_attribute fmap_saved_ints_attribute(const char *name, const int64_t *values, size_t n) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_INTS, .ints = values, .count = n};
}

fmap_attribute fmap_saved_text_attribute(const char *name, const char *value) {
    return (fmap_attribute){.name = name, .type = FMAP_ATTRIBUTE_STRING, .s = value};
}

fmap_value fmap_saved_floats_constant(struct fmap_saved_call *call, const fmap_shape *shape,
                                      const float *floats) {
    const fmap_tensor tensor = {.type = FMAP_FLOAT32, .shape = *shape, .data = floats};
    return fmap_model_constant(call->loader->model, NULL, &tensor, FMAP_COPY);
}

fmap_value fmap_saved_scalar(struct fmap_saved_call *call, double value) {
    const float number = (float)value;
    return fmap_saved_floats_constant(call, &(fmap_shape){.rank = 0}, &number);
}

fmap_value fmap_saved_ints(struct fmap_saved_call *call, const int64_t *values, size_t n) {
    const fmap_tensor tensor = {
        .type = FMAP_INT64, .shape = {.rank = 1, .dims = {(int64_t)n}}, .data = values};
    return fmap_model_constant(call->loader->model, NULL, &tensor, FMAP_COPY);
}
