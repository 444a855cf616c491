/* HDF5: what an object says of itself: attributes, and the shape, type and place of an array. */
#include "hdf5_message.h"

#include <string.h>

/* ---- types and shapes -------------------------------------------------------------------------------- */

enum { CLASS_FLOAT = 1, CLASS_STRING = 3, CLASS_VARIABLE = 9 };

struct type {
    int class;
    size_t bytes;           /* of an element */
    const char *float_name; /* NULL: no IEEE number, lowest byte first */
    bool is_text;
};

static bool read_type(struct fmap_hdf5 *file, const uint8_t *data, size_t bytes, struct type *type) {
    static const struct {
        const char *name;
        uint8_t head[8]; /* bit offset, precision, places and sizes of exponent and mantissa */
        uint32_t bias;
    } floats[] = {{"float16", {0, 0, 16, 0, 10, 5, 0, 10}, 15},
                  {"float32", {0, 0, 32, 0, 23, 8, 0, 23}, 127},
                  {"float64", {0, 0, 64, 0, 52, 11, 0, 52}, 1023}};
    if (bytes < 8) return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "a type of elements is cut off");
    *type = (struct type){.class = data[0] & 15, .bytes = (size_t)fmap_hdf5_number(data + 4, 4)};
    type->is_text = type->class == CLASS_STRING || (type->class == CLASS_VARIABLE && (data[1] & 15) == 1);
    bool lowest_first = !(data[1] & 0x41);
    for (size_t i = 0; i < 3 && type->class == CLASS_FLOAT && lowest_first && bytes >= 20; i++) {
        if (memcmp(data + 8, floats[i].head, 8) == 0 && fmap_hdf5_number(data + 16, 4) == floats[i].bias &&
            type->bytes == floats[i].head[2] / 8)
            type->float_name = floats[i].name;
    }
    return true;
}

static bool read_shape(struct fmap_hdf5 *file, const uint8_t *data, size_t bytes, fmap_shape *shape) {
    size_t rank = bytes >= 4 ? data[1] : 0, at = bytes >= 4 && data[0] == 1 ? 8 : 4;
    if (bytes < 4 || data[0] < 1 || data[0] > 2 || rank > FMAP_MAX_RANK || bytes < at ||
        (bytes - at) / 8 < rank)
        return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT,
                              "the shape of an array is damaged or has too many axes");
    *shape = (fmap_shape){.rank = (int)rank};
    for (size_t i = 0; i < rank; i++) {
        uint64_t size = fmap_hdf5_number(data + at + 8 * i, 8);
        if (size > INT64_MAX)
            return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "the shape of an array is damaged");
        shape->dims[i] = (int64_t)size;
    }
    return true;
}

/* ---- attributes -------------------------------------------------------------------------------------- */

struct attribute {
    const char *wanted;
    const char *text;
    size_t bytes;
};

/* Text of a length of its own lies in a collection of such texts, under a number. */
static bool read_variable_text(struct fmap_hdf5 *file, const uint8_t *place, struct attribute *attribute) {
    uint64_t bytes = fmap_hdf5_number(place, 4), collection = fmap_hdf5_number(place + 4, 8);
    uint64_t wanted = fmap_hdf5_number(place + 12, 4);
    const uint8_t *head = fmap_hdf5_at(file, collection, 16);
    if (!head) return false;
    uint64_t size = fmap_hdf5_number(head + 8, 8);
    const uint8_t *all = memcmp(head, "GCOL", 4) == 0 ? fmap_hdf5_at(file, collection, size) : NULL;
    for (uint64_t at = 16; all && size >= 16 && at <= size - 16;) {
        uint64_t index = fmap_hdf5_number(all + at, 2), length = fmap_hdf5_number(all + at + 8, 8);
        if (index == 0 || length > size - 16 - at) break;
        if (index == wanted && bytes <= length) {
            attribute->text = (const char *)all + at + 16;
            attribute->bytes = (size_t)bytes;
            return true;
        }
        at += 16 + (length + 7) / 8 * 8;
    }
    return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "the text of an attribute is damaged");
}

/* The parts of an attribute, one behind the other; in version 1 each begins on a multiple of 8 bytes. */
static bool read_attribute(struct fmap_hdf5 *file, const struct fmap_hdf5_message *message, void *user) {
    struct attribute *attribute = user;
    const uint8_t *data = message->data;
    if (message->type != FMAP_HDF5_ATTRIBUTE || message->is_elsewhere || message->bytes < 9) return true;
    size_t at = data[0] == 3 ? 9 : 8, parts[3], begins[3];
    if (data[0] < 1 || data[0] > 3) return true;
    for (size_t i = 0; i < 3; i++) { /* name, type, shape */
        parts[i] = (size_t)fmap_hdf5_number(data + 2 + 2 * i, 2);
        begins[i] = at;
        at += data[0] == 1 ? (parts[i] + 7) / 8 * 8 : parts[i];
    }
    if (at > message->bytes) return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "an attribute is cut off");
    size_t name = strlen(attribute->wanted);
    if (parts[0] != name + 1 || memcmp(data + begins[0], attribute->wanted, name + 1) != 0) return true;
    struct type type;
    fmap_shape shape;
    if (!read_type(file, data + begins[1], parts[1], &type) ||
        !read_shape(file, data + begins[2], parts[2], &shape))
        return false;
    if (!type.is_text || shape.rank != 0 || type.bytes > message->bytes - at) return true;
    if (type.class == CLASS_VARIABLE)
        return type.bytes >= 16 && read_variable_text(file, data + at, attribute) && false;
    attribute->text = (const char *)data + at;
    attribute->bytes = strnlen(attribute->text, type.bytes);
    return false;
}

bool fmap_hdf5_text(struct fmap_hdf5 *file, uint64_t object, const char *name, const char **text,
                    size_t *bytes) {
    struct attribute attribute = {.wanted = name};
    if (!fmap_hdf5_messages(file, object, read_attribute, &attribute) || !attribute.text) return false;
    *text = attribute.text;
    *bytes = attribute.bytes;
    return true;
}

/* ---- arrays ------------------------------------------------------------------------------------------ */

struct parts {
    struct fmap_hdf5_message type, shape, layout;
    bool has_filters;
};

static bool collect(struct fmap_hdf5 *file, const struct fmap_hdf5_message *message, void *user) {
    struct parts *parts = user;
    (void)file;
    if (message->type == FMAP_HDF5_DATATYPE) parts->type = *message;
    if (message->type == FMAP_HDF5_DATASPACE) parts->shape = *message;
    if (message->type == FMAP_HDF5_LAYOUT) parts->layout = *message;
    parts->has_filters |= message->type == FMAP_HDF5_FILTERS;
    return true;
}

/* Where the elements are: inside of the message (compact), or elsewhere in one piece (contiguous). */
static bool find_elements(struct fmap_hdf5 *file, const struct parts *parts, struct fmap_hdf5_array *array) {
    const struct fmap_hdf5_message *layout = &parts->layout;
    bool known = layout->bytes >= 4 && layout->data[0] == 3 && layout->data[1] <= 1 && !parts->has_filters;
    if (!known)
        return fmap_hdf5_fail(file, FMAP_ERROR_UNSUPPORTED,
                              "an array of it is compressed or in pieces, which Keras does not do");
    if (layout->data[1] == 0) {
        array->data = layout->data + 4;
        if (array->bytes <= layout->bytes - 4) return true;
    } else if (layout->bytes >= 18) {
        uint64_t address = fmap_hdf5_number(layout->data + 2, 8);
        if (array->bytes == 0) address = 0; /* Nothing lies nowhere. */
        if (fmap_hdf5_number(layout->data + 10, 8) >= array->bytes) {
            array->data = fmap_hdf5_at(file, address, array->bytes);
            return array->data != NULL;
        }
    }
    return fmap_hdf5_fail(file, FMAP_ERROR_FORMAT, "the elements of an array are cut off");
}

bool fmap_hdf5_array(struct fmap_hdf5 *file, uint64_t object, bool *is_array, struct fmap_hdf5_array *array) {
    struct parts parts = {.has_filters = false};
    struct type type;
    int64_t elements;
    if (!fmap_hdf5_messages(file, object, collect, &parts)) return false;
    *is_array = parts.layout.data != NULL;
    if (!*is_array) return true;
    if (!parts.type.data || !parts.shape.data || parts.type.is_elsewhere || parts.shape.is_elsewhere)
        return fmap_hdf5_fail(file, FMAP_ERROR_UNSUPPORTED, "an array of it has no type or shape of its own");
    if (!read_type(file, parts.type.data, parts.type.bytes, &type) ||
        !read_shape(file, parts.shape.data, parts.shape.bytes, &array->shape))
        return false;
    array->type = type.float_name;
    if (!fmap_shape_elements(&array->shape, &elements) ||
        __builtin_mul_overflow((uint64_t)elements, type.bytes, &array->bytes))
        return fmap_hdf5_fail(file, FMAP_ERROR_LIMIT, "an array of it is too large");
    return find_elements(file, &parts, array);
}
