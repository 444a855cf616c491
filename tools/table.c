#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

enum { MAX_CELL = 60, MAX_COLUMNS = 16 };

void table_begin(struct table *table, const char *columns) { *table = (struct table){.columns = columns}; }

/* Letters, not bytes: the names of layers may be UTF-8. */
static int letters(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

static void make_printable(char *text) {
    int n = 0;
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
        if (((unsigned char)*c & 0xc0) != 0x80 && ++n > MAX_CELL) {
            *c = '\0';
            return;
        }
    }
}

void table_add(struct table *table, const char *text) {
    if (table->failed) return;
    if ((table->n_cells & (table->n_cells - 1)) == 0) { /* at powers of two the array is full */
        size_t capacity = table->n_cells == 0 ? 1 : 2 * table->n_cells;
        char **grown = realloc(table->cells, capacity * sizeof *grown);
        table->failed = grown == NULL;
        table->cells = grown != NULL ? grown : table->cells;
    }
    char *copy = table->failed ? NULL : strdup(text);
    table->failed = copy == NULL;
    if (copy == NULL) return;
    make_printable(copy);
    table->cells[table->n_cells++] = copy;
}

void table_addf(struct table *table, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    table_add(table, text);
}

static void print_row(const struct table *table, size_t first, const int *widths, FILE *stream) {
    size_t n_columns = strlen(table->columns);
    size_t last = n_columns; /* nothing but spaces behind it: lines do not end in spaces */
    while (last > 0 && (first + last > table->n_cells || table->cells[first + last - 1][0] == '\0')) {
        last--;
    }
    for (size_t i = 0; i < last; i++) {
        const char *cell = table->cells[first + i];
        int padding = widths[i] - letters(cell);
        bool right = table->columns[i] == '>';
        fprintf(stream, "%s%*s%s", i == 0 ? "" : "  ", right ? padding : 0, "", cell);
        if (!right && i + 1 < last) fprintf(stream, "%*s", padding, "");
    }
    fputc('\n', stream);
}

fmap_status table_print(struct table *table, FILE *stream, fmap_error *error) {
    size_t n_columns = strlen(table->columns);
    int widths[MAX_COLUMNS] = {0};
    for (size_t i = 0; i < table->n_cells; i++) {
        int width = letters(table->cells[i]);
        widths[i % n_columns] = width > widths[i % n_columns] ? width : widths[i % n_columns];
    }
    for (size_t i = 0; i < table->n_cells && !table->failed; i += n_columns) {
        print_row(table, i, widths, stream);
    }
    fmap_status status = table->failed ? fail_memory(error, "a table") : FMAP_OK;
    table_free(table);
    return status;
}

void table_free(struct table *table) {
    for (size_t i = 0; i < table->n_cells; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct table){0};
}
