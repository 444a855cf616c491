#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/picture.h"

enum { MAP = 4 };

/* Draws two maps of 4 x 4: 0 .. 15, and ten times that. */
static struct image draw(enum normalize normalize, int scale) {
    static float values[2 * MAP * MAP];
    for (int i = 0; i < MAP * MAP; i++) {
        values[i] = (float)i;
        values[MAP * MAP + i] = 10.0f * (float)i;
    }
    const struct sheet sheet = {.title = "two maps",
                                .subtitle = "Conv  1x2x4x4",
                                .view = {values, 2, MAP, MAP, false},
                                .colormap = &colormaps[0],
                                .normalize = normalize,
                                .scale = scale};
    struct image image;
    cr_assert_eq(picture_sheet(&sheet, &image, NULL), FMAP_OK);
    return image;
}

static int count_color(const struct image *image, struct color color) {
    int count = 0;
    for (int i = 0; i < image->width * image->height; i++) {
        count += memcmp(image->pixels + 3 * i, &color, 3) == 0;
    }
    return count;
}

Test(picture, each_value_is_a_square_of_the_scale) {
    struct image small = draw(NORMALIZE_CHANNEL, 10), large = draw(NORMALIZE_CHANNEL, 20);
    /* A third of the range: a colour that the legend, which shows every second one, leaves out. */
    struct color color = colormap_color(&colormaps[0], 5 * 255 / 15);
    cr_expect_eq(count_color(&small, color), 2 * 10 * 10);
    cr_expect_eq(count_color(&large, color), 2 * 20 * 20);
    image_release(&small);
    image_release(&large);
}

Test(picture, a_layer_on_one_scale_compares_its_maps) {
    struct image image = draw(NORMALIZE_LAYER, 10);
    /* 150 is the layer's largest value: the first map, which ends at 15, does not get there. The legend's
       first and last column, 14 pixels high, have these colours too. */
    cr_expect_eq(count_color(&image, colormap_color(&colormaps[0], 255)) - 14, 10 * 10);
    cr_expect_eq(count_color(&image, colormap_color(&colormaps[0], 0)) - 14, 2 * 10 * 10);
    image_release(&image);
}

static struct image draw_shape(int64_t channels, int64_t height, int64_t width, bool vector, int scale) {
    float *values = calloc((size_t)(channels * height * width) + 1, sizeof *values);
    values[0] = -1.0f;
    const struct sheet sheet = {.title = "x",
                                .subtitle = "y",
                                .view = {values, channels, height, width, vector},
                                .colormap = &colormaps[0],
                                .scale = scale};
    struct image image;
    cr_assert_eq(picture_sheet(&sheet, &image, NULL), FMAP_OK);
    free(values);
    return image;
}

Test(picture, small_maps_are_enlarged_until_a_person_can_see_them) {
    struct image image = draw_shape(1, 7, 7, false, 0);
    cr_expect_geq(image.height, 7 * 20);
    image_release(&image);
}

Test(picture, every_number_of_maps_and_values_can_be_drawn) {
    for (int64_t n = 1; n <= 300; n += n < 40 ? 1 : 13) {
        struct image maps = draw_shape(n, 3, 5, false, 0), bars = draw_shape(1, 1, n, true, 0);
        cr_expect_leq(maps.width, 1700);
        cr_expect_leq(bars.width, 1700);
        image_release(&maps);
        image_release(&bars);
    }
}

Test(picture, huge_maps_are_averaged_until_they_fit) {
    struct image image = draw_shape(300, 1, 300000, false, 64);
    cr_expect_leq((int64_t)image.width * image.height, IMAGE_MAX_PIXELS);
    image_release(&image);
}

Test(picture, many_maps_and_long_vectors_are_cut) {
    struct image maps = draw_shape(100000, 1, 2, false, 0), cells = draw_shape(1, 1, 1000000, true, 0);
    cr_expect_leq((int64_t)maps.width * maps.height, IMAGE_MAX_PIXELS);
    cr_expect_leq((int64_t)cells.width * cells.height, IMAGE_MAX_PIXELS);
    image_release(&maps);
    image_release(&cells);
}

Test(picture, a_layer_without_values_still_has_its_title) {
    struct image image = draw_shape(1, 1, 0, true, 0);
    cr_expect_gt(image.width, 0);
    image_release(&image);
}

Test(picture, what_is_no_number_does_no_harm) {
    const float values[] = {NAN, INFINITY, -INFINITY, 1.0f, 0.0f, NAN};
    const struct map_view views[] = {
        {values, 1, 2, 3, false}, {values, 1, 1, 6, true}, {values, 1, 1, 1, true}};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        const struct sheet sheet = {
            .title = "\xff\xfe", .subtitle = "", .view = views[i], .colormap = &colormaps[1]};
        struct image image;
        cr_assert_eq(picture_sheet(&sheet, &image, NULL), FMAP_OK);
        image_release(&image);
    }
}
