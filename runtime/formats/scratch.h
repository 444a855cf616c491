/* Scratch memory of a loader: allocated piece by piece, given back all at once. */
#ifndef FMAP_FORMATS_SCRATCH_H
#define FMAP_FORMATS_SCRATCH_H

#include <fmap/base.h>

struct fmap_scratch_block;

struct fmap_scratch {
    fmap_allocator allocator;
    struct fmap_scratch_block *blocks; /* the newest first */
};

/* Memory from the caller's allocator as fmap_allocator describes it: NULL, and NULL members, mean
 * aligned_alloc() and free(). */
void *fmap_scratch_allocate_from(const fmap_allocator *allocator, size_t bytes);
void fmap_scratch_release_to(const fmap_allocator *allocator, void *memory, size_t bytes);

/* `allocator` is copied and may be NULL. Allocates nothing yet. */
void fmap_scratch_init(struct fmap_scratch *scratch, const fmap_allocator *allocator);

/* `count` elements of `size` bytes, aligned for any C type, not set to anything. NULL when the product
 * overflows or the allocator has no more; never NULL for zero elements. */
void *fmap_scratch_array(struct fmap_scratch *scratch, size_t count, size_t size);

/* An array that grows: makes room for `wanted` elements in place of `capacity` ones, at least doubling,
 * so that adding one by one stays linear. NULL as above; the old array stays valid. */
void *fmap_scratch_grow(struct fmap_scratch *scratch, const void *array, size_t *capacity, size_t wanted,
                        size_t size);

/* Takes everything back; what was allocated before is gone. One block is kept for the next use. */
void fmap_scratch_reset(struct fmap_scratch *scratch);

void fmap_scratch_destroy(struct fmap_scratch *scratch);

#endif
