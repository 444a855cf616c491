/* ONNX: tensors. Their elements are little-endian in raw_data, or in the one list that suits the type. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "narrow_float.h"
#include "onnx_loader.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Weights are used as they are in the file, which is little-endian."
#endif

const struct fmap_onnx_type *fmap_onnx_type_of(int32_t number) {
    static const struct fmap_onnx_type types[] = {
        [fmap_onnx_DataType_NO_TYPE] = {.name = "undefined"},
        [fmap_onnx_DataType_FLOAT32] = {"float32", 4, FMAP_FLOAT32, true},
        [fmap_onnx_DataType_UINT8] = {"uint8", 1, FMAP_UINT8, true},
        [fmap_onnx_DataType_INT8] = {"int8", 1, FMAP_INT8, true},
        [fmap_onnx_DataType_UINT16] = {.name = "uint16"},
        [fmap_onnx_DataType_INT16] = {.name = "int16"},
        [fmap_onnx_DataType_INT32] = {"int32", 4, FMAP_INT32, true},
        [fmap_onnx_DataType_INT64] = {"int64", 8, FMAP_INT64, true},
        [fmap_onnx_DataType_TEXT] = {.name = "string"},
        [fmap_onnx_DataType_BOOL] = {"bool", 1, FMAP_BOOL, true},
        [fmap_onnx_DataType_FLOAT16] = {"float16", 2, FMAP_FLOAT32, false},
        [fmap_onnx_DataType_FLOAT64] = {"float64", 8, FMAP_FLOAT32, false},
        [fmap_onnx_DataType_UINT32] = {.name = "uint32"},
        [fmap_onnx_DataType_UINT64] = {.name = "uint64"},
        [fmap_onnx_DataType_COMPLEX64] = {.name = "complex64"},
        [fmap_onnx_DataType_COMPLEX128] = {.name = "complex128"},
        [fmap_onnx_DataType_BFLOAT16] = {"bfloat16", 2, FMAP_FLOAT32, false},
        [fmap_onnx_DataType_FLOAT8E4M3FN] = {.name = "float8e4m3fn"},
        [fmap_onnx_DataType_FLOAT8E4M3FNUZ] = {.name = "float8e4m3fnuz"},
        [fmap_onnx_DataType_FLOAT8E5M2] = {.name = "float8e5m2"},
        [fmap_onnx_DataType_FLOAT8E5M2FNUZ] = {.name = "float8e5m2fnuz"},
        [fmap_onnx_DataType_UINT4] = {.name = "uint4"},
        [fmap_onnx_DataType_INT4] = {.name = "int4"},
    };
    static const struct fmap_onnx_type unknown = {.name = "unknown"};
    return number >= 0 && (size_t)number < sizeof types / sizeof *types ? &types[number] : &unknown;
}

bool fmap_onnx_refuse_type(struct fmap_onnx_loader *loader, const char *what, int32_t number) {
    if (number == fmap_onnx_DataType_NO_TYPE) {
        return fmap_onnx_fail(loader, FMAP_ERROR_FORMAT, "%s does not say of which type its elements are",
                              what);
    }
    return fmap_onnx_fail(loader, FMAP_ERROR_UNSUPPORTED,
                          "%s has elements of type %s (%" PRId32 "), which is not supported", what,
                          fmap_onnx_type_of(number)->name, number);
}

/* A tensor on its way. */
struct tensor {
    struct fmap_onnx_loader *loader;
    const fmap_onnx_TensorProto *proto;
    const char *what;
    const struct fmap_onnx_type *type;
    fmap_shape shape;
    size_t elements;
};

static bool is_external(const struct tensor *tensor) {
    return tensor->proto->data_location == fmap_onnx_DataLocation_EXTERNAL;
}

static bool read_shape(struct tensor *tensor) {
    const struct fmap_onnx_field *dims = &tensor->proto->dims;
    size_t rank = fmap_onnx_integer_count(dims);
    if (rank > FMAP_MAX_RANK) {
        return fmap_onnx_fail(tensor->loader, FMAP_ERROR_LIMIT,
                              "%s has %zu dimensions; at most %d are supported", tensor->what, rank,
                              FMAP_MAX_RANK);
    }
    tensor->shape.rank = (int)rank;
    if (!fmap_onnx_integers(dims, tensor->shape.dims)) {
        return fmap_onnx_fail(tensor->loader, FMAP_ERROR_FORMAT, "the shape of %s is damaged", tensor->what);
    }
    for (size_t i = 0; i < rank; i++) {
        if (tensor->shape.dims[i] < 0) {
            return fmap_onnx_fail(tensor->loader, FMAP_ERROR_FORMAT, "dimension %zu of %s is %" PRId64, i,
                                  tensor->what, tensor->shape.dims[i]);
        }
    }
    int64_t elements;
    if (!fmap_shape_elements(&tensor->shape, &elements) || (uint64_t)elements > SIZE_MAX / sizeof(double)) {
        return fmap_onnx_fail(tensor->loader, FMAP_ERROR_LIMIT, "%s has more elements than can be counted",
                              tensor->what);
    }
    tensor->elements = (size_t)elements;
    return true;
}

static bool wrong_size(const struct tensor *tensor, const char *field, size_t found, size_t expected,
                       const char *unit) {
    char shape[FMAP_MAX_RANK * 22 + 3] = "[";
    size_t n = 1;
    for (int i = 0; i < tensor->shape.rank; i++) {
        n += (size_t)snprintf(shape + n, sizeof shape - n, "%s%" PRId64, i ? ", " : "",
                              tensor->shape.dims[i]);
    }
    (void)snprintf(shape + n, sizeof shape - n, "]");
    return fmap_onnx_fail(tensor->loader, FMAP_ERROR_FORMAT,
                          "%s of type %s and shape %s needs %zu %s, but its %s holds %zu", tensor->what,
                          tensor->type->name, shape, expected, unit, field, found);
}

/* Packs a list of integers into elements of one, two, four or eight bytes. */
static bool pack_integers(const struct tensor *tensor, const struct fmap_onnx_field *list,
                          struct fmap_onnx_span *raw) {
    size_t size = tensor->type->bytes;
    int64_t *wide = fmap_scratch_array(&tensor->loader->scratch, tensor->elements, sizeof *wide);
    if (!wide) return fmap_onnx_out_of_memory(tensor->loader);
    if (!fmap_onnx_integers(list, wide)) {
        return fmap_onnx_fail(tensor->loader, FMAP_ERROR_FORMAT, "the elements of %s are damaged",
                              tensor->what);
    }
    int32_t number = tensor->proto->data_type;
    bool is_signed = number == fmap_onnx_DataType_INT8;
    int64_t low = is_signed ? INT8_MIN : 0;
    int64_t high = is_signed                           ? INT8_MAX
                   : number == fmap_onnx_DataType_BOOL ? 1
                   : size == 1                         ? UINT8_MAX
                                                       : UINT16_MAX;
    uint8_t *packed = (uint8_t *)wide; /* in place: elements only become smaller */
    for (size_t i = 0; i < tensor->elements; i++) {
        int64_t value = wide[i];
        if (size < 4 && (value < low || value > high)) {
            return fmap_onnx_fail(tensor->loader, FMAP_ERROR_FORMAT,
                                  "element %zu of %s is %" PRId64 ", which is not a number of type %s", i,
                                  tensor->what, value, tensor->type->name);
        }
        memcpy(packed + i * size, &value, size); /* the low bytes: little-endian */
    }
    *raw = (struct fmap_onnx_span){packed, tensor->elements * size};
    return true;
}

/* The elements, from the list that suits the type, as they would be in raw_data. */
static bool elements_of_list(const struct tensor *tensor, struct fmap_onnx_span *raw) {
    const fmap_onnx_TensorProto *proto = tensor->proto;
    const struct fmap_onnx_field *list = &proto->int32_data;
    const char *field = "int32_data";
    if (proto->data_type == fmap_onnx_DataType_FLOAT32) {
        list = &proto->float_data;
        field = "float_data";
    } else if (proto->data_type == fmap_onnx_DataType_FLOAT64) {
        list = &proto->double_data;
        field = "double_data";
    } else if (proto->data_type == fmap_onnx_DataType_INT64) {
        list = &proto->int64_data;
        field = "int64_data";
    }
    bool integers = list == &proto->int32_data || list == &proto->int64_data;
    size_t found = integers ? fmap_onnx_integer_count(list) : list->span.bytes / tensor->type->bytes;
    if (found != tensor->elements) return wrong_size(tensor, field, found, tensor->elements, "elements");
    if (integers) return pack_integers(tensor, list, raw);
    *raw = list->span;
    return true;
}

static bool check_bools(const struct tensor *tensor, const struct fmap_onnx_span *raw) {
    if (tensor->type->type != FMAP_BOOL) return true;
    for (size_t i = 0; i < raw->bytes; i++) {
        if (raw->data[i] > 1) {
            return fmap_onnx_fail(tensor->loader, FMAP_ERROR_FORMAT,
                                  "element %zu of %s is %d, which is not a bool", i, tensor->what,
                                  raw->data[i]);
        }
    }
    return true;
}

static bool find_elements(const struct tensor *tensor, struct fmap_onnx_span *raw) {
    const struct fmap_onnx_span *in_file = &tensor->proto->raw_data.span;
    size_t expected = tensor->elements * tensor->type->bytes; /* read_shape() made sure that it fits */
    if (is_external(tensor)) {
        return fmap_onnx_external_elements(tensor->loader, tensor->proto, tensor->what, expected, raw) &&
               check_bools(tensor, raw);
    }
    if (!in_file->data) return elements_of_list(tensor, raw);
    if (in_file->bytes != expected) return wrong_size(tensor, "raw_data", in_file->bytes, expected, "bytes");
    *raw = *in_file;
    return check_bools(tensor, raw);
}

/* Types that the library has no arithmetic for become float32; float64 is rounded. */
static bool widen(const struct tensor *tensor, struct fmap_onnx_span raw, float **floats) {
    *floats = fmap_scratch_array(&tensor->loader->scratch, tensor->elements, sizeof **floats);
    if (!*floats) return fmap_onnx_out_of_memory(tensor->loader);
    for (size_t i = 0; i < tensor->elements; i++) {
        const uint8_t *element = raw.data + i * tensor->type->bytes;
        if (tensor->type->bytes == sizeof(double)) {
            double value;
            memcpy(&value, element, sizeof value);
            (*floats)[i] = (float)value;
        } else {
            uint16_t bits;
            memcpy(&bits, element, sizeof bits);
            bool brain = tensor->proto->data_type == fmap_onnx_DataType_BFLOAT16;
            (*floats)[i] = brain ? fmap_float_from_bfloat16(bits) : fmap_float_from_float16(bits);
        }
    }
    return true;
}

bool fmap_onnx_tensor(struct fmap_onnx_loader *loader, const fmap_onnx_TensorProto *proto, const char *what,
                      struct fmap_onnx_constant *constant) {
    struct tensor tensor = {
        .loader = loader, .proto = proto, .what = what, .type = fmap_onnx_type_of(proto->data_type)};
    if (tensor.type->bytes == 0) return fmap_onnx_refuse_type(loader, what, proto->data_type);
    struct fmap_onnx_span raw = {0};
    if (!read_shape(&tensor) || !find_elements(&tensor, &raw)) return false;

    bool in_file = is_external(&tensor) || fmap_onnx_in_file(&loader->reader, raw.data, raw.bytes);
    constant->ownership = in_file ? FMAP_BORROW : FMAP_COPY;
    constant->tensor = (fmap_tensor){.type = tensor.type->type, .shape = tensor.shape, .data = raw.data};
    if (tensor.elements == 0) {
        constant->tensor.data = ""; /* nothing, but not NULL */
        constant->ownership = FMAP_COPY;
    } else if (!tensor.type->exact) {
        float *floats;
        if (!widen(&tensor, raw, &floats)) return false;
        constant->tensor.data = floats;
        constant->ownership = FMAP_COPY;
    }
    return true;
}
