#include "mapped_file.h"

#include <errno.h>
#include <fcntl.h>
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

fmap_status fmap_mapped_file_open(const char *path, const fmap_allocator *allocator,
                                  struct fmap_mapped_file **file, fmap_error *error) {
    struct fmap_mapped_file *mapped = fmap_scratch_allocate_from(allocator, sizeof *mapped);
    if (!mapped) return fail(error, FMAP_ERROR_MEMORY, path, "out of memory");
    *mapped = (struct fmap_mapped_file){0};
    if (allocator) mapped->allocator = *allocator;

    fmap_status status;
    /* Non-blocking, because opening a pipe would otherwise wait for somebody to write into it. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        status = fail(error, FMAP_ERROR_IO, path, strerror(errno));
    } else {
        status = map(descriptor, path, mapped, error);
        (void)close(descriptor);
    }
    if (status != FMAP_OK) {
        fmap_mapped_file_close(mapped);
        return status;
    }
    *file = mapped;
    return FMAP_OK;
}

void fmap_mapped_file_prefetch(const struct fmap_mapped_file *file) {
    /* A hint: when it is refused, the pages come one by one as they are touched. */
    (void)posix_madvise((void *)(uintptr_t)file->data, file->bytes, POSIX_MADV_WILLNEED);
}

void fmap_mapped_file_close(void *file) {
    struct fmap_mapped_file *mapped = file;
    if (!mapped) return;
    if (mapped->data) (void)munmap((void *)(uintptr_t)mapped->data, mapped->bytes);
    fmap_allocator allocator = mapped->allocator;
    fmap_scratch_release_to(&allocator, mapped, sizeof *mapped);
}
