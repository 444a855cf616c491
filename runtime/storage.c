#include "runtime/storage.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, CHUNK_BYTES = 64 * 1024 };

struct storage_chunk {
    struct storage_chunk *next;
    size_t bytes; /* all of it, with this header */
    size_t used;
};

static void *default_allocate(void *user, size_t bytes, size_t alignment) {
    (void)user;
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    return rounded < bytes ? NULL : aligned_alloc(alignment, rounded);
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

void *fmap_storage_take(struct fmap_storage *storage, size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - 2 * ALIGNMENT) return NULL;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct storage_chunk *chunk = storage->chunks;
    if (!chunk || chunk->bytes - chunk->used < bytes) {
        size_t needed = bytes + ALIGNMENT;
        chunk = add_chunk(storage, needed > CHUNK_BYTES ? needed : CHUNK_BYTES);
        if (!chunk) return NULL;
    }
    void *memory = (char *)chunk + chunk->used;
    chunk->used += bytes;
    return memset(memory, 0, bytes);
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
