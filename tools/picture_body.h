/* The part of a contact sheet below the titles. Only for picture.c. */
#ifndef FMAP_TOOLS_PICTURE_BODY_H
#define FMAP_TOOLS_PICTURE_BODY_H

#include "picture.h"

enum { TEXT_SCALE = 2 }; /* of the font, in all but the title: crisp, and readable from a chair */

enum body_kind { BODY_MAPS, BODY_BARS, BODY_CELLS };

/* Where everything goes. A cell is a map with its number, a bar, or one number's square. */
struct body {
    enum body_kind kind;
    int64_t total;
    int64_t shown; /* of the total, the first ones */
    int columns;
    int rows;
    int cell_width; /* with the gap to the next one */
    int cell_height;
    int scale;
    int64_t shrink;
    int width;
    int height;
};

void body_arrange(const struct sheet *sheet, struct body *body);

/* Draws it with its top left corner at (x, y). Error: MEMORY. */
fmap_status body_draw(const struct sheet *sheet, const struct body *body, struct image *image, int x, int y,
                      fmap_error *error);

#endif
