/* Depthwise convolution of one block's plane: what its two ways share. */
#ifndef FMAP_DEPTHWISE_H
#define FMAP_DEPTHWISE_H

#include "window.h"

/* Minima and maxima keep the units busy that multiply: there are only as many as are needed. */
INLINE void depthwise_clip(vf acc[][WINDOW_PIXELS], const struct fmap_activate_job *activate,
                           const struct window_shape *shape) {
    if (activate->kind != FMAP_ACTIVATE_CLIP) return;
    vf low = v_splat(activate->a), high = v_splat(activate->b);
    UNROLL for (int r = 0; r < shape->rows; r++) {
        UNROLL for (int p = 0; p < shape->pixels; p++) acc[r][p] = v_max(low, acc[r][p]);
    }
    if (activate->b == __builtin_inff()) return;
    UNROLL for (int r = 0; r < shape->rows; r++) {
        UNROLL for (int p = 0; p < shape->pixels; p++) acc[r][p] = v_min(high, acc[r][p]);
    }
}

/* Of what K(depthwise_square) can do, the rows of a band: their sources and outputs stay in the cache that is best, in the first
 * where an activation follows. 0: of nothing else. */
int64_t K(depthwise_square_band)(const struct fmap_depthwise *job, bool follows);

/* Output rows [first, last), but for activations that are no clip. */
void K(depthwise_square)(const struct fmap_depthwise *job, int64_t first, int64_t last);

#endif
