/* Elements of one type made of those of another. */
#ifndef FMAP_LAYERS_CAST_H
#define FMAP_LAYERS_CAST_H

#include "fmap/fmap.h"

/* n elements, as ONNX' Cast says: towards 0, bool is "not 0". What an integer cannot hold becomes some number: its low
 * bits; NaN becomes 0. The arrays must not overlap. */
void fmap_cast_elements(fmap_type from, const void *src, fmap_type to, void *dst, int64_t n);

#endif
