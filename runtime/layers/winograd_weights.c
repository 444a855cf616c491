#include "runtime/layers/winograd.h"

#include <string.h>

/* Of patches of a size, as in kernels/winograd2.c and its siblings and in winograd_line.h; infinity comes last. */
static const double points_of[FMAP_WINOGRAD_MAX_LINE + 1][FMAP_WINOGRAD_MAX_LINE - 1] = {
    [4] = {0, 1, -1},
    [6] = {0, 0.625, -0.625, 1.5, -1.5},
    [7] = {0.25, -0.25, 0.875, -0.875, 1.875, -1.875},
    [8] = {0, 0.5, -0.5, 1, -1, 2, -2},
    [9] = {0.25, -0.25, 0.6875, -0.6875, 1.125, -1.125, 2.125, -2.125},
    [10] = {0, 0.4375, -0.4375, 0.8125, -0.8125, 1.25, -1.25, 2.375, -2.375},
    [12] = {0, 0.375, -0.375, 0.6875, -0.6875, 1, -1, 1.4375, -1.4375, 2.8125, -2.8125}};

/* A kernel's values along an axis; those of all, which are a square or a line; and points likewise. */
enum { MOST_ALONG = 7, MOST_VALUES = 25, MOST_POINTS = FMAP_WINOGRAD_MAX_PATCH * FMAP_WINOGRAD_MAX_PATCH };

/* G: its rows are 1, p, p^2 and so on over the product of p's distances to the other points. */
struct matrix {
    int64_t patch, kernel;
    double rows[FMAP_WINOGRAD_MAX_LINE][MOST_ALONG];
};

/* Of stride 2, as in kernels/winograd2_stride2.c. */
static const struct matrix stride2_matrix = {
    .patch = 5, .kernel = 3, .rows = {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}, {0, 1, 0}}};

static struct matrix weights_matrix(int64_t output, int64_t kernel, int64_t stride) {
    if (stride == 2) return stride2_matrix;
    int64_t n = output + kernel - 2;
    struct matrix matrix = {.patch = n + 1, .kernel = kernel};
    const double *points = points_of[matrix.patch];
    for (int64_t i = 0; i < n; i++) {
        double power = 1, distances = 1;
        for (int64_t j = 0; j < n; j++) {
            if (j != i) distances *= points[i] - points[j];
        }
        for (int64_t k = 0; k < kernel; k++, power *= points[i]) matrix.rows[i][k] = power / distances;
    }
    matrix.rows[n][kernel - 1] = 1;
    return matrix;
}

/* Outputs whose kernels are transformed side by side: the loops over them become vectors. */
enum { SIDE = 8 };

/* The sum over k of g[k] * values[k], from the first on; values are `step` apart. */
static void combine(const double *g, double (*values)[SIDE], int64_t step, int64_t n, double *sums) {
    for (int o = 0; o < SIDE; o++) sums[o] = g[0] * values[0][o];
    for (int64_t k = 1; k < n; k++) {
        for (int o = 0; o < SIDE; o++) sums[o] += g[k] * values[k * step][o];
    }
}

/* G g G^T in double, with a G of each axis, rounded once: point p of the kernels [height][width][SIDE] at
 * points[p][SIDE]. */
static void transform(const struct matrix matrices[2], double (*kernels)[SIDE], float (*points)[SIDE]) {
    const struct matrix *down = &matrices[0], *across = &matrices[1];
    for (int64_t i = 0; i < down->patch; i++) {
        double half[MOST_ALONG][SIDE], sums[SIDE];
        for (int64_t x = 0; x < across->kernel; x++)
            combine(down->rows[i], kernels + x, across->kernel, down->kernel, half[x]);
        for (int64_t j = 0; j < across->patch; j++, points++) {
            combine(across->rows[j], half, 1, across->kernel, sums);
            for (int o = 0; o < SIDE; o++) (*points)[o] = (float)sums[o];
        }
    }
}

/* The kernels of channel i and of SIDE outputs; zeros for those that there are not. */
static void gather(const struct fmap_tiles_problem *problem, int64_t i, int64_t first, int64_t n,
                   double (*kernels)[SIDE]) {
    const int64_t *strides = problem->weight_strides, width = problem->kernel[1];
    for (int64_t o = 0; o < SIDE; o++) {
        for (int64_t k = 0; k < problem->kernel[0] * width; k++) {
            int64_t at = (first + o) * strides[0] + i * strides[1] + k / width * strides[2] +
                         k % width * strides[3];
            kernels[k][o] = o < n ? (double)fmap_tiles_weight(problem, first + o, at) : 0;
        }
    }
}

/* [point][channel][output] */
static void pack_panel(const struct fmap_tiles_problem *problem, const struct matrix matrices[2],
                       int64_t first, int64_t row, float *packed) {
    int64_t n_points = matrices[0].patch * matrices[1].patch, point_stride = problem->channels * row;
    for (int64_t i = 0; i < problem->channels; i++) {
        for (int64_t o = 0; o < row; o += SIDE) {
            double kernels[MOST_VALUES][SIDE];
            float points[MOST_POINTS][SIDE];
            gather(problem, i, first + o, fmap_least(problem->outputs - first - o, SIDE), kernels);
            transform(matrices, kernels, points);
            float *to = packed + i * row + o;
            size_t bytes = (size_t)fmap_least(row - o, SIDE) * sizeof *to;
            for (int64_t p = 0; p < n_points; p++) memcpy(to + p * point_stride, points[p], bytes);
        }
    }
}

struct winograd_pack {
    struct fmap_tiles_problem problem;
    struct fmap_tiling panels;
    int64_t lanes;
    struct matrix matrices[2]; /* of rows, of columns */
};

static void pack_part(const void *winograd_pack, int64_t panel, float *packed) {
    const struct winograd_pack *pack = winograd_pack;
    const struct fmap_tiling *panels = &pack->panels;
    int64_t first = fmap_piece_begin(panels->n_vectors, panels->n_panels, panel) * pack->lanes;
    int64_t row = fmap_piece_length(panels->n_vectors, panels->n_panels, panel) * pack->lanes;
    int64_t points = pack->matrices[0].patch * pack->matrices[1].patch;
    pack_panel(&pack->problem, pack->matrices, first, row, packed + points * pack->problem.channels * first);
}

fmap_status fmap_winograd_pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                               int64_t output, const struct fmap_tiling *panels,
                               struct fmap_operand *weights) {
    struct winograd_pack pack = {.problem = *problem, .panels = *panels, .lanes = planning->kernels->lanes};
    for (int axis = 0; axis < 2; axis++)
        pack.matrices[axis] = weights_matrix(fmap_winograd_side(problem, output, axis), problem->kernel[axis],
                                             problem->strides[axis]);
    struct fmap_packer packer = fmap_tiles_packer(problem, "winograd");
    fmap_packer_add(&packer, output);
    fmap_packer_add(&packer, problem->strides[0]);
    fmap_packer_add(&packer, panels->n_vectors);
    fmap_packer_add(&packer, panels->n_panels);
    packer.n_floats = fmap_winograd_points(problem, output) * problem->channels * panels->n_vectors *
                      pack.lanes;
    packer.parts = panels->n_panels;
    packer.part = pack_part;
    packer.job = &pack;
    packer.job_bytes = sizeof pack;
    return fmap_planning_pack(planning, &packer, weights);
}
