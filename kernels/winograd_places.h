/* Where the outputs of Winograd's tiles are, and what is done to them once they are stored. A tile has `rows` x `columns`. */
#ifndef FMAP_WINOGRAD_PLACES_H
#define FMAP_WINOGRAD_PLACES_H

#include "activate.h"

static int between(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

/* Where an output of the job is, and how much of it. */
struct output_place {
    float *dst;
    int rows, columns;
};

INLINE struct output_place place_of(const struct fmap_winograd_output *job, int i, int rows, int columns,
                                    int height, int width) {
    int tile = job->first_tile + i;
    int top = tile / job->tiles_per_row * rows, left = tile % job->tiles_per_row * columns;
    return (struct output_place){job->dst + (top * (ptrdiff_t)width + left) * FMAP_BLOCK,
                                 between(height - top, 0, rows), between(width - left, 0, columns)};
}

/* Whether the activation is one that outputs get on their way to memory. */
INLINE int is_clip(const struct fmap_winograd_output *job) {
    return job->activate.kind == FMAP_ACTIVATE_CLIP && !job->residual;
}

/* To the outputs just stored, before their activation. */
static __attribute__((noinline)) void add_residual(const struct fmap_winograd_output *job, int rows,
                                                   int columns) {
    ptrdiff_t row_stride = (ptrdiff_t)job->width * FMAP_BLOCK;
    for (int i = 0; i < job->n_tiles; i++) {
        struct output_place place = place_of(job, i, rows, columns, job->height, job->width);
        for (int y = 0; y < place.rows; y++) {
            float *row = place.dst + y * row_stride;
            const float *residual = job->residual + (row - job->dst);
            for (int x = 0; x < place.columns * FMAP_BLOCK; x += FMAP_BLOCK)
                v_store(row + x, v_add(v_load(row + x), v_load(residual + x)));
        }
    }
}

/* Activations that are not a clip, or come behind a sum, over the outputs just stored. */
static __attribute__((noinline)) void activate_outputs(const struct fmap_winograd_output *job, int rows,
                                                       int columns) {
    ptrdiff_t row_stride = (ptrdiff_t)job->width * FMAP_BLOCK;
    for (int i = 0; i < job->n_tiles; i++) {
        struct output_place place = place_of(job, i, rows, columns, job->height, job->width);
        for (int y = 0; y < place.rows; y++) {
            float *row = place.dst + y * row_stride;
            K(activate)(row, row, FMAP_BLOCK, place.columns, &job->activate);
        }
    }
}

#endif
