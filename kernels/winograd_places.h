/* Where the outputs of Winograd's tiles are, and what is done to them once they are stored. */
#ifndef FMAP_WINOGRAD_PLACES_H
#define FMAP_WINOGRAD_PLACES_H

#include "activate.h"

static int between(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

/* The output that a tile begins with, along an axis where it has `size` outputs. */
INLINE int begin_of(int tile, int size, int dilation) {
    return dilation == 1 ? tile * size : tile / dilation * dilation * size + tile % dilation;
}

/* How many pixels of a phase that are `dilation` apart begin below n, the first of them at 0; none for n < 0. */
INLINE int pixels_below(int n, int dilation) { return dilation == 1 ? n : (n + dilation - 1) / dilation; }

/* Where an output of the job is, and how much of it. Its pixels are `pitch` elements apart. */
struct output_place {
    float *dst;
    ptrdiff_t row_stride, pitch;
    int rows, columns;
};

/* Of a tile of rows x columns in a map of height x width; down and across are the dilations. */
INLINE struct output_place place_of(const struct fmap_winograd_output *job, int i, int rows, int columns,
                                    int height, int width, int down, int across) {
    int tile = job->first_tile + i;
    int top = begin_of(tile / job->tiles_per_row, rows, down);
    int left = begin_of(tile % job->tiles_per_row, columns, across);
    return (struct output_place){job->dst + (top * (ptrdiff_t)width + left) * FMAP_BLOCK,
                                 (ptrdiff_t)down * width * FMAP_BLOCK, (ptrdiff_t)across * FMAP_BLOCK,
                                 between(pixels_below(height - top, down), 0, rows),
                                 between(pixels_below(width - left, across), 0, columns)};
}

/* That of a tile which was just stored. */
INLINE struct output_place stored_place(const struct fmap_winograd_output *job, int i, int rows,
                                        int columns) {
    int down = rows > 1 ? job->dilations[0] : 1, across = columns > 1 ? job->dilations[1] : 1;
    return place_of(job, i, rows, columns, job->height, job->width, down, across);
}

/* Whether the activation is one that outputs get on their way to memory. */
INLINE int is_clip(const struct fmap_winograd_output *job) {
    return job->activate.kind == FMAP_ACTIVATE_CLIP && !job->residual;
}

/* To the outputs just stored, before their activation. */
static __attribute__((noinline)) void add_residual(const struct fmap_winograd_output *job, int rows,
                                                   int columns) {
    for (int i = 0; i < job->n_tiles; i++) {
        struct output_place place = stored_place(job, i, rows, columns);
        for (int y = 0; y < place.rows; y++) {
            float *row = place.dst + y * place.row_stride;
            const float *residual = job->residual + (row - job->dst);
            for (ptrdiff_t x = 0; x < place.columns * place.pitch; x += place.pitch)
                v_store(row + x, v_add(v_load(row + x), v_load(residual + x)));
        }
    }
}

/* Activations that are not a clip, or come behind a sum, over the outputs just stored. */
static __attribute__((noinline)) void activate_outputs(const struct fmap_winograd_output *job, int rows,
                                                       int columns) {
    for (int i = 0; i < job->n_tiles; i++) {
        struct output_place place = stored_place(job, i, rows, columns);
        for (int y = 0; y < place.rows; y++) {
            float *row = place.dst + y * place.row_stride;
            K(activate)(row, row, place.pitch, place.columns, &job->activate);
        }
    }
}

#endif
