/* Pixels to numbers. Scaling, averaging channels and inverting are all linear: so a picture is scaled
 * first, when it is large, and everything else happens to the few pixels that are left. */
#include <math.h>
#include <stdlib.h>

#include "digit.h"
#include "image_resize.h"
#include "preprocess.h"
#include "tool.h"

/* Which part of the picture goes where on the network's canvas. */
struct placement {
    struct rectangle source;
    int left;
    int top;
    int width;
    int height;
};

static fmap_status place_unscaled(const struct preprocess *to, const struct image *image,
                                  struct placement *placement, fmap_error *error) {
    bool larger = image->width > to->width || image->height > to->height;
    if (larger && to->crop != CROP_CENTER) {
        return fail(
            error, FMAP_ERROR_ARGUMENT,
            "a picture of %dx%d does not fit into the network's %dx%d: give --resize or --crop center",
            image->width, image->height, to->width, to->height);
    }
    int width = image->width < to->width ? image->width : to->width;
    int height = image->height < to->height ? image->height : to->height;
    int source_left = (image->width - width) / 2;
    int source_top = (image->height - height) / 2;
    placement->source = (struct rectangle){
        .left = source_left, .top = source_top, .width = width, .height = height};
    placement->width = width;
    placement->height = height;
    return FMAP_OK;
}

static fmap_status place(const struct preprocess *to, const struct image *image, struct placement *placement,
                         fmap_error *error) {
    double scale_x = (double)to->width / image->width;
    double scale_y = (double)to->height / image->height;
    struct rectangle *source = &placement->source;
    *source = (struct rectangle){.width = image->width, .height = image->height};
    placement->width = to->width;
    placement->height = to->height;
    if (to->resize == RESIZE_NONE) {
        TRY(place_unscaled(to, image, placement, error));
    } else if (to->resize == RESIZE_FIT && to->crop == CROP_CENTER) {
        double scale = fmax(scale_x, scale_y);
        source->width = to->width / scale;
        source->height = to->height / scale;
        source->left = (image->width - source->width) / 2;
        source->top = (image->height - source->height) / 2;
    } else if (to->resize == RESIZE_FIT) {
        double scale = fmin(scale_x, scale_y);
        placement->width = (int)fmax(1, round(image->width * scale));
        placement->height = (int)fmax(1, round(image->height * scale));
    }
    placement->left = (to->width - placement->width) / 2;
    placement->top = (to->height - placement->height) / 2;
    return FMAP_OK;
}

static int median(const size_t *counts, size_t n) {
    size_t seen = 0;
    for (int value = 0; value < 256; value++) {
        seen += counts[value];
        if (2 * seen >= n) {
            return value;
        }
    }
    return 255;
}

/* The background: each channel's median over the outermost pixels. */
static void border_of(const struct image *image, float border[MAX_CHANNELS]) {
    int width = image->width;
    int height = image->height;
    for (int c = 0; c < image->channels; c++) {
        size_t counts[256] = {0};
        size_t n = 0;
        for (int y = 0; y < height; y++) {
            int step = y == 0 || y == height - 1 || width == 1 ? 1 : width - 1;
            for (int x = 0; x < width; x += step, n++) {
                counts[image->pixels[((size_t)y * (size_t)width + (size_t)x) * (size_t)image->channels +
                                     (size_t)c]]++;
            }
        }
        border[c] = (float)median(counts, n);
    }
}

static float luma(const float *rgb) {
    return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]; /* ITU-R BT.601, as JPEG's Y */
}

static bool has_to_invert(const struct preprocess *to, const struct image *image, const float *border) {
    float level = image->channels == 3 ? luma(border) : border[0];
    return to->invert == INVERT_YES || (to->invert == INVERT_AUTO && level > 127.5f);
}

/* One pixel from the picture's channels to the network's. */
static void convert_pixel(const float *from, int from_channels, bool invert, float *to, int to_channels) {
    for (int c = 0; c < to_channels; c++) {
        float value = from_channels == to_channels ? from[c] : from_channels == 3 ? luma(from) : from[0];
        to[c] = invert ? 255 - value : value;
    }
}

static fmap_status fit(const struct preprocess *to, const struct image *image, const float *border,
                       bool invert, float *canvas, fmap_error *error) {
    struct placement placement;
    TRY(place(to, image, &placement, error));
    size_t n = (size_t)placement.width * (size_t)placement.height * (size_t)image->channels;
    float *scaled = malloc(n * sizeof *scaled);
    if (scaled == NULL) {
        return fail_memory(error, "a picture");
    }
    fmap_status status = image_resize(image, &placement.source, placement.width, placement.height, scaled,
                                      error);
    for (int y = 0; status == FMAP_OK && y < to->height; y++) {
        for (int x = 0; x < to->width; x++) {
            int from_x = x - placement.left;
            int from_y = y - placement.top;
            bool inside = from_x >= 0 && from_y >= 0 && from_x < placement.width && from_y < placement.height;
            const float *from = inside ? scaled + (from_y * placement.width + from_x) * image->channels
                                       : border;
            convert_pixel(from, image->channels, invert, canvas, to->channels);
            canvas += to->channels;
        }
    }
    free(scaled);
    return status;
}

/* What the network sees, in 0..255, pixel by pixel. The caller frees *canvas. */
static fmap_status make_canvas(const struct preprocess *to, const struct image *image, float **canvas,
                               fmap_error *error) {
    float border[MAX_CHANNELS];
    border_of(image, border);
    bool invert = has_to_invert(to, image, border);
    *canvas = malloc((size_t)to->width * (size_t)to->height * (size_t)to->channels * sizeof **canvas);
    if (*canvas == NULL) {
        return fail_memory(error, "the network's input");
    }
    /* A picture of the right size is taken for one that was prepared already. */
    bool prepared = image->width == to->width && image->height == to->height;
    fmap_status status = FMAP_OK;
    bool found = false;
    if (to->center == CENTER_MASS && to->channels == 1 && !prepared) {
        status = digit_center(image, invert, to->width, to->height, *canvas, &found, error);
    }
    if (status == FMAP_OK && !found) {
        status = fit(to, image, border, invert, *canvas, error);
    }
    if (status != FMAP_OK) {
        free(*canvas);
    }
    return status;
}

fmap_status preprocess_picture(const struct preprocess *preprocess, const struct image *image,
                               struct image *seen, fmap_error *error) {
    float *canvas = NULL;
    TRY(make_canvas(preprocess, image, &canvas, error));
    fmap_status status = image_create(preprocess->width, preprocess->height, preprocess->channels, seen,
                                      error);
    size_t n = (size_t)preprocess->width * (size_t)preprocess->height * (size_t)preprocess->channels;
    for (size_t i = 0; status == FMAP_OK && i < n; i++) {
        seen->pixels[i] = (uint8_t)lrintf(fminf(fmaxf(canvas[i], 0), 255));
    }
    free(canvas);
    return status;
}

fmap_status preprocess_input(const struct preprocess *preprocess, const struct image *image, float *input,
                             fmap_error *error) {
    float *canvas = NULL;
    TRY(make_canvas(preprocess, image, &canvas, error));
    size_t channels = (size_t)preprocess->channels;
    size_t n_pixels = (size_t)preprocess->width * (size_t)preprocess->height;
    for (size_t i = 0; i < n_pixels; i++) {
        for (size_t c = 0; c < channels; c++) {
            float pixel = canvas[i * channels + (preprocess->bgr ? channels - 1 - c : c)];
            float value = (pixel * preprocess->scale - preprocess->mean[c]) / preprocess->std[c];
            input[preprocess->layout == LAYOUT_NHWC ? i * channels + c : c * n_pixels + i] = value;
        }
    }
    free(canvas);
    return FMAP_OK;
}
