#include "runtime/storage.h"

#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

/* Chunks grow with what the storage holds, so that many small tensors come to share a few huge pages. */
enum { ALIGNMENT = 64, LEAST_CHUNK_BYTES = 64 * 1024, MOST_CHUNK_BYTES = 16 * 1024 * 1024 };

static const size_t HUGE_PAGE_BYTES = (size_t)2 * 1024 * 1024;

struct storage_chunk {
    struct storage_chunk *next;
    size_t bytes; /* all of it, with this header */
    size_t used;
};

/* Large memory asks for huge pages: they are touched a hundred times faster than small ones, and a panel's streams of
 * weights, pixels and outputs need few entries of the table of pages. A kernel that has none goes on without. */
static void *default_allocate(void *user, size_t bytes, size_t alignment) {
    (void)user;
    if (bytes >= HUGE_PAGE_BYTES && alignment < HUGE_PAGE_BYTES) alignment = HUGE_PAGE_BYTES;
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void *memory = rounded < bytes ? NULL : aligned_alloc(alignment, rounded);
#ifdef MADV_HUGEPAGE
    if (memory && bytes >= HUGE_PAGE_BYTES) (void)madvise(memory, rounded, MADV_HUGEPAGE);
#endif
    return memory;
}

static void default_release(void *user, void *memory, size_t bytes) {
    (void)user;
    (void)bytes;
    free(memory);
}

fmap_allocator fmap_allocator_or_default(const fmap_allocator *allocator) {
    fmap_allocator result = {.allocate = default_allocate, .release = default_release};
    if (allocator && allocator->allocate && allocator->release) result = *allocator;
    return result;
}

static struct storage_chunk *add_chunk(struct fmap_storage *storage, size_t bytes) {
    struct storage_chunk *chunk = storage->allocator.allocate(storage->allocator.user, bytes, ALIGNMENT);
    if (!chunk) return NULL;
    *chunk = (struct storage_chunk){.next = storage->chunks, .bytes = bytes, .used = ALIGNMENT};
    storage->chunks = chunk;
    return chunk;
}

/* As much again as there is, within limits. */
static size_t chunk_bytes(const struct fmap_storage *storage, size_t needed) {
    size_t bytes = LEAST_CHUNK_BYTES;
    for (const struct storage_chunk *chunk = storage->chunks; chunk && bytes < MOST_CHUNK_BYTES;
         chunk = chunk->next) {
        bytes += chunk->bytes;
    }
    if (bytes > MOST_CHUNK_BYTES) bytes = MOST_CHUNK_BYTES;
    return needed > bytes ? needed : bytes;
}

void *fmap_storage_take_raw(struct fmap_storage *storage, size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - 2 * ALIGNMENT) return NULL;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct storage_chunk *chunk = storage->chunks;
    if (!chunk || chunk->bytes - chunk->used < bytes) {
        chunk = add_chunk(storage, chunk_bytes(storage, bytes + ALIGNMENT));
        if (!chunk) return NULL;
    }
    void *memory = (char *)chunk + chunk->used;
    chunk->used += bytes;
    return memory;
}

void *fmap_storage_take(struct fmap_storage *storage, size_t n, size_t size) {
    void *memory = fmap_storage_take_raw(storage, n, size);
    return memory ? memset(memory, 0, n * size) : NULL;
}

char *fmap_storage_text(struct fmap_storage *storage, const char *text) {
    return fmap_storage_copy(storage, text, strlen(text) + 1, 1);
}

void *fmap_storage_copy(struct fmap_storage *storage, const void *source, size_t n, size_t size) {
    void *copy = fmap_storage_take(storage, n, size);
    if (copy && n * size > 0) memcpy(copy, source, n * size);
    return copy;
}

void *fmap_storage_grow(struct fmap_storage *storage, void *array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity) return array;
    size_t larger = *capacity ? 2 * *capacity : 8;
    void *copy = fmap_storage_take(storage, larger, size);
    if (!copy) return NULL;
    if (n > 0) memcpy(copy, array, n * size);
    *capacity = larger;
    return copy;
}

void fmap_storage_release(struct fmap_storage *storage) {
    struct storage_chunk *chunk = storage->chunks;
    while (chunk) {
        struct storage_chunk *next = chunk->next;
        storage->allocator.release(storage->allocator.user, chunk, chunk->bytes);
        chunk = next;
    }
    storage->chunks = NULL;
}
