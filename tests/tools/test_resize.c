/* Resampling: what every good filter does, whatever the sizes. */
#include <math.h>

#include <criterion/criterion.h>

#include "tests/tools/scratch.h"
#include "tools/image_resize.h"

static struct image noise(int width, int height, int channels) {
    struct image image;
    uint32_t state = 7;
    EXPECT_OK(image_create(width, height, channels, &image, error));
    for (int i = 0; i < width * height * channels; i++) {
        state = state * 1664525u + 1013904223u;
        image.pixels[i] = (uint8_t)(state >> 24);
    }
    return image;
}

static const int sizes[][2] = {{1, 1}, {1, 9}, {7, 1}, {5, 4}, {28, 28}, {3, 200}, {61, 43}, {640, 2}};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

static float *resize_all(const struct image *image, int width, int height) {
    const struct rectangle all = {.width = image->width, .height = image->height};
    float *out = malloc((size_t)(width * height * image->channels) * sizeof *out);
    EXPECT_OK(image_resize(image, &all, width, height, out, error));
    return out;
}

Test(resize, the_same_size_is_the_same_picture) {
    struct image image = noise(19, 23, 3);
    float *out = resize_all(&image, 19, 23);
    for (int i = 0; i < 19 * 23 * 3; i++) {
        cr_assert_eq(out[i], (float)image.pixels[i]);
    }
    free(out);
    image_release(&image);
}

Test(resize, a_plain_picture_stays_plain) {
    for (int from = 0; from < N_SIZES; from++) {
        struct image image = noise(sizes[from][0], sizes[from][1], 1);
        memset(image.pixels, 177, (size_t)image.width * (size_t)image.height);
        for (int to = 0; to < N_SIZES; to++) {
            float *out = resize_all(&image, sizes[to][0], sizes[to][1]);
            for (int i = 0; i < sizes[to][0] * sizes[to][1]; i++) {
                cr_assert_float_eq(out[i], 177, 1e-3);
            }
            free(out);
        }
        image_release(&image);
    }
}

Test(resize, nothing_gets_brighter_or_darker_than_the_picture) {
    for (int from = 0; from < N_SIZES; from++) {
        struct image image = noise(sizes[from][0], sizes[from][1], 3);
        for (int to = 0; to < N_SIZES; to++) {
            float *out = resize_all(&image, sizes[to][0], sizes[to][1]);
            for (int i = 0; i < sizes[to][0] * sizes[to][1] * 3; i++) {
                cr_assert(out[i] >= -1e-3f && out[i] <= 255.001f);
            }
            free(out);
        }
        image_release(&image);
    }
}

Test(resize, a_mirrored_picture_gives_the_mirrored_result) {
    struct image image = noise(37, 5, 1);
    struct image mirrored = noise(37, 5, 1);
    for (int i = 0; i < 37 * 5; i++) {
        mirrored.pixels[i] = image.pixels[i / 37 * 37 + 36 - i % 37];
    }
    const int widths[] = {1, 10, 36, 37, 38, 90};
    for (int w = 0; w < 6; w++) {
        float *a = resize_all(&image, widths[w], 3);
        float *b = resize_all(&mirrored, widths[w], 3);
        for (int i = 0; i < widths[w] * 3; i++) {
            int mirror = i / widths[w] * widths[w] + widths[w] - 1 - i % widths[w];
            cr_assert_float_eq(a[i], b[mirror], 1e-3, "width %d, pixel %d", widths[w], i);
        }
        free(a);
        free(b);
    }
    image_release(&image);
    image_release(&mirrored);
}

/* A ramp shrunk by a whole number is a ramp: only pixels at the edge may see that there is an edge. */
Test(resize, a_ramp_stays_a_ramp) {
    struct image image = noise(240, 1, 1);
    for (int x = 0; x < 240; x++) {
        image.pixels[x] = (uint8_t)x;
    }
    float *out = resize_all(&image, 60, 1);
    for (int x = 1; x < 59; x++) {
        cr_expect_float_eq(out[x], (float)(4 * x) + 1.5f, 1e-3, "pixel %d is %g", x, out[x]);
    }
    free(out);
    image_release(&image);
}

/* Stripes finer than the target's pixels must become grey, not a new pattern. */
Test(resize, fine_stripes_become_grey) {
    struct image image = noise(300, 40, 1);
    for (int i = 0; i < 300 * 40; i++) {
        image.pixels[i] = i % 2 == 0 ? 0 : 200;
    }
    float *out = resize_all(&image, 31, 7);
    for (int i = 0; i < 31 * 7; i++) {
        cr_expect_float_eq(out[i], 100, 4);
    }
    free(out);
    image_release(&image);
}

Test(resize, a_rectangle_is_that_part_of_the_picture) {
    struct image image = noise(20, 10, 1);
    const struct rectangle part = {.left = 3, .top = 2, .width = 5, .height = 4};
    float out[20];
    EXPECT_OK(image_resize(&image, &part, 5, 4, out, error));
    for (int i = 0; i < 20; i++) {
        int x = 3 + i % 5;
        int y = 2 + i / 5;
        cr_expect_eq(out[i], (float)image.pixels[y * 20 + x]);
    }
    image_release(&image);
}
