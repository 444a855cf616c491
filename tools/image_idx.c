/* IDX, the format of MNIST: 0, 0, type, dimensions; each dimension as 4 bytes, high first; the data. */
#include <stdlib.h>
#include <string.h>

#include "image_formats.h"
#include "tool.h"

enum { IDX_UBYTE = 0x08, MAX_DIMENSIONS = 3 };

bool idx_recognised(const uint8_t *bytes, size_t n_bytes) {
    return n_bytes >= 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[2] >= 0x08 && bytes[2] <= 0x0e &&
           bytes[3] >= 1;
}

static uint32_t u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Checks that the file is of unsigned bytes with `n` dimensions and holds exactly what they promise. */
static fmap_status read_header(const char *path, const uint8_t *bytes, size_t n_bytes, int n,
                               const char *what, uint32_t *dims, fmap_error *error) {
    if (!idx_recognised(bytes, n_bytes)) {
        return fail(error, FMAP_ERROR_FORMAT, "'%s' is not an IDX file", path);
    }
    if (bytes[2] != IDX_UBYTE || bytes[3] != n) {
        return fail(error, FMAP_ERROR_UNSUPPORTED,
                    "'%s' is an IDX file of type 0x%02x with %d dimensions; %s are of type 0x08 with %d",
                    path, (unsigned)bytes[2], (int)bytes[3], what, n);
    }
    size_t header_bytes = 4 + 4 * (size_t)n;
    uint64_t expected = 1;
    if (n_bytes < header_bytes) {
        return fail(error, FMAP_ERROR_FORMAT, "'%s' is a damaged IDX file: its header is cut short", path);
    }
    for (int i = 0; i < n; i++) {
        dims[i] = u32(bytes + 4 + 4 * (size_t)i);
        expected = dims[i] != 0 && expected > UINT64_MAX / dims[i] ? UINT64_MAX : expected * dims[i];
    }
    if (n_bytes - header_bytes != expected) {
        return fail(error, FMAP_ERROR_FORMAT, "'%s' is a damaged IDX file: %zu bytes of data, %llu expected",
                    path, n_bytes - header_bytes, (unsigned long long)expected);
    }
    return FMAP_OK;
}

static fmap_status copy_data(const char *path, const uint8_t *bytes, size_t n_bytes, size_t header_bytes,
                             uint8_t **copy, fmap_error *error) {
    *copy = malloc(n_bytes - header_bytes + 1);
    if (*copy == NULL) {
        return fail_memory(error, path);
    }
    memcpy(*copy, bytes + header_bytes, n_bytes - header_bytes);
    return FMAP_OK;
}

fmap_status idx_read_set(const char *path, const uint8_t *bytes, size_t n_bytes, struct image_set *set,
                         fmap_error *error) {
    uint32_t dims[MAX_DIMENSIONS] = {0};
    TRY(read_header(path, bytes, n_bytes, 3, "pictures", dims, error));
    if (dims[0] == 0) {
        return fail(error, FMAP_ERROR_FORMAT, "'%s' is an IDX file without any picture", path);
    }
    TRY(image_check_size(path, dims[2], dims[1], error));
    uint8_t *pixels = NULL;
    TRY(copy_data(path, bytes, n_bytes, 16, &pixels, error));
    *set = (struct image_set){
        .count = dims[0], .width = (int)dims[2], .height = (int)dims[1], .channels = 1, .pixels = pixels};
    return FMAP_OK;
}

fmap_status idx_read_labels(const char *path, const uint8_t *bytes, size_t n_bytes, uint8_t **labels,
                            size_t *n_labels, fmap_error *error) {
    uint32_t dims[MAX_DIMENSIONS] = {0};
    TRY(read_header(path, bytes, n_bytes, 1, "labels", dims, error));
    TRY(copy_data(path, bytes, n_bytes, 8, labels, error));
    *n_labels = dims[0];
    return FMAP_OK;
}
