/* Rectangles of one colour on an RGB image: all that the contact sheets are drawn with. */
#ifndef FMAP_TOOLS_CANVAS_H
#define FMAP_TOOLS_CANVAS_H

#include "image.h"

struct color {
    uint8_t red, green, blue;
};

/* Fills a rectangle; what lies outside of the image is left out. `image` has 3 channels. */
void canvas_fill(struct image *image, int x, int y, int width, int height, struct color color);

#endif
