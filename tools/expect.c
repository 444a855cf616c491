#include "expect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "image_formats.h"
#include "tool.h"

enum { MAX_EXPECTED_FILE = 256 * 1024 * 1024 };

static int64_t class_of(const char *line, const struct labels *labels) {
    for (size_t i = 0; i < labels->count; i++) {
        if (strcmp(labels->names[i], line) == 0) return (int64_t)i;
    }
    char *end = NULL;
    errno = 0;
    long long number = strtoll(line, &end, 10);
    return end != line && *end == '\0' && errno == 0 && number >= 0 ? number : -1;
}

static fmap_status from_lines(const char *path, const struct labels *labels, struct expected *expected,
                              fmap_error *error) {
    struct labels lines;
    TRY(labels_read(path, &lines, error));
    fmap_status status = FMAP_OK;
    expected->classes = calloc(lines.count, sizeof *expected->classes);
    expected->count = lines.count;
    if (expected->classes == NULL) status = fail_memory(error, path);
    for (size_t i = 0; status == FMAP_OK && i < lines.count; i++) {
        expected->classes[i] = class_of(lines.names[i], labels);
        if (expected->classes[i] < 0) {
            status = fail(error, FMAP_ERROR_FORMAT, "'%s', line %zu: '%.60s' is neither a label nor a number",
                          path, i + 1, lines.names[i]);
        }
    }
    labels_release(&lines);
    return status;
}

static fmap_status from_idx(const char *path, const uint8_t *bytes, size_t n_bytes, struct expected *expected,
                            fmap_error *error) {
    uint8_t *labels = NULL;
    TRY(idx_read_labels(path, bytes, n_bytes, &labels, &expected->count, error));
    expected->classes = calloc(expected->count + 1, sizeof *expected->classes);
    for (size_t i = 0; expected->classes != NULL && i < expected->count; i++) {
        expected->classes[i] = labels[i];
    }
    free(labels);
    return expected->classes != NULL ? FMAP_OK : fail_memory(error, path);
}

fmap_status expected_read(const char *path, const struct labels *labels, struct expected *expected,
                          fmap_error *error) {
    *expected = (struct expected){0};
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    TRY(file_read(path, MAX_EXPECTED_FILE, &bytes, &n_bytes, error));
    fmap_status status = idx_recognised(bytes, n_bytes) ? from_idx(path, bytes, n_bytes, expected, error)
                                                        : from_lines(path, labels, expected, error);
    free(bytes);
    if (status == FMAP_OK && expected->count == 0) {
        status = fail(error, FMAP_ERROR_FORMAT, "'%s' holds no labels", path);
    }
    if (status != FMAP_OK) expected_release(expected);
    return status;
}

void expected_release(struct expected *expected) {
    free(expected->classes);
    *expected = (struct expected){0};
}
