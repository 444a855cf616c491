/* Whole files: read into memory, written complete or not at all. */
#ifndef FMAP_TOOLS_FILE_H
#define FMAP_TOOLS_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <fmap/fmap.h>

/* Reads a file, decompressing gzip, into memory from malloc(), followed by a zero byte that is not
 * counted. "-" is standard input. LIMIT when it holds more than `limit` bytes. */
fmap_status file_read(const char *path, size_t limit, uint8_t **bytes, size_t *n_bytes, fmap_error *error);

/* Writes a file beside its target and renames it, so that nobody ever sees half of it. */
fmap_status file_write(const char *path, const void *bytes, size_t n_bytes, fmap_error *error);

#endif
