/* JPEG through libjpeg-turbo, which reports errors by a function that must not return. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "image_formats.h"
#include "tool.h"

/* Each scan of a progressive file visits all pixels again: a small file could ask for days. */
enum { MAX_SCANS = 500 };

struct jpeg_work {
    struct jpeg_error_mgr errors; /* first: libjpeg hands back its address */
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct jpeg;
    jmp_buf out;
    const char *path;
    fmap_error *error;
    fmap_status status;
    struct image image;
    int orientation;
};

static _Noreturn void on_error(j_common_ptr common) {
    struct jpeg_work *work = (struct jpeg_work *)common->err;
    if (work->status == FMAP_OK) {
        char reason[JMSG_LENGTH_MAX];
        common->err->format_message(common, reason);
        work->status = fail(work->error, FMAP_ERROR_FORMAT, "'%s' is a damaged JPEG file: %s", work->path,
                            reason);
    }
    longjmp(work->out, 1);
}

/* libjpeg only warns about a file that was cut off and paints the rest grey; for us that is an error.
 * Its other warnings are about oddities that do no harm. */
static void on_message(j_common_ptr common, int level) {
    int code = common->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) {
        on_error(common);
    }
}

static void no_output(j_common_ptr common) { (void)common; }

static void on_progress(j_common_ptr common) {
    struct jpeg_work *work = (struct jpeg_work *)common->err;
    if (work->jpeg.input_scan_number > MAX_SCANS && work->status == FMAP_OK) {
        work->status = fail(work->error, FMAP_ERROR_LIMIT, "'%s' has more than %d scans", work->path,
                            MAX_SCANS);
        on_error(common);
    }
}

/* Inks to light, in place, four bytes to three. Adobe's programs store the complement. */
static void cmyk_row(const uint8_t *from, uint8_t *to, size_t width, bool complement) {
    for (size_t x = 0; x < width; x++, from += 4) {
        unsigned key = complement ? from[3] : 255u - from[3];
        for (int c = 0; c < 3; c++) {
            unsigned ink = complement ? from[c] : 255u - from[c];
            *to++ = (uint8_t)((ink * key + 127u) / 255u);
        }
    }
}

static int find_orientation(const struct jpeg_decompress_struct *jpeg) {
    for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker != NULL; marker = marker->next) {
        if (marker->marker == JPEG_APP0 + 1) {
            int orientation = exif_orientation(marker->data, marker->data_length);
            if (orientation != 1) {
                return orientation;
            }
        }
    }
    return 1;
}

static void choose_colors(struct jpeg_decompress_struct *jpeg) {
    bool inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    bool gray = jpeg->jpeg_color_space == JCS_GRAYSCALE;
    jpeg->out_color_space = inks ? JCS_CMYK : gray ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
}

static bool read_rows(struct jpeg_work *work) {
    struct jpeg_decompress_struct *jpeg = &work->jpeg;
    bool inks = jpeg->out_color_space == JCS_CMYK;
    int channels = inks ? 3 : jpeg->output_components;
    work->status = image_create((int)jpeg->output_width, (int)jpeg->output_height, channels, &work->image,
                                work->error);
    if (work->status != FMAP_OK) {
        return false;
    }
    size_t row_bytes = (size_t)jpeg->output_width * (size_t)channels;
    JSAMPARRAY ink_row = NULL;
    if (inks) { /* from libjpeg's pool: freed with it */
        ink_row = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, 4 * jpeg->output_width, 1);
    }
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *target = work->image.pixels + jpeg->output_scanline * row_bytes;
        jpeg_read_scanlines(jpeg, inks ? ink_row : &target, 1);
        if (inks) {
            cmyk_row(ink_row[0], target, jpeg->output_width, jpeg->saw_Adobe_marker);
        }
    }
    return true;
}

/* Everything that may longjmp(). */
static bool decode(struct jpeg_work *work, const uint8_t *bytes, size_t n_bytes) {
    struct jpeg_decompress_struct *jpeg = &work->jpeg;
    if (setjmp(work->out) != 0) {
        return false;
    }
    jpeg_create_decompress(jpeg);
    jpeg->progress = &work->progress;
    jpeg_mem_src(jpeg, bytes, (unsigned long)n_bytes);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    work->status = image_check_size(work->path, jpeg->image_width, jpeg->image_height, work->error);
    if (work->status != FMAP_OK) {
        return false;
    }
    work->orientation = find_orientation(jpeg);
    choose_colors(jpeg);
    jpeg_start_decompress(jpeg);
    if (!read_rows(work)) {
        return false;
    }
    jpeg_finish_decompress(jpeg);
    return true;
}

fmap_status jpeg_read_set(const char *path, const uint8_t *bytes, size_t n_bytes, struct image_set *set,
                          fmap_error *error) {
    struct jpeg_work work = {.path = path, .error = error};
    work.jpeg.err = jpeg_std_error(&work.errors);
    work.errors.error_exit = on_error;
    work.errors.emit_message = on_message;
    work.errors.output_message = no_output;
    work.progress.progress_monitor = on_progress;
    bool good = decode(&work, bytes, n_bytes);
    jpeg_destroy_decompress(&work.jpeg);
    if (good && work.orientation != 1) {
        work.status = image_turn(&work.image, work.orientation, error);
        good = work.status == FMAP_OK;
    }
    if (!good) {
        image_release(&work.image);
        return work.status;
    }
    *set = (struct image_set){.count = 1,
                              .width = work.image.width,
                              .height = work.image.height,
                              .channels = work.image.channels,
                              .pixels = work.image.pixels};
    return FMAP_OK;
}
