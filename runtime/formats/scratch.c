#include "scratch.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, BLOCK_BYTES = 64 * 1024 };

struct fmap_scratch_block {
    struct fmap_scratch_block *next;
    size_t bytes; /* with this header */
    size_t used;
};

enum { HEADER_BYTES = (sizeof(struct fmap_scratch_block) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT };

/* aligned_alloc() wants a multiple of the alignment. False when there is none in a size_t. */
static bool round_up(size_t *bytes) {
    if (*bytes > SIZE_MAX - ALIGNMENT) return false;
    *bytes = (*bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return true;
}

void *fmap_scratch_allocate_from(const fmap_allocator *allocator, size_t bytes) {
    if (!round_up(&bytes)) return NULL;
    if (allocator && allocator->allocate) return allocator->allocate(allocator->user, bytes, ALIGNMENT);
    return aligned_alloc(ALIGNMENT, bytes);
}

void fmap_scratch_release_to(const fmap_allocator *allocator, void *memory, size_t bytes) {
    if (!memory || !round_up(&bytes)) return;
    if (allocator && allocator->allocate) {
        if (allocator->release) allocator->release(allocator->user, memory, bytes);
    } else {
        free(memory);
    }
}

void fmap_scratch_init(struct fmap_scratch *scratch, const fmap_allocator *allocator) {
    *scratch = (struct fmap_scratch){0};
    if (allocator) scratch->allocator = *allocator;
}

static struct fmap_scratch_block *add_block(struct fmap_scratch *scratch, size_t bytes) {
    if (bytes > SIZE_MAX - HEADER_BYTES) return NULL;
    size_t total = bytes + HEADER_BYTES;
    if (total < BLOCK_BYTES) total = BLOCK_BYTES;
    struct fmap_scratch_block *block = fmap_scratch_allocate_from(&scratch->allocator, total);
    if (!block) return NULL;
    *block = (struct fmap_scratch_block){.next = scratch->blocks, .bytes = total, .used = HEADER_BYTES};
    scratch->blocks = block;
    return block;
}

void *fmap_scratch_array(struct fmap_scratch *scratch, size_t count, size_t size) {
    if (size && count > SIZE_MAX / size) return NULL;
    size_t bytes = count * size;
    if (!round_up(&bytes)) return NULL;
    struct fmap_scratch_block *block = scratch->blocks;
    if (!block || block->bytes - block->used < bytes) {
        block = add_block(scratch, bytes);
        if (!block) return NULL;
    }
    void *memory = (char *)block + block->used;
    block->used += bytes;
    return memory;
}

void *fmap_scratch_grow(struct fmap_scratch *scratch, const void *array, size_t *capacity, size_t wanted,
                        size_t size) {
    size_t larger = *capacity <= SIZE_MAX / 2 && *capacity * 2 > wanted ? *capacity * 2 : wanted;
    if (larger < 8) larger = 8;
    void *memory = fmap_scratch_array(scratch, larger, size);
    if (!memory) return NULL;
    if (array && *capacity) memcpy(memory, array, *capacity * size);
    *capacity = larger;
    return memory;
}

/* Frees all blocks, but one of the usual size when `keep_one`. */
static void release_blocks(struct fmap_scratch *scratch, bool keep_one) {
    struct fmap_scratch_block *kept = NULL;
    struct fmap_scratch_block *block = scratch->blocks;
    while (block) {
        struct fmap_scratch_block *next = block->next;
        if (keep_one && !kept && block->bytes == BLOCK_BYTES) {
            kept = block;
            *kept = (struct fmap_scratch_block){.bytes = BLOCK_BYTES, .used = HEADER_BYTES};
        } else {
            fmap_scratch_release_to(&scratch->allocator, block, block->bytes);
        }
        block = next;
    }
    scratch->blocks = kept;
}

void fmap_scratch_reset(struct fmap_scratch *scratch) { release_blocks(scratch, true); }

void fmap_scratch_destroy(struct fmap_scratch *scratch) { release_blocks(scratch, false); }
