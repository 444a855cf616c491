#include "runtime/layers/winograd_matrix.h"

/* Of patches of a size, as in kernels/winograd2.c and its siblings and in winograd_line.h; infinity comes last. */
static const double points_of[FMAP_WINOGRAD_MAX_LINE + 1][FMAP_WINOGRAD_MAX_LINE - 1] = {
    [4] = {0, 1, -1},
    [6] = {0, 0.625, -0.625, 1.5, -1.5},
    [7] = {0.25, -0.25, 0.875, -0.875, 1.875, -1.875},
    [8] = {0, 0.5, -0.5, 1, -1, 2, -2},
    [9] = {0.25, -0.25, 0.6875, -0.6875, 1.125, -1.125, 2.125, -2.125},
    [10] = {0, 0.4375, -0.4375, 0.8125, -0.8125, 1.25, -1.25, 2.375, -2.375},
    [12] = {0, 0.375, -0.375, 0.6875, -0.6875, 1, -1, 1.4375, -1.4375, 2.8125, -2.8125}};

/* Of stride 2, as in kernels/winograd2_stride2.c. */
static const struct fmap_winograd_matrix stride2_matrix = {
    .patch = 5, .kernel = 3, .rows = {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}, {0, 1, 0}}};

struct fmap_winograd_matrix fmap_winograd_matrix_of(int64_t output, int64_t kernel, int64_t stride) {
    if (stride == 2) return stride2_matrix;
    int64_t n = output + kernel - 2;
    struct fmap_winograd_matrix matrix = {.patch = n + 1, .kernel = kernel};
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
