#include "view.h"

#include <math.h>

struct map_view view_of(const fmap_shape *shape, const float *values) {
    int64_t elements = 0;
    fmap_shape_elements(shape, &elements);
    if (shape->rank < 3 || elements == 0) {
        return (struct map_view){values, 1, 1, elements, true};
    }
    int64_t height = shape->dims[shape->rank - 2], width = shape->dims[shape->rank - 1];
    int64_t channels = elements / height / width;
    /* 1 x 1 maps are numbers: a row of bars says more than a row of squares. */
    bool vector = (height == 1 && width == 1) || (channels == 1 && height == 1);
    if (vector) return (struct map_view){values, 1, 1, elements, true};
    return (struct map_view){values, channels, height, width, false};
}

int64_t view_elements(const struct map_view *view) { return view->channels * view->height * view->width; }

static struct range range_of(const float *values, int64_t n) {
    struct range range = {INFINITY, -INFINITY};
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) continue;
        if (values[i] < range.low) range.low = values[i];
        if (values[i] > range.high) range.high = values[i];
    }
    return range.low <= range.high ? range : (struct range){0.0f, 0.0f};
}

struct range view_channel_range(const struct map_view *view, int64_t channel) {
    int64_t plane = view->height * view->width;
    return range_of(view->values + channel * plane, plane);
}

struct range view_range(const struct map_view *view) {
    return range_of(view->values, view_elements(view));
}

uint8_t range_byte(struct range range, double value) {
    double width = (double)range.high - (double)range.low;
    if (!(width > 0.0) || !(value > (double)range.low)) return 0;
    double part = (value - (double)range.low) / width;
    return part < 1.0 ? (uint8_t)lround(part * 255.0) : 255;
}

static double mean_of_block(const float *plane, int64_t height, int64_t width, int64_t top, int64_t left,
                            int64_t size) {
    int64_t bottom = top + size < height ? top + size : height;
    int64_t right = left + size < width ? left + size : width;
    double sum = 0.0;
    for (int64_t y = top; y < bottom; y++) {
        for (int64_t x = left; x < right; x++) sum += (double)plane[y * width + x];
    }
    return sum / (double)((bottom - top) * (right - left));
}

void view_bytes(const struct map_view *view, int64_t channel, struct range range, int64_t shrink,
                uint8_t *bytes, int64_t stride) {
    const float *plane = view->values + channel * view->height * view->width;
    for (int64_t y = 0; y < view->height; y += shrink) {
        uint8_t *row = bytes + y / shrink * stride;
        for (int64_t x = 0; x < view->width; x += shrink) {
            double value = (double)plane[y * view->width + x];
            if (shrink > 1) value = mean_of_block(plane, view->height, view->width, y, x, shrink);
            row[x / shrink] = range_byte(range, value);
        }
    }
}

fmap_statistics view_statistics(const struct map_view *view, int64_t channel) {
    int64_t n = view->height * view->width, zeros = 0;
    const float *values = view->values + channel * n;
    fmap_statistics statistics = {INFINITY, -INFINITY, 0.0, 0.0, 0.0};
    for (int64_t i = 0; i < n; i++) {
        statistics.minimum = fminf(statistics.minimum, values[i]);
        statistics.maximum = fmaxf(statistics.maximum, values[i]);
        statistics.mean += (double)values[i] / (double)n;
        zeros += values[i] == 0.0f;
    }
    for (int64_t i = 0; i < n; i++) {
        double distance = (double)values[i] - statistics.mean;
        statistics.standard_deviation += distance * distance / (double)n;
    }
    statistics.standard_deviation = sqrt(statistics.standard_deviation);
    statistics.zeros = n == 0 ? 0.0 : (double)zeros / (double)n;
    return statistics;
}
