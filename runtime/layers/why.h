/* Sentences for people: which rule chose a kernel, and what the alternatives would have cost by the estimate. `note` ends
 * them. */
#ifndef FMAP_LAYERS_WHY_H
#define FMAP_LAYERS_WHY_H

#include "runtime/layers/tiles.h"

struct fmap_why {
    char text[400];
};

struct fmap_why fmap_why_winograd(const struct fmap_tiles_problem *problem, int64_t output, const char *note);
struct fmap_why fmap_why_tiles(const struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                               const struct fmap_tiling *tiling, const char *note);
/* `winograd`: by Winograd along the rows. */
struct fmap_why fmap_why_stem(const struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                              bool winograd, const struct fmap_tiling *tiling);

struct fmap_why fmap_why_depthwise(const struct fmap_tiles_problem *problem);

static inline int64_t fmap_tiling_most_pixels(const struct fmap_tiling *tiling) {
    return (tiling->n_pixels + tiling->n_tiles - 1) / tiling->n_tiles;
}
static inline int64_t fmap_tiling_most_vectors(const struct fmap_tiling *tiling) {
    return (tiling->n_vectors + tiling->n_panels - 1) / tiling->n_panels;
}

#endif
