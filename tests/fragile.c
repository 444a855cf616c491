#include "fragile.h"

#include <stdlib.h>

static void *allocate(void *user, size_t bytes, size_t alignment) {
    struct fragile *fragile = user;
    size_t call = ++fragile->n_calls;
    bool fails = fragile->only_one ? call == fragile->fail_at : fragile->fail_at && call >= fragile->fail_at;
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void *memory = fails || rounded < bytes ? NULL : aligned_alloc(alignment, rounded ? rounded : alignment);
    if (!memory) return NULL;
    fragile->n_live++;
    fragile->bytes_live += bytes;
    if (fragile->bytes_live > fragile->bytes_most) fragile->bytes_most = fragile->bytes_live;
    return memory;
}

static void release(void *user, void *memory, size_t bytes) {
    struct fragile *fragile = user;
    fragile->n_live--;
    fragile->bytes_live -= bytes;
    free(memory);
}

fmap_allocator fragile_allocator(struct fragile *fragile) {
    return (fmap_allocator){.allocate = allocate, .release = release, .user = fragile};
}
