/* How the lines of a convolution's output see its source, for what is cut into tiles of a line's pixels. */
#ifndef FMAP_LAYERS_TILES_LINES_H
#define FMAP_LAYERS_TILES_LINES_H

#include "runtime/layers/tiles.h"

/* A column of the convolution's kernel, as a piece of a line sees it. */
struct fmap_tiles_column {
    ptrdiff_t offset; /* elements, from the start of a row of the source to pixel 0 of the piece */
    int32_t index;
    int16_t first, last; /* pixels of the piece for which it lies inside of the image */
};

struct fmap_tiles_lines {
    int64_t n; /* of an image: rows of output pixels, or 1 where all pixels make one line */
    int64_t kernel[2], strides[2], dilations[2], pads[2], in[2];
    const struct fmap_tiles_column *columns; /* [piece][n_columns[piece] of kernel width] */
    const int64_t *n_columns;
};

/* Without columns. */
struct fmap_tiles_lines fmap_tiles_lines_of(const struct fmap_tiles_problem *problem);

/* What of the kernel's columns each piece of a line sees: the same for all lines. */
fmap_status fmap_tiles_find_columns(struct fmap_planning *planning, const struct fmap_tiling *tiling,
                                    struct fmap_tiles_lines *lines);

/* The positions of the kernel that touch the image for piece `piece` of line y; returns their number. */
int fmap_tiles_find_positions(const struct fmap_tiles_lines *lines, int64_t y, int64_t piece,
                              struct fmap_tile_position *positions);

#endif
