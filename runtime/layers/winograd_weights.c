#include "runtime/layers/winograd.h"

#include <string.h>

/* As in kernels/winograd2.c and its siblings; infinity comes last. */
static const double points_of[FMAP_WINOGRAD_MAX_OUTPUT + 1][FMAP_WINOGRAD_MAX_PATCH - 1] = {
    [2] = {0, 1, -1},
    [4] = {0, 0.625, -0.625, 1.5, -1.5},
    [5] = {0.25, -0.25, 0.875, -0.875, 1.875, -1.875},
    [6] = {0, 0.5, -0.5, 1, -1, 2, -2}};

/* G, for a kernel of 3: its rows are 1, p, p^2 over the product of p's distances to the other points. */
struct matrix {
    int64_t patch;
    double rows[FMAP_WINOGRAD_MAX_PATCH][3];
};

static struct matrix weights_matrix(int64_t output) {
    int64_t n = output + 1;
    struct matrix matrix = {.patch = n + 1};
    for (int64_t i = 0; i < n; i++) {
        double p = points_of[output][i], distances = 1;
        for (int64_t j = 0; j < n; j++) {
            if (j != i) distances *= p - points_of[output][j];
        }
        matrix.rows[i][0] = 1 / distances;
        matrix.rows[i][1] = p / distances;
        matrix.rows[i][2] = p * p / distances;
    }
    matrix.rows[n][2] = 1;
    return matrix;
}

/* Outputs whose kernels are transformed side by side: the loops over them become vectors. */
enum { SIDE = 8 };

/* G g G^T in double, rounded once: point p of the kernels [3][3][SIDE] at points[p][SIDE]. */
static void transform(const struct matrix *matrix, double (*kernels)[SIDE], float (*points)[SIDE]) {
    for (int64_t i = 0; i < matrix->patch; i++) {
        const double *g = matrix->rows[i];
        double half[3][SIDE];
        for (int x = 0; x < 3; x++) {
            for (int o = 0; o < SIDE; o++)
                half[x][o] = g[0] * kernels[x][o] + g[1] * kernels[3 + x][o] + g[2] * kernels[6 + x][o];
        }
        for (int64_t j = 0; j < matrix->patch; j++, points++) {
            g = matrix->rows[j];
            for (int o = 0; o < SIDE; o++)
                (*points)[o] = (float)(g[0] * half[0][o] + g[1] * half[1][o] + g[2] * half[2][o]);
        }
    }
}

/* The kernels of channel i and of SIDE outputs; zeros for those that there are not. */
static void gather(const struct fmap_tiles_problem *problem, int64_t i, int64_t first, int64_t n,
                   double (*kernels)[SIDE]) {
    const int64_t *strides = problem->weight_strides;
    for (int64_t o = 0; o < SIDE; o++) {
        for (int64_t k = 0; k < 9; k++) {
            int64_t at = (first + o) * strides[0] + i * strides[1] + k / 3 * strides[2] + k % 3 * strides[3];
            kernels[k][o] = o < n ? (double)fmap_tiles_weight(problem, first + o, at) : 0;
        }
    }
}

/* [point][channel][output] */
static void pack_panel(const struct fmap_tiles_problem *problem, const struct matrix *matrix, int64_t first,
                       int64_t row, float *packed) {
    int64_t n_points = matrix->patch * matrix->patch, point_stride = problem->channels * row;
    for (int64_t i = 0; i < problem->channels; i++) {
        for (int64_t o = 0; o < row; o += SIDE) {
            double kernels[9][SIDE];
            float points[FMAP_WINOGRAD_MAX_PATCH * FMAP_WINOGRAD_MAX_PATCH][SIDE];
            gather(problem, i, first + o, fmap_least(problem->outputs - first - o, SIDE), kernels);
            transform(matrix, kernels, points);
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
    struct matrix matrix;
};

static void pack_part(const void *winograd_pack, int64_t panel, float *packed) {
    const struct winograd_pack *pack = winograd_pack;
    const struct fmap_tiling *panels = &pack->panels;
    int64_t first = fmap_piece_begin(panels->n_vectors, panels->n_panels, panel) * pack->lanes;
    int64_t row = fmap_piece_length(panels->n_vectors, panels->n_panels, panel) * pack->lanes;
    int64_t points = pack->matrix.patch * pack->matrix.patch;
    pack_panel(&pack->problem, &pack->matrix, first, row, packed + points * pack->problem.channels * first);
}

fmap_status fmap_winograd_pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                               int64_t output, const struct fmap_tiling *panels,
                               struct fmap_operand *weights) {
    struct winograd_pack pack = {.problem = *problem,
                                 .panels = *panels,
                                 .lanes = planning->kernels->lanes,
                                 .matrix = weights_matrix(output)};
    struct fmap_packer packer = fmap_tiles_packer(problem, "winograd");
    fmap_packer_add(&packer, output);
    fmap_packer_add(&packer, panels->n_vectors);
    fmap_packer_add(&packer, panels->n_panels);
    packer.n_floats = pack.matrix.patch * pack.matrix.patch * problem->channels * panels->n_vectors *
                      pack.lanes;
    packer.parts = panels->n_panels;
    packer.part = pack_part;
    packer.job = &pack;
    packer.job_bytes = sizeof pack;
    return fmap_planning_pack(planning, &packer, weights);
}
