/* Activations that are a clip, for tiles whose ends count because their sums are short. */
#ifndef FMAP_TILE_LIMITS_H
#define FMAP_TILE_LIMITS_H

#include "tile.h"

/* What is limited from below only, such as by ReLU, is not compared with infinity. Both limits are without effect where there is
 * no clip. In memory, since sums need all registers. */
struct tile_limits {
    const float *low, *high;
    bool clips, above,
        activates; /* whether there is a limit at all; one above; an activation that is no clip */
};

INLINE struct tile_limits tile_limits_of(const struct fmap_activate_job *activate) {
    static const float none[2] = {-__builtin_inff(), __builtin_inff()};
    bool clips = activate->kind == FMAP_ACTIVATE_CLIP;
    return (struct tile_limits){.clips = clips,
                                .low = clips ? &activate->a : &none[0],
                                .high = clips ? &activate->b : &none[1],
                                .above = clips && !(activate->b == none[1]),
                                .activates = activate->kind != FMAP_ACTIVATE_NONE && !clips};
}

#endif
