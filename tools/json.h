/* JSON and base64 on a stream, safe inside of an HTML page. Errors stay with the stream (ferror). */
#ifndef FMAP_TOOLS_JSON_H
#define FMAP_TOOLS_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A string with its quotes. '<', '>' and '&' are escaped, so that no text can end the script element
 * that it stands in; bytes that are not UTF-8 become U+FFFD. */
void json_text(FILE *stream, const char *text);

/* A number, rounded to seven digits. NaN, which JSON lacks, is null; an infinity is 1e999, which
 * readers turn back into one. */
void json_number(FILE *stream, double number);

/* Bytes as a string in base64 (RFC 4648), with its quotes. */
void json_base64(FILE *stream, const void *bytes, size_t n_bytes);

/* Text between HTML tags or quotes, escaped; bytes that are not UTF-8 become U+FFFD. */
void html_text(FILE *stream, const char *text);

#endif
