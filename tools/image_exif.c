/* How the camera was held: the one tag of EXIF that changes what a network sees.
 * CIPA DC-008 (EXIF 2.32), section 4.6; the container is that of TIFF 6.0. */
#include <stdlib.h>
#include <string.h>

#include "image_formats.h"
#include "tool.h"

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12, MAX_ENTRIES = 1000 };

static unsigned u16(const uint8_t *bytes, bool big) {
    return big ? (unsigned)bytes[0] << 8 | bytes[1] : (unsigned)bytes[1] << 8 | bytes[0];
}

static uint32_t u32(const uint8_t *bytes, bool big) {
    uint32_t first = u16(bytes, big);
    uint32_t second = u16(bytes + 2, big);
    return big ? first << 16 | second : second << 16 | first;
}

int exif_orientation(const uint8_t *segment, size_t n_bytes) {
    enum { SIGNATURE = 6, HEADER = 8 };
    if (n_bytes < SIGNATURE + HEADER || memcmp(segment, "Exif\0", SIGNATURE) != 0) {
        return 1;
    }
    const uint8_t *tiff = segment + SIGNATURE;
    size_t size = n_bytes - SIGNATURE;
    bool big = tiff[0] == 'M';
    size_t directory = u32(tiff + 4, big);
    if (directory > size - 2) {
        return 1;
    }
    unsigned n_entries = u16(tiff + directory, big);
    size_t fitting = (size - directory - 2) / ENTRY_BYTES;
    for (size_t i = 0; i < n_entries && i < fitting && i < MAX_ENTRIES; i++) {
        const uint8_t *entry = tiff + directory + 2 + i * ENTRY_BYTES;
        if (u16(entry, big) == TAG_ORIENTATION && u16(entry + 2, big) == TYPE_SHORT) {
            unsigned value = u16(entry + 8, big);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}

fmap_status image_turn(struct image *image, int orientation, fmap_error *error) {
    bool swap = orientation >= 5; /* rows become columns */
    bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    struct image turned;
    TRY(image_create(swap ? image->height : image->width, swap ? image->width : image->height,
                     image->channels, &turned, error));
    size_t channels = (size_t)image->channels;
    uint8_t *to = turned.pixels;
    for (int y = 0; y < turned.height; y++) {
        for (int x = 0; x < turned.width; x++) {
            int from_x = swap ? y : x;
            int from_y = swap ? x : y;
            from_x = mirror_x ? image->width - 1 - from_x : from_x;
            from_y = mirror_y ? image->height - 1 - from_y : from_y;
            const uint8_t *from = image->pixels +
                                  ((size_t)from_y * (size_t)image->width + (size_t)from_x) * channels;
            memcpy(to, from, channels);
            to += channels;
        }
    }
    image_release(image);
    *image = turned;
    return FMAP_OK;
}
