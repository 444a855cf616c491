#include "canvas.h"

static int clamp(int value, int limit) { return value < 0 ? 0 : value > limit ? limit : value; }

void canvas_fill(struct image *image, int x, int y, int width, int height, struct color color) {
    int left = clamp(x, image->width), right = clamp(x + width, image->width);
    int top = clamp(y, image->height), bottom = clamp(y + height, image->height);
    for (int row = top; row < bottom; row++) {
        uint8_t *pixel = image->pixels + ((size_t)row * (size_t)image->width + (size_t)left) * 3;
        for (int column = left; column < right; column++) {
            *pixel++ = color.red;
            *pixel++ = color.green;
            *pixel++ = color.blue;
        }
    }
}
