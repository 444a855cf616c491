#include "image_resize.h"

#include <math.h>
#include <stdlib.h>

#include "tool.h"

/* The source pixels that one target pixel is made of. */
struct span {
    int first;
    int count;
    const float *weights;
};

/* The spans of one axis: `size` target pixels over `length` source pixels from `start` on. */
struct axis {
    struct span *spans;
    float *weights;
};

static void axis_release(struct axis *axis) {
    free(axis->spans);
    free(axis->weights);
}

static int clamp(double value, int low, int high) {
    return value < low ? low : value > high ? high : (int)value;
}

/* Fills the weights of one target pixel, whose centre is at `center`; they sum up to 1. */
static void fill_span(struct span *span, float *weights, double center, double radius, int source_size) {
    /* Pixel i covers i .. i + 1, with its centre in the middle. */
    int first = clamp(ceil(center - radius - 0.5), 0, source_size - 1);
    int last = clamp(floor(center + radius - 0.5), first, source_size - 1);
    double sum = 0;
    for (int i = first; i <= last; i++) {
        double weight = 1 - fabs(i + 0.5 - center) / radius;
        weights[i - first] = (float)(weight > 0 ? weight : 0);
        sum += weights[i - first];
    }
    if (sum <= 0) { /* wholly outside of the picture: its nearest pixel */
        first = clamp(center, 0, source_size - 1);
        last = first;
        weights[0] = 1;
        sum = 1;
    }
    for (int i = 0; i <= last - first; i++) {
        weights[i] = (float)(weights[i] / sum);
    }
    *span = (struct span){.first = first, .count = last - first + 1, .weights = weights};
}

static fmap_status axis_create(double start, double length, int size, int source_size, struct axis *axis,
                               fmap_error *error) {
    double step = length / size;
    double radius = step > 1 ? step : 1;
    size_t most = (size_t)(2 * radius) + 2;
    most = most > (size_t)source_size ? (size_t)source_size : most;
    axis->spans = calloc((size_t)size, sizeof *axis->spans);
    axis->weights = calloc((size_t)size * most, sizeof *axis->weights);
    if (axis->spans == NULL || axis->weights == NULL) {
        axis_release(axis);
        return fail_memory(error, "resizing a picture");
    }
    for (int i = 0; i < size; i++) {
        fill_span(&axis->spans[i], axis->weights + (size_t)i * most, start + (i + 0.5) * step, radius,
                  source_size);
    }
    return FMAP_OK;
}

/* Rows first..last of the picture, each scaled to `width` pixels. */
static void scale_rows(const struct image *image, const struct axis *axis, int width, int first, int last,
                       float *out) {
    int channels = image->channels;
    for (int y = first; y <= last; y++) {
        const uint8_t *row = image->pixels + (size_t)y * (size_t)image->width * (size_t)channels;
        for (int x = 0; x < width; x++) {
            const struct span *span = &axis->spans[x];
            for (int c = 0; c < channels; c++) {
                float sum = 0;
                for (int i = 0; i < span->count; i++) {
                    sum += span->weights[i] * (float)row[(span->first + i) * channels + c];
                }
                *out++ = sum;
            }
        }
    }
}

/* Columns of `rows`, which begins with the picture's row `first`. */
static void scale_columns(const float *rows, int first, const struct axis *axis, size_t row_length,
                          int height, float *out) {
    for (int y = 0; y < height; y++, out += row_length) {
        const struct span *span = &axis->spans[y];
        const float *from = rows + (size_t)(span->first - first) * row_length;
        for (size_t x = 0; x < row_length; x++) {
            out[x] = span->weights[0] * from[x];
        }
        for (int i = 1; i < span->count; i++) {
            from += row_length;
            for (size_t x = 0; x < row_length; x++) {
                out[x] += span->weights[i] * from[x];
            }
        }
    }
}

fmap_status image_resize(const struct image *image, const struct rectangle *source, int width, int height,
                         float *out, fmap_error *error) {
    struct axis horizontal = {0};
    struct axis vertical = {0};
    TRY(axis_create(source->left, source->width, width, image->width, &horizontal, error));
    fmap_status status = axis_create(source->top, source->height, height, image->height, &vertical, error);
    if (status != FMAP_OK) {
        axis_release(&horizontal);
        return status;
    }
    const struct span *bottom = &vertical.spans[height - 1];
    int first = vertical.spans[0].first;
    int last = bottom->first + bottom->count - 1;
    size_t row_length = (size_t)width * (size_t)image->channels;
    float *rows = malloc((size_t)(last - first + 1) * row_length * sizeof *rows);
    if (rows == NULL) {
        status = fail_memory(error, "resizing a picture");
    } else {
        scale_rows(image, &horizontal, width, first, last, rows);
        scale_columns(rows, first, &vertical, row_length, height, out);
        free(rows);
    }
    axis_release(&horizontal);
    axis_release(&vertical);
    return status;
}
