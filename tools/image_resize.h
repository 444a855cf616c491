/* Resampling, in float, of any rectangle of a picture. */
#ifndef FMAP_TOOLS_IMAGE_RESIZE_H
#define FMAP_TOOLS_IMAGE_RESIZE_H

#include "image.h"

/* A part of a picture in its own pixels; edges may fall inside a pixel. */
struct rectangle {
    double left;
    double top;
    double width;
    double height;
};

/* Scales a rectangle of a picture to width x height pixels: out[(y * width + x) * channels + c], in
 * 0..255. A triangle filter as wide as two source pixels or two target pixels, whichever is larger:
 * bilinear when enlarging, antialiased when shrinking, the identity (to the bit) when neither. Pixels
 * beyond the picture's edge do not count. Needs memory for one picture of width x image->height. */
fmap_status image_resize(const struct image *image, const struct rectangle *source, int width, int height,
                         float *out, fmap_error *error);

#endif
