#include "picture.h"

#include <stdio.h>

#include "font.h"
#include "picture_body.h"
#include "tool.h"

/* Pixels. The sheet is: title, subtitle, body, legend, with a margin around. */
enum {
    MARGIN = 24,
    TITLE_SCALE = 3,
    TITLE_HEIGHT = FONT_HEIGHT * TITLE_SCALE + 8,
    SUBTITLE_HEIGHT = FONT_HEIGHT * TEXT_SCALE + 16,
    LEGEND_HEIGHT = FONT_HEIGHT * TEXT_SCALE + 16,
    FRAME_HEIGHT = 2 * MARGIN + TITLE_HEIGHT + SUBTITLE_HEIGHT + LEGEND_HEIGHT,
    MINIMUM_BODY_WIDTH = 620, /* so that the legend always fits */
    GRADIENT_WIDTH = 128,
    GRADIENT_HEIGHT = 14,
    GAP = 10 /* between the legend's parts */
};

static const struct color paper = {0xff, 0xff, 0xff};
static const struct color ink = {0x1c, 0x21, 0x26};
static const struct color faded = {0x5c, 0x66, 0x70};

static void draw_gradient(struct image *image, int x, int y, const struct colormap *colormap) {
    for (int i = 0; i < GRADIENT_WIDTH; i++) {
        int index = i * (COLORMAP_COLORS - 1) / (GRADIENT_WIDTH - 1);
        canvas_fill(image, x + i, y, 1, GRADIENT_HEIGHT, colormap_color(colormap, index));
    }
}

static void draw_legend(struct image *image, int y, const struct sheet *sheet, const struct body *body) {
    char low[48], high[48];
    struct range range = view_range(&sheet->view);
    snprintf(low, sizeof low, "%.4g", (double)range.low);
    snprintf(high, sizeof high, "%.4g", (double)range.high);
    if (!sheet->view.vector && sheet->normalize == NORMALIZE_CHANNEL) {
        snprintf(low, sizeof low, "each map: its minimum");
        snprintf(high, sizeof high, "its maximum");
    }
    int x = MARGIN, right = image->width - MARGIN;
    if (body->kind == BODY_BARS) {
        char text[120];
        snprintf(text, sizeof text, "from %s to %s, the line is 0", low, high);
        font_draw(image, x, y, right - x, TEXT_SCALE, faded, text);
        return;
    }
    font_draw(image, x, y, right - x, TEXT_SCALE, faded, low);
    x += font_width(low, TEXT_SCALE) + GAP;
    draw_gradient(image, x, y, sheet->colormap);
    x += GRADIENT_WIDTH + GAP;
    font_draw(image, x, y, right - x, TEXT_SCALE, faded, high);
}

static void draw_titles(struct image *image, const struct sheet *sheet, const struct body *body) {
    char subtitle[256];
    int n = snprintf(subtitle, sizeof subtitle, "%s", sheet->subtitle);
    if (body->shown < body->total && n >= 0 && (size_t)n < sizeof subtitle) {
        snprintf(subtitle + n, sizeof subtitle - (size_t)n, ", the first %d of %lld", (int)body->shown,
                 (long long)body->total);
    }
    int width = image->width - 2 * MARGIN;
    font_draw(image, MARGIN, MARGIN, width, TITLE_SCALE, ink, sheet->title);
    font_draw(image, MARGIN, MARGIN + TITLE_HEIGHT, width, TEXT_SCALE, faded, subtitle);
}

fmap_status picture_sheet(const struct sheet *sheet, struct image *image, fmap_error *error) {
    struct body body;
    body_arrange(sheet, &body);
    int width = body.width > MINIMUM_BODY_WIDTH ? body.width : MINIMUM_BODY_WIDTH;
    int height = body.height + FRAME_HEIGHT;
    TRY(image_create(width + 2 * MARGIN, height, 3, image, error));
    canvas_fill(image, 0, 0, image->width, image->height, paper);
    draw_titles(image, sheet, &body);
    draw_legend(image, height - MARGIN - FONT_HEIGHT * TEXT_SCALE, sheet, &body);
    fmap_status status = body_draw(sheet, &body, image, MARGIN, MARGIN + TITLE_HEIGHT + SUBTITLE_HEIGHT,
                                   error);
    if (status != FMAP_OK) image_release(image);
    return status;
}
