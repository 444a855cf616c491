/* One sentence for a person, one number for a script. */
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int exit_code_of(fmap_status status) {
    switch (status) {
    case FMAP_OK: return TOOL_OK;
    case FMAP_ERROR_ARGUMENT: return TOOL_USAGE;
    case FMAP_ERROR_MODEL:
    case FMAP_ERROR_FORMAT: return TOOL_BAD_INPUT;
    case FMAP_ERROR_UNSUPPORTED: return TOOL_UNSUPPORTED;
    case FMAP_ERROR_MEMORY:
    case FMAP_ERROR_LIMIT: return TOOL_LIMIT;
    case FMAP_ERROR_IO: return TOOL_IO;
    }
    return TOOL_BAD_INPUT;
}

int complain(const fmap_error *error) {
    char sentence[FMAP_ERROR_MESSAGE_BYTES];
    snprintf(sentence, sizeof sentence, "%s", error->message);
    /* Names from files end up in here: they must not be able to drive the terminal. */
    for (char *c = sentence; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) {
            *c = '?';
        }
    }
    fflush(stdout);
    fprintf(stderr, "fmap: %s\n", sentence);
    return exit_code_of(error->status);
}

fmap_status fail(fmap_error *error, fmap_status status, const char *format, ...) {
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

fmap_status fail_errno(fmap_error *error, const char *verb, const char *path) {
    int number = errno;
    if (number == ENOMEM) {
        return fail_memory(error, path);
    }
    return fail(error, FMAP_ERROR_IO, "cannot %s '%s': %s", verb, path, strerror(number));
}

fmap_status fail_memory(fmap_error *error, const char *what) {
    return fail(error, FMAP_ERROR_MEMORY, "out of memory for %s", what);
}
