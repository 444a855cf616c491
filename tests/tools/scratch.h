/* Files that a test makes, in a folder of its own that goes away with it; complaints that it expects. */
#ifndef TESTS_TOOLS_SCRATCH_H
#define TESTS_TOOLS_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tools/file.h"
#include "tools/tool.h"

#define SAMPLES FMAP_TEST_SOURCE_DIR "/models/digits/samples/"

static char scratch_folder[64];

__attribute__((unused)) static void scratch_remove(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", scratch_folder);
    if (system(command) != 0) fputs("cannot remove the test's files\n", stderr);
}

/* Path of a file in the folder; good until the 8th call after this one. */
__attribute__((unused)) static const char *scratch(const char *name) {
    static char paths[8][128];
    static int next;
    if (scratch_folder[0] == '\0') {
        strcpy(scratch_folder, "/tmp/fmap-test-XXXXXX");
        cr_assert_not_null(mkdtemp(scratch_folder));
        atexit(scratch_remove);
    }
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
    return path;
}

/* Writes a file and returns its path. */
__attribute__((unused)) static const char *scratch_bytes(const char *name, const void *bytes,
                                                         size_t n_bytes) {
    const char *path = scratch(name);
    fmap_error error;
    cr_assert_eq(file_write(path, bytes, n_bytes, &error), FMAP_OK, "%s", error.message);
    return path;
}

__attribute__((unused)) static const char *scratch_text(const char *name, const char *text) {
    return scratch_bytes(name, text, strlen(text));
}

/* A whole sample of the repository; free it. */
__attribute__((unused)) static uint8_t *scratch_load(const char *path, size_t *n_bytes) {
    uint8_t *bytes = NULL;
    fmap_error error;
    cr_assert_eq(file_read(path, 1 << 24, &bytes, n_bytes, &error), FMAP_OK, "%s", error.message);
    return bytes;
}

/* Requires a status and a sentence that holds `words`. */
#define EXPECT_FAILURE(expression, expected, words) \
    do { \
        fmap_error failure = {0}; \
        fmap_error *error = &failure; \
        fmap_status got = (expression); \
        cr_expect_eq(got, expected, "status %s (%s)", fmap_status_name(got), failure.message); \
        cr_expect_eq(failure.status, expected, "the error's status"); \
        cr_expect_not_null(strstr(failure.message, words), "'%s' lacks '%s'", failure.message, words); \
    } while (0)

#define EXPECT_OK(expression) \
    do { \
        fmap_error failure = {0}; \
        fmap_error *error = &failure; \
        cr_assert_eq((expression), FMAP_OK, "%s", failure.message); \
    } while (0)

#endif
