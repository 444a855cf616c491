/* A file as memory, without reading it. */
#ifndef FMAP_FORMATS_MAPPED_FILE_H
#define FMAP_FORMATS_MAPPED_FILE_H

#include <fmap/base.h>

struct fmap_mapped_file {
    const uint8_t *data;
    size_t bytes; /* never 0 */
    fmap_allocator allocator;
};

/* Maps a regular file for reading. Errors: IO, FORMAT (it is empty), LIMIT, MEMORY. */
fmap_status fmap_mapped_file_open(const char *path, const fmap_allocator *allocator,
                                  struct fmap_mapped_file **file, fmap_error *error);

/* The same for a file beside another one, or below its folder: `location` is a relative path, which may neither
 * leave that folder ("..", an absolute path: FORMAT) nor lead over a symbolic link (IO). Sentences name the location. */
fmap_status fmap_mapped_file_open_beside(const char *path, const char *location,
                                         const fmap_allocator *allocator, struct fmap_mapped_file **file,
                                         fmap_error *error);

/* Asks the system to begin reading the first bytes of the file in from the disk; nobody waits for it. */
void fmap_mapped_file_prefetch(const struct fmap_mapped_file *file, size_t bytes);

/* Takes a struct fmap_mapped_file *; void, so that it can be given to fmap_model_keep(). */
void fmap_mapped_file_close(void *file);

#endif
