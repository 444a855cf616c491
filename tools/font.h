/* A bitmap font of our own for the titles of contact sheets: 5 x 7 dots and two for descenders. */
#ifndef FMAP_TOOLS_FONT_H
#define FMAP_TOOLS_FONT_H

#include <stdbool.h>

#include "canvas.h"

/* Dots from one character to the next, and from the top of an "A" to below a "g". */
enum { FONT_ADVANCE = 6, FONT_HEIGHT = 9 };

/* Whether dot (x, y) of an ASCII character is set, 0 <= x < 6, 0 <= y < 9. A box for any other. */
bool font_dot(char character, int x, int y);

/* Pixels that a text takes when a dot is scale x scale pixels. The text is UTF-8. */
int font_width(const char *text, int scale);

/* Draws a text with its top left corner at (x, y). Non-ASCII characters become boxes, except for the
 * multiplication sign, which is an "x". A text that would be wider than `width` ends in dots. */
void font_draw(struct image *image, int x, int y, int width, int scale, struct color color, const char *text);

#endif
