/* ONNX: inputs of the graph. */
#include <stdio.h>

#include "onnx_loader.h"

/* Anything but a positive number is a dimension that is not known yet: a symbol ("batch"), nothing at
 * all, or the 0 and -1 that some exporters write for it. */
static bool read_shape(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, const char *what,
                       fmap_shape *shape) {
    fmap_onnx_TensorShapeProto proto = {0};
    if (!fmap_onnx_read(loader, span, fmap_onnx_TensorShapeProto_fields, &proto, what)) return false;
    if (proto.dim.count > FMAP_MAX_RANK) {
        return fmap_onnx_fail(loader, FMAP_ERROR_LIMIT, "%s has %zu dimensions; at most %d are supported",
                              what, proto.dim.count, FMAP_MAX_RANK);
    }
    *shape = (fmap_shape){.rank = (int)proto.dim.count};
    for (size_t i = 0; i < proto.dim.count; i++) {
        fmap_onnx_DimensionProto dimension = {0};
        if (!fmap_onnx_read(loader, proto.dim.items[i], fmap_onnx_DimensionProto_fields, &dimension, what)) {
            return false;
        }
        shape->dims[i] = dimension.dim_value > 0 ? dimension.dim_value : FMAP_UNKNOWN;
    }
    return true;
}

static bool read_type(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, const char *what,
                      fmap_type *type, fmap_shape *shape) {
    fmap_onnx_TypeProto proto = {0};
    fmap_onnx_TensorTypeProto tensor = {0};
    if (!fmap_onnx_read(loader, span, fmap_onnx_TypeProto_fields, &proto, what)) return false;
    if (!proto.tensor_type.span.data) {
        return fmap_onnx_fail(loader, FMAP_ERROR_UNSUPPORTED, "%s is not a tensor", what);
    }
    if (!fmap_onnx_read(loader, proto.tensor_type.span, fmap_onnx_TensorTypeProto_fields, &tensor, what)) {
        return false;
    }
    const struct fmap_onnx_type *element = fmap_onnx_type_of(tensor.elem_type);
    if (!element->exact) return fmap_onnx_refuse_type(loader, what, tensor.elem_type);
    *type = element->type;
    if (!tensor.shape.span.data) {
        *shape = (fmap_shape){.rank = (int)FMAP_UNKNOWN};
        return true;
    }
    return read_shape(loader, tensor.shape.span, what, shape);
}

static bool is_constant(const fmap_model *model, const char *name) {
    fmap_value_info info;
    fmap_value value = fmap_model_find_value(model, name);
    return value != FMAP_NO_VALUE && fmap_model_value(model, value, &info) == FMAP_OK && info.data;
}

bool fmap_onnx_add_input(struct fmap_onnx_loader *loader, struct fmap_onnx_span span, size_t index) {
    char what[FMAP_TEXT_SHOWN_BYTES + 32];
    (void)snprintf(what, sizeof what, "input number %zu of the graph", index + 1);
    fmap_onnx_ValueInfoProto proto = {0};
    if (!fmap_onnx_read(loader, span, fmap_onnx_ValueInfoProto_fields, &proto, what)) return false;
    const char *name = fmap_onnx_text(loader, proto.name.span, what);
    if (!name) return false;
    if (!*name) return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT, "%s has no name", what);
    if (is_constant(loader->model, name)) return true;
    (void)snprintf(what, sizeof what, "input '%s'", fmap_onnx_show(proto.name.span).text);
    fmap_type type = FMAP_FLOAT32;
    fmap_shape shape = {0};
    if (!read_type(loader, proto.type.span, what, &type, &shape)) return false;
    return fmap_model_input(loader->model, name, type, &shape) != FMAP_NO_VALUE;
}
