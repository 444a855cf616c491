/* The arena: buffers share memory when no step needs both.
 *
 * One after the other, each at the lowest place, or in the smallest gap, where nothing that lives at the same time is in
 * the way. What comes of it depends on the order, and no order is the best for all networks: several are tried,
 * "greedy by size" and "greedy by breadth" among them (Pisarchyk & Lee 2020, arXiv:2001.03288), then what ended highest
 * goes first. As soon as the arena is no larger than what lives at once in some step, nothing can be better. */
#include "runtime/plan.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, MOST_ROUNDS = 32 };

/* Looks at pairs of buffers that are worth taking: about 0.1 seconds. */
static const size_t MOST_LOOKS = (size_t)1 << 25;

/* A buffer in an order to try. */
struct candidate {
    struct fmap_buffer *buffer;
    double rank; /* the higher, the earlier */
    size_t offset;
};

struct placement {
    struct candidate *order;   /* to try now */
    struct candidate *best;    /* the order and the offsets that needed least */
    struct candidate **placed; /* by offset */
    size_t n;
    size_t arena_bytes; /* of the best */
    size_t least_bytes;
};

static bool live_together(const struct fmap_buffer *a, const struct fmap_buffer *b) {
    return a->first_step <= b->last_step && b->first_step <= a->last_step;
}

/* ---- one order ------------------------------------------------------------------------------------------- */

/* The lowest gap, or the smallest, between those of the placed buffers that are in the way. */
static size_t find_gap(const struct placement *placement, size_t n_placed, const struct fmap_buffer *buffer,
                       bool smallest) {
    size_t end = 0, best_gap = SIZE_MAX, best = 0;
    for (size_t i = 0; i < n_placed; i++) {
        const struct candidate *other = placement->placed[i];
        if (!live_together(other->buffer, buffer)) continue;
        if (other->offset >= end + buffer->bytes) {
            if (!smallest) return end;
            if (other->offset - end < best_gap) {
                best_gap = other->offset - end;
                best = end;
            }
        }
        size_t other_end = other->offset + other->buffer->bytes;
        if (other_end > end) end = other_end;
    }
    return best_gap < SIZE_MAX ? best : end;
}

/* Places all in the order; returns how much memory that takes. */
static size_t place_all(struct placement *placement, bool smallest) {
    size_t arena_bytes = 0;
    for (size_t i = 0; i < placement->n; i++) {
        struct candidate *candidate = &placement->order[i];
        candidate->offset = find_gap(placement, i, candidate->buffer, smallest);
        size_t end = candidate->offset + candidate->buffer->bytes, at = i;
        if (end > arena_bytes) arena_bytes = end;
        for (; at > 0 && placement->placed[at - 1]->offset > candidate->offset; at--)
            placement->placed[at] = placement->placed[at - 1];
        placement->placed[at] = candidate;
    }
    return arena_bytes;
}

/* The same; what needs less than all before is kept. */
static size_t try_fit(struct placement *placement, bool smallest) {
    size_t arena_bytes = place_all(placement, smallest);
    if (arena_bytes >= placement->arena_bytes) return arena_bytes;
    placement->arena_bytes = arena_bytes;
    memcpy(placement->best, placement->order, placement->n * sizeof *placement->best);
    return arena_bytes;
}

/* ---- orders ---------------------------------------------------------------------------------------------- */

static int by_rank(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? 1 : -1;
    if (x->buffer->bytes != y->buffer->bytes) return x->buffer->bytes < y->buffer->bytes ? 1 : -1;
    return x->buffer < y->buffer ? -1 : x->buffer > y->buffer; /* so that the order is the same everywhere */
}

enum order { BY_SIZE, BY_AREA, BY_BREADTH, BY_TIME, ORDERS };

/* `alive`: bytes in each step. */
static double rank_of(enum order order, const struct fmap_buffer *buffer, const size_t *alive) {
    size_t breadth = 0;
    switch (order) {
    case BY_AREA: return (double)buffer->bytes * (double)(buffer->last_step - buffer->first_step + 1);
    case BY_TIME: return -(double)buffer->first_step;
    case BY_BREADTH:
        for (size_t step = buffer->first_step; step <= buffer->last_step; step++)
            breadth = alive[step] > breadth ? alive[step] : breadth;
        return (double)breadth;
    default: return (double)buffer->bytes;
    }
}

/* What ended highest goes first. */
static void raise_highest(struct placement *placement, size_t arena_bytes) {
    size_t highest = 0;
    while (placement->order[highest].offset + placement->order[highest].buffer->bytes < arena_bytes)
        highest++;
    struct candidate first = placement->order[highest];
    memmove(placement->order + 1, placement->order, highest * sizeof *placement->order);
    placement->order[0] = first;
}

static void search(struct placement *placement, const size_t *alive) {
    size_t tries = placement->n > 0 ? MOST_LOOKS / placement->n / placement->n : 0;
    for (int order = 0; order < ORDERS; order++) {
        for (size_t i = 0; i < placement->n; i++)
            placement->order[i].rank = rank_of((enum order)order, placement->order[i].buffer, alive);
        qsort(placement->order, placement->n, sizeof *placement->order, by_rank);
        for (int smallest = 0; smallest < 2; smallest++) {
            (void)try_fit(placement, smallest);
            if (placement->arena_bytes == placement->least_bytes || tries-- == 0) return;
        }
    }
    size_t arena_bytes = placement->arena_bytes;
    memcpy(placement->order, placement->best, placement->n * sizeof *placement->order);
    for (int round = 0; round < MOST_ROUNDS && tries-- > 0; round++) {
        raise_highest(placement, arena_bytes);
        arena_bytes = try_fit(placement, false);
        if (arena_bytes == placement->least_bytes) return;
    }
}

/* ---- in place -------------------------------------------------------------------------------------------- */

/* A buffer that is written where another, which is as large, is read for the last time becomes a part of that. */
static void join_in_place(struct fmap_buffer *buffers, size_t n_buffers) {
    for (size_t i = 0; i < n_buffers; i++) {
        struct fmap_buffer *buffer = &buffers[i];
        for (int k = 0; k < FMAP_BUFFER_CHOICES && buffer->used && !buffer->joined; k++) {
            if (buffer->choices[k] == 0) continue;
            size_t other = buffer->choices[k] - 1;
            bool fits = buffers[other].used && buffers[other].local == buffer->local &&
                        buffers[other].bytes == buffer->bytes &&
                        buffers[other].last_step == buffer->first_step;
            if (fits) buffer->joined = other + 1;
        }
    }
}

/* The buffer whose place it shares: of a chain, the first. */
static struct fmap_buffer *place_of(struct fmap_buffer *buffers, struct fmap_buffer *buffer) {
    while (buffer->joined) buffer = &buffers[buffer->joined - 1];
    return buffer;
}

/* ---- all of it ------------------------------------------------------------------------------------------- */

/* Bytes alive in each step; returns the most. */
static size_t count_alive(const struct placement *placement, size_t *alive) {
    size_t most = 0;
    for (size_t i = 0; i < placement->n; i++) {
        const struct fmap_buffer *buffer = placement->order[i].buffer;
        for (size_t step = buffer->first_step; step <= buffer->last_step; step++) {
            alive[step] += buffer->bytes;
            if (alive[step] > most) most = alive[step];
        }
    }
    return most;
}

/* Buffers that get a place of their own; returns the last step that needs one. */
static size_t find_candidates(struct placement *placement, struct fmap_buffer *buffers, size_t n_buffers) {
    size_t last_step = 0;
    for (size_t i = 0; i < n_buffers; i++) {
        buffers[i].bytes = (buffers[i].bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        buffers[i].joined = 0;
        if (buffers[i].used && buffers[i].last_step > last_step) last_step = buffers[i].last_step;
    }
    join_in_place(buffers, n_buffers);
    for (size_t i = 0; i < n_buffers; i++) {
        if (!buffers[i].used) continue;
        if (!buffers[i].joined) placement->order[placement->n++] = (struct candidate){.buffer = &buffers[i]};
        struct fmap_buffer *place = place_of(buffers, &buffers[i]);
        if (buffers[i].last_step > place->last_step) place->last_step = buffers[i].last_step;
    }
    return last_step;
}

fmap_status fmap_place_buffers(struct fmap_storage *storage, struct fmap_buffer *buffers, size_t n_buffers,
                               struct fmap_arena *arena, fmap_error *error) {
    struct placement placement = {.arena_bytes = SIZE_MAX};
    placement.order = fmap_storage_take(storage, n_buffers, sizeof *placement.order);
    placement.best = fmap_storage_take(storage, n_buffers, sizeof *placement.best);
    placement.placed = fmap_storage_take(storage, n_buffers, sizeof *placement.placed);
    if (!placement.order || !placement.best || !placement.placed)
        return fmap_fail_memory(error, n_buffers * sizeof *placement.order);
    size_t last_step = find_candidates(&placement, buffers, n_buffers);
    size_t *alive = fmap_storage_take(storage, last_step + 1, sizeof *alive);
    if (!alive) return fmap_fail_memory(error, (last_step + 1) * sizeof *alive);
    placement.least_bytes = count_alive(&placement, alive);
    search(&placement, alive);
    for (size_t i = 0; i < placement.n; i++) placement.best[i].buffer->offset = placement.best[i].offset;
    for (size_t i = 0; i < n_buffers; i++) {
        if (buffers[i].used) buffers[i].offset = place_of(buffers, &buffers[i])->offset;
    }
    *arena = (struct fmap_arena){.bytes = placement.arena_bytes, .least_bytes = placement.least_bytes};
    return FMAP_OK;
}
