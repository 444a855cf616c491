/* Rows of an image that are computed a few at a time and kept as long as a window that slides down over them needs them. */
#ifndef FMAP_LAYERS_ROW_RING_H
#define FMAP_LAYERS_ROW_RING_H

#include <stdint.h>
#include <string.h>

/* Along the height: `reach` rows are under one row of the window's output. */
struct fmap_row_window {
    int64_t stride, pad, reach, height;
};

static inline int64_t fmap_row_inside(const struct fmap_row_window *window, int64_t row) {
    return row < 0 ? 0 : row > window->height ? window->height : row;
}

/* The first and the end of the rows under output rows [first, end). */
static inline int64_t fmap_row_first_under(const struct fmap_row_window *window, int64_t first) {
    return fmap_row_inside(window, first * window->stride - window->pad);
}
static inline int64_t fmap_row_end_under(const struct fmap_row_window *window, int64_t end) {
    return fmap_row_inside(window, (end - 1) * window->stride - window->pad + window->reach);
}

/* A ring that held rows from `old_first` to `end` of each block's plane keeps those from `first` on, at its beginning. */
static inline void fmap_row_ring_keep(float *ring, int64_t n_blocks, int64_t plane, int64_t row,
                                      int64_t old_first, int64_t first, int64_t end) {
    if (first <= old_first || end <= first) return;
    for (int64_t block = 0; block < n_blocks; block++, ring += plane)
        memmove(ring, ring + (first - old_first) * row, (size_t)((end - first) * row) * sizeof *ring);
}

#endif
