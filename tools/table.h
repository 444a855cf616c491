/* A table for people: columns as wide as their widest cell. */
#ifndef FMAP_TOOLS_TABLE_H
#define FMAP_TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <fmap/fmap.h>

struct table {
    const char *columns; /* one character a column: '<' for text, '>' for numbers */
    char **cells;        /* row by row */
    size_t n_cells;
    bool failed; /* out of memory: table_print() will say so */
};

void table_begin(struct table *table, const char *columns);

/* Adds the next cell: a copy, control characters replaced, cut when very long. Rows fill up by
 * themselves. */
void table_add(struct table *table, const char *text);
void table_addf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints all rows and frees the table. */
fmap_status table_print(struct table *table, FILE *stream, fmap_error *error);

/* Frees a table that is not to be printed. */
void table_free(struct table *table);

#endif
