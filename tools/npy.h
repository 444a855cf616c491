/* NumPy's .npy files, version 1.0: numpy.load() reads them as float32 arrays in C order.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef FMAP_TOOLS_NPY_H
#define FMAP_TOOLS_NPY_H

#include <fmap/fmap.h>

/* The bytes of a file, from malloc(), for one image of a tensor in NCHW order. The batch is left out:
 * maps (n, c, h, w) become height x width x channels, every other shape stays in its order. Errors:
 * MEMORY, LIMIT. */
fmap_status npy_encode(const fmap_shape *shape, const float *values, uint8_t **bytes, size_t *n_bytes,
                       fmap_error *error);

#endif
