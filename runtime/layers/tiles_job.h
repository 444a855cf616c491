/* What a convolution by register tiles is planned as, and run from. */
#ifndef FMAP_LAYERS_TILES_JOB_H
#define FMAP_LAYERS_TILES_JOB_H

#include "runtime/layers/tiles_lines.h"
#include "runtime/tuning.h"

/* Outputs that one call of the tile makes: up to four vectors of one group. */
struct fmap_tiles_panel {
    int64_t weights; /* elements from the start */
    int64_t bias;
    int64_t first_output;
    int32_t n_outputs; /* fewer than the vectors hold in the last panel of a group */
    int32_t n_vectors;
    int64_t group;
};

/* Panels of every group, one after the other, and what of them is packed. */
struct fmap_tiles_panels {
    struct fmap_tiling tiling;
    const struct fmap_tiles_panel *panels;
    const float *bias;
    int64_t n_panels;
    bool large; /* their weights outgrow the second cache: panels go round the pixels */
    bool far;   /* or are not at hand when the layer begins */
};

/* A pool that is taken from the tiles' rows: dst and its strides are those of a ring in the scratch memory then. */
struct fmap_tiles_pool {
    struct fmap_pooled_rows rows; /* kind NONE: no pool */
    const int32_t *bundles;       /* the first panels of bundles, which are whole blocks, and the end */
    int64_t n_bundles, n_blocks;  /* blocks of all outputs */
    bool one_by_one;              /* all rows of a bundle before the next bundle */
    int64_t ring_offset, ring_floats;
    int64_t image_stride, residual_image_stride; /* of the pooled output; of what is added before */
};

struct fmap_tiles_job {
    struct fmap_tiles_panels panels;
    struct fmap_tiles_lines lines;
    bool images_are_pixels;
    bool aligned;                /* every group begins and ends with a block */
    bool pointwise;              /* one position, pixels side by side */
    bool gathers;                /* of a pointwise layer with a stride: they are copied side by side first */
    int64_t out_width, n_blocks; /* of such a layer */
    int distance;                /* between the source's pixels: which table of tiles */
    int64_t block_tiles;         /* of a pointwise layer: tiles that all panels pass over before the next */
    int64_t
        chunk_blocks; /* of a large panel: blocks of channels that are summed for all tiles before the next */
    int64_t images_parts, tiles_parts, panels_parts;
    int64_t group_channels;
    int64_t src_image_stride, src_block_stride;
    int64_t dst_image_stride, dst_block_stride;
    int64_t phase_outputs, phase_columns, phase_row_stride; /* as in the problem */
    ptrdiff_t src_pixel_stride, dst_pixel_stride, dst_line_stride;
    bool adds; /* a fourth operand, before the activation */
    struct fmap_tiles_pool pool;
    struct fmap_activate_job activate;
};

/* Running (tiles_run.c). */
fmap_part fmap_tiles_part;

/* Chooses the tiling, and whether panels go round the pixels and weights are fetched ahead, for lines of so many pixels
 * (tiles_choose.c). */
fmap_status fmap_tiles_choose(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct fmap_tiles_problem *problem, int64_t n_pixels, bool pointwise,
                              struct fmap_tiles_panels *panels, struct fmap_tuned_note *note);

/* Lays out the panels of the tiling, packs weights and bias or adds the step that does so in every run (tiles_pack.c). */
fmap_status fmap_tiles_pack(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            const struct fmap_tiles_problem *problem, struct fmap_tiles_panels *panels,
                            struct fmap_operand *weights);

/* Points the tile, whose source is an image, at the channels of a group. */
static inline void fmap_tiles_read_group(struct fmap_tile *tile, int64_t group, int64_t group_channels) {
    int64_t channel = group * group_channels, end = channel % FMAP_BLOCK + group_channels;
    tile->src += channel / FMAP_BLOCK * tile->src_block_stride;
    tile->first_lane = (int)(channel % FMAP_BLOCK);
    tile->n_blocks = (int)fmap_blocks_of(end);
    tile->last_lanes = (int)(end - (tile->n_blocks - 1) * (int64_t)FMAP_BLOCK);
}

#endif
