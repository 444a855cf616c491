/* Convolution by Winograd's F(2x2, 3x3), also with stride 2, F(4x4, 3x3), these two also dilated, F(5x5, 3x3), F(6x6, 3x3) and
 * F(2x2, 5x5); by F(m, r) where the kernel is one row or one column. */
#ifndef FMAP_LAYERS_WINOGRAD_H
#define FMAP_LAYERS_WINOGRAD_H

#include "runtime/layers/tiles.h"

/* Pixels of a side of a tile, of a kernel of one line along it, or 0 where the direct sum is better, is asked for, or is all that
 * can compute the layer. Depends on nothing but the layer's shape and the option: the choice changes bits (winograd_choice.c). */
int64_t fmap_winograd_choose(const struct fmap_tiles_problem *problem, fmap_algorithm algorithm);

/* The length of a kernel of one row or one column; 0: it is no line. */
static inline int64_t fmap_winograd_line(const struct fmap_tiles_problem *problem) {
    const int64_t *kernel = problem->kernel;
    return (kernel[0] == 1) == (kernel[1] == 1) ? 0 : kernel[0] * kernel[1];
}

/* Whether there is an algorithm for kernels of that size. */
static inline bool fmap_winograd_has_kernel(const struct fmap_tiles_problem *problem) {
    int64_t line = fmap_winograd_line(problem), side = problem->kernel[0];
    if (line > 0) return line == 3 || line == 5 || line == 7;
    return side == problem->kernel[1] && (side == 3 || side == 5);
}

/* Outputs of a tile along an axis, rows or columns. */
static inline int64_t fmap_winograd_side(const struct fmap_tiles_problem *problem, int64_t output, int axis) {
    return problem->kernel[axis] == 1 ? 1 : output;
}

/* Of the patch that a tile is made of, and of the rectangle of products. */
static inline int64_t fmap_winograd_patch(const struct fmap_tiles_problem *problem, int64_t output,
                                          int axis) {
    return (fmap_winograd_side(problem, output, axis) - 1) * problem->strides[axis] + problem->kernel[axis];
}

static inline int64_t fmap_winograd_points(const struct fmap_tiles_problem *problem, int64_t output) {
    return fmap_winograd_patch(problem, output, 0) * fmap_winograd_patch(problem, output, 1);
}

/* Along an axis; a kernel of one pixel has none. */
static inline int64_t fmap_winograd_dilation(const struct fmap_tiles_problem *problem, int axis) {
    return problem->kernel[axis] == 1 ? 1 : problem->dilations[axis];
}

/* Tiles of an image along an axis. Of a dilation d each d-th output is of one phase, and phases have tiles of their own. */
static inline int64_t fmap_winograd_tiles(const struct fmap_tiles_problem *problem, int64_t output,
                                          int axis) {
    int64_t side = fmap_winograd_side(problem, output, axis), phases = fmap_winograd_dilation(problem, axis);
    int64_t least = problem->out[axis] / phases, n_longer = problem->out[axis] % phases;
    return n_longer * (least / side + 1) + (phases - n_longer) * ((least + side - 1) / side);
}

static inline bool fmap_winograd_is_dilated(const struct fmap_tiles_problem *problem) {
    return fmap_winograd_dilation(problem, 0) > 1 || fmap_winograd_dilation(problem, 1) > 1;
}

/* Multiply-adds of tiles of that size, the transforms among them. */
double fmap_winograd_cost(const struct fmap_tiles_problem *problem, int64_t output);

/* Whether tiles of that size hold whole windows: 2x2 with stride 2, none of them beyond the border. */
bool fmap_winograd_can_pool(const struct fmap_tiles_problem *problem, int64_t output,
                            const struct fmap_pooled *pooled);

/* What an algorithm is called, and its kernels (winograd_filter.c). */
struct fmap_winograd_filter {
    const char *name;
    void (*transform)(const struct fmap_winograd_input *);
    void (*transform_back)(const struct fmap_winograd_output *);
};
struct fmap_winograd_filter fmap_winograd_filter_of(const struct fmap_kernels *kernels,
                                                    const struct fmap_tiles_problem *problem, int64_t output);

/* Transforms and packs the weights and adds the step. */
fmap_status fmap_planning_winograd(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                   const struct fmap_tiles_problem *problem, int64_t output);

/* Transforms the weights: [group][panel][point][channel][output of the panel], panels of a group (winograd_weights.c). */
fmap_status fmap_winograd_pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                               int64_t output, const struct fmap_tiling *panels,
                               struct fmap_operand *weights);

#endif
