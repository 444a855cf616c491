/* Finds what is written in a picture of a sheet of paper: a scan, a photo with uneven light. */
#ifndef FMAP_TOOLS_INK_H
#define FMAP_TOOLS_INK_H

#include <stdbool.h>

#include "image.h"

/* Fills *ink with a grey picture, 255 where there is ink and 0 where there is none, at most 256 pixels
 * wide and high: the paper and its shading are removed, so are specks and things that reach in over
 * the border. `inverted` says that the ink is darker than the paper. *thickness is about the width of
 * the pen in pixels of *ink. When nothing stands out, ink->pixels is NULL and the status is OK. */
fmap_status ink_find(const struct image *image, bool inverted, struct image *ink, double *thickness,
                     fmap_error *error);

/* Makes every stroke wider by 2 * radius pixels, in place. */
fmap_status ink_widen(struct image *ink, int radius, fmap_error *error);

#endif
