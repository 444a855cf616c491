/* What a convolution by register tiles is planned as, and run from. */
#ifndef FMAP_LAYERS_TILES_JOB_H
#define FMAP_LAYERS_TILES_JOB_H

#include "runtime/layers/tiles.h"

/* Outputs that one call of the tile makes: up to four vectors of one group. */
struct fmap_tiles_panel {
    int64_t weights; /* elements from the start */
    int64_t bias;
    int64_t first_output;
    int32_t n_outputs; /* fewer than the vectors hold in the last panel of a group */
    int32_t n_vectors;
    int64_t group;
};

/* A column of the convolution's kernel, as a piece of a line sees it. */
struct fmap_tiles_column {
    ptrdiff_t offset; /* elements, from the start of a row of the source to pixel 0 of the piece */
    int32_t index;
    int16_t first, last; /* pixels of the piece for which it lies inside of the image */
};

struct fmap_tiles_job {
    struct fmap_tiling tiling;
    const struct fmap_tiles_panel *panels;
    const float *bias;
    int64_t n_panels;
    const struct fmap_tiles_column *columns; /* [piece][n_columns[piece] of kernel width] */
    const int64_t *n_columns;
    int64_t n_lines; /* of an image: rows of output pixels, or 1 where all pixels make one line */
    bool images_are_pixels;
    bool weights_outside;        /* order of the loops */
    bool aligned;                /* every group begins and ends with a block */
    bool pointwise;              /* one position, pixels side by side */
    bool gathers;                /* of a pointwise layer with a stride: they are copied side by side first */
    int64_t out_width, n_blocks; /* of such a layer */
    int distance;                /* between the source's pixels: which table of tiles */
    int64_t block_tiles;         /* of a pointwise layer: tiles that all panels pass over before the next */
    int64_t images_parts, tiles_parts, panels_parts;
    int64_t kernel[2], strides[2], dilations[2], pads[2];
    int64_t in[2];
    int64_t group_channels;
    int64_t src_image_stride, src_block_stride;
    int64_t dst_image_stride, dst_block_stride;
    ptrdiff_t src_pixel_stride, dst_pixel_stride;
    bool adds; /* a fourth operand, before the activation */
    struct fmap_activate_job activate;
};

/* Running (tiles_run.c). */
fmap_part fmap_tiles_part;

/* Lays out the panels, packs weights and bias or adds the step that does so in every run (tiles_pack.c). */
fmap_status fmap_tiles_pack(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            const struct fmap_tiles_problem *problem, struct fmap_tiles_job *job,
                            struct fmap_operand *weights);

static inline int64_t fmap_ceil_divide(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

#endif
