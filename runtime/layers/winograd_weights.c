#include "runtime/layers/winograd.h"

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

/* G g G^T in double, rounded once: point p of the kernel [3][3] at points[p * point_stride]. */
static void transform(const struct matrix *matrix, const double *kernel, float *points,
                      int64_t point_stride) {
    for (int64_t i = 0; i < matrix->patch; i++) {
        const double *g = matrix->rows[i];
        double half[3];
        for (int x = 0; x < 3; x++) half[x] = g[0] * kernel[x] + g[1] * kernel[3 + x] + g[2] * kernel[6 + x];
        for (int64_t j = 0; j < matrix->patch; j++, points += point_stride) {
            g = matrix->rows[j];
            *points = (float)(g[0] * half[0] + g[1] * half[1] + g[2] * half[2]);
        }
    }
}

/* [point][channel][output] */
static void pack_panel(const struct fmap_tiles_problem *problem, const struct matrix *matrix, int64_t first,
                       int64_t row, float *packed) {
    const int64_t *strides = problem->weight_strides;
    for (int64_t i = 0; i < problem->channels; i++) {
        for (int64_t o = 0; o < row && first + o < problem->outputs; o++) {
            double kernel[9];
            for (int64_t k = 0; k < 9; k++) {
                int64_t at = (first + o) * strides[0] + i * strides[1] + k / 3 * strides[2] +
                             k % 3 * strides[3];
                kernel[k] = (double)(fmap_float_at(problem->weights, at) * problem->weight_scale);
            }
            transform(matrix, kernel, packed + i * row + o, problem->channels * row);
        }
    }
}

void fmap_winograd_pack(const struct fmap_tiles_problem *problem, int64_t output,
                        const struct fmap_tiling *panels, int64_t lanes, float *packed) {
    struct matrix matrix = weights_matrix(output);
    int64_t points = matrix.patch * matrix.patch;
    for (int64_t panel = 0; panel < panels->n_panels; panel++) {
        int64_t first = fmap_piece_begin(panels->n_vectors, panels->n_panels, panel) * lanes;
        int64_t row = fmap_piece_length(panels->n_vectors, panels->n_panels, panel) * lanes;
        pack_panel(problem, &matrix, first, row, packed + points * problem->channels * first);
    }
}
