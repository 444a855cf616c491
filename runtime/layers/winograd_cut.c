/* Each block of tiles reads all transformed weights of its panels; all panels read the block's transformed input. The more
 * tiles a block has, the less often the weights come from the third cache or from memory, until its transformed input
 * leaves the second cache. */
#include "runtime/layers/winograd_cut.h"

/* To transform a channel takes about as long as so many products with it. */
static const double TRANSFORM_CHANNELS = 10;

/* What one thread is given of the third cache in a cycle: slow ones are meant, since on fast ones little depends on it. What
 * does not overlap with multiplying is a share of the shorter of both. */
static const double FAR_BYTES_PER_CYCLE = 10, NOT_OVERLAPPED = 0.3;

/* And of the second one, from where every group of tiles that fills the registers reads all weights. */
static const double NEAR_BYTES_PER_CYCLE = 64;

/* More tiles are worth it when they save so much. */
static const double WORTH_IT = 0.985;

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* What a part holds and does at most. */
struct part {
    double tiles, outputs, panels;
    double source_bytes, products_bytes; /* of a block, transformed; of one panel of it */
    double weights_bytes;                /* of all its panels */
};

static struct part largest_part(const struct fmap_winograd_work *work, const struct fmap_winograd_cut *cut) {
    int64_t n_panels = divide_up(work->n_vectors, cut->vectors);
    struct part part = {.tiles = (double)divide_up(work->n_tiles, cut->n_blocks),
                        .panels = (double)divide_up(n_panels, cut->panels_parts)};
    part.outputs = part.panels * (double)work->n_vectors / (double)n_panels * work->kernels->lanes;
    double points = (double)work->points, channels = (double)work->channels;
    part.source_bytes = points * part.tiles * channels * sizeof(float);
    part.products_bytes = points * part.tiles * (double)(cut->vectors * work->kernels->lanes) * sizeof(float);
    part.weights_bytes = points * channels * part.outputs * sizeof(float);
    return part;
}

static double multiply_cycles(const struct fmap_winograd_work *work, const struct fmap_winograd_cut *cut,
                              const struct part *part) {
    int64_t tiles = (int64_t)part->tiles;
    struct fmap_tiling tiling = fmap_tiling_of(work->kernels, work->n_vectors, tiles, cut->vectors);
    double channels = (double)work->channels,
           products = channels * part->outputs * fmap_tiling_cost(&tiling) +
                      TRANSFORM_CHANNELS * (channels + part->outputs);
    return (double)work->points * part->tiles * products / (2.0 * work->kernels->lanes);
}

/* Bytes of the transformed input and of products that the second cache has lost, or lets go, until they are read. They
 * count twice: nobody fetches them ahead, and they push out what would have stayed. */
static double spilled_bytes(const struct fmap_winograd_work *work, const struct part *part) {
    double half = (double)work->near_bytes / 2;
    double share = (part->source_bytes + part->products_bytes - half) / half;
    if (share <= 0) return 0;
    if (share > 1) share = 1;
    return 2 * share * (part->source_bytes * (part->panels + 1) + 2 * part->products_bytes * part->panels);
}

static bool weights_stay(const struct fmap_winograd_work *work, const struct part *part) {
    return part->weights_bytes + part->source_bytes + part->products_bytes < 0.6 * (double)work->near_bytes;
}

bool fmap_winograd_is_far(const struct fmap_winograd_work *work, const struct fmap_winograd_cut *cut) {
    struct part part = largest_part(work, cut);
    return !weights_stay(work, &part) || fmap_weights_are_far((int64_t)part.weights_bytes);
}

double fmap_winograd_cut_cycles(const struct fmap_winograd_work *work, const struct fmap_winograd_cut *cut) {
    struct part part = largest_part(work, cut);
    double multiply = multiply_cycles(work, cut, &part);
    double bytes = spilled_bytes(work, &part);
    if (!weights_stay(work, &part)) bytes += part.weights_bytes;
    double groups = (double)divide_up((int64_t)part.tiles, work->kernels->tile_pixels[cut->vectors]);
    double near = (groups * part.weights_bytes + part.panels * part.source_bytes) / NEAR_BYTES_PER_CYCLE;
    double fetch = bytes / FAR_BYTES_PER_CYCLE, longer = multiply > fetch ? multiply : fetch;
    double cycles = longer + NOT_OVERLAPPED * (multiply + fetch + near - longer);
    return cycles * (double)divide_up(work->images * cut->n_blocks * cut->panels_parts, work->threads);
}

/* The best cut with panels of that width and blocks of at most so many tiles. */
static struct fmap_winograd_cut best_cut(const struct fmap_winograd_work *work, int64_t vectors,
                                         int64_t most_tiles, double *cycles) {
    struct fmap_winograd_cut best = {.vectors = vectors};
    int64_t n_panels = divide_up(work->n_vectors, vectors), before = 0;
    for (int64_t tiles = 1; tiles <= work->n_tiles && tiles <= most_tiles; tiles++) {
        struct fmap_winograd_cut cut = {vectors, divide_up(work->n_tiles, tiles), 1};
        if (cut.n_blocks == before) continue; /* the same blocks with less room for more */
        before = cut.n_blocks;
        for (; cut.panels_parts <= n_panels && cut.panels_parts <= work->threads; cut.panels_parts++) {
            /* Parts of the same block for one thread would transform it twice. */
            if (cut.panels_parts > 1 && work->images * cut.n_blocks >= work->threads) break;
            double this_cycles = fmap_winograd_cut_cycles(work, &cut);
            if (best.n_blocks > 0 && this_cycles >= WORTH_IT * *cycles) continue;
            best = cut;
            *cycles = this_cycles;
        }
    }
    return best;
}

static bool is_same(const struct fmap_winograd_cut *a, const struct fmap_winograd_cut *b) {
    return a->vectors == b->vectors && a->n_blocks == b->n_blocks && a->panels_parts == b->panels_parts;
}

/* Puts a cut where it belongs among those that are there. */
static int insert(struct fmap_winograd_cut *cuts, double *cycles, int n, struct fmap_winograd_cut cut,
                  double this_cycles) {
    for (int i = 0; i < n; i++)
        if (is_same(&cuts[i], &cut)) return n;
    if (n == FMAP_WINOGRAD_CUTS && this_cycles >= cycles[n - 1]) return n;
    int i = n < FMAP_WINOGRAD_CUTS ? n : n - 1;
    for (; i > 0 && cycles[i - 1] > this_cycles; i--) {
        cuts[i] = cuts[i - 1];
        cycles[i] = cycles[i - 1];
    }
    cuts[i] = cut;
    cycles[i] = this_cycles;
    return n < FMAP_WINOGRAD_CUTS ? n + 1 : n;
}

int fmap_winograd_cuts(const struct fmap_winograd_work *work,
                       struct fmap_winograd_cut cuts[FMAP_WINOGRAD_CUTS]) {
    double cycles[FMAP_WINOGRAD_CUTS];
    int n = 0;
    for (int64_t vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS && vectors <= work->n_vectors; vectors++) {
        int64_t pixels = work->kernels->tile_pixels[vectors], most = work->n_tiles;
        if (pixels == 0 || (vectors == 1 && work->n_vectors > 1)) continue;
        double this_cycles = 0;
        struct fmap_winograd_cut cut = best_cut(work, vectors, most, &this_cycles);
        n = insert(cuts, cycles, n, cut, this_cycles);
        most = divide_up(work->n_tiles, cut.n_blocks) / 2;
        if (most < pixels) continue;
        cut = best_cut(work, vectors, most, &this_cycles);
        n = insert(cuts, cycles, n, cut, this_cycles);
    }
    return n;
}
