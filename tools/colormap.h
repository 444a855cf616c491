/* From a number between 0 and 1 to a colour. */
#ifndef FMAP_TOOLS_COLORMAP_H
#define FMAP_TOOLS_COLORMAP_H

#include <stddef.h>

#include "canvas.h"

/* A colormap is a line through evenly spaced anchor colours; the page draws with the same ones. */
enum { COLORMAP_ANCHORS = 9, COLORMAP_COLORS = 256 };

struct colormap {
    const char *name;
    struct color anchors[COLORMAP_ANCHORS];
};

/* viridis, magma, gray; ends with an entry whose name is NULL. The first one is the default. */
extern const struct colormap colormaps[];

/* The colour of index / 255. */
struct color colormap_color(const struct colormap *colormap, int index);

#endif
