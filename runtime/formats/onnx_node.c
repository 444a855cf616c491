/* ONNX: nodes. */
#include <stdio.h>
#include <string.h>

#include "onnx_loader.h"

/* What the node is called in errors. */
static const char *label_of(struct fmap_onnx_loader *loader, const char *name, size_t index, const char *op) {
    enum { LABEL_BYTES = 2 * FMAP_TEXT_SHOWN_BYTES + 32 };
    char *label = fmap_scratch_array(&loader->scratch, LABEL_BYTES, 1);
    if (!label) {
        (void)fmap_onnx_out_of_memory(loader);
        return NULL;
    }
    struct fmap_text_shown shown_op = fmap_text_show((const uint8_t *)op, strlen(op));
    if (*name) {
        (void)snprintf(label, LABEL_BYTES, "node '%s' (%s)",
                       fmap_text_show((const uint8_t *)name, strlen(name)).text, shown_op.text);
    } else {
        (void)snprintf(label, LABEL_BYTES, "node number %zu (%s)", index + 1, shown_op.text);
    }
    return label;
}

/* The name of the layer that the node becomes: its own, or one as the builder would make it, but never one
 * that the model has. */
static bool claim_name(struct fmap_onnx_loader *loader, struct fmap_onnx_node *node) {
    char made[FMAP_TEXT_SHOWN_BYTES];
    if (!*node->name) {
        size_t n = 0;
        for (const char *c = node->op; *c && n < sizeof made / 2; c++) {
            made[n++] = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
        }
        (void)snprintf(made + n, sizeof made - n, "_%zu", fmap_model_node_count(loader->model) + 1);
        node->name = made;
    }
    node->name = fmap_name_set_claim(&loader->node_names, node->name);
    return node->name || fmap_onnx_out_of_memory(loader);
}

/* Reads what a node is and what it is called. */
static bool identify(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, size_t index,
                     struct fmap_onnx_node *node) {
    char what[40];
    (void)snprintf(what, sizeof what, "node number %zu", index + 1);
    const fmap_onnx_NodeProto *proto = &node->proto;
    if (!fmap_onnx_read(loader, span, fmap_onnx_NodeProto_fields, &node->proto, what)) return false;
    if (proto->op_type.span.bytes == 0) {
        return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT, "%s ('%s') has no operator", what,
                              fmap_onnx_show(proto->name.span).text);
    }
    node->op = fmap_onnx_text(loader, proto->op_type.span, what);
    node->name = node->op ? fmap_onnx_text(loader, proto->name.span, what) : NULL;
    node->label = node->name ? label_of(loader, node->name, index, node->op) : NULL;
    return node->label != NULL;
}

static bool find_inputs(struct fmap_onnx_loader *loader, const struct fmap_onnx_node *node,
                        fmap_value **inputs, bool *missing) {
    const struct fmap_onnx_field *names = &node->proto.input;
    *inputs = fmap_scratch_array(&loader->scratch, names->count, sizeof **inputs);
    if (!*inputs) return fmap_onnx_out_of_memory(loader);
    for (size_t i = 0; i < names->count; i++) {
        const char *name = fmap_onnx_text(loader, names->items[i], node->label);
        if (!name) return false;
        (*inputs)[i] = *name ? fmap_model_find_value(loader->model, name) : FMAP_NO_VALUE;
        if (*name && (*inputs)[i] == FMAP_NO_VALUE) {
            if (missing) {
                *missing = true;
                return false;
            }
            return fmap_onnx_fail(
                loader, FMAP_ERROR_MODEL,
                "input %zu of %s, '%s', is no input or initializer of the graph, and no node before makes it",
                i, node->label, fmap_onnx_show(names->items[i]).text);
        }
    }
    return true;
}

static bool read_output_names(struct fmap_onnx_loader *loader, const struct fmap_onnx_node *node,
                              const char ***output_names) {
    const struct fmap_onnx_field *names = &node->proto.output;
    *output_names = fmap_scratch_array(&loader->scratch, names->count, sizeof **output_names);
    if (!*output_names) return fmap_onnx_out_of_memory(loader);
    for (size_t i = 0; i < names->count; i++) {
        (*output_names)[i] = fmap_onnx_text(loader, names->items[i], node->label);
        if (!(*output_names)[i]) return false;
    }
    return true;
}

/* The value of a Constant node as a tensor: it has one attribute, which says what it is by its name. */
static bool constant_of(const fmap_attribute *attribute, fmap_tensor *tensor, fmap_ownership *ownership) {
    const char *name = attribute->name;
    *tensor = (fmap_tensor){.type = FMAP_FLOAT32};
    *ownership = FMAP_COPY;
    if (strcmp(name, "value") == 0 && attribute->type == FMAP_ATTRIBUTE_TENSOR) {
        *tensor = attribute->tensor;
        *ownership = attribute->tensor_ownership;
    } else if (strcmp(name, "value_float") == 0 && attribute->type == FMAP_ATTRIBUTE_FLOAT) {
        tensor->data = &attribute->f;
    } else if (strcmp(name, "value_int") == 0 && attribute->type == FMAP_ATTRIBUTE_INT) {
        tensor->type = FMAP_INT64;
        tensor->data = &attribute->i;
    } else if (strcmp(name, "value_floats") == 0 && attribute->type == FMAP_ATTRIBUTE_FLOATS) {
        tensor->shape = (fmap_shape){.rank = 1, .dims = {(int64_t)attribute->count}};
        tensor->data = attribute->floats;
    } else if (strcmp(name, "value_ints") == 0 && attribute->type == FMAP_ATTRIBUTE_INTS) {
        tensor->type = FMAP_INT64;
        tensor->shape = (fmap_shape){.rank = 1, .dims = {(int64_t)attribute->count}};
        tensor->data = attribute->ints;
    } else {
        return false;
    }
    return true;
}

/* A Constant node is no layer: its value is a constant of the model, as an initializer is. */
static bool add_constant(struct fmap_onnx_loader *loader, const struct fmap_onnx_node *node,
                         const fmap_attribute *attributes, const char *const *output_names) {
    if (node->proto.output.count != 1 || !*output_names[0]) {
        return fmap_onnx_fail(loader, FMAP_ERROR_MODEL, "%s must have one output; it has %zu", node->label,
                              node->proto.output.count);
    }
    if (node->proto.attribute.count != 1) {
        return fmap_onnx_fail(loader, FMAP_ERROR_MODEL, "%s must have one attribute, its value; it has %zu",
                              node->label, node->proto.attribute.count);
    }
    fmap_tensor tensor;
    fmap_ownership ownership;
    if (!constant_of(&attributes[0], &tensor, &ownership)) {
        return fmap_onnx_fail(
            loader, FMAP_ERROR_UNSUPPORTED, "attribute '%s' of %s is no value that is supported",
            fmap_text_show((const uint8_t *)attributes[0].name, strlen(attributes[0].name)).text,
            node->label);
    }
    return fmap_model_constant(loader->model, output_names[0], &tensor, ownership) != FMAP_NO_VALUE;
}

bool fmap_onnx_add_node(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, size_t index,
                        bool *missing) {
    struct fmap_onnx_node node = {0};
    if (!identify(loader, span, index, &node)) return false;
    if (!fmap_onnx_default_domain(node.proto.domain.span)) {
        return fmap_onnx_fail(
            loader, FMAP_ERROR_UNSUPPORTED, "%s: operator %s of domain '%s' is not supported", node.label,
            fmap_onnx_show(node.proto.op_type.span).text, fmap_onnx_show(node.proto.domain.span).text);
    }
    if (!loader->opset) {
        return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT,
                              "%s: the file does not say which version of the ONNX operator set it uses",
                              node.label);
    }
    fmap_attribute *attributes;
    fmap_value *inputs;
    const char **output_names;
    if (!find_inputs(loader, &node, &inputs, missing) || !fmap_onnx_attributes(loader, &node, &attributes) ||
        !read_output_names(loader, &node, &output_names)) {
        return false;
    }
    if (strcmp(node.op, "Constant") == 0) return add_constant(loader, &node, attributes, output_names);
    if (!claim_name(loader, &node)) return false;

    fmap_node_definition definition = {.op = node.op,
                                       .name = node.name,
                                       .inputs = inputs,
                                       .n_inputs = node.proto.input.count,
                                       .output_names = output_names,
                                       .n_outputs = node.proto.output.count,
                                       .attributes = attributes,
                                       .n_attributes = node.proto.attribute.count};
    fmap_value *outputs = fmap_scratch_array(&loader->scratch, definition.n_outputs, sizeof *outputs);
    if (!outputs) return fmap_onnx_out_of_memory(loader);
    return fmap_model_node(loader->model, &definition, outputs) == FMAP_OK;
}
