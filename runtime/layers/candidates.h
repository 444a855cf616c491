/* The best few of many: a heap of candidates. */
#ifndef FMAP_LAYERS_CANDIDATES_H
#define FMAP_LAYERS_CANDIDATES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* An element as a number that is ordered as integers are, and where it was. */
struct fmap_candidate {
    int64_t key, index;
};

/* The bits of a float, made ascending; both zeros are one number, and so are all NaN, larger than all numbers. */
static inline int64_t fmap_key_of_float(float x) {
    int32_t bits;
    if (x != x) return INT64_MAX;
    memcpy(&bits, &x, sizeof bits);
    return bits >= 0 ? bits : -(int64_t)(bits & INT32_MAX);
}

/* The larger one comes first, and of equal ones the one that was first. */
static inline bool fmap_candidate_before(const struct fmap_candidate *a, const struct fmap_candidate *b) {
    return a->key != b->key ? a->key > b->key : a->index < b->index;
}

/* Moves the candidate at `at` down to its place in a heap of n whose root comes last of all. */
static inline void fmap_candidate_sink(struct fmap_candidate *heap, int64_t n, int64_t at) {
    struct fmap_candidate moved = heap[at];
    for (int64_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && fmap_candidate_before(&heap[child], &heap[child + 1])) child++;
        if (!fmap_candidate_before(&moved, &heap[child])) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

/* Makes a heap of n candidates in any order. */
static inline void fmap_candidate_heap(struct fmap_candidate *heap, int64_t n) {
    for (int64_t at = n / 2 - 1; at >= 0; at--) fmap_candidate_sink(heap, n, at);
}

#endif
