/* What a convolution of few channels is planned as, and run from. */
#ifndef FMAP_LAYERS_STEM_JOB_H
#define FMAP_LAYERS_STEM_JOB_H

#include "runtime/layers/tiles.h"

enum { FMAP_STEM_MOST_STRIDE = 64 };
enum { FMAP_STEM_BEYOND = 3 }; /* floats that the planar tile may read behind the last pixel's */

/* Outputs that are computed from the image itself: register tiles [tile_begin, tile_end) of rows [row_begin, row_end). None
 * where row_end is 0. */
struct fmap_stem_inside {
    int64_t row_begin, row_end, tile_begin, tile_end;
    const int32_t *terms;
    int64_t threes;
};

struct fmap_stem_job {
    int64_t channels, outputs, in[2], out[2];
    int64_t kernel[2], strides[2], dilations[2], pads[2];
    int64_t parts_per_image;          /* groups of output rows */
    const struct fmap_pixels *pixels; /* the source is 8-bit pixels; NULL: floats */
    int64_t src_image_stride, src_channel_stride, src_pixel_stride;
    int64_t dst_image_stride;
    int64_t n_phases,
        distance; /* columns are sorted by the number modulo n_phases; from a pixel to the next one in a phase */
    int64_t phase_width; /* of a row of the columns of one */
    /* Of Winograd's tiles along the rows: points of each, 0 where it is the direct sum; and a row of them, in whole lines. */
    int64_t points, tiles_per_row, tiles_width;
    void (*transform)(const struct fmap_stem_winograd_input *);
    void (*transform_back)(const struct fmap_stem_winograd_output *);
    struct fmap_tiling tiling;
    const int32_t *terms;
    int64_t threes; /* of a tile */
    struct fmap_stem_inside inside;
    const float *bias;
    struct fmap_activate_job activate;
    bool pools;
    struct fmap_pooled_rows pool;
};

/* A row of the image, as it is computed from; of Winograd, its points. */
static inline int64_t fmap_stem_row_floats(const struct fmap_stem_job *job) {
    int64_t width = job->points ? job->points * job->tiles_width : job->phase_width;
    return job->channels * job->n_phases * width;
}

/* Rows of the image under so many rows of the output. */
static inline int64_t fmap_stem_rows_under(const struct fmap_stem_job *job, int64_t n) {
    return (n - 1) * job->strides[0] + (job->kernel[0] - 1) * job->dilations[0] + 1;
}

static inline int64_t fmap_stem_ring_floats(const struct fmap_stem_job *job) {
    int64_t n_blocks = fmap_blocks_of(job->outputs);
    return job->pools ? n_blocks * fmap_pooled_block_floats(&job->pool) : 0;
}

/* Terms of a sum; of Winograd, of each point's. */
static inline int64_t fmap_stem_n_terms(const struct fmap_stem_job *job) {
    return job->channels * job->kernel[0] * (job->points ? job->strides[1] : job->kernel[1]);
}

/* Of Winograd: a line with its padding, and what a vector reads beyond the last tile. */
static inline int64_t fmap_stem_winograd_line_floats(const struct fmap_stem_job *job) {
    int64_t patch = job->points * job->strides[1], step = FMAP_STEM_WINOGRAD_OUTPUT * job->strides[1];
    int64_t read = job->tiles_width * step + patch + FMAP_BLOCK, copied = job->pads[1] + job->in[1];
    return fmap_blocks_of(read > copied ? read : copied) * FMAP_BLOCK;
}

/* ---- the image (stem_rows.c) ---------------------------------------------------------------------------------- */

/* Where pixels lie apart and columns are sorted by phase, a channel's row is first copied
 * as it is: a kernel for each of the two is faster than one for both. So it is for Winograd, with its padding. */
static inline int64_t fmap_stem_line_floats(const struct fmap_stem_job *job) {
    bool both = job->src_pixel_stride > 1 && job->n_phases > 1;
    if (job->points) return fmap_stem_winograd_line_floats(job);
    return both ? (job->in[1] + FMAP_BLOCK - 1) / FMAP_BLOCK * FMAP_BLOCK : 0;
}

/* n elements of one channel, `distance` apart; `at` is where the first of them is. */
void fmap_stem_copy(const struct fmap_stem_job *job, const struct fmap_kernels *kernels, const void *src,
                    int64_t channel, int64_t at, int64_t n, int64_t distance, float *dst);

/* Rows [first, first + n) of an image: [row][channel][phase][column], of Winograd [row][channel][phase][point][tile].
 * `line` has room for a line. */
void fmap_stem_copy_rows(const struct fmap_stem_job *job, const struct fmap_kernels *kernels, const void *src,
                         int64_t image, int64_t first, int64_t n, float *line, float *rows);

/* ---- the image itself (stem_inside.c) -------------------------------------------------------------------------- */

/* Fills in job->inside but for its terms; the job's source and tiles are known. */
void fmap_stem_set_inside(const struct fmap_kernels *kernels, struct fmap_stem_job *job);

/* Where the terms of a sum are, from the first element of a window; as many as fmap_stem_n_terms() says. */
void fmap_stem_inside_terms(struct fmap_stem_job *job, int32_t *terms);

/* The first element under tile_begin of row y of the output. */
const float *fmap_stem_inside_tile(const struct fmap_stem_job *job, const float *image, int64_t y);

/* Whether a row of the image is under a row of the output that is not inside. */
bool fmap_stem_row_is_whole(const struct fmap_stem_job *job, int64_t row);

/* Of the other rows: columns of the copy [0, left) and [right, phase_width) are under tiles that are not inside. */
int64_t fmap_stem_left_width(const struct fmap_stem_job *job);
int64_t fmap_stem_right_begin(const struct fmap_stem_job *job);

/* ---- what is ahead (stem_rows.c) --------------------------------------------------------------------------------- */

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

/* ---- rows of the output (stem_run.c) --------------------------------------------------------------------------- */

/* What lies under them, where they go, and how far apart their blocks of channels are. */
struct fmap_stem_lines {
    const float *rows, *image; /* copies; what outputs inside are computed from */
    int64_t y, n;
    float *dst;
    int64_t plane;
    float *products; /* of Winograd */
};

/* The register tiles of a row of output: the longer ones first. */
struct fmap_stem_tiles {
    fmap_tile_function *function[2];
    int64_t n[2], n_pixels[2], distance;
};

struct fmap_stem_tiles fmap_stem_tiles_of(const struct fmap_tiling *tiling,
                                          const struct fmap_kernels *kernels, int64_t n_vectors,
                                          int64_t distance);

/* Register tiles [first, end) of a row, from tile->src to tile->dst. */
void fmap_stem_run_tiles(const struct fmap_stem_tiles *tiles, int64_t first, int64_t end,
                         struct fmap_stem_ahead *ahead, struct fmap_tile *tile);

/* ---- Winograd along the rows (stem_winograd.c, stem_winograd_run.c) ---------------------------------------------- */

/* Columns of the kernel that a phase of the stride meets, at most. */
static inline int64_t fmap_stem_winograd_taps(const struct fmap_tiles_problem *problem) {
    return (problem->kernel[1] + problem->strides[1] - 1) / problem->strides[1];
}

/* Whether it takes clearly fewer operations than the direct sum. Depends on nothing but the layer's shape and the option. */
bool fmap_stem_winograd_wanted(const struct fmap_tiles_problem *problem, fmap_algorithm algorithm);

/* What the job needs beside the problem's sizes. */
void fmap_stem_winograd_set(const struct fmap_kernels *kernels, const struct fmap_tiles_problem *problem,
                            struct fmap_stem_job *job);

/* The weights, [panel][point][kernel row][channel][phase][output of the panel], and where the terms of a point are read. */
fmap_status fmap_stem_winograd_pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                                    const struct fmap_stem_job *job, int32_t *terms,
                                    struct fmap_operand *weights);

/* Floats of products that a part needs. */
int64_t fmap_stem_winograd_product_floats(const struct fmap_stem_job *job);

/* The points of one row that begins at `at`; `line` has zeros for padding, and keeps them. */
void fmap_stem_winograd_row(const struct fmap_stem_job *job, const struct fmap_kernels *kernels,
                            const void *src, int64_t at, float *line, float *row);

/* Some rows with one panel. */
void fmap_stem_winograd_rows(const struct fmap_stem_job *job, const struct fmap_kernels *kernels,
                             const float *weights, int64_t panel, const struct fmap_stem_lines *lines,
                             struct fmap_stem_ahead *ahead);

#endif
