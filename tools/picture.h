/* Contact sheets: all maps of a layer in one picture, with a title, for a person to look at. */
#ifndef FMAP_TOOLS_PICTURE_H
#define FMAP_TOOLS_PICTURE_H

#include "colormap.h"
#include "image.h"
#include "view.h"

enum normalize {
    NORMALIZE_CHANNEL = 0, /* the darkest and the brightest colour are a map's own extremes */
    NORMALIZE_LAYER        /* they are the extremes of all maps of the layer: brightness compares */
};

struct sheet {
    const char *title;    /* the layer's name */
    const char *subtitle; /* its operator and shape */
    struct map_view view;
    const struct colormap *colormap;
    enum normalize normalize;
    int scale; /* a value becomes scale x scale pixels; 0: as large as is good to look at */
};

/* Draws a sheet: maps with their channel numbers, or, for a vector, bars (up to 128 numbers) or rows of
 * cells. Where the result would have more than IMAGE_MAX_PIXELS the values are averaged first. Errors:
 * MEMORY, LIMIT. Release the image with image_release(). */
fmap_status picture_sheet(const struct sheet *sheet, struct image *image, fmap_error *error);

#endif
