#include "mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/status.h"
#include "scratch.h"
#include "text.h"

static fmap_status fail(fmap_error *error, fmap_status status, const char *path, const char *why) {
    return fmap_fail(error, status, "%s: %s", fmap_text_show_path(path).text, why);
}

/* Maps an open file; the mapping stays when the descriptor is closed. */
static fmap_status map(int descriptor, const char *path, struct fmap_mapped_file *file, fmap_error *error) {
    struct stat about;
    if (fstat(descriptor, &about) != 0) return fail(error, FMAP_ERROR_IO, path, strerror(errno));
    if (S_ISDIR(about.st_mode))
        return fail(error, FMAP_ERROR_IO, path, "this is a directory, not a model file");
    if (!S_ISREG(about.st_mode)) return fail(error, FMAP_ERROR_IO, path, "this is not a regular file");
    if (about.st_size == 0) return fail(error, FMAP_ERROR_FORMAT, path, "the file is empty");
    if ((uintmax_t)about.st_size > PTRDIFF_MAX)
        return fail(error, FMAP_ERROR_LIMIT, path, "the file is too large");

    size_t bytes = (size_t)about.st_size;
    void *data = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) {
        return fail(error, errno == ENOMEM ? FMAP_ERROR_MEMORY : FMAP_ERROR_IO, path, strerror(errno));
    }
    file->data = data;
    file->bytes = bytes;
    return FMAP_OK;
}

/* Maps the file behind a descriptor, which is closed; below 0, errno says why there is none. */
static fmap_status open_mapping(int descriptor, const char *path, const fmap_allocator *allocator,
                                struct fmap_mapped_file **file, fmap_error *error) {
    int reason = errno;
    struct fmap_mapped_file *mapped = fmap_scratch_allocate_from(allocator, sizeof *mapped);
    fmap_status status;
    if (!mapped) {
        status = fail(error, FMAP_ERROR_MEMORY, path, "out of memory");
    } else {
        *mapped = (struct fmap_mapped_file){0};
        if (allocator) mapped->allocator = *allocator;
        status = descriptor < 0 ? fail(error, FMAP_ERROR_IO, path, strerror(reason))
                                : map(descriptor, path, mapped, error);
    }
    if (descriptor >= 0) (void)close(descriptor);
    if (status != FMAP_OK) {
        fmap_mapped_file_close(mapped);
        return status;
    }
    *file = mapped;
    return FMAP_OK;
}

/* Non-blocking, because opening a pipe would otherwise wait for somebody to write into it. */
static const int how_to_open = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

fmap_status fmap_mapped_file_open(const char *path, const fmap_allocator *allocator,
                                  struct fmap_mapped_file **file, fmap_error *error) {
    return open_mapping(open(path, how_to_open), path, allocator, file, error);
}

/* ---- files beside another one ------------------------------------------------------------------------ */

/* Copies the next part of a path to `part` and moves on behind it; false when it is too long. */
static bool next_part(const char **path, char part[static NAME_MAX + 1]) {
    size_t bytes = strcspn(*path, "/");
    if (bytes > NAME_MAX) return false;
    memcpy(part, *path, bytes);
    part[bytes] = 0;
    *path += bytes;
    *path += strspn(*path, "/");
    return true;
}

/* The folder that a file lies in. The caller chose it, so links on the way are followed. */
static int open_folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char folder[PATH_MAX];
    size_t bytes = (size_t)(slash - path) + 1;
    if (bytes >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(folder, path, bytes);
    folder[bytes] = 0;
    return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Goes down from a folder, which is closed, part by part: no part may be a link. */
static int open_below(int folder, const char *location) {
    char part[NAME_MAX + 1];
    int at = folder;
    while (at >= 0) {
        int next = -1;
        if (next_part(&location, part))
            next = openat(at, part,
                          (*location ? O_PATH | O_DIRECTORY | O_CLOEXEC : how_to_open) | O_NOFOLLOW);
        else
            errno = ENAMETOOLONG;
        int reason = errno;
        (void)close(at);
        errno = reason;
        if (!*location) return next;
        at = next;
    }
    return at;
}

/* Why a location may not be opened; NULL when it may. */
static const char *fault_of(const char *location) {
    if (!*location) return "the name of the file is empty";
    if (*location == '/') return "this is an absolute path, expected a name relative to the model's folder";
    for (const char *part = location; *part;) {
        size_t bytes = strcspn(part, "/");
        if (bytes == 2 && strncmp(part, "..", 2) == 0)
            return "'..' leads out of the model's folder, which is not allowed";
        part += bytes;
        part += strspn(part, "/");
        if (!*part && part[-1] == '/') return "this is a directory, expected a file";
    }
    return NULL;
}

fmap_status fmap_mapped_file_open_beside(const char *path, const char *location,
                                         const fmap_allocator *allocator, struct fmap_mapped_file **file,
                                         fmap_error *error) {
    const char *fault = fault_of(location);
    if (fault) return fail(error, FMAP_ERROR_FORMAT, location, fault);
    int descriptor = open_below(open_folder_of(path), location);
    if (descriptor < 0 && errno == ELOOP)
        return fail(error, FMAP_ERROR_IO, location, "this is a symbolic link, and links are not followed");
    return open_mapping(descriptor, location, allocator, file, error);
}

void fmap_mapped_file_prefetch(const struct fmap_mapped_file *file, size_t bytes) {
    /* A hint: when it is refused, the pages come one by one as they are touched. */
    (void)posix_madvise((void *)(uintptr_t)file->data, bytes, POSIX_MADV_WILLNEED);
}

void fmap_mapped_file_close(void *file) {
    struct fmap_mapped_file *mapped = file;
    if (!mapped) return;
    if (mapped->data) (void)munmap((void *)(uintptr_t)mapped->data, mapped->bytes);
    fmap_allocator allocator = mapped->allocator;
    fmap_scratch_release_to(&allocator, mapped, sizeof *mapped);
}
