/* What a Winograd convolution is planned as, and run from. */
#ifndef FMAP_LAYERS_WINOGRAD_JOB_H
#define FMAP_LAYERS_WINOGRAD_JOB_H

#include "runtime/layers/winograd.h"

struct fmap_winograd_job {
    int64_t points;                                        /* of a tile: values of its patch */
    int64_t step;                                          /* from the patch of a tile to the next one's */
    bool down;                                             /* tiles of one column */
    void (*transform)(const struct fmap_winograd_input *); /* the transforms for that size */
    void (*transform_back)(const struct fmap_winograd_output *);
    int64_t tiles_per_row, image_tiles; /* of an image */
    int64_t n_tiles;                    /* of all images */
    int64_t n_blocks;                   /* of tiles, nearly equal */
    int64_t most_tiles;                 /* of a block */
    int64_t panels_parts;
    int64_t groups;            /* whole blocks of channels, if there are several */
    bool adds;                 /* a fourth operand, before the activation */
    bool far;                  /* the weights do not stay in the second cache */
    struct fmap_tiling panels; /* of a group; only its panels and vectors count */
    const float *bias;         /* of whole vectors */
    int64_t channels, outputs; /* of a group */
    int64_t in[2], out[2], pads[2], dilations[2];
    int64_t pooled[2]; /* where the largest of 2 x 2 outputs are kept, or their average; else 0 */
    bool pools_average;
    int64_t src_image_stride, dst_image_stride, dst_block_stride;
    int64_t transformed_stride; /* floats from point to point of the transformed input */
    int64_t product_stride;     /* and of the products of a vector */
    struct fmap_activate_job activate;
};

/* Tiles that one call of the register tile takes at most. */
static inline int64_t fmap_winograd_most_pixels(const struct fmap_kernels *kernels,
                                                const struct fmap_tiling *panels) {
    return kernels->tile_pixels[(panels->n_vectors + panels->n_panels - 1) / panels->n_panels];
}

/* A block of tiles from the patches to the outputs, for some of the panels (winograd_run.c). */
void fmap_winograd_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part);

#endif
