/* An allocator that counts, and that fails when it is told to. */
#ifndef TESTS_FRAGILE_H
#define TESTS_FRAGILE_H

#include "fmap/fmap.h"

struct fragile {
    size_t n_calls;    /* of allocate */
    size_t fail_at;    /* the call, counted from 1, that fails, and all after it; 0: none */
    size_t n_live;     /* blocks that have not been released */
    size_t bytes_live; /* as released: a wrong size leaves a difference */
    size_t bytes_most; /* the largest sum of live bytes so far */
    bool only_one;     /* only that one call fails, not those after it */
};

fmap_allocator fragile_allocator(struct fragile *fragile);

#endif
