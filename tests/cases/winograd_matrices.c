/* Made from the points alone. */
#include "winograd_matrices.h"

#include <math.h>
#include <string.h>

enum { MAX_OUTPUT = CASE_WINOGRAD_MAX_OUTPUT, MAX_PATCH = CASE_WINOGRAD_MAX_PATCH };

/* Of each size of patch; infinity comes last. */
static const double points_of[MAX_PATCH + 1][MAX_PATCH - 1] = {
    [4] = {0, 1, -1},
    [6] = {0, 0.625, -0.625, 1.5, -1.5},
    [7] = {0.25, -0.25, 0.875, -0.875, 1.875, -1.875},
    [8] = {0, 0.5, -0.5, 1, -1, 2, -2},
    [9] = {0.25, -0.25, 0.6875, -0.6875, 1.125, -1.125, 2.125, -2.125},
    [10] = {0, 0.4375, -0.4375, 0.8125, -0.8125, 1.25, -1.25, 2.375, -2.375},
    [12] = {0, 0.375, -0.375, 0.6875, -0.6875, 1, -1, 1.4375, -1.4375, 2.8125, -2.8125}};

/* F(2x2, 3x3) with stride 2 has no points, but a filter of two weights for the even elements and one weight for the odd. */
static const double stride2_input[5][MAX_PATCH] = {
    {1, 0, -1}, {0, 0, 1}, {0, 0, -1, 0, 1}, {0, 1}, {0, 0, 0, 1}};
static const double stride2_output[2][MAX_PATCH] = {{1, 1, 0, 1}, {0, 1, 1, 0, 1}};

void case_winograd_input_matrix(int patch, double b[MAX_PATCH][MAX_PATCH]) {
    const double *points = points_of[patch];
    if (patch == 5) {
        memcpy(b, stride2_input, sizeof stride2_input);
        return;
    }
    for (int i = 0; i < patch; i++) {
        double polynomial[MAX_PATCH + 1] = {1};
        int degree = 0;
        for (int j = 0; j < patch - 1; j++) {
            if (j == i) continue;
            for (int k = ++degree; k >= 0; k--) {
                polynomial[k] = (k > 0 ? polynomial[k - 1] : 0) - points[j] * polynomial[k];
            }
        }
        memcpy(b[i], polynomial, sizeof b[i]);
    }
}

void case_winograd_output_matrix(int output, int patch, double a[MAX_OUTPUT][MAX_PATCH]) {
    if (patch == 5) {
        memcpy(a, stride2_output, sizeof stride2_output);
        return;
    }
    for (int i = 0; i < output; i++) {
        for (int j = 0; j < patch - 1; j++) a[i][j] = i == 0 ? 1 : pow(points_of[patch][j], i);
        a[i][patch - 1] = i == output - 1;
    }
}
