/* ONNX: attributes of nodes. */
#include <stdio.h>
#include <string.h>

#include "onnx_loader.h"

/* What an attribute is called in an error: "attribute 'pads' of node 'conv1' (Conv)". */
struct label {
    char text[4 * FMAP_TEXT_SHOWN_BYTES];
};

static const char *kind_of(int32_t type) {
    switch (type) {
    case fmap_onnx_AttributeType_GRAPH: return "a subgraph";
    case fmap_onnx_AttributeType_GRAPHS: return "subgraphs";
    case fmap_onnx_AttributeType_STRINGS: return "a list of strings";
    case fmap_onnx_AttributeType_TENSORS: return "a list of tensors";
    case fmap_onnx_AttributeType_SPARSE_TENSOR: return "a sparse tensor";
    case fmap_onnx_AttributeType_SPARSE_TENSORS: return "a list of sparse tensors";
    case fmap_onnx_AttributeType_TYPE_PROTO: return "a type";
    case fmap_onnx_AttributeType_TYPE_PROTOS: return "a list of types";
    default: return NULL;
    }
}

static bool read_string(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *field,
                        const char *label, fmap_attribute *attribute) {
    attribute->type = FMAP_ATTRIBUTE_STRING;
    attribute->s = fmap_onnx_text(loader, field->span, label);
    return attribute->s != NULL;
}

static bool read_ints(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *field, const char *label,
                      fmap_attribute *attribute) {
    size_t count = fmap_onnx_integer_count(field);
    int64_t *ints = fmap_scratch_array(&loader->scratch, count, sizeof *ints);
    if (!ints) return fmap_onnx_out_of_memory(loader);
    if (!fmap_onnx_integers(field, ints)) {
        return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT, "the numbers of %s are damaged", label);
    }
    attribute->type = FMAP_ATTRIBUTE_INTS;
    attribute->ints = ints;
    attribute->count = count;
    return true;
}

static bool read_floats(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *field,
                        fmap_attribute *attribute) {
    size_t count = field->span.bytes / sizeof(float);
    float *floats = fmap_scratch_array(&loader->scratch, count, sizeof *floats);
    if (!floats) return fmap_onnx_out_of_memory(loader);
    if (count) memcpy(floats, field->span.data, count * sizeof *floats); /* in the file they are unaligned */
    attribute->type = FMAP_ATTRIBUTE_FLOATS;
    attribute->floats = floats;
    attribute->count = count;
    return true;
}

static bool read_tensor(struct fmap_onnx_loader *loader, const struct fmap_onnx_field *field,
                        const char *label, fmap_attribute *attribute) {
    fmap_onnx_TensorProto proto = {0};
    struct fmap_onnx_constant constant;
    if (!fmap_onnx_read(loader, field->span, fmap_onnx_TensorProto_fields, &proto, label)) return false;
    if (!fmap_onnx_tensor(loader, &proto, label, &constant)) return false;
    attribute->type = FMAP_ATTRIBUTE_TENSOR;
    attribute->tensor = constant.tensor;
    attribute->tensor_ownership = constant.ownership;
    return true;
}

/* The type of an attribute by the member that is there. */
static int32_t type_by_member(const fmap_onnx_AttributeProto *proto) {
    if (proto->has_i) return fmap_onnx_AttributeType_INT;
    if (proto->has_f) return fmap_onnx_AttributeType_FLOAT;
    if (proto->s.span.data) return fmap_onnx_AttributeType_STRING;
    if (proto->t.span.data) return fmap_onnx_AttributeType_TENSOR;
    if (proto->ints.span.data) return fmap_onnx_AttributeType_INTS;
    return proto->floats.span.data ? fmap_onnx_AttributeType_FLOATS : fmap_onnx_AttributeType_UNDEFINED;
}

static bool read_value(struct fmap_onnx_loader *loader, const fmap_onnx_AttributeProto *proto,
                       const char *label, fmap_attribute *attribute) {
    int32_t type = !proto->type && loader->types_may_lack ? type_by_member(proto) : proto->type;
    switch (type) {
    case fmap_onnx_AttributeType_INT:
        attribute->type = FMAP_ATTRIBUTE_INT;
        attribute->i = proto->i;
        return true;
    case fmap_onnx_AttributeType_FLOAT:
        attribute->type = FMAP_ATTRIBUTE_FLOAT;
        attribute->f = proto->f;
        return true;
    case fmap_onnx_AttributeType_STRING: return read_string(loader, &proto->s, label, attribute);
    case fmap_onnx_AttributeType_INTS: return read_ints(loader, &proto->ints, label, attribute);
    case fmap_onnx_AttributeType_FLOATS: return read_floats(loader, &proto->floats, attribute);
    case fmap_onnx_AttributeType_TENSOR: return read_tensor(loader, &proto->t, label, attribute);
    default: break;
    }
    const char *kind = kind_of(type);
    if (kind)
        return fmap_onnx_fail(loader, FMAP_ERROR_UNSUPPORTED, "%s is %s, which is not supported", label,
                              kind);
    return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT, "%s has no type that is known (%ld)", label, (long)type);
}

static bool read_attribute(struct fmap_onnx_loader *loader, const struct fmap_onnx_node *node, size_t index,
                           fmap_attribute *attribute) {
    struct label label;
    (void)snprintf(label.text, sizeof label.text, "attribute number %zu of %s", index + 1, node->label);
    fmap_onnx_AttributeProto proto = {0};
    if (!fmap_onnx_read(loader, node->proto.attribute.items[index], fmap_onnx_AttributeProto_fields, &proto,
                        label.text)) {
        return false;
    }
    attribute->name = fmap_onnx_text(loader, proto.name.span, label.text);
    if (!attribute->name) return false;
    if (!*attribute->name) return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT, "%s has no name", label.text);
    (void)snprintf(label.text, sizeof label.text, "attribute '%s' of %s",
                   fmap_onnx_show(proto.name.span).text, node->label);
    if (proto.ref_attr_name.span.bytes) {
        return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT,
                              "%s stands for an attribute of a function, outside of one", label.text);
    }
    return read_value(loader, &proto, label.text, attribute);
}

bool fmap_onnx_attributes(struct fmap_onnx_loader *loader, const struct fmap_onnx_node *node,
                          fmap_attribute **attributes) {
    size_t count = node->proto.attribute.count;
    *attributes = fmap_scratch_array(&loader->scratch, count, sizeof **attributes);
    if (!*attributes) return fmap_onnx_out_of_memory(loader);
    for (size_t i = 0; i < count; i++) {
        (*attributes)[i] = (fmap_attribute){0};
        if (!read_attribute(loader, node, i, &(*attributes)[i])) return false;
    }
    return true;
}
