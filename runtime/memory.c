/* The arena: buffers share memory when no step needs both.
 *
 * Largest first, each at the lowest place where nothing that lives at the same time is in the way: "greedy by
 * size" (Pisarchyk & Lee 2020, arXiv:2001.03288). */
#include "runtime/plan.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 };

static int by_size(const void *a, const void *b) {
    const struct fmap_buffer *x = *(struct fmap_buffer *const *)a, *y = *(struct fmap_buffer *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y; /* so that the order is the same everywhere */
}

static int by_offset(const void *a, const void *b) {
    const struct fmap_buffer *x = *(struct fmap_buffer *const *)a, *y = *(struct fmap_buffer *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool live_together(const struct fmap_buffer *a, const struct fmap_buffer *b) {
    return a->first_step <= b->last_step && b->first_step <= a->last_step;
}

/* The lowest gap between the buffers in the way, which are sorted by their offsets. */
static size_t lowest_gap(struct fmap_buffer *const *in_the_way, size_t n, size_t bytes) {
    size_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        if (in_the_way[i]->offset >= offset + bytes) break;
        size_t end = in_the_way[i]->offset + in_the_way[i]->bytes;
        if (end > offset) offset = end;
    }
    return offset;
}

fmap_status fmap_place_buffers(struct fmap_storage *storage, struct fmap_buffer *buffers, size_t n_buffers,
                               size_t *arena_bytes, fmap_error *error) {
    struct fmap_buffer **order = fmap_storage_take(storage, n_buffers, sizeof *order);
    struct fmap_buffer **in_the_way = fmap_storage_take(storage, n_buffers, sizeof *in_the_way);
    if (!order || !in_the_way) return fmap_fail_memory(error, n_buffers * sizeof *order);
    size_t n = 0;
    for (size_t i = 0; i < n_buffers; i++) {
        if (!buffers[i].used) continue;
        buffers[i].bytes = (buffers[i].bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        order[n++] = &buffers[i];
    }
    qsort(order, n, sizeof *order, by_size);
    *arena_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        size_t n_in_the_way = 0;
        for (size_t j = 0; j < i; j++) {
            if (live_together(order[i], order[j])) in_the_way[n_in_the_way++] = order[j];
        }
        qsort(in_the_way, n_in_the_way, sizeof *in_the_way, by_offset);
        order[i]->offset = lowest_gap(in_the_way, n_in_the_way, order[i]->bytes);
        size_t end = order[i]->offset + order[i]->bytes;
        if (end > *arena_bytes) *arena_bytes = end;
    }
    return FMAP_OK;
}
