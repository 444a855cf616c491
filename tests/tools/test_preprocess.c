/* From a picture to a network's input. */
#include <math.h>

#include <criterion/criterion.h>

#include "tests/tools/scratch.h"
#include "tools/preprocess.h"

static const struct preprocess_options nothing;
static struct preprocess decided;

static fmap_shape shape_of(int rank, const int64_t *dims) {
    fmap_shape shape = {.rank = rank};
    memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    return shape;
}

#define SHAPE(rank, ...) shape_of(rank, (const int64_t[]){__VA_ARGS__})

static fmap_status decide(const struct preprocess_options *flags, const struct preprocess_options *sidecar,
                          fmap_shape shape, fmap_error *error) {
    return preprocess_decide(flags, sidecar, &shape, &decided, error);
}

/* ---- deciding -------------------------------------------------------------------------------- */

Test(preprocess, the_shape_is_enough) {
    EXPECT_OK(decide(&nothing, &nothing, SHAPE(4, -1, 3, 20, 30), error));
    cr_expect_eq(decided.width, 30);
    cr_expect_eq(decided.height, 20);
    cr_expect_eq(decided.channels, 3);
    cr_expect_eq(decided.layout, LAYOUT_NCHW);
    cr_expect_eq(decided.resize, RESIZE_FIT);
    cr_expect_eq(decided.crop, CROP_CENTER);
    cr_expect_eq(decided.invert, INVERT_NO);
    cr_expect_float_eq(decided.scale, 1.0f / 255, 1e-9);
    cr_expect_eq(decided.std[2], 1);
    EXPECT_OK(decide(&nothing, &nothing, SHAPE(4, 1, 20, 30, 3), error));
    cr_expect_eq(decided.layout, LAYOUT_NHWC);
    cr_expect_eq(decided.width, 30);
    EXPECT_OK(decide(&nothing, &nothing, SHAPE(3, -1, 28, 29), error));
    cr_expect_eq(decided.channels, 1);
    cr_expect_eq(decided.width, 29);
    cr_expect_eq(decided.crop, CROP_NONE);
}

Test(preprocess, flags_come_before_the_sidecar_before_the_defaults) {
    const struct preprocess_options flags = {
        .width = 8, .height = 9, .invert = INVERT_YES, .n_mean = 1, .mean = {3}};
    const struct preprocess_options sidecar = {.width = 5,
                                               .height = 5,
                                               .channels = 1,
                                               .invert = INVERT_AUTO,
                                               .resize = RESIZE_STRETCH,
                                               .n_mean = 1,
                                               .mean = {4},
                                               .n_std = 1,
                                               .std = {2}};
    EXPECT_OK(decide(&flags, &sidecar, SHAPE(4, -1, -1, -1, -1), error));
    cr_expect_eq(decided.width, 8);
    cr_expect_eq(decided.height, 9);
    cr_expect_eq(decided.channels, 1);
    cr_expect_eq(decided.invert, INVERT_YES);
    cr_expect_eq(decided.resize, RESIZE_STRETCH);
    cr_expect_eq(decided.mean[0], 3);
    cr_expect_eq(decided.std[0], 2);
}

Test(preprocess, a_flat_input_needs_the_picture_from_elsewhere) {
    const struct preprocess_options sidecar = {.width = 28, .height = 28, .channels = 1};
    EXPECT_OK(decide(&nothing, &sidecar, SHAPE(2, -1, 784), error));
    EXPECT_FAILURE(decide(&nothing, &sidecar, SHAPE(2, -1, 785), error), FMAP_ERROR_MODEL, "785");
    EXPECT_FAILURE(decide(&nothing, &nothing, SHAPE(2, -1, 784), error), FMAP_ERROR_ARGUMENT, "--gray");
}

Test(preprocess, contradictions_are_refused) {
    const struct preprocess_options small = {.width = 8, .height = 8};
    const struct preprocess_options gray = {.channels = 1};
    const struct preprocess_options three = {.n_mean = 3, .mean = {1, 2, 3}};
    EXPECT_FAILURE(decide(&small, &nothing, SHAPE(4, 1, 3, 9, 9), error), FMAP_ERROR_ARGUMENT,
                   "command line");
    EXPECT_FAILURE(decide(&nothing, &small, SHAPE(4, 1, 3, 9, 9), error), FMAP_ERROR_MODEL, "sidecar");
    EXPECT_FAILURE(decide(&gray, &nothing, SHAPE(4, 1, 3, 9, 9), error), FMAP_ERROR_ARGUMENT, "channels 3");
    EXPECT_FAILURE(decide(&three, &nothing, SHAPE(4, 1, 1, 9, 9), error), FMAP_ERROR_ARGUMENT, "mean");
    EXPECT_FAILURE(decide(&nothing, &nothing, SHAPE(4, 1, 3, -1, 9), error), FMAP_ERROR_ARGUMENT, "--size");
    EXPECT_FAILURE(decide(&nothing, &nothing, SHAPE(4, 1, 12, 9, 9), error), FMAP_ERROR_UNSUPPORTED, "12");
    EXPECT_FAILURE(decide(&nothing, &nothing, SHAPE(1, 9), error), FMAP_ERROR_UNSUPPORTED, "no pictures");
    EXPECT_FAILURE(decide(&nothing, &nothing, SHAPE(4, 1, 3, 9, 1 << 20), error), FMAP_ERROR_LIMIT, "16384");
}

/* ---- doing ----------------------------------------------------------------------------------- */

static void expect_input(const struct preprocess *preprocess, struct image image, int n,
                         const float *wanted) {
    float input[256];
    EXPECT_OK(preprocess_input(preprocess, &image, input, error));
    for (int i = 0; i < n; i++) {
        cr_expect_float_eq(input[i], wanted[i], 1e-4, "element %d is %g, not %g", i, input[i], wanted[i]);
    }
}

#define IMAGE(w, h, c, ...) \
    ((struct image){.width = w, .height = h, .channels = c, .pixels = (uint8_t[]){__VA_ARGS__}})
#define FLOATS(...) \
    (const float[]) { __VA_ARGS__ }

Test(preprocess, scale_mean_and_deviation_of_each_channel) {
    struct preprocess to = {.width = 2,
                            .height = 1,
                            .channels = 3,
                            .layout = LAYOUT_NCHW,
                            .scale = 0.5f,
                            .mean = {1, 2, 3},
                            .std = {1, 2, 4}};
    const struct image image = IMAGE(2, 1, 3, 10, 20, 30, 40, 50, 60);
    expect_input(&to, image, 6, FLOATS(4, 19, 4, 11.5f, 3, 6.75f));
    to.layout = LAYOUT_NHWC;
    expect_input(&to, image, 6, FLOATS(4, 4, 3, 19, 11.5f, 6.75f));
    to.bgr = true;
    expect_input(&to, image, 6, FLOATS(14, 4, 0.5f, 29, 11.5f, 4.25f));
}

Test(preprocess, colours_to_grey_and_back) {
    struct preprocess to = {
        .width = 1, .height = 1, .channels = 1, .layout = LAYOUT_NCHW, .scale = 1, .std = {1, 1, 1}};
    expect_input(&to, IMAGE(1, 1, 3, 100, 200, 50), 1, FLOATS(29.9f + 117.4f + 5.7f));
    to.channels = 3;
    expect_input(&to, IMAGE(1, 1, 1, 7), 3, FLOATS(7, 7, 7));
}

static struct preprocess to_gray(int width, int height) {
    return (struct preprocess){.width = width,
                               .height = height,
                               .channels = 1,
                               .layout = LAYOUT_NCHW,
                               .scale = 1,
                               .resize = RESIZE_FIT,
                               .crop = CROP_NONE,
                               .std = {1, 1, 1}};
}

Test(preprocess, fit_keeps_the_proportions) {
    struct preprocess to = to_gray(4, 4);
    /* Half as high as wide: background, the median of the border, above and below. */
    expect_input(&to, IMAGE(4, 2, 1, 9, 9, 9, 1, 9, 9, 2, 3), 16,
                 FLOATS(9, 9, 9, 9, 9, 9, 9, 1, 9, 9, 2, 3, 9, 9, 9, 9));
    to.crop = CROP_CENTER;
    expect_input(&to, IMAGE(6, 4, 1, 0, 1, 1, 1, 1, 0, 0, 2, 2, 2, 2, 0, 0, 3, 3, 3, 3, 0, 0, 4, 4, 4, 4, 0),
                 16, FLOATS(1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4));
}

Test(preprocess, unscaled_pictures_are_padded_or_cropped) {
    struct preprocess to = to_gray(3, 3);
    to.resize = RESIZE_NONE;
    expect_input(&to, IMAGE(1, 1, 1, 8), 9, FLOATS(8, 8, 8, 8, 8, 8, 8, 8, 8));
    const struct image large = IMAGE(5, 1, 1, 1, 2, 3, 2, 1);
    float input[9];
    EXPECT_FAILURE(preprocess_input(&to, &large, input, error), FMAP_ERROR_ARGUMENT, "5x1");
    to.crop = CROP_CENTER;
    expect_input(&to, large, 9, FLOATS(2, 2, 2, 2, 3, 2, 2, 2, 2));
}

Test(preprocess, invert_auto_looks_at_the_border) {
    struct preprocess to = to_gray(3, 3);
    to.invert = INVERT_AUTO;
    expect_input(&to, IMAGE(3, 3, 1, 250, 250, 250, 250, 5, 250, 250, 250, 250), 9,
                 FLOATS(5, 5, 5, 5, 250, 5, 5, 5, 5));
    expect_input(&to, IMAGE(3, 3, 1, 5, 5, 5, 5, 250, 5, 5, 5, 5), 9, FLOATS(5, 5, 5, 5, 250, 5, 5, 5, 5));
    to.invert = INVERT_NO;
    expect_input(&to, IMAGE(3, 3, 1, 250, 250, 250, 250, 5, 250, 250, 250, 250), 9,
                 FLOATS(250, 250, 250, 250, 5, 250, 250, 250, 250));
}

/* ---- digits ---------------------------------------------------------------------------------- */

/* Paper with a shadow over it, some dust, and a thick dark bar from (x, y) on. */
static struct image paper(int width, int height, int x, int y, int bar_width, int bar_height) {
    struct image image;
    EXPECT_OK(image_create(width, height, 1, &image, error));
    for (int i = 0; i < width * height; i++) {
        int at_x = i % width;
        int at_y = i / width;
        bool ink = at_x >= x && at_x < x + bar_width && at_y >= y && at_y < y + bar_height;
        bool dust = (at_x == 5 && at_y == 9) || (at_x == width - 9 && at_y == height / 2);
        image.pixels[i] = (uint8_t)(ink ? 40 : dust ? 90 : 235 - 90 * at_x / width - 30 * at_y / height);
    }
    return image;
}

Test(preprocess, a_digit_on_paper_is_cut_out_and_centred) {
    struct preprocess to = to_gray(28, 28);
    to.invert = INVERT_AUTO;
    to.center = CENTER_MASS;
    struct image image = paper(400, 300, 40, 30, 24, 160);
    struct image seen;
    EXPECT_OK(preprocess_picture(&to, &image, &seen, error));
    for (int y = 0; y < 28; y++) {
        for (int x = 0; x < 28; x++) {
            int value = seen.pixels[y * 28 + x];
            bool inside = (x == 13 || x == 14) && y >= 6 && y < 24;
            bool outside = x < 11 || x > 16 || y < 4 || y > 25;
            cr_expect(!outside || value == 0, "%d at %d, %d", value, x, y);
            cr_expect(!inside || value > 200, "%d at %d, %d", value, x, y);
        }
    }
    image_release(&seen);
    image_release(&image);
}

Test(preprocess, thin_strokes_stay_visible) {
    struct preprocess to = to_gray(28, 28);
    to.invert = INVERT_AUTO;
    to.center = CENTER_MASS;
    struct image image = paper(900, 900, 450, 100, 4, 700);
    struct image seen;
    EXPECT_OK(preprocess_picture(&to, &image, &seen, error));
    int sum = 0;
    for (int x = 0; x < 28; x++) {
        sum += seen.pixels[14 * 28 + x];
    }
    cr_expect_geq(sum, 2 * 255 * 3 / 4, "a row holds %d", sum);
    image_release(&seen);
    image_release(&image);
}

Test(preprocess, a_picture_of_the_right_size_is_left_alone) {
    struct preprocess to = to_gray(3, 3);
    to.center = CENTER_MASS;
    expect_input(&to, IMAGE(3, 3, 1, 200, 0, 0, 0, 0, 0, 0, 0, 0), 9, FLOATS(200, 0, 0, 0, 0, 0, 0, 0, 0));
}

Test(preprocess, an_empty_sheet_is_still_an_input) {
    struct preprocess to = to_gray(4, 4);
    to.invert = INVERT_AUTO;
    to.center = CENTER_MASS;
    struct image image;
    EXPECT_OK(image_create(50, 50, 1, &image, error));
    memset(image.pixels, 240, 2500);
    float input[16];
    EXPECT_OK(preprocess_input(&to, &image, input, error));
    cr_expect_float_eq(input[5], 15, 1e-3);
    image_release(&image);
}

Test(preprocess, pictures_of_one_pixel_and_of_one_row) {
    struct preprocess to = to_gray(28, 28);
    to.invert = INVERT_AUTO;
    to.center = CENTER_MASS;
    float input[28 * 28];
    for (int crop = CROP_NONE; crop <= CROP_CENTER; crop++) {
        to.crop = (enum crop_mode)crop;
        EXPECT_OK(preprocess_input(&to, &IMAGE(1, 1, 1, 8), input, error));
        EXPECT_OK(preprocess_input(&to, &IMAGE(9, 1, 1, 1, 1, 1, 255, 1, 1, 1, 1, 1), input, error));
        EXPECT_OK(preprocess_input(&to, &IMAGE(1, 5, 1, 1, 255, 1, 1, 1), input, error));
    }
}
