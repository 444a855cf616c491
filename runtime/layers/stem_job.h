/* What a convolution of few channels is planned as, and run from. */
#ifndef FMAP_LAYERS_STEM_JOB_H
#define FMAP_LAYERS_STEM_JOB_H

#include "runtime/layers/tiles.h"

enum { FMAP_STEM_MOST_STRIDE = 64 };
enum { FMAP_STEM_BEYOND = 3 }; /* floats that the planar tile may read behind the last pixel's */

struct fmap_stem_job {
    int64_t channels, outputs, in[2], out[2];
    int64_t kernel[2], strides[2], dilations[2], pads[2];
    int64_t parts_per_image;          /* groups of output rows */
    const struct fmap_pixels *pixels; /* the source is 8-bit pixels; NULL: floats */
    int64_t src_image_stride, src_channel_stride, src_pixel_stride;
    int64_t dst_image_stride;
    int64_t phase_width; /* of a row of the columns that are equal modulo the stride */
    struct fmap_tiling tiling;
    const int32_t *terms;
    const float *bias;
    struct fmap_activate_job activate;
    bool pools;
    struct fmap_pooled_rows pool;
};

static inline int64_t fmap_stem_row_floats(const struct fmap_stem_job *job) {
    return job->channels * job->strides[1] * job->phase_width;
}

/* Rows of the image under so many rows of the output. */
static inline int64_t fmap_stem_rows_under(const struct fmap_stem_job *job, int64_t n) {
    return (n - 1) * job->strides[0] + (job->kernel[0] - 1) * job->dilations[0] + 1;
}

static inline int64_t fmap_stem_ring_floats(const struct fmap_stem_job *job) {
    int64_t n_blocks = fmap_blocks_of(job->outputs);
    return job->pools ? n_blocks * fmap_pooled_block_floats(&job->pool) : 0;
}

static inline int64_t fmap_stem_n_terms(const struct fmap_stem_job *job) {
    return job->channels * job->kernel[0] * job->kernel[1];
}

/* ---- the image (stem_rows.c) ---------------------------------------------------------------------------------- */

/* Where pixels lie apart and columns are sorted by phase, a channel's row is first copied
 * as it is: a kernel for each of the two is faster than one for both. */
static inline int64_t fmap_stem_line_floats(const struct fmap_stem_job *job) {
    bool both = job->src_pixel_stride > 1 && job->strides[1] > 1;
    return both ? (job->in[1] + FMAP_BLOCK - 1) / FMAP_BLOCK * FMAP_BLOCK : 0;
}

/* Rows [first, first + n) of an image: [row][channel][phase][column]. `line` has room for a line. */
void fmap_stem_copy_rows(const struct fmap_stem_job *job, const struct fmap_kernels *kernels, const void *src,
                         int64_t image, int64_t first, int64_t n, float *line, float *rows);

/* What the next part will copy is on its way while this one computes, some lines with every tile. All zeros: nothing. */
struct fmap_stem_ahead {
    uintptr_t line;                               /* the next one; 0: no more */
    uintptr_t chunk, chunk_bytes, chunk_distance; /* of a channel, or of all of them */
    int64_t n_chunks;
    int n_lines; /* with every tile */
};

/* Rows of an image under output rows [y, y + n), spread over so many tiles. */
struct fmap_stem_ahead fmap_stem_look_ahead(const struct fmap_stem_job *job, const void *src, int64_t image,
                                            int64_t y, int64_t n, int64_t n_tiles);

/* Tells the tile what to fetch in its next n repeats; ahead->line is not 0. */
void fmap_stem_fetch(struct fmap_stem_ahead *ahead, int64_t n, struct fmap_tile *tile);

fmap_part fmap_stem_part, fmap_stem_pooled_part;

#endif
