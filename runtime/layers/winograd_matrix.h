/* What transforms the weights of a Winograd filter. */
#ifndef FMAP_LAYERS_WINOGRAD_MATRIX_H
#define FMAP_LAYERS_WINOGRAD_MATRIX_H

#include <stdint.h>

#include "kernels/kernels.h"

enum { FMAP_WINOGRAD_MAX_KERNEL = 7 }; /* along an axis */

/* G: its rows are 1, p, p^2 and so on over the product of p's distances to the other points. */
struct fmap_winograd_matrix {
    int64_t patch, kernel;
    double rows[FMAP_WINOGRAD_MAX_LINE][FMAP_WINOGRAD_MAX_KERNEL];
};

/* Of tiles of so many outputs along an axis. */
struct fmap_winograd_matrix fmap_winograd_matrix_of(int64_t output, int64_t kernel, int64_t stride);

#endif
