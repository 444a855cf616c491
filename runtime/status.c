/* Versions, names of statuses and types, failures. */
#include "runtime/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

const char *fmap_version(void) {
    return TEXT(FMAP_VERSION_MAJOR) "." TEXT(FMAP_VERSION_MINOR) "." TEXT(FMAP_VERSION_PATCH);
}

int fmap_version_number(void) {
    return FMAP_VERSION_MAJOR * 10000 + FMAP_VERSION_MINOR * 100 + FMAP_VERSION_PATCH;
}

const char *fmap_status_name(fmap_status status) {
    switch (status) {
    case FMAP_OK: return "ok";
    case FMAP_ERROR_ARGUMENT: return "argument";
    case FMAP_ERROR_MODEL: return "model";
    case FMAP_ERROR_FORMAT: return "format";
    case FMAP_ERROR_UNSUPPORTED: return "unsupported";
    case FMAP_ERROR_MEMORY: return "memory";
    case FMAP_ERROR_LIMIT: return "limit";
    case FMAP_ERROR_IO: return "io";
    }
    return "unknown";
}

/* Length of the UTF-8 sequence that begins at s (RFC 3629), 0 when there is none: a byte that belongs to no
 * character, or one that is longer than need be, half of a surrogate pair or beyond the last code point. */
static size_t utf8_length(const unsigned char *s) {
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4) return 0;
    size_t n = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    unsigned char least = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char most = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < least || s[1] > most) return 0;
    for (size_t i = 2; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
    }
    return n;
}

/* Terminals obey U+0080 to U+009F too, which are two bytes. */
static bool is_control(const unsigned char *s, size_t n) {
    return n == 1 ? *s < 0x20 || *s == 0x7F : n == 2 && s[0] == 0xC2 && s[1] < 0xA0;
}

static void clean(char *message) {
    unsigned char *s = (unsigned char *)message;
    while (*s) {
        size_t n = utf8_length(s);
        if (n > 0 && !is_control(s, n)) {
            s += n;
        } else {
            *s++ = '?';
        }
    }
}

fmap_status fmap_fail(fmap_error *error, fmap_status status, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        clean(error->message);
        error->status = status;
    }
    return status;
}

fmap_status fmap_fail_memory(fmap_error *error, size_t bytes) {
    return fmap_fail(error, FMAP_ERROR_MEMORY, "out of memory: the allocator refused %zu bytes", bytes);
}
