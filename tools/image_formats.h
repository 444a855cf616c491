/* One reader per format, each in its own file: bytes in memory to an image_set. A reader leaves *set
 * alone when it fails; `path` is for its sentence. */
#ifndef FMAP_TOOLS_IMAGE_FORMATS_H
#define FMAP_TOOLS_IMAGE_FORMATS_H

#include <stdbool.h>

#include "image.h"

fmap_status png_read_set(const char *path, const uint8_t *bytes, size_t n_bytes, struct image_set *set,
                         fmap_error *error);
fmap_status jpeg_read_set(const char *path, const uint8_t *bytes, size_t n_bytes, struct image_set *set,
                          fmap_error *error);
fmap_status pnm_read_set(const char *path, const uint8_t *bytes, size_t n_bytes, struct image_set *set,
                         fmap_error *error);
fmap_status idx_read_set(const char *path, const uint8_t *bytes, size_t n_bytes, struct image_set *set,
                         fmap_error *error);

/* The labels of an IDX file of one dimension: *labels from malloc(). */
fmap_status idx_read_labels(const char *path, const uint8_t *bytes, size_t n_bytes, uint8_t **labels,
                            size_t *n_labels, fmap_error *error);

/* True for the four bytes that an IDX file begins with. */
bool idx_recognised(const uint8_t *bytes, size_t n_bytes);

/* The orientation in a JPEG's EXIF segment (from "Exif\0\0" on): 1..8, 1 when there is none. */
int exif_orientation(const uint8_t *segment, size_t n_bytes);

/* Turns and mirrors a picture so that orientation 1..8 becomes 1. Replaces image->pixels. */
fmap_status image_turn(struct image *image, int orientation, fmap_error *error);

/* Refuses a size that is zero, negative or above IMAGE_MAX_PIXELS. */
fmap_status image_check_size(const char *path, uint64_t width, uint64_t height, fmap_error *error);

#endif
