/* Convolution by Winograd's F(2x2, 3x3), F(4x4, 3x3), F(5x5, 3x3) and F(6x6, 3x3). */
#ifndef FMAP_LAYERS_WINOGRAD_H
#define FMAP_LAYERS_WINOGRAD_H

#include "runtime/layers/tiles.h"

/* Pixels of a side of a tile, or 0 where the direct sum is better, is asked for, or is all that can compute the layer.
 * Depends on nothing but the layer's shape and the option: the choice changes bits (winograd_choice.c). */
int64_t fmap_winograd_choose(const struct fmap_tiles_problem *problem, fmap_algorithm algorithm);

/* Multiply-adds of tiles of that size, the transforms among them. */
double fmap_winograd_cost(const struct fmap_tiles_problem *problem, int64_t output);

/* Whether tiles of that size hold whole windows: 2x2 with stride 2, none of them beyond the border. */
bool fmap_winograd_can_pool(const struct fmap_tiles_problem *problem, int64_t output,
                            const struct fmap_window_size *pool);

/* Transforms and packs the weights and adds the step. */
fmap_status fmap_planning_winograd(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                   const struct fmap_tiles_problem *problem, int64_t output);

/* ---- weights (winograd_weights.c) -------------------------------------------------------------------- */

/* G, for a kernel of 3: its rows are 1, p, p^2 over the product of p's distances to the other points. */
struct fmap_winograd_matrix {
    int64_t patch;
    double rows[FMAP_WINOGRAD_MAX_PATCH][3];
};

void fmap_winograd_weights_matrix(int64_t output, struct fmap_winograd_matrix *matrix);

/* G g G^T in double, rounded once: point p of the kernel [3][3] at points[p * point_stride]. */
void fmap_winograd_transform_weights(const struct fmap_winograd_matrix *matrix, const double *kernel,
                                     float *points, int64_t point_stride);

#endif
