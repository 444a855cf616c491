/* PNG through libpng. libpng reports errors by longjmp(): everything that must survive one lives in a
 * structure outside of the function that calls setjmp(). */
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "image_formats.h"
#include "tool.h"

struct png_work {
    png_structp png;
    png_infop info;
    const char *path;
    fmap_error *error;
    fmap_status status;

    const uint8_t *bytes; /* what is read */
    size_t n_bytes;
    size_t position;
    struct image image;

    uint8_t *written; /* what is written */
    size_t n_written;
    size_t capacity;
};

static void on_error(png_structp png, png_const_charp message) {
    struct png_work *work = png_get_error_ptr(png);
    if (work->status == FMAP_OK) {
        work->status = fail(work->error, FMAP_ERROR_FORMAT, "'%s' is a damaged PNG file: %s", work->path,
                            message);
    }
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_bytes(png_structp png, png_bytep target, size_t n) {
    struct png_work *work = png_get_io_ptr(png);
    if (n > work->n_bytes - work->position) {
        png_error(png, "it ends too early");
    }
    memcpy(target, work->bytes + work->position, n);
    work->position += n;
}

/* Lays pixels that carry alpha over white and drops the alpha, in place. */
static void drop_alpha(struct image *image) {
    int colors = image->channels - 1;
    size_t n_pixels = (size_t)image->width * (size_t)image->height;
    const uint8_t *from = image->pixels;
    uint8_t *to = image->pixels;
    for (size_t i = 0; i < n_pixels; i++) {
        unsigned alpha = from[colors];
        for (int c = 0; c < colors; c++) {
            *to++ = (uint8_t)((from[c] * alpha + 255u * (255u - alpha) + 127u) / 255u);
        }
        from += colors + 1;
    }
    image->channels = colors;
}

/* Everything that may longjmp(). */
static bool decode(struct png_work *work) {
    if (setjmp(png_jmpbuf(work->png)) != 0) {
        return false;
    }
    png_set_read_fn(work->png, work, read_bytes);
    png_set_user_limits(work->png, IMAGE_MAX_PIXELS, IMAGE_MAX_PIXELS);
    png_read_info(work->png, work->info);
    png_uint_32 width = png_get_image_width(work->png, work->info);
    png_uint_32 height = png_get_image_height(work->png, work->info);
    work->status = image_check_size(work->path, width, height, work->error);
    if (work->status != FMAP_OK) {
        return false;
    }
    png_set_expand(work->png); /* palettes to colours, few bits to 8, transparency to alpha */
    png_set_scale_16(work->png);
    int passes = png_set_interlace_handling(work->png);
    png_read_update_info(work->png, work->info);
    int channels = png_get_channels(work->png, work->info);
    work->status = image_create((int)width, (int)height, channels, &work->image, work->error);
    if (work->status != FMAP_OK) {
        return false;
    }
    size_t row_bytes = (size_t)width * (size_t)channels;
    for (int pass = 0; pass < passes; pass++) {
        for (size_t y = 0; y < height; y++) {
            png_read_row(work->png, work->image.pixels + y * row_bytes, NULL);
        }
    }
    png_read_end(work->png, NULL); /* checks what is behind the pixels */
    return true;
}

fmap_status png_read_set(const char *path, const uint8_t *bytes, size_t n_bytes, struct image_set *set,
                         fmap_error *error) {
    struct png_work work = {.path = path, .error = error, .bytes = bytes, .n_bytes = n_bytes};
    work.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &work, on_error, on_warning);
    work.info = work.png != NULL ? png_create_info_struct(work.png) : NULL;
    bool good = false;
    if (work.info == NULL) {
        work.status = fail_memory(error, path);
    } else {
        good = decode(&work);
    }
    png_destroy_read_struct(&work.png, &work.info, NULL);
    if (!good) {
        image_release(&work.image);
        return work.status;
    }
    struct image *image = &work.image;
    if (image->channels == 2 || image->channels == 4) {
        drop_alpha(image);
    }
    *set = (struct image_set){.count = 1,
                              .width = image->width,
                              .height = image->height,
                              .channels = image->channels,
                              .pixels = image->pixels};
    return FMAP_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_bytes(png_structp png, png_bytep bytes, size_t n) {
    struct png_work *work = png_get_io_ptr(png);
    if (n > work->capacity - work->n_written) {
        size_t capacity = 2 * (work->capacity + n);
        uint8_t *grown = realloc(work->written, capacity);
        if (grown == NULL) {
            work->status = fail_memory(work->error, "a PNG file");
            png_error(png, "out of memory");
        }
        work->written = grown;
        work->capacity = capacity;
    }
    memcpy(work->written + work->n_written, bytes, n);
    work->n_written += n;
}

static void flush_nothing(png_structp png) { (void)png; }

static bool encode(struct png_work *work, const struct image *image) {
    static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    if (setjmp(png_jmpbuf(work->png)) != 0) {
        return false;
    }
    png_set_write_fn(work->png, work, write_bytes, flush_nothing);
    png_set_IHDR(work->png, work->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 types[image->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(work->png, work->info);
    size_t row_bytes = (size_t)image->width * (size_t)image->channels;
    for (size_t y = 0; y < (size_t)image->height; y++) {
        png_write_row(work->png, image->pixels + y * row_bytes);
    }
    png_write_end(work->png, NULL);
    return true;
}

fmap_status image_encode_png(const struct image *image, uint8_t **bytes, size_t *n_bytes, fmap_error *error) {
    struct png_work work = {.path = "picture", .error = error};
    work.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &work, on_error, on_warning);
    work.info = work.png != NULL ? png_create_info_struct(work.png) : NULL;
    bool good = false;
    if (work.info == NULL) {
        work.status = fail_memory(error, "a PNG file");
    } else {
        good = encode(&work, image);
    }
    png_destroy_write_struct(&work.png, &work.info);
    if (!good) {
        free(work.written);
        return work.status;
    }
    *bytes = work.written;
    *n_bytes = work.n_written;
    return FMAP_OK;
}

fmap_status image_write_png(const char *path, const struct image *image, fmap_error *error) {
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    TRY(image_encode_png(image, &bytes, &n_bytes, error));
    fmap_status status = file_write(path, bytes, n_bytes, error);
    free(bytes);
    return status;
}
