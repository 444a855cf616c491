/* Arithmetic on shapes, with unknown dimensions (-1) let through. */
#ifndef FMAP_RUNTIME_SHAPE_H
#define FMAP_RUNTIME_SHAPE_H

#include "fmap/fmap.h"

/* A shape from its dimensions. */
fmap_shape fmap_shape_of(int rank, const int64_t *dims);

bool fmap_shape_known(const fmap_shape *shape);
bool fmap_shape_equal(const fmap_shape *a, const fmap_shape *b);

/* Product of the dimensions [first, last); FMAP_UNKNOWN when one is unknown or it overflows. */
int64_t fmap_shape_product(const fmap_shape *shape, int first, int last);

/* "2x3x?x5" in a buffer that the structure carries. */
struct fmap_shape_text {
    char text[FMAP_MAX_RANK * 21 + 8];
};
struct fmap_shape_text fmap_shape_text(const fmap_shape *shape);

/* a * b, or FMAP_UNKNOWN when either is unknown or the product overflows. */
int64_t fmap_dim_product(int64_t a, int64_t b);

/* An axis of -rank .. rank - 1 as 0 .. rank - 1; -1 when it is out of range. */
int fmap_axis_of(int64_t axis, int rank);

#endif
