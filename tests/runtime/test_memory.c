#include <criterion/criterion.h>

#include <stdlib.h>

#include "runtime/plan.h"
#include "tests/check.h"

enum { ALIGNMENT = 64 };

static bool live_together(const struct fmap_buffer *a, const struct fmap_buffer *b) {
    return a->used && b->used && a->first_step <= b->last_step && b->first_step <= a->last_step;
}

static bool overlap(const struct fmap_buffer *a, const struct fmap_buffer *b) {
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

/* The most that lives in one step: no arena can be smaller. */
static size_t least_bytes(const struct fmap_buffer *buffers, size_t n, size_t n_steps) {
    size_t most = 0;
    for (size_t step = 0; step < n_steps; step++) {
        size_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            if (buffers[i].used && buffers[i].first_step <= step && step <= buffers[i].last_step) {
                sum += buffers[i].bytes;
            }
        }
        if (sum > most) most = sum;
    }
    return most;
}

static size_t place(struct fmap_buffer *buffers, size_t n) {
    struct fmap_storage storage = {.allocator = fmap_allocator_or_default(NULL)};
    size_t arena_bytes = 1;
    cr_assert_eq(fmap_place_buffers(&storage, buffers, n, &arena_bytes, NULL), FMAP_OK);
    fmap_storage_release(&storage);
    return arena_bytes;
}

static void check_placement(const struct fmap_buffer *buffers, size_t n, size_t n_steps, size_t arena_bytes) {
    size_t end = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!buffers[i].used) continue;
        cr_assert_eq(buffers[i].offset % ALIGNMENT, 0u);
        sum += buffers[i].bytes;
        if (buffers[i].offset + buffers[i].bytes > end) end = buffers[i].offset + buffers[i].bytes;
        for (size_t j = 0; j < i; j++) {
            cr_assert_not(live_together(&buffers[i], &buffers[j]) && overlap(&buffers[i], &buffers[j]),
                          "buffers %zu and %zu of %zu overlap", j, i, n);
        }
    }
    cr_assert_eq(arena_bytes, end);
    cr_assert_leq(arena_bytes, sum);
    cr_assert_geq(arena_bytes, least_bytes(buffers, n, n_steps));
}

Test(memory, buffers_that_live_together_do_not_overlap) {
    enum { MOST = 80, STEPS = 50 };
    uint64_t seed = 1;
    for (int round = 0; round < 500; round++) {
        struct fmap_buffer buffers[MOST];
        size_t n = check_random(&seed) % MOST, longest = 1 + check_random(&seed) % STEPS;
        for (size_t i = 0; i < n; i++) {
            size_t first = check_random(&seed) % STEPS, length = check_random(&seed) % longest;
            buffers[i] = (struct fmap_buffer){.bytes = 1 + check_random(&seed) % 5000,
                                              .first_step = first,
                                              .last_step = first + length < STEPS ? first + length
                                                                                  : STEPS - 1,
                                              .used = check_random(&seed) % 8 != 0};
        }
        size_t arena_bytes = place(buffers, n);
        check_placement(buffers, n, STEPS, arena_bytes);
    }
}

/* A chain of layers, each reading the one before: two buffers at a time. */
Test(memory, a_chain_takes_no_more_than_its_largest_pair) {
    enum { N = 40 };
    struct fmap_buffer buffers[N];
    for (size_t i = 0; i < N; i++) {
        buffers[i] = (struct fmap_buffer){.bytes = 6400, .first_step = i, .last_step = i + 1, .used = true};
    }
    size_t arena_bytes = place(buffers, N);
    check_placement(buffers, N, N + 1, arena_bytes);
    cr_assert_eq(arena_bytes, 2u * 6400);
}

Test(memory, the_placement_is_the_same_every_time) {
    struct fmap_buffer a[3] = {{.bytes = 64, .last_step = 1, .used = true},
                               {.bytes = 64, .last_step = 1, .used = true},
                               {.bytes = 128, .last_step = 2, .used = true}};
    struct fmap_buffer b[3];
    for (int i = 0; i < 3; i++) b[i] = a[i];
    cr_assert_eq(place(a, 3), place(b, 3));
    for (int i = 0; i < 3; i++) cr_assert_eq(a[i].offset, b[i].offset);
}

Test(memory, nothing_to_place_takes_nothing) {
    struct fmap_buffer unused = {.bytes = 500};
    cr_assert_eq(place(&unused, 0), 0u);
    cr_assert_eq(place(&unused, 1), 0u);
}
