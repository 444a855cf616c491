/* Where the outputs of Winograd's tiles are, and what is done to them once they are stored. */
#ifndef FMAP_WINOGRAD_PLACES_H
#define FMAP_WINOGRAD_PLACES_H

#include "activate.h"

static int between(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

/* The output that a tile begins with, along an axis where it has `size` outputs. */
INLINE int begin_of(int tile, int size, int dilation) {
    return tile / dilation * dilation * size + tile % dilation;
}

/* Outputs of a tile, and how many pixels they are apart: its dilations. */
struct tile_size {
    int rows, columns;
    int down, across;
};

/* Where an output of the job is, and how much of it. Its pixels are `pitch` elements apart. */
struct output_place {
    float *dst;
    ptrdiff_t row_stride, pitch;
    int rows, columns;
};

INLINE struct output_place place_of(const struct fmap_winograd_output *job, int i, struct tile_size size,
                                    int height, int width) {
    int tile = job->first_tile + i;
    int top = begin_of(tile / job->tiles_per_row, size.rows, size.down);
    int left = begin_of(tile % job->tiles_per_row, size.columns, size.across);
    return (struct output_place){job->dst + (top * (ptrdiff_t)width + left) * FMAP_BLOCK,
                                 (ptrdiff_t)size.down * width * FMAP_BLOCK,
                                 (ptrdiff_t)size.across * FMAP_BLOCK,
                                 between((height - top + size.down - 1) / size.down, 0, size.rows),
                                 between((width - left + size.across - 1) / size.across, 0, size.columns)};
}

/* Whether the activation is one that outputs get on their way to memory. */
INLINE int is_clip(const struct fmap_winograd_output *job) {
    return job->activate.kind == FMAP_ACTIVATE_CLIP && !job->residual;
}

/* To the outputs just stored, before their activation. */
static __attribute__((noinline)) void add_residual(const struct fmap_winograd_output *job,
                                                   struct tile_size size) {
    for (int i = 0; i < job->n_tiles; i++) {
        struct output_place place = place_of(job, i, size, job->height, job->width);
        for (int y = 0; y < place.rows; y++) {
            float *row = place.dst + y * place.row_stride;
            const float *residual = job->residual + (row - job->dst);
            for (ptrdiff_t x = 0; x < place.columns * place.pitch; x += place.pitch)
                v_store(row + x, v_add(v_load(row + x), v_load(residual + x)));
        }
    }
}

/* Activations that are not a clip, or come behind a sum, over the outputs just stored. */
static __attribute__((noinline)) void activate_outputs(const struct fmap_winograd_output *job,
                                                       struct tile_size size) {
    for (int i = 0; i < job->n_tiles; i++) {
        struct output_place place = place_of(job, i, size, job->height, job->width);
        for (int y = 0; y < place.rows; y++) {
            float *row = place.dst + y * place.row_stride;
            K(activate)(row, row, place.pitch, place.columns, &job->activate);
        }
    }
}

#endif
