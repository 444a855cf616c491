/* JSON for scripts, on standard output. Only for what fits in memory: see json.h for large streams. */
#ifndef FMAP_TOOLS_OUTPUT_H
#define FMAP_TOOLS_OUTPUT_H

#include <jansson.h>

#include <fmap/fmap.h>

/* Prints a value, with a newline, and releases it. NULL (jansson ran out of memory) is MEMORY. */
fmap_status output_json(json_t *root, fmap_error *error);

/* A list of a shape's dimensions; null for an unknown one. */
json_t *json_shape(const fmap_shape *shape);

/* A text that need not be UTF-8: bytes that are not are replaced. "" for NULL. */
json_t *json_name(const char *text);

/* A number; null for one that JSON cannot write (infinite, not a number). */
json_t *json_real_or_null(double number);

#endif
