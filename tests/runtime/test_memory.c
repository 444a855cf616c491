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
    struct fmap_arena arena = {.bytes = 1};
    cr_assert_eq(fmap_place_buffers(&storage, buffers, n, &arena, NULL), FMAP_OK);
    fmap_storage_release(&storage);
    cr_assert_leq(arena.least_bytes, arena.bytes);
    return arena.bytes;
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

/* ---- how good the placement is --------------------------------------------------------------------------- */

enum { MOST_EXACT = 7 };

/* The lowest place for buffer `order[k]` when those before it in the order are placed. */
static size_t lowest_place(const struct fmap_buffer *buffers, const size_t *order, size_t k,
                           const size_t *offsets) {
    size_t offset = 0;
    for (size_t i = 0; i < k;) {
        const struct fmap_buffer *other = &buffers[order[i]], *buffer = &buffers[order[k]];
        bool clash = live_together(other, buffer) && offset < offsets[order[i]] + other->bytes &&
                     offsets[order[i]] < offset + buffer->bytes;
        if (clash) offset = offsets[order[i]] + other->bytes;
        i = clash ? 0 : i + 1;
    }
    return offset;
}

/* The least arena over all orders: any placement, let down by its offsets, is that of one of them. */
static size_t exact_bytes(const struct fmap_buffer *buffers, size_t n, size_t k, size_t *order,
                          size_t *offsets, size_t bytes) {
    if (k == n) return bytes;
    size_t best = SIZE_MAX;
    for (size_t i = k; i < n; i++) {
        size_t swapped = order[k];
        order[k] = order[i];
        order[i] = swapped;
        offsets[order[k]] = lowest_place(buffers, order, k, offsets);
        size_t end = offsets[order[k]] + buffers[order[k]].bytes;
        size_t sum = exact_bytes(buffers, n, k + 1, order, offsets, end > bytes ? end : bytes);
        if (sum < best) best = sum;
        order[i] = order[k];
        order[k] = swapped;
    }
    return best;
}

Test(memory, small_problems_are_solved_as_well_as_trying_everything_does) {
    enum { ROUNDS = 400, STEPS = 8 };
    uint64_t seed = 4;
    size_t n_worse = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct fmap_buffer buffers[MOST_EXACT];
        size_t n = 1 + check_random(&seed) % MOST_EXACT, order[MOST_EXACT], offsets[MOST_EXACT];
        for (size_t i = 0; i < n; i++) {
            size_t first = check_random(&seed) % STEPS, length = check_random(&seed) % 4;
            buffers[i] = (struct fmap_buffer){.bytes = 64 * (1 + check_random(&seed) % 9),
                                              .first_step = first,
                                              .last_step = first + length,
                                              .used = true};
            order[i] = i;
        }
        size_t arena_bytes = place(buffers, n);
        check_placement(buffers, n, STEPS + 4, arena_bytes);
        size_t exact = exact_bytes(buffers, n, 0, order, offsets, 0);
        cr_assert_geq(arena_bytes, exact);
        cr_assert_leq(4 * arena_bytes, 5 * exact, "%zu instead of %zu", arena_bytes, exact);
        n_worse += arena_bytes > exact;
    }
    cr_assert_leq(100 * n_worse, ROUNDS, "%zu of %d are worse than need be", n_worse, ROUNDS);
}

/* Layers of a residual network: what goes around a block lives as long as the block. */
Test(memory, generated_networks_take_hardly_more_than_lives_at_once) {
    enum { LAYERS = 120, MOST = 2 * LAYERS };
    uint64_t seed = 8;
    for (int round = 0; round < 100; round++) {
        struct fmap_buffer buffers[MOST];
        size_t n = 0, bytes = 1 << 20;
        for (size_t step = 0; step < LAYERS; step++) {
            if (check_random(&seed) % 8 == 0) bytes = bytes / 2 + 64;
            size_t around = check_random(&seed) % 3 == 0 ? 2 + check_random(&seed) % 4 : 1;
            size_t size = (size_t)(bytes * (1 + check_random(&seed) % 4) / 2);
            buffers[n++] = (struct fmap_buffer){
                .bytes = size, .first_step = step, .last_step = step + around, .used = true};
        }
        size_t arena_bytes = place(buffers, n), least = least_bytes(buffers, n, LAYERS + 6);
        check_placement(buffers, n, LAYERS + 6, arena_bytes);
        cr_assert_leq(10 * arena_bytes, 13 * least, "%zu for %zu", arena_bytes, least);
    }
}

/* ---- in place -------------------------------------------------------------------------------------------- */

Test(memory, an_output_takes_the_place_of_what_is_read_for_the_last_time) {
    enum { N = 10 };
    struct fmap_buffer buffers[N];
    for (size_t i = 0; i < N; i++) {
        buffers[i] = (struct fmap_buffer){
            .bytes = 6400, .first_step = i, .last_step = i + 1, .used = true, .choices = {i}};
    }
    cr_assert_eq(place(buffers, N), 6400u);
    for (size_t i = 0; i < N; i++) cr_assert_eq(buffers[i].offset, 0u);
}

Test(memory, the_second_choice_is_taken_where_the_first_lives_on) {
    struct fmap_buffer buffers[3] = {
        {.bytes = 640, .first_step = 0, .last_step = 5, .used = true},
        {.bytes = 640, .first_step = 1, .last_step = 2, .used = true},
        {.bytes = 640, .first_step = 2, .last_step = 3, .used = true, .choices = {1, 2}}};
    cr_assert_eq(place(buffers, 3), 1280u);
    cr_assert_eq(buffers[2].offset, buffers[1].offset);
    cr_assert_neq(buffers[2].offset, buffers[0].offset);
}

Test(memory, what_does_not_fit_or_lives_on_keeps_its_place) {
    struct fmap_buffer larger[2] = {
        {.bytes = 640, .last_step = 1, .used = true},
        {.bytes = 704, .first_step = 1, .last_step = 2, .used = true, .choices = {1}}};
    cr_assert_eq(place(larger, 2), 1344u);
    struct fmap_buffer lives_on[2] = {
        {.bytes = 640, .last_step = 2, .used = true},
        {.bytes = 640, .first_step = 1, .last_step = 2, .used = true, .choices = {1}}};
    cr_assert_eq(place(lives_on, 2), 1280u);
    struct fmap_buffer local[2] = {
        {.bytes = 640, .last_step = 1, .used = true, .local = true},
        {.bytes = 640, .first_step = 1, .last_step = 2, .used = true, .choices = {1}}};
    cr_assert_eq(place(local, 2), 1280u);
}
