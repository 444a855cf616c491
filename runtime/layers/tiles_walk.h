/* How a part of a convolution by register tiles runs through its tiles (tiles_run.c). */
#ifndef FMAP_LAYERS_TILES_WALK_H
#define FMAP_LAYERS_TILES_WALK_H

#include "runtime/layers/tiles_job.h"

/* Everything that stays the same while a part runs through its tiles. */
struct fmap_tiles_walk {
    const struct fmap_tiles_job *job;
    const struct fmap_kernels *kernels;
    const float *src, *weights;
    float *dst;
    const float *residual; /* NULL: none */
    struct fmap_tile_position *positions;
    int n_positions;
    float *scratch;                 /* one tile, where groups are not aligned */
    int64_t first_pixel;            /* of the line, where tile.src points */
    float *gathered;                /* pixels of a block of tiles: [block of channels][pixel][16] */
    int64_t first_panel, panel_end; /* of the part: the first one's weights are fetched with the last one */
    struct fmap_tile tile;
};

/* The walk of a step, of no part yet: it has no panels. */
struct fmap_tiles_walk fmap_tiles_walk_of(const struct fmap_run *run, const struct fmap_step *step);

/* Some tiles of one image with some panels. */
void fmap_tiles_run(struct fmap_tiles_walk *walk, int64_t image, int64_t tile, int64_t tile_end,
                    int64_t panel, int64_t panel_end);

#endif
