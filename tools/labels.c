#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "sidecar.h"
#include "tool.h"

enum { MAX_LABEL_FILE = 64 * 1024 * 1024 };

void labels_release(struct labels *labels) {
    for (size_t i = 0; i < labels->count; i++) {
        free(labels->names[i]);
    }
    free(labels->names);
    *labels = (struct labels){0};
}

/* Labels are printed on terminals: no control characters, no bytes of escape sequences. */
static void make_printable(char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 127) *text = ' ';
    }
}

fmap_status labels_add(struct labels *labels, const char *name, size_t length, fmap_error *error) {
    if ((labels->count & (labels->count - 1)) == 0) { /* at powers of two the array is full */
        size_t capacity = labels->count == 0 ? 1 : 2 * labels->count;
        char **grown = realloc(labels->names, capacity * sizeof *grown);
        if (grown == NULL) return fail_memory(error, "labels");
        labels->names = grown;
    }
    char *copy = strndup(name, length);
    if (copy == NULL) return fail_memory(error, "labels");
    make_printable(copy);
    labels->names[labels->count++] = copy;
    return FMAP_OK;
}

fmap_status labels_read(const char *path, struct labels *labels, fmap_error *error) {
    *labels = (struct labels){0};
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    TRY(file_read(path, MAX_LABEL_FILE, &bytes, &n_bytes, error));
    fmap_status status = FMAP_OK;
    const char *at = (const char *)bytes;
    const char *end = at + n_bytes;
    if (memchr(at, '\0', n_bytes) != NULL) {
        status = fail(error, FMAP_ERROR_FORMAT, "'%s' is not a text file with one label a line", path);
    }
    while (status == FMAP_OK && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        size_t length = (size_t)(stop - at);
        if (length > 0 && at[length - 1] == '\r') length--;
        status = labels_add(labels, at, length, error);
        at = stop + 1;
    }
    free(bytes);
    if (status == FMAP_OK && labels->count == 0) {
        status = fail(error, FMAP_ERROR_FORMAT, "'%s' holds no labels", path);
    }
    if (status != FMAP_OK) labels_release(labels);
    return status;
}
