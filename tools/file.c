#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tool.h"

/* Why zlib refused: the file is damaged, or the system did not give it. */
static fmap_status fail_gz(gzFile file, const char *path, fmap_error *error) {
    int number = Z_OK;
    const char *reason = gzerror(file, &number);
    if (number == Z_ERRNO) {
        return fail_errno(error, "read", path);
    }
    if (number == Z_MEM_ERROR) {
        return fail_memory(error, path);
    }
    return fail(error, FMAP_ERROR_FORMAT, "'%s' is not a whole gzip file: %s", path, reason);
}

/* Grows *bytes while reading; a zero byte always fits behind. */
static fmap_status read_all(gzFile file, const char *path, size_t limit, uint8_t **bytes, size_t *n_bytes,
                            fmap_error *error) {
    size_t capacity = 64 * 1024;
    size_t used = 0;
    for (;;) {
        uint8_t *grown = realloc(*bytes, capacity + 1);
        if (grown == NULL) {
            return fail_memory(error, path);
        }
        *bytes = grown;
        size_t room = capacity - used;
        int got = gzread(file, grown + used, (unsigned)(room < (1u << 30) ? room : (1u << 30)));
        if (got < 0) {
            return fail_gz(file, path, error);
        }
        used += (size_t)got;
        if (used > limit) {
            return fail(error, FMAP_ERROR_LIMIT, "'%s' holds more than %zu bytes", path, limit);
        }
        if (got == 0) {
            grown[used] = 0;
            *n_bytes = used;
            return FMAP_OK;
        }
        if (used == capacity) {
            capacity *= 2;
        }
    }
}

fmap_status file_read(const char *path, size_t limit, uint8_t **bytes, size_t *n_bytes, fmap_error *error) {
    *bytes = NULL;
    *n_bytes = 0;
    errno = 0;
    int descriptor = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return fail_errno(error, "open", path);
    }
    gzFile file = gzdopen(descriptor, "rb");
    if (file == NULL) {
        close(descriptor);
        return fail_memory(error, path);
    }
    fmap_status status = read_all(file, path, limit, bytes, n_bytes, error);
    int closed = gzclose_r(file);
    if (status == FMAP_OK && closed != Z_OK) { /* where zlib tells that the end is missing */
        status = fail(error, FMAP_ERROR_FORMAT, "'%s' is not a whole gzip file: it ends too early", path);
    }
    if (status != FMAP_OK) {
        free(*bytes);
        *bytes = NULL;
        *n_bytes = 0;
    }
    return status;
}

static bool write_all(int descriptor, const uint8_t *bytes, size_t n_bytes) {
    while (n_bytes > 0) {
        ssize_t written = write(descriptor, bytes, n_bytes);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            bytes += written;
            n_bytes -= (size_t)written;
        }
    }
    return true;
}

/* A device or a pipe cannot be replaced by renaming: /dev/null must stay what it is. */
static fmap_status write_in_place(const char *path, const void *bytes, size_t n_bytes, fmap_error *error) {
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return fail_errno(error, "write", path);
    }
    fmap_status status = FMAP_OK;
    if (!write_all(descriptor, bytes, n_bytes)) {
        status = fail_errno(error, "write", path);
    }
    if (close(descriptor) != 0 && status == FMAP_OK) {
        status = fail_errno(error, "write", path);
    }
    return status;
}

static bool is_special(const char *path) {
    struct stat what;
    return stat(path, &what) == 0 && !S_ISREG(what.st_mode) && !S_ISDIR(what.st_mode);
}

fmap_status file_write(const char *path, const void *bytes, size_t n_bytes, fmap_error *error) {
    if (is_special(path)) {
        return write_in_place(path, bytes, n_bytes, error);
    }
    size_t length = strlen(path) + sizeof ".XXXXXX";
    char *beside = malloc(length);
    if (beside == NULL) {
        return fail_memory(error, path);
    }
    snprintf(beside, length, "%s.XXXXXX", path);
    int descriptor = mkostemp(beside, O_CLOEXEC);
    if (descriptor < 0) {
        fmap_status status = fail_errno(error, "write", path);
        free(beside);
        return status;
    }
    mode_t mask = umask(0); /* mkostemp() makes files that nobody else can read */
    umask(mask);
    bool good = write_all(descriptor, bytes, n_bytes) && fchmod(descriptor, 0666 & ~mask) == 0;
    int number = errno;
    if (close(descriptor) != 0 && good) {
        good = false;
        number = errno;
    }
    if (good && rename(beside, path) != 0) {
        good = false;
        number = errno;
    }
    fmap_status status = FMAP_OK;
    if (!good) {
        unlink(beside);
        errno = number;
        status = fail_errno(error, "write", path);
    }
    free(beside);
    return status;
}
