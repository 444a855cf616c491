/* A digit as MNIST presents it: the writing in a box of 20 of 28 pixels, its centre of mass in the
 * middle (LeCun, Cortes, Burges: the MNIST database of handwritten digits). */
#ifndef FMAP_TOOLS_DIGIT_H
#define FMAP_TOOLS_DIGIT_H

#include <stdbool.h>

#include "image.h"

/* Finds the writing in a picture and draws it, white (255) on black, into out[height][width]. Thin
 * strokes are widened to those of MNIST's pens. `inverted`: the ink is darker than the paper.
 * *found is false, and `out` untouched, when the picture holds nothing that stands out. */
fmap_status digit_center(const struct image *image, bool inverted, int width, int height, float *out,
                         bool *found, fmap_error *error);

#endif
