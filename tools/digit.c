#include "digit.h"

#include <math.h>
#include <stdlib.h>

#include "image_resize.h"
#include "ink.h"
#include "tool.h"

static const double box_share = 20.0 / 28.0;
static const double pen_share = 2.4 / 28.0; /* of the height; thinner strokes would fade when shrunk */

static struct rectangle bounding_box(const struct image *ink) {
    int left = ink->width;
    int right = -1;
    int top = ink->height;
    int bottom = -1;
    for (int i = 0; i < ink->width * ink->height; i++) {
        if (ink->pixels[i] > 0) {
            int x = i % ink->width;
            int y = i / ink->width;
            left = x < left ? x : left;
            right = x > right ? x : right;
            top = y < top ? y : top;
            bottom = y > bottom ? y : bottom;
        }
    }
    return (struct rectangle){
        .left = left, .top = top, .width = right - left + 1, .height = bottom - top + 1};
}

static double scale_to_box(const struct rectangle *box, int width, int height) {
    return fmin(box_share * width / box->width, box_share * height / box->height);
}

/* Where a stretch of `size` pixels begins so that its `mass` (an index of a pixel) lies on the middle
 * one of `space`, without leaving it. */
static int begin_of(double mass, int size, int space) {
    int middle = space / 2;
    int begin = (int)lround(middle - mass);
    int most = space - size;
    return begin < 0 ? 0 : begin > most ? most : begin;
}

/* Copies a small picture into the larger one that is black otherwise, by its centre of mass. */
static void place(const float *small, int small_width, int small_height, int width, int height, float *out) {
    double sum = 0;
    double sum_x = 0;
    double sum_y = 0;
    float brightest = 1;
    for (int i = 0; i < small_width * small_height; i++) {
        sum += small[i];
        int x = i % small_width;
        int y = i / small_width;
        sum_x += small[i] * (float)x;
        sum_y += small[i] * (float)y;
        brightest = fmaxf(brightest, small[i]);
    }
    sum = sum > 0 ? sum : 1;
    int left = begin_of(sum_x / sum, small_width, width);
    int top = begin_of(sum_y / sum, small_height, height);
    for (int i = 0; i < width * height; i++) {
        int x = i % width - left;
        int y = i / width - top;
        bool inside = x >= 0 && y >= 0 && x < small_width && y < small_height;
        out[i] = inside ? 255 * small[y * small_width + x] / brightest : 0;
    }
}

static fmap_status draw(const struct image *ink, int width, int height, float *out, fmap_error *error) {
    const struct rectangle box = bounding_box(ink);
    double scale = scale_to_box(&box, width, height);
    int small_width = (int)fmax(1, round(box.width * scale));
    int small_height = (int)fmax(1, round(box.height * scale));
    float *small = malloc((size_t)small_width * (size_t)small_height * sizeof *small);
    if (small == NULL) {
        return fail_memory(error, "a picture");
    }
    fmap_status status = image_resize(ink, &box, small_width, small_height, small, error);
    if (status == FMAP_OK) {
        place(small, small_width, small_height, width, height, out);
    }
    free(small);
    return status;
}

fmap_status digit_center(const struct image *image, bool inverted, int width, int height, float *out,
                         bool *found, fmap_error *error) {
    struct image ink;
    double thickness = 0;
    TRY(ink_find(image, inverted, &ink, &thickness, error));
    *found = ink.pixels != NULL;
    if (!*found) {
        return FMAP_OK;
    }
    const struct rectangle box = bounding_box(&ink);
    double wanted = pen_share * height / scale_to_box(&box, width, height);
    int radius = (int)lround((wanted - thickness) / 2);
    fmap_status status = radius > 0 ? ink_widen(&ink, radius, error) : FMAP_OK;
    if (status == FMAP_OK) {
        status = draw(&ink, width, height, out, error);
    }
    image_release(&ink);
    return status;
}
