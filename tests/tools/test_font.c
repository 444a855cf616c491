#include <criterion/criterion.h>
#include <string.h>

#include "tools/colormap.h"
#include "tools/font.h"

static const struct color red = {255, 0, 0};

/* Set pixels of an image, and the rightmost one's x. */
static int count_set(const struct image *image, int *rightmost) {
    int count = 0;
    *rightmost = -1;
    for (int i = 0; i < image->width * image->height; i++) {
        if (image->pixels[3 * i] == 0) continue;
        count++;
        if (i % image->width > *rightmost) *rightmost = i % image->width;
    }
    return count;
}

Test(font, every_printable_character_has_a_picture_of_its_own) {
    char seen[96][FONT_HEIGHT * FONT_ADVANCE + 1];
    for (int c = ' '; c <= '~'; c++) {
        char *picture = seen[c - ' '];
        int dots = 0;
        for (int i = 0; i < FONT_HEIGHT * FONT_ADVANCE; i++) {
            bool dot = font_dot((char)c, i % FONT_ADVANCE, i / FONT_ADVANCE);
            picture[i] = dot ? '#' : ' ';
            dots += dot;
            cr_expect(!dot || i % FONT_ADVANCE < FONT_ADVANCE - 1, "'%c' touches the next character", c);
        }
        picture[FONT_HEIGHT * FONT_ADVANCE] = '\0';
        cr_expect_eq(dots == 0, c == ' ', "'%c' has %d dots", c, dots);
        for (int other = ' '; other < c; other++) {
            cr_expect_str_neq(picture, seen[other - ' '], "'%c' and '%c' look the same", c, other);
        }
    }
}

Test(font, width_counts_characters_not_bytes) {
    cr_expect_eq(font_width("", 2), 0);
    cr_expect_eq(font_width("ab", 2), 22);
    cr_expect_eq(font_width("a\xc3\xbc", 2), 22);
    cr_expect_eq(font_width("\xf0\x9f\x98\x80", 1), 5);
    cr_expect_eq(font_width("\xff\xc3", 1), 11); /* not UTF-8: one box for each byte */
}

Test(font, a_dot_is_a_square_of_the_scale) {
    uint8_t pixels[3 * 40 * 40] = {0};
    struct image image = {40, 40, 3, pixels};
    int rightmost, dots, squares;
    font_draw(&image, 0, 0, 40, 1, red, "B");
    dots = count_set(&image, &rightmost);
    memset(pixels, 0, sizeof pixels);
    font_draw(&image, 0, 0, 40, 3, red, "B");
    squares = count_set(&image, &rightmost);
    cr_expect_eq(squares, 9 * dots);
    cr_expect_eq(rightmost, 14);
}

Test(font, a_long_text_ends_in_dots_within_its_width) {
    uint8_t pixels[3 * 100 * 10] = {0};
    struct image image = {100, 10, 3, pixels};
    int rightmost;
    font_draw(&image, 0, 0, 47, 1, red, "MMMMMMMMMMMM");
    cr_expect_gt(count_set(&image, &rightmost), 0);
    cr_expect_lt(rightmost, 47);
}

Test(font, text_beyond_the_image_is_left_out) {
    uint8_t pixels[3 * 8 * 8] = {0};
    struct image image = {8, 8, 3, pixels};
    int rightmost;
    font_draw(&image, -4, -4, 1000, 2, red, "WWWWWW");
    font_draw(&image, 6, 6, 1000, 2, red, "WWWWWW");
    cr_expect_gt(count_set(&image, &rightmost), 0);
}

Test(colormap, passes_through_its_anchors_from_first_to_last) {
    for (const struct colormap *map = colormaps; map->name != NULL; map++) {
        struct color first = colormap_color(map, 0), last = colormap_color(map, 255);
        cr_expect_arr_eq(&first, &map->anchors[0], sizeof first);
        cr_expect_arr_eq(&last, &map->anchors[COLORMAP_ANCHORS - 1], sizeof last);
    }
}

Test(colormap, gets_brighter_from_low_to_high) {
    for (const struct colormap *map = colormaps; map->name != NULL; map++) {
        double before = -1.0;
        for (int i = 0; i < 256; i++) {
            struct color c = colormap_color(map, i);
            double brightness = 0.2126 * c.red + 0.7152 * c.green + 0.0722 * c.blue;
            cr_expect_geq(brightness, before, "%s gets darker at %d", map->name, i);
            before = brightness;
        }
    }
}

Test(colormap, gray_is_the_identity_within_one) {
    for (int i = 0; i < 256; i++) {
        struct color c = colormap_color(&colormaps[2], i);
        cr_expect(c.red >= i - 1 && c.red <= i + 1 && c.red == c.green && c.green == c.blue);
    }
}
