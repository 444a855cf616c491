#include "image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "image_formats.h"
#include "tool.h"

/* A file may hold many pictures, but no more than this in bytes. */
static const size_t max_file_bytes = (size_t)1 << 30;

fmap_status image_check_size(const char *path, uint64_t width, uint64_t height, fmap_error *error) {
    if (width == 0 || height == 0) {
        return fail(error, FMAP_ERROR_FORMAT, "'%s' is a picture without pixels (%" PRIu64 "x%" PRIu64 ")",
                    path, width, height);
    }
    if (width > INT32_MAX || height > INT32_MAX || width * height > IMAGE_MAX_PIXELS) {
        return fail(error, FMAP_ERROR_LIMIT,
                    "'%s' has %" PRIu64 "x%" PRIu64 " pixels, more than the limit of %d", path, width, height,
                    IMAGE_MAX_PIXELS);
    }
    return FMAP_OK;
}

fmap_status image_create(int width, int height, int channels, struct image *image, fmap_error *error) {
    uint8_t *pixels = calloc((size_t)width * (size_t)height, (size_t)channels);
    if (pixels == NULL) {
        return fail_memory(error, "a picture");
    }
    *image = (struct image){.width = width, .height = height, .channels = channels, .pixels = pixels};
    return FMAP_OK;
}

void image_release(struct image *image) {
    free(image->pixels);
    *image = (struct image){0};
}

typedef fmap_status reader(const char *path, const uint8_t *bytes, size_t n_bytes, struct image_set *set,
                           fmap_error *error);

static reader *recognise(const uint8_t *bytes, size_t n_bytes) {
    if (n_bytes >= 4 && memcmp(bytes, "\x89PNG", 4) == 0) {
        return png_read_set;
    }
    if (n_bytes >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) {
        return jpeg_read_set;
    }
    if (n_bytes >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7') {
        return pnm_read_set;
    }
    return idx_recognised(bytes, n_bytes) ? idx_read_set : NULL;
}

fmap_status image_set_read(const char *path, struct image_set *set, fmap_error *error) {
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    TRY(file_read(path, max_file_bytes, &bytes, &n_bytes, error));
    fmap_status status = FMAP_OK;
    reader *read = recognise(bytes, n_bytes);
    if (n_bytes == 0) {
        status = fail(error, FMAP_ERROR_FORMAT, "'%s' is empty", path);
    } else if (read == NULL) {
        status = fail(error, FMAP_ERROR_FORMAT,
                      "'%s' is not a picture that fmap reads: PNG, JPEG, PNM or IDX", path);
    } else {
        status = read(path, bytes, n_bytes, set, error);
    }
    free(bytes);
    return status;
}

void image_set_release(struct image_set *set) {
    free(set->pixels);
    *set = (struct image_set){0};
}

struct image image_set_at(const struct image_set *set, size_t i) {
    size_t bytes = (size_t)set->width * (size_t)set->height * (size_t)set->channels;
    return (struct image){.width = set->width,
                          .height = set->height,
                          .channels = set->channels,
                          .pixels = set->pixels + i * bytes};
}

fmap_status image_read(const char *path, size_t index, struct image *image, fmap_error *error) {
    struct image_set set;
    TRY(image_set_read(path, &set, error));
    fmap_status status = FMAP_OK;
    if (index >= set.count) {
        status = fail(error, FMAP_ERROR_ARGUMENT, "'%s' holds %zu pictures, there is no number %zu", path,
                      set.count, index);
    } else {
        const struct image view = image_set_at(&set, index);
        status = image_create(view.width, view.height, view.channels, image, error);
        if (status == FMAP_OK) {
            size_t bytes = (size_t)view.width * (size_t)view.height * (size_t)view.channels;
            memcpy(image->pixels, view.pixels, bytes);
        }
    }
    image_set_release(&set);
    return status;
}
