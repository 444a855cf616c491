#include "json.h"

#include <math.h>

/* Bytes of the UTF-8 character at `at` (which ends with a zero byte), 0 when it is none. After Table 3-7
 * of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF. */
static int character_bytes(const unsigned char *at) {
    if (at[0] < 0x80) return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4) return 0;
    int n = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    unsigned char low = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) return 0;
    for (int i = 2; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
    }
    return n;
}

/* Gives each character to `put`: its bytes and how many, or U+FFFD's for a byte that is none. */
static void each_character(FILE *stream, const char *text, void (*put)(FILE *, const char *, int)) {
    const unsigned char *at = (const unsigned char *)text;
    while (*at != 0) {
        int n = character_bytes(at);
        if (n == 0) {
            put(stream, "\xef\xbf\xbd", 3);
            at++;
        } else {
            put(stream, (const char *)at, n);
            at += n;
        }
    }
}

static void put_json(FILE *stream, const char *character, int n) {
    unsigned char c = (unsigned char)character[0];
    if (n == 1 && (c < 0x20 || c == 0x7f || c == '<' || c == '>' || c == '&')) {
        fprintf(stream, "\\u%04x", c);
    } else {
        if (c == '"' || c == '\\') fputc('\\', stream);
        fwrite(character, 1, (size_t)n, stream);
    }
}

void json_text(FILE *stream, const char *text) {
    fputc('"', stream);
    each_character(stream, text, put_json);
    fputc('"', stream);
}

static void put_html(FILE *stream, const char *character, int n) {
    switch (character[0]) {
    case '<': fputs("&lt;", stream); break;
    case '>': fputs("&gt;", stream); break;
    case '&': fputs("&amp;", stream); break;
    case '"': fputs("&quot;", stream); break;
    case '\'': fputs("&#39;", stream); break;
    default: fwrite(character, 1, (size_t)n, stream); break;
    }
}

void html_text(FILE *stream, const char *text) { each_character(stream, text, put_html); }

void json_number(FILE *stream, double number) {
    if (isnan(number)) {
        fputs("null", stream);
    } else if (isinf(number)) {
        fputs(number > 0.0 ? "1e999" : "-1e999", stream);
    } else {
        fprintf(stream, "%.7g", number);
    }
}

void json_base64(FILE *stream, const void *bytes, size_t n_bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *at = bytes;
    fputc('"', stream);
    for (size_t i = 0; i < n_bytes; i += 3) {
        size_t left = n_bytes - i;
        uint32_t group = (uint32_t)at[i] << 16;
        if (left > 1) group |= (uint32_t)at[i + 1] << 8;
        if (left > 2) group |= at[i + 2];
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63], '=', '='};
        if (left > 1) four[2] = digits[group >> 6 & 63];
        if (left > 2) four[3] = digits[group & 63];
        fwrite(four, 1, 4, stream);
    }
    fputc('"', stream);
}
