/* What a convolution of few channels is planned as, and run from. */
#ifndef FMAP_LAYERS_STEM_JOB_H
#define FMAP_LAYERS_STEM_JOB_H

#include "runtime/layers/tiles.h"

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
    int64_t n_blocks = (job->outputs + FMAP_BLOCK - 1) / FMAP_BLOCK;
    return job->pools ? n_blocks * fmap_pooled_block_floats(&job->pool) : 0;
}

static inline int64_t fmap_stem_n_terms(const struct fmap_stem_job *job) {
    return job->channels * job->kernel[0] * job->kernel[1];
}

fmap_part fmap_stem_part, fmap_stem_pooled_part;

#endif
