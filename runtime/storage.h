/* Memory that is given back all at once: everything a model or a plan owns. */
#ifndef FMAP_RUNTIME_STORAGE_H
#define FMAP_RUNTIME_STORAGE_H

#include "fmap/fmap.h"

struct storage_chunk;

struct fmap_storage {
    fmap_allocator allocator;
    struct storage_chunk *chunks;
};

/* Completes an allocator that is NULL or has NULL members. */
fmap_allocator fmap_allocator_or_default(const fmap_allocator *allocator);

/* n * size zeroed bytes, aligned to 64, or NULL when there are none or the product overflows. Zero bytes
 * give a valid pointer. */
void *fmap_storage_take(struct fmap_storage *storage, size_t n, size_t size);

/* The same, but the bytes hold anything: for what is written whole before it is read. Whoever writes them first, perhaps
 * on several threads, is who waits for the system to hand out their pages. */
void *fmap_storage_take_raw(struct fmap_storage *storage, size_t n, size_t size);

/* A copy of the string, or NULL. */
char *fmap_storage_text(struct fmap_storage *storage, const char *text);

/* A copy of n * size bytes, or NULL. */
void *fmap_storage_copy(struct fmap_storage *storage, const void *source, size_t n, size_t size);

/* Room for one more element in an array of n with the capacity *capacity: the array itself or a larger copy
 * (the old one stays until the end). NULL, with nothing changed, when there is no memory. */
void *fmap_storage_grow(struct fmap_storage *storage, void *array, size_t n, size_t *capacity, size_t size);

void fmap_storage_release(struct fmap_storage *storage);

#endif
