#include "text.h"

#include <string.h>

/* Bytes of the UTF-8 character at the start of the text; 0 when there is none: a stray or missing
 * continuation byte, an overlong form, a surrogate, or a number above U+10FFFF. */
static size_t character_bytes(const uint8_t *text, size_t bytes) {
    uint8_t first = text[0];
    if (first < 0x80) return 1;
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length > bytes) return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0;
    }
    if (first == 0xe0 && text[1] < 0xa0) return 0;
    if (first == 0xed && text[1] > 0x9f) return 0;
    if (first == 0xf0 && text[1] < 0x90) return 0;
    if (first == 0xf4 && text[1] > 0x8f) return 0;
    return length;
}

/* The two ranges of control characters: C0 with DEL, and C1, which UTF-8 writes as 0xc2 0x80 .. 0x9f. */
static bool is_control(const uint8_t *text, size_t length) {
    if (length == 1) return text[0] < 0x20 || text[0] == 0x7f;
    return length == 2 && text[0] == 0xc2 && text[1] < 0xa0;
}

const char *fmap_text_fault(const uint8_t *text, size_t bytes) {
    for (size_t i = 0; i < bytes;) {
        size_t length = character_bytes(text + i, bytes - i);
        if (length == 0) return "bytes that are not UTF-8";
        if (text[i] == 0) return "a zero byte";
        if (is_control(text + i, length)) return "a control character";
        i += length;
    }
    return NULL;
}

struct fmap_text_shown fmap_text_show(const uint8_t *text, size_t bytes) {
    struct fmap_text_shown shown = {{0}};
    static const char cut[] = "...";
    size_t room = sizeof shown.text - sizeof cut;
    size_t n = 0;
    for (size_t i = 0; i < bytes;) {
        size_t length = character_bytes(text + i, bytes - i);
        bool printable = length && !is_control(text + i, length);
        size_t step = length ? length : 1;
        if (n + (printable ? step : 1) > room) {
            memcpy(shown.text + n, cut, sizeof cut);
            break;
        }
        if (printable) {
            memcpy(shown.text + n, text + i, step);
            n += step;
        } else {
            shown.text[n++] = '?';
        }
        i += step;
    }
    return shown;
}

struct fmap_text_shown fmap_text_show_path(const char *path) {
    static const char cut[] = "...";
    size_t bytes = strlen(path);
    size_t room = FMAP_TEXT_SHOWN_BYTES - sizeof cut;
    if (bytes <= room) return fmap_text_show((const uint8_t *)path, bytes);
    const char *end = path + bytes - (room - strlen(cut));
    while ((*end & 0xc0) == 0x80) end++; /* not in the middle of a character */
    struct fmap_text_shown tail = fmap_text_show((const uint8_t *)end, strlen(end));
    struct fmap_text_shown shown = {{0}};
    memcpy(shown.text, cut, strlen(cut));
    memcpy(shown.text + strlen(cut), tail.text, strlen(tail.text));
    return shown;
}
