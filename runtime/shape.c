#include "runtime/shape.h"

#include <stdio.h>

size_t fmap_type_bytes(fmap_type type) {
    switch (type) {
    case FMAP_TYPE_UNKNOWN: return 0;
    case FMAP_FLOAT32:
    case FMAP_INT32: return 4;
    case FMAP_INT64: return 8;
    case FMAP_UINT8:
    case FMAP_INT8:
    case FMAP_BOOL: return 1;
    }
    return 0;
}

fmap_shape fmap_shape_of(int rank, const int64_t *dims) {
    fmap_shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++) shape.dims[i] = dims[i];
    return shape;
}

bool fmap_shape_known(const fmap_shape *shape) {
    if (shape->rank < 0) return false;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0) return false;
    }
    return true;
}

bool fmap_shape_equal(const fmap_shape *a, const fmap_shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i]) return false;
    }
    return true;
}

int64_t fmap_dim_product(int64_t a, int64_t b) {
    int64_t product;
    if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product)) return FMAP_UNKNOWN;
    return product;
}

int64_t fmap_shape_product(const fmap_shape *shape, int first, int last) {
    int64_t product = 1;
    for (int i = first; i < last; i++) product = fmap_dim_product(product, shape->dims[i]);
    return product;
}

bool fmap_shape_elements(const fmap_shape *shape, int64_t *elements) {
    if (!shape || !elements || shape->rank < 0 || shape->rank > FMAP_MAX_RANK) return false;
    int64_t product = fmap_shape_product(shape, 0, shape->rank);
    if (product < 0) return false;
    *elements = product;
    return true;
}

struct fmap_shape_text fmap_shape_text(const fmap_shape *shape) {
    struct fmap_shape_text result = {"scalar"};
    size_t used = 0;
    if (shape->rank < 0) return (struct fmap_shape_text){"unknown rank"};
    for (int i = 0; i < shape->rank && i < FMAP_MAX_RANK; i++) {
        const char *separator = i ? "x" : "";
        char *end = result.text + used;
        size_t room = sizeof result.text - used;
        int n = shape->dims[i] < 0 ? snprintf(end, room, "%s?", separator)
                                   : snprintf(end, room, "%s%lld", separator, (long long)shape->dims[i]);
        used += (size_t)n;
    }
    return result;
}

int fmap_axis_of(int64_t axis, int rank) {
    if (axis < -rank || axis >= rank) return -1;
    return (int)(axis < 0 ? axis + rank : axis);
}
