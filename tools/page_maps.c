#include "page_maps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "page.h"
#include "tool.h"

enum {
    LAYER_PIXELS = 1024 * 1024, /* of a layer on the page; larger maps are averaged */
    FEW_CHANNELS = 8,           /* of a layer when the page is already large */
    FEW_VALUES = 128,           /* of a vector: drawn as bars, given as numbers */
    VECTOR_VALUES = 32768,
    VECTOR_COLUMNS = 256,
    FILTER_WEIGHTS = 288 /* of a filter: 32 slices of 3 x 3 */
};

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static void write_range(FILE *stream, struct range range) {
    fputs("\"low\":", stream);
    json_number(stream, (double)range.low);
    fputs(",\"high\":", stream);
    json_number(stream, (double)range.high);
}

/* Ends an object with the picture of its values. */
static fmap_status write_png(FILE *stream, const struct image *image, struct page_budget *budget,
                             fmap_error *error) {
    uint8_t *bytes;
    size_t n_bytes;
    TRY(image_encode_png(image, &bytes, &n_bytes, error));
    fputs(",\"png\":", stream);
    json_base64(stream, bytes, n_bytes);
    fputs("},", stream);
    budget->used_bytes += n_bytes * 4 / 3;
    free(bytes);
    return FMAP_OK;
}

/* ---- maps -------------------------------------------------------------------------------------- */

static fmap_status write_maps(FILE *stream, const struct map_view *view, int64_t shown,
                              struct page_budget *budget, fmap_error *error) {
    int64_t shrink = 1, width, height;
    do {
        width = (view->width + shrink - 1) / shrink;
        height = (view->height + shrink - 1) / shrink;
        shrink++;
    } while (width * height > LAYER_PIXELS / shown && width * height > 1);
    shrink--;
    int64_t columns = (int64_t)ceil(sqrt((double)shown)), rows = (shown + columns - 1) / columns;
    struct image image;
    TRY(image_create((int)(columns * width), (int)(rows * height), 1, &image, error));
    fprintf(stream, "\"maps\":{\"total\":%lld,\"shown\":%lld,\"width\":%lld,\"height\":%lld,\"shrink\":%lld,",
            (long long)view->channels, (long long)shown, (long long)width, (long long)height,
            (long long)shrink);
    fprintf(stream, "\"columns\":%lld,\"ranges\":[", (long long)columns);
    for (int64_t i = 0; i < shown; i++) {
        struct range range = view_channel_range(view, i);
        uint8_t *corner = image.pixels + (i / columns * height * columns + i % columns) * width;
        view_bytes(view, i, range, shrink, corner, columns * width);
        if (i > 0) fputc(',', stream);
        json_number(stream, (double)range.low);
        fputc(',', stream);
        json_number(stream, (double)range.high);
    }
    fputs("],", stream);
    write_range(stream, view_range(view));
    fmap_status status = write_png(stream, &image, budget, error);
    image_release(&image);
    return status;
}

/* ---- vectors ----------------------------------------------------------------------------------- */

static fmap_status write_many(FILE *stream, const struct map_view *view, int64_t shown,
                              struct page_budget *budget, fmap_error *error) {
    struct image image;
    int rows = (int)((shown + VECTOR_COLUMNS - 1) / VECTOR_COLUMNS);
    TRY(image_create(VECTOR_COLUMNS, rows, 1, &image, error));
    struct range range = view_range(view);
    for (int64_t i = 0; i < shown; i++) image.pixels[i] = range_byte(range, (double)view->values[i]);
    fmap_status status = write_png(stream, &image, budget, error);
    image_release(&image);
    return status;
}

static fmap_status write_vector(FILE *stream, const struct map_view *view, struct page_budget *budget,
                                fmap_error *error) {
    int64_t shown = smaller(view->width, VECTOR_VALUES);
    fprintf(stream, "\"vector\":{\"total\":%lld,\"shown\":%lld,", (long long)view->width, (long long)shown);
    write_range(stream, view_range(view));
    if (shown > FEW_VALUES) return write_many(stream, view, shown, budget, error);
    fputs(",\"values\":[", stream);
    for (int64_t i = 0; i < shown; i++) {
        if (i > 0) fputc(',', stream);
        json_number(stream, (double)view->values[i]);
    }
    fputs("]},", stream);
    return FMAP_OK;
}

/* ---- statistics and filters -------------------------------------------------------------------- */

static void write_statistics(FILE *stream, const fmap_statistics *statistics, int64_t shown) {
    fputs("\"statistics\":[", stream);
    for (int64_t i = 0; i < shown; i++) {
        const fmap_statistics *of = &statistics[i];
        double numbers[] = {(double)of->minimum, (double)of->maximum, of->mean, of->standard_deviation,
                            of->zeros};
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            fputs(k > 0 ? "," : i > 0 ? ",[" : "[", stream);
            json_number(stream, numbers[k]);
        }
        fputc(']', stream);
    }
    fputs("],", stream);
}

/* The index-th of floats that need not be aligned. */
static const void *float_at(const void *floats, int64_t index) { return (const uint8_t *)floats + index * 4; }

/* A float as four bytes, the lowest first, whatever this machine does. */
static void store_float(uint8_t *bytes, const void *value) {
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(bits >> (8 * i));
}

static void write_bias(FILE *stream, const struct filters *filters, int64_t shown) {
    fputs("\"bias\":", stream);
    for (int64_t i = 0; filters->bias != NULL && i < shown; i++) {
        float bias;
        memcpy(&bias, float_at(filters->bias, i), sizeof bias);
        fputc(i == 0 ? '[' : ',', stream);
        json_number(stream, (double)bias);
    }
    fputs(filters->bias == NULL ? "null," : "],", stream);
}

static fmap_status write_filters(FILE *stream, const struct filters *filters, int64_t shown,
                                 struct page_budget *budget, fmap_error *error) {
    int64_t slice = filters->height * filters->width;
    int64_t slices = smaller(filters->depth, slice < FILTER_WEIGHTS ? FILTER_WEIGHTS / slice : 1);
    shown = smaller(shown, filters->count);
    size_t n_bytes = (size_t)(shown * slices * slice) * 4;
    uint8_t *bytes = malloc(n_bytes + 1);
    if (bytes == NULL) return fail_memory(error, "the filters on the page");
    for (int64_t i = 0; i < shown * slices * slice; i++) {
        int64_t filter = i / (slices * slice);
        int64_t weight = filter * filters->depth * slice + i % (slices * slice);
        store_float(bytes + 4 * i, float_at(filters->weights, weight));
    }
    fprintf(stream, "\"filters\":{\"count\":%lld,\"shown\":%lld,\"depth\":%lld,\"slices\":%lld,",
            (long long)filters->count, (long long)shown, (long long)filters->depth, (long long)slices);
    fprintf(stream, "\"height\":%lld,\"width\":%lld,", (long long)filters->height, (long long)filters->width);
    write_bias(stream, filters, shown);
    fputs("\"weights\":", stream);
    json_base64(stream, bytes, n_bytes);
    fputs("},", stream);
    budget->used_bytes += n_bytes * 4 / 3;
    free(bytes);
    return FMAP_OK;
}

fmap_status page_maps_write(const struct layer_maps *layer, int channels, struct page_budget *budget,
                            FILE *stream, fmap_error *error) {
    const struct map_view *view = &layer->view;
    if (view_elements(view) == 0) return FMAP_OK;
    if (budget->used_bytes > PAGE_FULL_BYTES) channels = (int)smaller(channels, FEW_CHANNELS);
    int64_t shown = smaller(view->channels, channels);
    if (view->vector) {
        TRY(write_vector(stream, view, budget, error));
    } else {
        TRY(write_maps(stream, view, shown, budget, error));
    }
    write_statistics(stream, layer->statistics, shown);
    if (layer->filters.weights == NULL) return FMAP_OK;
    return write_filters(stream, &layer->filters, view->vector ? channels : shown, budget, error);
}
