/* Netpbm's P1 to P6: bitmaps, grey and colour, as text and as bytes. */
#include <stdlib.h>
#include <string.h>

#include "image_formats.h"
#include "tool.h"

struct pnm {
    const char *path;
    const uint8_t *at;
    const uint8_t *end;
    fmap_error *error;
    int kind; /* 1 .. 6 */
    unsigned max_value;
    bool damaged;
};

static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static void skip_space(struct pnm *pnm) {
    while (pnm->at < pnm->end && (is_space(*pnm->at) || *pnm->at == '#')) {
        if (*pnm->at == '#') {
            while (pnm->at < pnm->end && *pnm->at != '\n') {
                pnm->at++;
            }
        } else {
            pnm->at++;
        }
    }
}

/* A number in text; sets pnm->damaged when there is none. Saturates instead of overflowing. */
static unsigned read_number(struct pnm *pnm) {
    skip_space(pnm);
    if (pnm->at == pnm->end || *pnm->at < '0' || *pnm->at > '9') {
        pnm->damaged = true;
        return 0;
    }
    unsigned number = 0;
    while (pnm->at < pnm->end && *pnm->at >= '0' && *pnm->at <= '9') {
        number = number > 100000000 ? 1000000000 : number * 10 + (unsigned)(*pnm->at - '0');
        pnm->at++;
    }
    return number;
}

static uint8_t scale_sample(struct pnm *pnm, unsigned sample) {
    if (sample > pnm->max_value) {
        pnm->damaged = true;
        return 0;
    }
    return (uint8_t)((sample * 255u + pnm->max_value / 2) / pnm->max_value);
}

static void read_text(struct pnm *pnm, uint8_t *samples, size_t n) {
    for (size_t i = 0; i < n && !pnm->damaged; i++) {
        if (pnm->kind != 1) {
            samples[i] = scale_sample(pnm, read_number(pnm));
            continue;
        }
        skip_space(pnm); /* the digits of a bitmap may stand without spaces */
        pnm->damaged = pnm->at == pnm->end || (*pnm->at != '0' && *pnm->at != '1');
        if (!pnm->damaged) {
            samples[i] = *pnm->at++ == '1' ? 0 : 255;
        }
    }
}

static void read_bits(struct pnm *pnm, uint8_t *samples, size_t width, size_t height) {
    size_t row_bytes = (width + 7) / 8;
    if ((size_t)(pnm->end - pnm->at) < row_bytes * height) {
        pnm->damaged = true;
        return;
    }
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            bool black = (pnm->at[y * row_bytes + x / 8] >> (7 - x % 8) & 1) != 0;
            samples[y * width + x] = black ? 0 : 255;
        }
    }
}

static void read_binary(struct pnm *pnm, uint8_t *samples, size_t n) {
    size_t sample_bytes = pnm->max_value > 255 ? 2 : 1;
    if ((size_t)(pnm->end - pnm->at) / sample_bytes < n) {
        pnm->damaged = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *bytes = pnm->at + i * sample_bytes;
        unsigned sample = sample_bytes == 2 ? (unsigned)bytes[0] << 8 | bytes[1] : bytes[0];
        samples[i] = scale_sample(pnm, sample);
    }
}

static void read_samples(struct pnm *pnm, const struct image *image) {
    size_t width = (size_t)image->width;
    size_t height = (size_t)image->height;
    size_t n = width * height * (size_t)image->channels;
    if (pnm->kind <= 3) {
        read_text(pnm, image->pixels, n);
        return;
    }
    /* Exactly one white space ends the header: the next byte may look like one and be a pixel. */
    pnm->damaged = pnm->at == pnm->end || !is_space(*pnm->at);
    if (pnm->damaged) {
        return;
    }
    pnm->at++;
    if (pnm->kind == 4) {
        read_bits(pnm, image->pixels, width, height);
    } else {
        read_binary(pnm, image->pixels, n);
    }
}

fmap_status pnm_read_set(const char *path, const uint8_t *bytes, size_t n_bytes, struct image_set *set,
                         fmap_error *error) {
    struct pnm pnm = {
        .path = path, .at = bytes + 2, .end = bytes + n_bytes, .error = error, .kind = bytes[1] - '0'};
    if (pnm.kind == 7) {
        return fail(error, FMAP_ERROR_UNSUPPORTED, "'%s' is a PAM file (P7); fmap reads P1 to P6", path);
    }
    unsigned width = read_number(&pnm);
    unsigned height = read_number(&pnm);
    pnm.max_value = pnm.kind == 1 || pnm.kind == 4 ? 1 : read_number(&pnm);
    if (pnm.damaged || pnm.max_value < 1 || pnm.max_value > 65535) {
        return fail(error, FMAP_ERROR_FORMAT, "'%s' is a damaged PNM file: its header makes no sense", path);
    }
    TRY(image_check_size(path, width, height, error));
    int channels = pnm.kind == 3 || pnm.kind == 6 ? 3 : 1;
    struct image image;
    TRY(image_create((int)width, (int)height, channels, &image, error));
    read_samples(&pnm, &image);
    if (pnm.damaged) {
        image_release(&image);
        return fail(error, FMAP_ERROR_FORMAT,
                    "'%s' is a damaged PNM file: its pixels are missing, cut short or beyond the maximum",
                    path);
    }
    *set = (struct image_set){
        .count = 1, .width = (int)width, .height = (int)height, .channels = channels, .pixels = image.pixels};
    return FMAP_OK;
}
