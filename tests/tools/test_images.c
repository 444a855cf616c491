/* Picture files: what is written can be read, and damaged files are refused with a reason. */
#include <criterion/criterion.h>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include "tests/tools/scratch.h"
#include "tools/image.h"
#include "tools/image_formats.h"

static struct image_set set;

/* A picture with something different in every pixel. */
static struct image pattern(int width, int height, int channels) {
    struct image image;
    EXPECT_OK(image_create(width, height, channels, &image, error));
    for (int i = 0; i < width * height * channels; i++) {
        image.pixels[i] = (uint8_t)(i * 37 + i / 7);
    }
    return image;
}

static void expect_pixels(const struct image_set *got, int width, int height, int channels,
                          const uint8_t *pixels) {
    cr_assert_eq(got->count, 1);
    cr_assert_eq(got->width, width);
    cr_assert_eq(got->height, height);
    cr_assert_eq(got->channels, channels, "%d channels", got->channels);
    for (int i = 0; i < width * height * channels; i++) {
        cr_assert_eq(got->pixels[i], pixels[i], "element %d is %d, not %d", i, got->pixels[i], pixels[i]);
    }
}

/* ---- PNG ------------------------------------------------------------------------------------- */

Test(images, png_comes_back_as_it_was_written) {
    for (int channels = 1; channels <= 3; channels += 2) {
        struct image image = pattern(13, 7, channels);
        EXPECT_OK(image_write_png(scratch("a.png"), &image, error));
        EXPECT_OK(image_set_read(scratch("a.png"), &set, error));
        expect_pixels(&set, 13, 7, channels, image.pixels);
        image_set_release(&set);
        image_release(&image);
    }
}

Test(images, png_alpha_is_laid_over_white) {
    uint8_t pixels[] = {10, 20, 30, 255, 10, 20, 30, 0, 100, 0, 200, 51};
    const struct image image = {.width = 3, .height = 1, .channels = 4, .pixels = pixels};
    EXPECT_OK(image_write_png(scratch("a.png"), &image, error));
    EXPECT_OK(image_set_read(scratch("a.png"), &set, error));
    expect_pixels(&set, 3, 1, 3, (const uint8_t[]){10, 20, 30, 255, 255, 255, 224, 204, 244});
    image_set_release(&set);
}

/* Writes a PNG that image_write_png() cannot: palette, few or many bits, interlaced. */
static const char *write_raw_png(int width, int height, int bits, int type, int interlace, uint8_t **rows) {
    const char *path = scratch("raw.png");
    FILE *file = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, bits, type, interlace, 0, 0);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        const png_color palette[4] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {1, 2, 3}};
        png_set_PLTE(png, info, palette, 4);
    }
    png_write_info(png, info);
    png_write_image(png, rows);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(file);
    return path;
}

Test(images, png_palette_becomes_colours) {
    uint8_t row[] = {0x1b}; /* 2 bits each: 0, 1, 2, 3 */
    uint8_t *rows[] = {row};
    EXPECT_OK(image_set_read(write_raw_png(4, 1, 2, PNG_COLOR_TYPE_PALETTE, 0, rows), &set, error));
    expect_pixels(&set, 4, 1, 3, (const uint8_t[]){255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3});
    image_set_release(&set);
}

Test(images, png_of_one_bit_becomes_black_and_white) {
    uint8_t row[] = {0xa0};
    uint8_t *rows[] = {row};
    EXPECT_OK(image_set_read(write_raw_png(4, 1, 1, PNG_COLOR_TYPE_GRAY, 0, rows), &set, error));
    expect_pixels(&set, 4, 1, 1, (const uint8_t[]){255, 0, 255, 0});
    image_set_release(&set);
}

Test(images, png_of_16_bits_is_rounded) {
    uint8_t row[] = {0x81, 0x01, 0x00, 0x7f, 0x00, 0x81, 0xff, 0xff};
    uint8_t *rows[] = {row};
    EXPECT_OK(image_set_read(write_raw_png(4, 1, 16, PNG_COLOR_TYPE_GRAY, 0, rows), &set, error));
    expect_pixels(&set, 4, 1, 1, (const uint8_t[]){129, 0, 1, 255});
    image_set_release(&set);
}

Test(images, png_interlaced_is_the_same_picture) {
    struct image image = pattern(9, 11, 1);
    uint8_t *rows[11];
    for (int y = 0; y < 11; y++) {
        rows[y] = image.pixels + y * 9;
    }
    EXPECT_OK(
        image_set_read(write_raw_png(9, 11, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_ADAM7, rows), &set, error));
    expect_pixels(&set, 9, 11, 1, image.pixels);
    image_set_release(&set);
    image_release(&image);
}

Test(images, png_cut_anywhere_is_refused) {
    size_t n = 0;
    uint8_t *bytes = scratch_load(SAMPLES "3.png", &n);
    for (size_t length = 4; length < n; length += 3) {
        EXPECT_FAILURE(image_set_read(scratch_bytes("cut.png", bytes, length), &set, error),
                       FMAP_ERROR_FORMAT, "damaged PNG");
    }
    free(bytes);
}

Test(images, png_with_a_wrong_checksum_is_refused) {
    size_t n = 0;
    uint8_t *bytes = scratch_load(SAMPLES "3.png", &n);
    bytes[60] ^= 0x10; /* inside of the pixels' chunk */
    EXPECT_FAILURE(image_set_read(scratch_bytes("bad.png", bytes, n), &set, error), FMAP_ERROR_FORMAT,
                   "bad.png");
    free(bytes);
}

Test(images, png_that_claims_to_be_huge_is_refused) {
    size_t n = 0;
    uint8_t *bytes = scratch_load(SAMPLES "3.png", &n);
    bytes[17] = 1; /* width 65564 */
    bytes[21] = 1;
    uint32_t checksum = (uint32_t)crc32(0, bytes + 12, 17);
    for (int i = 0; i < 4; i++) {
        bytes[29 + i] = (uint8_t)(checksum >> (24 - 8 * i));
    }
    EXPECT_FAILURE(image_set_read(scratch_bytes("huge.png", bytes, n), &set, error), FMAP_ERROR_LIMIT,
                   "limit");
    free(bytes);
}

/* ---- JPEG ------------------------------------------------------------------------------------ */

/* A picture of one colour, in the colour space that the test needs. Sets *path. */
static const char *write_jpeg(J_COLOR_SPACE space, int channels, const uint8_t *color, bool progressive) {
    const char *path = scratch("a.jpg");
    FILE *file = fopen(path, "wb");
    struct jpeg_error_mgr errors;
    struct jpeg_compress_struct jpeg = {.err = jpeg_std_error(&errors)};
    uint8_t row[16 * 4];
    JSAMPROW rows[] = {row};
    for (int i = 0; i < 16 * channels; i++) {
        row[i] = color[i % channels];
    }
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = 16;
    jpeg.image_height = 24;
    jpeg.input_components = channels;
    jpeg.in_color_space = space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    if (progressive) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(file);
    return path;
}

static void expect_color(const uint8_t *wanted, int channels) {
    cr_assert_eq(set.width, 16);
    cr_assert_eq(set.height, 24);
    cr_assert_eq(set.channels, channels);
    for (int i = 0; i < 16 * 24 * channels; i++) {
        cr_assert_leq(abs(set.pixels[i] - wanted[i % channels]), 3, "%d, not %d", set.pixels[i],
                      wanted[i % channels]);
    }
    image_set_release(&set);
}

Test(images, jpeg_in_colour_in_grey_and_progressive) {
    const uint8_t color[] = {200, 100, 50};
    EXPECT_OK(image_set_read(write_jpeg(JCS_RGB, 3, color, false), &set, error));
    expect_color(color, 3);
    EXPECT_OK(image_set_read(write_jpeg(JCS_RGB, 3, color, true), &set, error));
    expect_color(color, 3);
    EXPECT_OK(image_set_read(write_jpeg(JCS_GRAYSCALE, 1, color, false), &set, error));
    expect_color(color, 1);
}

Test(images, jpeg_in_inks_becomes_light) {
    /* libjpeg marks it as Adobe's, which stores the complement: 255 is no ink. */
    const uint8_t inks[] = {255, 128, 0, 200};
    EXPECT_OK(image_set_read(write_jpeg(JCS_CMYK, 4, inks, false), &set, error));
    expect_color((const uint8_t[]){200, 100, 0}, 3);
}

Test(images, jpeg_cut_short_is_refused) {
    size_t n = 0;
    uint8_t *bytes = scratch_load(SAMPLES "paper-7.jpg", &n);
    const size_t lengths[] = {3, 10, 100, 300, n / 2, n - 40, n - 2};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        EXPECT_FAILURE(image_set_read(scratch_bytes("cut.jpg", bytes, lengths[i]), &set, error),
                       FMAP_ERROR_FORMAT, "damaged JPEG");
    }
    free(bytes);
}

Test(images, jpeg_with_a_damaged_table_is_refused) {
    size_t n = 0;
    uint8_t *bytes = scratch_load(SAMPLES "paper-7.jpg", &n);
    for (size_t i = 0; i + 1 < n; i++) {
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc4) { /* Huffman codes: more than can be */
            memset(bytes + i + 5, 0xff, 16);
            break;
        }
    }
    EXPECT_FAILURE(image_set_read(scratch_bytes("bad.jpg", bytes, n), &set, error), FMAP_ERROR_FORMAT,
                   "bad.jpg");
    free(bytes);
}

Test(images, jpeg_is_turned_as_the_camera_was_held) {
    static const uint8_t exif[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0,    0,    'M', 'M',
                                   0,    42,   0, 0,  0,   8,   0,   1,   0x01, 0x12, 0,   3,
                                   0,    0,    0, 1,  0,   6,   0,   0,   0,    0,    0,   0};
    size_t n = 0;
    uint8_t *bytes = scratch_load(write_jpeg(JCS_GRAYSCALE, 1, (const uint8_t[]){9}, false), &n);
    uint8_t *longer = malloc(n + sizeof exif);
    memcpy(longer, bytes, 2);
    memcpy(longer + 2, exif, sizeof exif);
    memcpy(longer + 2 + sizeof exif, bytes + 2, n - 2);
    EXPECT_OK(image_set_read(scratch_bytes("turned.jpg", longer, n + sizeof exif), &set, error));
    cr_expect_eq(set.width, 24);
    cr_expect_eq(set.height, 16);
    image_set_release(&set);
    free(longer);
    free(bytes);
}

Test(images, all_eight_orientations) {
    /* How a camera stores the picture a b / c d / e f for each orientation. */
    static const struct {
        const char *stored;
        int width;
    } cases[] = {{"abcdef", 2}, {"badcfe", 2}, {"fedcba", 2}, {"efcdab", 2},
                 {"acebdf", 3}, {"bdface", 3}, {"fdbeca", 3}, {"ecafdb", 3}};
    for (int i = 0; i < 8; i++) {
        struct image image;
        EXPECT_OK(image_create(cases[i].width, 6 / cases[i].width, 1, &image, error));
        memcpy(image.pixels, cases[i].stored, 6);
        EXPECT_OK(image_turn(&image, i + 1, error));
        cr_expect_eq(image.width, 2);
        cr_expect_arr_eq(image.pixels, "abcdef", 6, "orientation %d: %.6s", i + 1,
                         (const char *)image.pixels);
        image_release(&image);
    }
}

Test(images, damaged_exif_means_upright) {
    uint8_t exif[40] = "Exif\0\0MM\0*";
    exif[13] = 8;
    for (size_t n = 0; n <= sizeof exif; n++) {
        cr_expect_eq(exif_orientation(exif, n), 1);
    }
    memset(exif + 10, 0xff, 4); /* a directory far outside */
    cr_expect_eq(exif_orientation(exif, sizeof exif), 1);
    memset(exif + 10, 0, 30);
    memset(exif + 14, 0xff, 26); /* 65535 entries of nonsense */
    exif[13] = 8;
    cr_expect_eq(exif_orientation(exif, sizeof exif), 1);
}

/* ---- PNM ------------------------------------------------------------------------------------- */

static void expect_pnm(const char *text, size_t n, int channels, const uint8_t *pixels) {
    EXPECT_OK(image_set_read(scratch_bytes("a.pnm", text, n), &set, error));
    expect_pixels(&set, 2, 2, channels, pixels);
    image_set_release(&set);
}

#define PNM(text, channels, ...) expect_pnm(text, sizeof text - 1, channels, (const uint8_t[]){__VA_ARGS__})

Test(images, pnm_of_every_kind) {
    PNM("P1\n# a comment\n2 2\n10 01", 1, 0, 255, 255, 0);
    PNM("P2 2 2 # maximum follows\n15\n0 15 5 10\n", 1, 0, 255, 85, 170);
    PNM("P3\n2\n2\n255 1 2 3 4 5 6 7 8 9 10 11 12", 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    PNM("P4 2 2\n\x80\x40", 1, 0, 255, 255, 0);
    PNM("P5 2 2 255\n\x20\n\x30\x40", 1, 0x20, 10, 0x30, 0x40);
    PNM("P5 2 2 65535\n\xff\xff\x80\x80\0\0\0\x80", 1, 255, 128, 0, 0);
    PNM("P6 2 2 255 abcdefghijkl", 3, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l');
}

Test(images, pnm_damaged_is_refused) {
    static const char *const damaged[] = {
        "P5",
        "P5 2",
        "P5 2 2",
        "P5 2 2 0\nabcd",
        "P5 2 2 70000\nabcd",
        "P5 2 2 255",
        "P5 2 2 255\nabc",
        "P5 2 2 255#abcd",
        "P5 two 2 255\nabcd",
        "P5 -2 2 255\nabcd",
        "P5 0 2 255\nabcd",
        "P5 2 2 65535\nabcdefg",
        "P2 2 2 255 1 2 3",
        "P2 2 2 15 1 2 3 16",
        "P1 2 2 1 0 1 2",
        "P4 9 2\nabc",
        "P6 2 2 255\nabcdefghijk",
        "P3 2 2 255 1 2 3 4 5 6 7 8 9 10 11 x",
    };
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        EXPECT_FAILURE(image_set_read(scratch_text("bad.pnm", damaged[i]), &set, error), FMAP_ERROR_FORMAT,
                       "bad.pnm");
    }
}

Test(images, pnm_that_claims_to_be_huge_is_refused) {
    EXPECT_FAILURE(image_set_read(scratch_text("a.pgm", "P5 100000 100000 255\nabcd"), &set, error),
                   FMAP_ERROR_LIMIT, "100000x100000");
    EXPECT_FAILURE(image_set_read(scratch_text("a.pgm", "P5 99999999999 1 255\nabcd"), &set, error),
                   FMAP_ERROR_LIMIT, "limit");
    EXPECT_FAILURE(image_set_read(scratch_text("a.pam", "P7\nWIDTH 2\n"), &set, error),
                   FMAP_ERROR_UNSUPPORTED, "PAM");
}

/* ---- IDX ------------------------------------------------------------------------------------- */

static const uint8_t idx[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};

static void expect_idx(const char *path) {
    EXPECT_OK(image_set_read(path, &set, error));
    cr_assert_eq(set.count, 2);
    cr_assert_eq(set.width, 3);
    cr_assert_eq(set.height, 1);
    cr_expect_arr_eq(image_set_at(&set, 1).pixels, idx + 19, 3);
    image_set_release(&set);
}

Test(images, idx_holds_many_also_compressed) {
    expect_idx(scratch_bytes("a.idx", idx, sizeof idx));
    gzFile file = gzopen(scratch("a.idx.gz"), "wb");
    gzwrite(file, idx, sizeof idx);
    gzclose(file);
    expect_idx(scratch("a.idx.gz"));
}

Test(images, one_picture_out_of_many) {
    struct image image;
    const char *path = scratch_bytes("a.idx", idx, sizeof idx);
    EXPECT_OK(image_read(path, 1, &image, error));
    cr_expect_arr_eq(image.pixels, idx + 19, 3);
    image_release(&image);
    EXPECT_FAILURE(image_read(path, 2, &image, error), FMAP_ERROR_ARGUMENT, "2 pictures");
}

Test(images, idx_damaged_is_refused) {
    uint8_t bytes[sizeof idx + 1];
    memcpy(bytes, idx, sizeof idx);
    for (size_t n = 4; n < sizeof idx; n++) {
        EXPECT_FAILURE(image_set_read(scratch_bytes("a.idx", bytes, n), &set, error), FMAP_ERROR_FORMAT,
                       "IDX");
    }
    bytes[sizeof idx] = 7; /* one byte too many */
    EXPECT_FAILURE(image_set_read(scratch_bytes("a.idx", bytes, sizeof bytes), &set, error),
                   FMAP_ERROR_FORMAT, "7 bytes of data, 6 expected");
    bytes[2] = 0x0d; /* floats */
    EXPECT_FAILURE(image_set_read(scratch_bytes("a.idx", bytes, sizeof idx), &set, error),
                   FMAP_ERROR_UNSUPPORTED, "0x0d");
    memcpy(bytes, idx, sizeof idx);
    memset(bytes + 4, 0xff, 12); /* a product that overflows */
    EXPECT_FAILURE(image_set_read(scratch_bytes("a.idx", bytes, sizeof idx), &set, error), FMAP_ERROR_FORMAT,
                   "IDX");
    memset(bytes + 4, 0, 4);
    EXPECT_FAILURE(image_set_read(scratch_bytes("a.idx", bytes, 16), &set, error), FMAP_ERROR_FORMAT,
                   "without any picture");
}

/* ---- any file -------------------------------------------------------------------------------- */

Test(images, other_files_are_refused) {
    EXPECT_FAILURE(image_set_read(scratch("missing.png"), &set, error), FMAP_ERROR_IO, "No such file");
    EXPECT_FAILURE(image_set_read("/tmp", &set, error), FMAP_ERROR_IO, "directory");
    EXPECT_FAILURE(image_set_read(scratch_text("empty", ""), &set, error), FMAP_ERROR_FORMAT, "is empty");
    EXPECT_FAILURE(image_set_read(scratch_text("a.gif", "GIF89a..."), &set, error), FMAP_ERROR_FORMAT,
                   "not a picture that fmap reads");
}

Test(images, gzip_cut_short_is_refused) {
    gzFile file = gzopen(scratch("a.gz"), "wb");
    for (int i = 0; i < 1000; i++) {
        gzprintf(file, "%d ", i * i);
    }
    gzclose(file);
    size_t n = 0;
    FILE *raw = fopen(scratch("a.gz"), "rb");
    uint8_t bytes[8192];
    n = fread(bytes, 1, sizeof bytes, raw);
    fclose(raw);
    for (size_t length = 20; length < n; length += n / 10) {
        EXPECT_FAILURE(image_set_read(scratch_bytes("cut.gz", bytes, length), &set, error), FMAP_ERROR_FORMAT,
                       "gzip");
    }
    bytes[n - 6] ^= 1; /* the checksum */
    EXPECT_FAILURE(image_set_read(scratch_bytes("cut.gz", bytes, n), &set, error), FMAP_ERROR_FORMAT, "gzip");
}

Test(images, a_failed_write_leaves_nothing_behind) {
    struct image image = pattern(3, 3, 1);
    EXPECT_FAILURE(image_write_png(scratch("no/such/folder.png"), &image, error), FMAP_ERROR_IO,
                   "folder.png");
    EXPECT_FAILURE(image_write_png("/dev/full", &image, error), FMAP_ERROR_IO, "No space left");
    char command[128];
    snprintf(command, sizeof command, "test -z \"$(ls -A '%s')\"", scratch_folder);
    cr_expect_eq(system(command), 0);
    image_release(&image);
}
