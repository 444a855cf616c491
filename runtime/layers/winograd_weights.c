#include "runtime/layers/winograd.h"

/* As in kernels/winograd2.c and its siblings; infinity comes last. */
static const double points_of[FMAP_WINOGRAD_MAX_OUTPUT + 1][FMAP_WINOGRAD_MAX_PATCH - 1] = {
    [2] = {0, 1, -1},
    [4] = {0, 0.625, -0.625, 1.5, -1.5},
    [5] = {0.25, -0.25, 0.875, -0.875, 1.875, -1.875},
    [6] = {0, 0.5, -0.5, 1, -1, 2, -2}};

void fmap_winograd_weights_matrix(int64_t output, struct fmap_winograd_matrix *matrix) {
    int64_t n = output + 1;
    *matrix = (struct fmap_winograd_matrix){.patch = n + 1};
    for (int64_t i = 0; i < n; i++) {
        double p = points_of[output][i], distances = 1;
        for (int64_t j = 0; j < n; j++) {
            if (j != i) distances *= p - points_of[output][j];
        }
        matrix->rows[i][0] = 1 / distances;
        matrix->rows[i][1] = p / distances;
        matrix->rows[i][2] = p * p / distances;
    }
    matrix->rows[n][2] = 1;
}

void fmap_winograd_transform_weights(const struct fmap_winograd_matrix *matrix, const double *kernel,
                                     float *points, int64_t point_stride) {
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
