/* Text out of files: nobody promises that it is short, printable, or text. */
#ifndef FMAP_FORMATS_TEXT_H
#define FMAP_FORMATS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why some bytes cannot be a name, such as "a zero byte" or "bytes that are not UTF-8"; NULL when they
 * can: valid UTF-8 without control characters. */
const char *fmap_text_fault(const uint8_t *text, size_t bytes);

enum { FMAP_TEXT_SHOWN_BYTES = 100 };

/* Something that can be quoted in an error message. */
struct fmap_text_shown {
    char text[FMAP_TEXT_SHOWN_BYTES];
};

/* Bytes as one line of valid UTF-8: what is not printable becomes '?', what is too long is cut and ends
 * in "...". */
struct fmap_text_shown fmap_text_show(const uint8_t *text, size_t bytes);

/* The same for the name of a file, of which the end says more than the beginning. */
struct fmap_text_shown fmap_text_show_path(const char *path);

#endif
