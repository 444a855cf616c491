/* Convolution by register tiles: the planning that convolution and dense layers share. */
#ifndef FMAP_LAYERS_TILES_H
#define FMAP_LAYERS_TILES_H

#include "runtime/layers/pooled.h"
#include "runtime/packing.h"

/*   dst[n, o, y, x] = activate(bias[o] + sum over i, ky, kx of
 *                              weight(o, i, ky, kx) * src[n, group(o) * c / groups + i, y * sy - top + ky * dy, ...])
 * A dense layer has images for rows; behind a flattened map its kernel is as large as the map. */
struct fmap_tiles_problem {
    int64_t images;
    int64_t channels, in[2]; /* of the source: c, h, w */
    int64_t outputs, out[2]; /* of the destination */
    int64_t groups;
    int64_t kernel[2], strides[2], dilations[2];
    int64_t pad_top, pad_left;
    struct fmap_operand src, dst; /* blocked; of 1 x 1 pixels any row stride will do */
    int64_t src_image_stride, dst_image_stride;
    /* Output pixels that lie apart, as those of a transposed convolution do; 0: they lie side by side. */
    int64_t dst_pixel_stride, dst_line_stride, dst_block_stride;
    /* Outputs of several such pixels at once, `phase_outputs` (whole blocks) of each: those of phase p begin phase_row_stride
     * and 16 elements further on for every phase_columns of them and for each; 0: they are one. Of 1x1 kernels. */
    int64_t phase_outputs, phase_columns, phase_row_stride;
    const void
        *weights; /* floats of a constant, perhaps unaligned; NULL: computed, and packed in every run */
    struct fmap_operand computed_weights;
    int64_t weight_strides[4]; /* of o, i (within the group), ky, kx */
    float weight_scale;
    const double
        *output_scale; /* [outputs], of constant weights before that: rounded by itself; NULL: none */
    const void *bias;  /* [outputs] floats, perhaps unaligned; NULL: zeros */
    float bias_scale;
    bool adds;                    /* the residual, before the activation: Winograd and tiles of one group */
    struct fmap_operand residual; /* blocked, images as far apart as those of dst, or where that is pooled: */
    int64_t residual_image_stride;
    struct fmap_activate_job activate;
    const struct fmap_pooled *pool; /* of `out`; NULL: none */
    const char *name;               /* of the kernel, for people */
    const char *note;               /* of a pass, for people; NULL: none */
};

/* Whether output pixel i is made of source pixel i and nothing else, so that all rows are one line. */
static inline bool fmap_tiles_one_line(const struct fmap_tiles_problem *problem) {
    return problem->kernel[0] * problem->kernel[1] == 1 && problem->strides[0] * problem->strides[1] == 1 &&
           problem->in[0] == problem->out[0] && problem->in[1] == problem->out[1] &&
           !problem->dst_pixel_stride;
}

/* Whether a network that comes back to weights of that size finds them elsewhere than in the second cache, because what
 * lies between has pushed them out. Then they are fetched ahead, which costs one percent where it is not needed. */
static inline bool fmap_weights_are_far(int64_t bytes) { return bytes > 256 * 1024; }

/* Whether all outputs of a line are made of neighbouring source pixels, one each. */
static inline bool fmap_tiles_pointwise(const struct fmap_tiles_problem *problem) {
    return fmap_tiles_one_line(problem) || problem->phase_outputs;
}

/* Whether every group begins and ends with a block. */
static inline bool fmap_tiles_aligned(const struct fmap_tiles_problem *problem) {
    return problem->groups == 1 || (problem->outputs / problem->groups % FMAP_BLOCK == 0 &&
                                    problem->channels / problem->groups % FMAP_BLOCK == 0);
}

/* The weight of output o that lies at an index. */
static inline float fmap_tiles_weight(const struct fmap_tiles_problem *problem, int64_t o, int64_t at) {
    float weight = fmap_float_at(problem->weights, at);
    if (problem->output_scale) weight = (float)(problem->output_scale[o] * (double)weight);
    return weight * problem->weight_scale;
}

/* A packer of the problem's weights, of the name `kind`, to be completed with what it makes and how (tiles_pack.c). */
struct fmap_packer fmap_tiles_packer(const struct fmap_tiles_problem *problem, const char *kind);

/* Adds numbers that the order depends on. */
static inline void fmap_packer_add(struct fmap_packer *packer, int64_t number) {
    packer->numbers[packer->n_numbers++] = number;
}

/* The problem's bias, scaled, and zeros behind it up to n outputs (tiles_pack.c). */
fmap_status fmap_tiles_bias(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                            int64_t n, const float **bias);

/* That of sums which get theirs later, such as Winograd's products (tiles_pack.c). */
extern const float fmap_tiles_no_bias[FMAP_TILE_MAX_VECTORS * FMAP_BLOCK];

/* Packs the weights and adds the step. */
fmap_status fmap_planning_tiles(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const struct fmap_tiles_problem *problem);

/* Whether it takes the pool from the rows that it has just computed, and gains by it. */
bool fmap_tiles_can_pool(const struct fmap_tiles_problem *problem, const struct fmap_pooled *pool);

/* ---- the parts that tests look into ---------------------------------------------------------------- */

/* How outputs are cut into panels of vectors and lines into tiles of pixels. */
struct fmap_tiling {
    int64_t lanes;     /* of a vector */
    int64_t n_panels;  /* of one group; the first n_vectors % n_panels have one vector more */
    int64_t n_vectors; /* of one group */
    int64_t n_tiles;   /* of one line */
    int64_t n_pixels;  /* of one line */
    bool planar;       /* of planar tiles */
};

/* The cheapest tiling by the measured efficiency of each size of the tile. */
struct fmap_tiling fmap_choose_tiling(const struct fmap_kernels *kernels, int64_t n_vectors,
                                      int64_t n_pixels);

/* The same of planar tiles. */
struct fmap_tiling fmap_choose_planar_tiling(const struct fmap_kernels *kernels, int64_t n_vectors,
                                             int64_t n_pixels);

/* What a tiling costs when a full one costs 1: the larger, the less of the peak is reached. */
double fmap_tiling_cost(const struct fmap_tiling *tiling);

/* The tiling that panels of at most so many vectors come to; no panels when there is no such tile. */
struct fmap_tiling fmap_tiling_of(const struct fmap_kernels *kernels, int64_t n_vectors, int64_t n_pixels,
                                  int64_t panel_vectors);

/* What `tiling` would be with such panels. */
struct fmap_tiling fmap_tiling_with(const struct fmap_kernels *kernels, const struct fmap_tiling *tiling,
                                    int64_t panel_vectors);

#endif
