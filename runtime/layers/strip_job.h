/* What a strip is planned as, and run from. */
#ifndef FMAP_LAYERS_STRIP_JOB_H
#define FMAP_LAYERS_STRIP_JOB_H

#include "runtime/layers/depthwise.h"
#include "runtime/layers/tiles_job.h"

/* A 1x1 convolution. */
struct fmap_strip_points {
    struct fmap_tiles_panels panels; /* none: it is not there */
    const float *weights;
    int64_t channels, outputs;
    struct fmap_activate_job activate;
};

struct fmap_strip_job {
    struct fmap_strip_points expand, project;
    struct fmap_depthwise_blocks depthwise;
    int64_t in[2], out[2];           /* maps of the depthwise convolution */
    int64_t bands;                   /* of an image: what parts are */
    int64_t rows;                    /* of the output at a time */
    int64_t ring_plane, strip_plane; /* floats of a block: of expanded rows, of rows for the projection */
    int64_t src_image_stride, dst_image_stride;
    bool adds; /* a third operand */
};

/* Floats of scratch: expanded rows, then rows for the projection. */
static inline int64_t fmap_strip_ring_floats(const struct fmap_strip_job *job) {
    return fmap_blocks_of(job->expand.outputs) * job->ring_plane;
}
static inline int64_t fmap_strip_scratch_floats(const struct fmap_strip_job *job) {
    return fmap_strip_ring_floats(job) +
           (job->project.panels.n_panels ? job->depthwise.n : 0) * job->strip_plane;
}

/* Operands: source, destination, what is added to it. */
fmap_part fmap_strip_part;

#endif
