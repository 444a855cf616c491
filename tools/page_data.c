#include "page_data.h"

#include <math.h>
#include <stdlib.h>

#include "image_resize.h"
#include "json.h"
#include "page_maps.h"
#include "tool.h"

enum { PICTURE_SIDE = 640 }; /* the photo on the page is not larger */

/* ---- small things ------------------------------------------------------------------------------ */

static void write_count(FILE *stream, const char *key, int64_t number) {
    fprintf(stream, "\"%s\":%lld,", key, (long long)number);
}

static void write_number(FILE *stream, const char *key, double number) {
    fprintf(stream, "\"%s\":", key);
    json_number(stream, number);
    fputc(',', stream);
}

static void write_text(FILE *stream, const char *key, const char *text) {
    fprintf(stream, "\"%s\":", key);
    json_text(stream, text);
    fputc(',', stream);
}

/* ---- head -------------------------------------------------------------------------------------- */

static fmap_status write_png(FILE *stream, const struct image *image, fmap_error *error) {
    uint8_t *bytes;
    size_t n_bytes;
    TRY(image_encode_png(image, &bytes, &n_bytes, error));
    fprintf(stream, "\"picture\":{\"width\":%d,\"height\":%d,\"png\":", image->width, image->height);
    json_base64(stream, bytes, n_bytes);
    fputs("},", stream);
    free(bytes);
    return FMAP_OK;
}

static fmap_status shrink(const struct image *image, struct image *small, fmap_error *error) {
    int side = image->width > image->height ? image->width : image->height;
    int width = (int)fmax(1.0, round((double)image->width * PICTURE_SIDE / side));
    int height = (int)fmax(1.0, round((double)image->height * PICTURE_SIDE / side));
    TRY(image_create(width, height, image->channels, small, error));
    size_t n = (size_t)width * (size_t)height * (size_t)image->channels;
    float *values = malloc(n * sizeof *values);
    fmap_status status = values == NULL ? fail_memory(error, "the picture") : FMAP_OK;
    struct rectangle all = {0.0, 0.0, image->width, image->height};
    if (status == FMAP_OK) status = image_resize(image, &all, width, height, values, error);
    for (size_t i = 0; status == FMAP_OK && i < n; i++) {
        small->pixels[i] = (uint8_t)fmaxf(0.0f, fminf(255.0f, roundf(values[i])));
    }
    free(values);
    if (status != FMAP_OK) image_release(small);
    return status;
}

static fmap_status write_picture(FILE *stream, const struct image *image, fmap_error *error) {
    if (image->width <= PICTURE_SIDE && image->height <= PICTURE_SIDE) return write_png(stream, image, error);
    struct image small;
    TRY(shrink(image, &small, error));
    fmap_status status = write_png(stream, &small, error);
    image_release(&small);
    return status;
}

static void write_colormaps(FILE *stream) {
    fputs("\"colormaps\":{", stream);
    for (const struct colormap *map = colormaps; map->name != NULL; map++) {
        fprintf(stream, "%s\"%s\":[", map == colormaps ? "" : ",", map->name);
        for (int i = 0; i < COLORMAP_ANCHORS; i++) {
            struct color color = map->anchors[i];
            fprintf(stream, "%s[%d,%d,%d]", i == 0 ? "" : ",", color.red, color.green, color.blue);
        }
        fputc(']', stream);
    }
    fputs("},", stream);
}

static void write_answers(FILE *stream, const struct page *page) {
    fputs("\"answers\":[", stream);
    for (size_t i = 0; i < page->n_answers; i++) {
        fputs(i == 0 ? "{\"label\":" : ",{\"label\":", stream);
        json_text(stream, page->answers[i].label);
        fputs(",\"probability\":", stream);
        json_number(stream, page->answers[i].probability);
        fputc('}', stream);
    }
    fputs("],", stream);
}

static void write_totals(FILE *stream, const struct maps *maps) {
    write_count(stream, "parameters", maps->plan.parameters);
    write_count(stream, "macs", maps->plan.macs);
    write_count(stream, "threads", maps->plan.threads);
    write_text(stream, "isa", fmap_isa_name(maps->plan.isa));
    write_number(stream, "seconds", maps->seconds);
}

/* ---- layers ------------------------------------------------------------------------------------ */

static void write_shape(FILE *stream, const fmap_shape *shape) {
    fputs("\"shape\":[", stream);
    for (int i = 0; i < shape->rank; i++) {
        fprintf(stream, "%s%lld", i == 0 ? "" : ",", (long long)shape->dims[i]);
    }
    fputs("],", stream);
}

static void write_inputs(FILE *stream, const struct layer_maps *layer) {
    fputs("\"inputs\":[", stream);
    for (size_t i = 0; i < layer->n_inputs; i++) {
        fprintf(stream, "%s%zu", i == 0 ? "" : ",", layer->inputs[i]);
    }
    fputs("],", stream);
}

static fmap_status write_layer(FILE *stream, const struct page *page, const struct layer_maps *layer,
                               struct page_budget *budget, fmap_error *error) {
    fputc('{', stream);
    write_text(stream, "name", layer->name);
    write_text(stream, "op", layer->op);
    write_text(stream, "kernel", layer->kernel);
    write_text(stream, "file", layer->file);
    write_shape(stream, &layer->shape);
    write_inputs(stream, layer);
    write_count(stream, "parameters", layer->parameters);
    write_count(stream, "macs", layer->macs);
    write_count(stream, "fused_into", (int64_t)layer->fused_into);
    write_number(stream, "seconds", layer->seconds);
    if (layer->values != NULL) TRY(page_maps_write(layer, page->channels, budget, stream, error));
    fputs("\"end\":0}", stream); /* Every member before it can end with a comma. */
    return FMAP_OK;
}

fmap_status page_data_write(const struct page *page, FILE *stream, fmap_error *error) {
    fputc('{', stream);
    write_text(stream, "title", page->title);
    write_text(stream, "description", page->description == NULL ? "" : page->description);
    write_text(stream, "colormap", page->colormap->name);
    write_text(stream, "normalize", page->normalize == NORMALIZE_LAYER ? "layer" : "channel");
    write_colormaps(stream);
    write_answers(stream, page);
    write_totals(stream, page->maps);
    TRY(write_picture(stream, page->picture, error));
    struct page_budget budget = {.used_bytes = 0};
    fputs("\"layers\":[\n", stream);
    for (size_t i = 0; i < page->maps->n_layers; i++) {
        TRY(write_layer(stream, page, &page->maps->layers[i], &budget, error));
        fputs(i + 1 < page->maps->n_layers ? ",\n" : "\n", stream);
    }
    fputs("]}", stream);
    return FMAP_OK;
}
