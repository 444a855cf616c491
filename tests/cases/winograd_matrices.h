/* The matrices of Winograd's transforms along one axis, in double. */
#ifndef TESTS_CASES_WINOGRAD_MATRICES_H
#define TESTS_CASES_WINOGRAD_MATRICES_H

#include "kernels/kernels.h"

enum {
    CASE_WINOGRAD_MAX_OUTPUT = FMAP_WINOGRAD_MAX_OUTPUT,
    CASE_WINOGRAD_MAX_PATCH = FMAP_WINOGRAD_MAX_LINE
};

/* Row i of B^T: the coefficients of the polynomial that is zero at every other point and has the leading
 * coefficient 1; at infinity the one that is zero at all finite points. */
void case_winograd_input_matrix(int patch, double b[CASE_WINOGRAD_MAX_PATCH][CASE_WINOGRAD_MAX_PATCH]);

/* Row i of A^T: each point to the power i; infinity has only the highest. */
void case_winograd_output_matrix(int output, int patch,
                                 double a[CASE_WINOGRAD_MAX_OUTPUT][CASE_WINOGRAD_MAX_PATCH]);

#endif
