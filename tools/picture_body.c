#include "picture_body.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "font.h"
#include "tool.h"

enum {
    MAXIMUM_WIDTH = 1600, /* pixels, unless one map is wider */
    MAXIMUM_MAPS = 4096,
    MAXIMUM_CELLS = 65536,
    MAXIMUM_BARS = 128,
    MAXIMUM_SCALE = 32,
    GAP = 8,
    LABEL_HEIGHT = FONT_HEIGHT * TEXT_SCALE + 2,
    BAR_WIDTH_ALL = 960, /* of all bars together, if a bar then has a good width */
    BAR_WIDTH_LEAST = 6,
    BAR_WIDTH_MOST = 48,
    BAR_HEIGHT = 200,
    CELL = 12,
    CELL_COLUMNS = 64
};

static const struct color faded = {0x5c, 0x66, 0x70};
static const struct color positive = {0x2a, 0x6f, 0xa8};
static const struct color negative = {0xb8, 0x4a, 0x2b};

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int number_width(int64_t number) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return font_width(text, TEXT_SCALE);
}

/* ---- maps -------------------------------------------------------------------------------------- */

/* A map of any size becomes about a thumb's size; few maps become larger. */
static int good_scale(const struct map_view *view) {
    int64_t side = larger(view->height, view->width);
    int64_t target = view->channels <= 4 ? 224 : view->channels <= 16 ? 128 : 96;
    return (int)larger(1, smaller(MAXIMUM_SCALE, target / side));
}

/* Columns that make the sheet about 3:2, if possible without empty places in the last row. */
static int good_columns(int64_t cells, int64_t cell_width, int64_t cell_height) {
    int64_t most = larger(1, smaller(cells, MAXIMUM_WIDTH / cell_width));
    int best = 1;
    double best_cost = INFINITY;
    for (int64_t columns = 1; columns <= most; columns++) {
        int64_t rows = (cells + columns - 1) / columns;
        double proportion = (double)(columns * cell_width) / (double)(rows * cell_height);
        double empty = (double)(rows * columns - cells) / (double)(rows * columns);
        double cost = fabs(log(proportion / 1.5)) + empty + (empty > 0.0 ? 0.5 : 0.0);
        if (cost < best_cost) {
            best_cost = cost;
            best = (int)columns;
        }
    }
    return best;
}

/* Fits the cells to a scale; false when the picture would be too large. */
static bool arrange_maps(const struct map_view *view, struct body *body) {
    int64_t shrink = body->shrink;
    int64_t map_width = (view->width + shrink - 1) / shrink * body->scale;
    int64_t map_height = (view->height + shrink - 1) / shrink * body->scale;
    int64_t cell_width = larger(map_width, number_width(body->shown - 1)) + GAP;
    int64_t cell_height = map_height + LABEL_HEIGHT + GAP;
    if (cell_width * cell_height > IMAGE_MAX_PIXELS / 2 / body->shown) return false;
    body->columns = good_columns(body->shown, cell_width, cell_height);
    body->rows = (int)((body->shown + body->columns - 1) / body->columns);
    body->cell_width = (int)cell_width;
    body->cell_height = (int)cell_height;
    body->width = body->columns * body->cell_width - GAP;
    body->height = body->rows * body->cell_height - GAP;
    return true;
}

static void draw_bytes(struct image *image, int x, int y, const uint8_t *bytes, int64_t width, int64_t height,
                       int scale, const struct colormap *colormap) {
    for (int64_t i = 0; i < width * height; i++) {
        canvas_fill(image, x + (int)(i % width) * scale, y + (int)(i / width) * scale, scale, scale,
                    colormap_color(colormap, bytes[i]));
    }
}

static fmap_status draw_maps(const struct sheet *sheet, const struct body *body, struct image *image, int x,
                             int y, fmap_error *error) {
    const struct map_view *view = &sheet->view;
    int64_t width = (view->width + body->shrink - 1) / body->shrink;
    int64_t height = (view->height + body->shrink - 1) / body->shrink;
    uint8_t *bytes = malloc((size_t)(width * height));
    if (bytes == NULL) return fail_memory(error, "a contact sheet");
    struct range range = view_range(view);
    for (int64_t i = 0; i < body->shown; i++) {
        if (sheet->normalize == NORMALIZE_CHANNEL) range = view_channel_range(view, i);
        view_bytes(view, i, range, body->shrink, bytes, width);
        int left = x + (int)(i % body->columns) * body->cell_width;
        int top = y + (int)(i / body->columns) * body->cell_height;
        draw_bytes(image, left, top, bytes, width, height, body->scale, sheet->colormap);
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)i);
        font_draw(image, left, top + (int)height * body->scale + 3, body->cell_width, TEXT_SCALE, faded,
                  number);
    }
    free(bytes);
    return FMAP_OK;
}

/* ---- vectors ------------------------------------------------------------------------------------- */

static void arrange_vector(int64_t n, struct body *body) {
    if (body->kind == BODY_BARS) {
        body->columns = (int)n;
        body->cell_width = (int)larger(BAR_WIDTH_LEAST,
                                       smaller(BAR_WIDTH_MOST, BAR_WIDTH_ALL / larger(1, n)));
        body->rows = 1;
        body->cell_height = BAR_HEIGHT + LABEL_HEIGHT;
        body->width = body->columns * body->cell_width;
    } else {
        body->columns = CELL_COLUMNS;
        body->rows = (int)((body->shown + CELL_COLUMNS - 1) / CELL_COLUMNS);
        body->cell_width = body->cell_height = CELL;
        body->width = CELL_COLUMNS * CELL + number_width(body->shown) + GAP;
    }
    body->height = body->rows * body->cell_height;
}

static void draw_bars(const struct sheet *sheet, const struct body *body, struct image *image, int x, int y) {
    const struct map_view *view = &sheet->view;
    struct range range = view_range(view);
    double low = fmin((double)range.low, 0.0), high = fmax((double)range.high, 0.0);
    double unit = high > low ? BAR_HEIGHT / (high - low) : 0.0;
    int zero = y + (int)lround(high * unit);
    int every = 1; /* n-th bar has its number below */
    while (every * body->cell_width < number_width(view->width - 1) + 6) every *= every == 2 ? 5 : 2;
    for (int i = 0; i < body->columns; i++) {
        double value = isnan(view->values[i]) ? 0.0 : fmax(low, fmin(high, (double)view->values[i]));
        int length = (int)lround(fabs(value) * unit);
        int left = x + i * body->cell_width, width = body->cell_width - body->cell_width / 6 - 1;
        canvas_fill(image, left, value < 0.0 ? zero : zero - length, width, length,
                    value < 0.0 ? negative : positive);
        if (i % every != 0) continue;
        char number[24];
        snprintf(number, sizeof number, "%d", i);
        int indent = every == 1 ? (width - font_width(number, TEXT_SCALE)) / 2 : 0;
        font_draw(image, left + indent, y + BAR_HEIGHT + 6, 100, TEXT_SCALE, faded, number);
    }
    canvas_fill(image, x, zero, body->width, 1, faded);
}

static void draw_cells(const struct sheet *sheet, const struct body *body, struct image *image, int x,
                       int y) {
    struct range range = view_range(&sheet->view);
    int left = x + number_width(body->shown) + GAP;
    for (int64_t i = 0; i < body->shown; i++) {
        int column = (int)(i % CELL_COLUMNS), row = (int)(i / CELL_COLUMNS);
        int index = range_byte(range, (double)sheet->view.values[i]);
        canvas_fill(image, left + column * CELL, y + row * CELL, CELL - 1, CELL - 1,
                    colormap_color(sheet->colormap, index));
    }
    for (int row = 0; row < body->rows; row += 4) { /* A number is higher than a row of cells. */
        char number[24];
        snprintf(number, sizeof number, "%d", row * CELL_COLUMNS);
        font_draw(image, x, y + row * CELL - 2, left - x, TEXT_SCALE, faded, number);
    }
}

/* ---- both ---------------------------------------------------------------------------------------- */

void body_arrange(const struct sheet *sheet, struct body *body) {
    const struct map_view *view = &sheet->view;
    *body = (struct body){.shrink = 1, .scale = sheet->scale};
    if (view_elements(view) == 0) {
        *body = (struct body){.kind = BODY_BARS, .shrink = 1, .cell_width = BAR_WIDTH_MOST};
        return;
    }
    if (view->vector) {
        body->kind = view->width <= MAXIMUM_BARS ? BODY_BARS : BODY_CELLS;
        body->total = view->width;
        body->shown = smaller(view->width, MAXIMUM_CELLS);
        arrange_vector(view->width, body);
        return;
    }
    body->kind = BODY_MAPS;
    body->total = view->channels;
    body->shown = smaller(view->channels, MAXIMUM_MAPS);
    if (body->scale == 0) body->scale = good_scale(view);
    while (!arrange_maps(view, body)) {
        if (body->scale > 1) {
            body->scale--;
        } else {
            body->shrink++;
        }
    }
}

fmap_status body_draw(const struct sheet *sheet, const struct body *body, struct image *image, int x, int y,
                      fmap_error *error) {
    if (body->kind == BODY_MAPS) return draw_maps(sheet, body, image, x, y, error);
    if (body->kind == BODY_BARS) {
        draw_bars(sheet, body, image, x, y);
    } else {
        draw_cells(sheet, body, image, x, y);
    }
    return FMAP_OK;
}
