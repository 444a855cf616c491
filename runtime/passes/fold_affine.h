/* A scale and a shift of each channel behind a convolution or a dense layer, whose weights and bias can do it. They are
 * computed in double and rounded once; the result differs from two layers by roundings. A convolution's weights stay what
 * they are and get factors, which packing multiplies them with.
 *
 * When somebody outside looks at the first layer's own output, it stays, and the folded one takes the slot of the second:
 * so a tap does not change what comes behind it. */
#ifndef FMAP_PASSES_FOLD_AFFINE_H
#define FMAP_PASSES_FOLD_AFFINE_H

#include "runtime/passes/passes.h"

/* The channels of a value that a layer with constant weights and without a function behind it computes for one reader:
 * how many, and along which axis of the value. */
struct fmap_affine_channels {
    int64_t n; /* 0: it is no such value */
    int axis;
};
struct fmap_affine_channels fmap_affine_channels_of(const struct fmap_graph *graph,
                                                    const struct fmap_use *uses, fmap_value value);

/* Folds the node at `index`, which makes scale[o] * x + shift[o] of that value x, into the layer that computes it, unless a
 * number becomes too large. Both arrays live as long as the graph. */
fmap_status fmap_fold_affine(struct fmap_graph *graph, size_t index, fmap_value x, const double *scale,
                             const double *shift, fmap_error *error);

#endif
