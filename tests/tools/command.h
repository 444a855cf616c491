/* Runs the command as a user does. FMAP_COMMAND is its path. */
#ifndef TESTS_TOOLS_COMMAND_H
#define TESTS_TOOLS_COMMAND_H

#include <sys/wait.h>

#include <criterion/criterion.h>

#include <jansson.h>

#include "tests/tools/scratch.h"

#define DIGITS           FMAP_TEST_SOURCE_DIR "/models/digits/"
#define MODEL            DIGITS "digits.onnx"
#define HELD_BACK        DIGITS "heldback-images.idx3-ubyte.gz"
#define HELD_BACK_LABELS DIGITS "heldback-labels.idx1-ubyte.gz"

static char *output; /* of the last command: a whole text */
static char *complaint;

static inline void need_command(void) {
    if (getenv("FMAP_COMMAND") == NULL) cr_skip_test("FMAP_COMMAND is not set");
}

static inline char *slurp(const char *name) {
    static uint8_t *bytes;
    size_t n = 0;
    fmap_error error;
    cr_assert_eq(file_read(scratch(name), 1 << 26, &bytes, &n, &error), FMAP_OK, "%s", error.message);
    return (char *)bytes;
}

/* Runs the command in a shell with these arguments; returns its exit code. */
static inline int fmap(const char *arguments) {
    char line[2048];
    free(output);
    free(complaint);
    snprintf(line, sizeof line, "\"$FMAP_COMMAND\" %s >'%s' 2>'%s'", arguments, scratch("out"),
             scratch("err"));
    int status = system(line);
    output = slurp("out");
    complaint = slurp("err");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static inline int lines(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++) n += *text == '\n';
    return n;
}

#define EXPECT_EXIT(code, arguments) \
    do { \
        int got = fmap(arguments); \
        cr_expect_eq(got, code, "`fmap %s' ended with %d, not %d: %s", arguments, got, code, complaint); \
        cr_expect(code < 2 || complaint[0] != '\0', "`fmap %s' does not say why", arguments); \
        cr_expect(code < 3 || lines(complaint) == 1, "`fmap %s' says more than one line", arguments); \
        cr_expect(code < 2 || output[0] == '\0', "`fmap %s' prints something", arguments); \
    } while (0)

#define EXPECT_SAYS(code, arguments, words) \
    do { \
        EXPECT_EXIT(code, arguments); \
        cr_expect_not_null(strstr(code < 2 ? output : complaint, words), "`fmap %s' says '%s', not '%s'", \
                           arguments, code < 2 ? output : complaint, words); \
    } while (0)

/* What a command prints, as JSON; release it. */
static inline json_t *fmap_json(const char *arguments) {
    json_error_t why;
    int code = fmap(arguments);
    cr_assert_eq(code, 0, "`fmap %s' ended with %d: %s", arguments, code, complaint);
    json_t *root = json_loads(output, JSON_REJECT_DUPLICATES, &why);
    cr_assert_not_null(root, "`fmap %s' is not JSON: line %d: %s", arguments, why.line, why.text);
    return root;
}

static inline double number_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    cr_assert(json_is_number(value), "\"%s\" is no number", key);
    return json_number_value(value);
}

#endif
