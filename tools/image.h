/* Pictures: 8-bit pixels in memory, and the files that they come from and go to. */
#ifndef FMAP_TOOLS_IMAGE_H
#define FMAP_TOOLS_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include <fmap/fmap.h>

/* Interleaved rows from the top without padding: pixels[(y * width + x) * channels + channel].
 * 1 channel is grey, 3 are red, green, blue; 4 (with alpha) only for image_write_png(). */
struct image {
    int width;
    int height;
    int channels;
    uint8_t *pixels; /* from malloc(); image_release() frees it */
};

/* No picture may have more pixels than this: a damaged header must not eat the memory. */
enum { IMAGE_MAX_PIXELS = 64 * 1024 * 1024 };

/* `count` pictures of one size, one behind the other. Every file is a set: an IDX file of many
 * pictures, any other of one. */
struct image_set {
    size_t count;
    int width;
    int height;
    int channels;
    uint8_t *pixels;
};

/* Reads all pictures of a file. The format is recognised by the content: PNG, JPEG, PNM (P1 to P6),
 * IDX (as MNIST has it: unsigned bytes, 3 dimensions), each also compressed by gzip except PNG and
 * JPEG. Transparent pixels are laid over white, 16 bits are rounded to 8, palettes are resolved, a
 * JPEG is turned as its EXIF orientation says. The result has 1 or 3 channels.
 * Errors: IO, FORMAT, UNSUPPORTED, LIMIT, MEMORY; the sentence names the file. */
fmap_status image_set_read(const char *path, struct image_set *set, fmap_error *error);
void image_set_release(struct image_set *set);

/* The i-th picture, i < set->count, as a view into the set: do not release it. */
struct image image_set_at(const struct image_set *set, size_t i);

/* Reads the `index`-th picture of a file (0 for everything but IDX). ARGUMENT when there are fewer. */
fmap_status image_read(const char *path, size_t index, struct image *image, fmap_error *error);

/* Allocates an image of zeros. */
fmap_status image_create(int width, int height, int channels, struct image *image, fmap_error *error);

/* Frees the pixels, which may be NULL, and zeroes the structure. */
void image_release(struct image *image);

/* Writes a PNG file. Appears complete or not at all: written beside the target and renamed. */
fmap_status image_write_png(const char *path, const struct image *image, fmap_error *error);

/* The bytes of a PNG file, from malloc(): to embed it. */
fmap_status image_encode_png(const struct image *image, uint8_t **bytes, size_t *n_bytes, fmap_error *error);

#endif
