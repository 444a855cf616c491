/* Which register tile: one that divides the layer, for full efficiency of the last tile too. */
#include "runtime/layers/tiles.h"

/* Share of the peak that a tile of so many accumulators reaches: fewer than 12 do not hide the latency of an FMA. Where
 * loads are many, those that wait for the second cache get in the way of the others: measured 4 to 11 % on processors
 * that load as often as they multiply. Processors load vectors of 8 lanes more often than that, but short sums of planar tiles,
 * beside which there is more to do, wait for the instructions themselves: measured 6 to 10 % between 6 x 2 and 3 x 4, 20 to 34 %
 * between 6 x 2 and a single vector. */
static double efficiency(int64_t pixels, int64_t vectors, const struct fmap_tiling *tiling) {
    static const double few[12] = {0, 0.11, 0.22, 0.33, 0.44, 0.55, 0.66, 0.77, 0.87, 0.92, 0.97, 0.98};
    static const double EACH_MORE = 2; /* for each FMA */
    /* Those of 4 x 3; those of 4 x 2; those of 10 x 2. */
    double at_ease = tiling->lanes == 8 ? (tiling->planar ? 0.59 : 0.75) : 0.6;
    int64_t accumulators = pixels * vectors;
    double share = accumulators < 12 ? few[accumulators] : 0.995;
    double loads = (double)(pixels + vectors) / (double)accumulators;
    if (vectors == 1) return (tiling->lanes == 8 && tiling->planar ? 0.7 : 0.92) * share;
    double lost = EACH_MORE * (loads - at_ease);
    return share * (1 - (lost < 0 ? 0 : lost > 0.2 ? 0.2 : lost));
}

double fmap_tiling_cost(const struct fmap_tiling *tiling) {
    double sum = 0;
    for (int64_t panel = 0; panel < tiling->n_panels; panel++) {
        int64_t vectors = fmap_piece_length(tiling->n_vectors, tiling->n_panels, panel);
        int64_t longer = tiling->n_pixels % tiling->n_tiles, pixels = tiling->n_pixels / tiling->n_tiles;
        if (longer > 0) {
            sum += (double)(longer * (pixels + 1) * vectors) / efficiency(pixels + 1, vectors, tiling);
        }
        sum += (double)((tiling->n_tiles - longer) * pixels * vectors) / efficiency(pixels, vectors, tiling);
    }
    return sum / (double)(tiling->n_pixels * tiling->n_vectors);
}

/* `same` says of what: lanes, lengths, which tiles. */
static struct fmap_tiling tiling_of(const struct fmap_kernels *kernels, struct fmap_tiling same,
                                    int64_t panel_vectors) {
    int64_t most = (same.planar ? kernels->planar_pixels : kernels->tile_pixels)[panel_vectors];
    if (most == 0) return (struct fmap_tiling){0};
    same.n_panels = (same.n_vectors + panel_vectors - 1) / panel_vectors;
    same.n_tiles = (same.n_pixels + most - 1) / most;
    return same;
}

struct fmap_tiling fmap_tiling_of(const struct fmap_kernels *kernels, int64_t n_vectors, int64_t n_pixels,
                                  int64_t panel_vectors) {
    struct fmap_tiling same = {.lanes = kernels->lanes, .n_vectors = n_vectors, .n_pixels = n_pixels};
    return tiling_of(kernels, same, panel_vectors);
}

struct fmap_tiling fmap_tiling_with(const struct fmap_kernels *kernels, const struct fmap_tiling *tiling,
                                    int64_t panel_vectors) {
    return tiling_of(kernels, *tiling, panel_vectors);
}

static struct fmap_tiling choose(const struct fmap_kernels *kernels, struct fmap_tiling same) {
    struct fmap_tiling best = {0};
    double best_cost = 0;
    for (int vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS && vectors <= same.n_vectors; vectors++) {
        struct fmap_tiling tiling = tiling_of(kernels, same, vectors);
        if (tiling.n_panels == 0) continue;
        double this_cost = fmap_tiling_cost(&tiling);
        if (best.n_panels == 0 || this_cost < best_cost * 0.999) {
            best = tiling;
            best_cost = this_cost;
        }
    }
    return best;
}

struct fmap_tiling fmap_choose_tiling(const struct fmap_kernels *kernels, int64_t n_vectors,
                                      int64_t n_pixels) {
    return choose(
        kernels, (struct fmap_tiling){.lanes = kernels->lanes, .n_vectors = n_vectors, .n_pixels = n_pixels});
}

struct fmap_tiling fmap_choose_planar_tiling(const struct fmap_kernels *kernels, int64_t n_vectors,
                                             int64_t n_pixels) {
    return choose(kernels,
                  (struct fmap_tiling){
                      .lanes = kernels->lanes, .n_vectors = n_vectors, .n_pixels = n_pixels, .planar = true});
}
