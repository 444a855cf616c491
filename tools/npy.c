#include "npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* Magic, version and the length of the text; then a text that ends at a multiple of 64 bytes. */
enum { PREFIX_BYTES = 10, ALIGNMENT = 64, HEADER_BYTES = 320 };

static const char *byte_order(void) {
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1 ? "<" : ">";
}

/* The shape in the file: without the batch, channels last. */
static fmap_shape file_shape(const fmap_shape *shape) {
    fmap_shape result = {.rank = shape->rank > 0 ? shape->rank - 1 : 0};
    for (int i = 0; i < result.rank; i++) result.dims[i] = shape->dims[i + 1];
    if (shape->rank == 4) {
        result.dims[0] = shape->dims[2];
        result.dims[1] = shape->dims[3];
        result.dims[2] = shape->dims[1];
    }
    return result;
}

/* Writes the whole header; returns its length. */
static size_t write_header(const fmap_shape *shape, char header[HEADER_BYTES]) {
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    size_t at = PREFIX_BYTES;
    at += (size_t)snprintf(header + at, HEADER_BYTES - at,
                           "{'descr': '%sf4', 'fortran_order': False, 'shape': (", byte_order());
    for (int i = 0; i < shape->rank; i++) {
        at += (size_t)snprintf(header + at, HEADER_BYTES - at, "%" PRId64 ", ", shape->dims[i]);
    }
    at += (size_t)snprintf(header + at, HEADER_BYTES - at, "), }");
    while ((at + 1) % ALIGNMENT != 0) header[at++] = ' ';
    header[at++] = '\n';
    header[8] = (char)((at - PREFIX_BYTES) & 0xff);
    header[9] = (char)((at - PREFIX_BYTES) >> 8);
    return at;
}

/* Planes to pixels. `target` need not be aligned for floats. */
static void write_channels_last(const fmap_shape *shape, const float *values, uint8_t *target) {
    int64_t channels = shape->dims[1], plane = shape->dims[2] * shape->dims[3];
    for (int64_t i = 0; i < plane; i++) {
        for (int64_t channel = 0; channel < channels; channel++) {
            memcpy(target, &values[channel * plane + i], sizeof(float));
            target += sizeof(float);
        }
    }
}

fmap_status npy_encode(const fmap_shape *shape, const float *values, uint8_t **bytes, size_t *n_bytes,
                       fmap_error *error) {
    fmap_shape written = file_shape(shape);
    int64_t elements;
    if (!fmap_shape_elements(&written, &elements) || (uint64_t)elements > (SIZE_MAX - HEADER_BYTES) / 4) {
        return fail(error, FMAP_ERROR_LIMIT, "a map is too large for a .npy file");
    }
    char header[HEADER_BYTES];
    size_t header_bytes = write_header(&written, header);
    size_t data_bytes = (size_t)elements * sizeof(float);
    *bytes = malloc(header_bytes + data_bytes);
    if (*bytes == NULL) return fail_memory(error, "a .npy file");
    memcpy(*bytes, header, header_bytes);
    if (shape->rank == 4) {
        write_channels_last(shape, values, *bytes + header_bytes);
    } else if (data_bytes > 0) {
        memcpy(*bytes + header_bytes, values, data_bytes);
    }
    *n_bytes = header_bytes + data_bytes;
    return FMAP_OK;
}
