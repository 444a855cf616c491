/* Each block of tiles reads all transformed weights of its panels; all panels read the block's transformed input. The more
 * tiles a block has, the less often the weights come from the third cache or from memory, until its transformed input
 * leaves the second cache. */
#include "runtime/layers/winograd_cut.h"

/* To transform a channel takes about as long as so many products with it. */
static const double TRANSFORM_CHANNELS = 10;

/* What one thread is given of the third cache in a cycle: a slow one's, since on fast ones little depends on it. */
static const double FAR_BYTES_PER_CYCLE = 9;

/* And of the second one. Multiplying waits for what a panel reads from there for the first time, in every block: its weights,
 * even though they were fetched ahead, its transformed input, and the lines that products are written to. What more
 * groups of tiles read again comes in time. */
static const double NEAR_BYTES_PER_CYCLE = 60;

/* What does not overlap is a share of the shorter of multiplying and fetching. Transforms read and write faster than panels
 * are fetched, but nothing else goes on meanwhile. */
static const double NOT_OVERLAPPED = 0.15, TRANSFORMS_FASTER = 1.3;

/* More tiles are worth it when they save so much; and no block is larger than so many second caches, since the third one,
 * of which a thread has a share, should hold it. */
static const double WORTH_IT = 0.985, MOST_NEAR_CACHES = 8;

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
    double products = (double)work->channels * part->outputs * fmap_tiling_cost(&tiling);
    return (double)work->points * part->tiles * products / (2.0 * work->kernels->lanes);
}

static double transform_cycles(const struct fmap_winograd_work *work, const struct part *part) {
    double products = TRANSFORM_CHANNELS * ((double)work->channels + part->outputs);
    return (double)work->points * part->tiles * products / (2.0 * work->kernels->lanes);
}

/* The share of the transformed input and of products that the second cache loses until they are read again. In between
 * comes a panel of weights, of which a part pushes out what is older. */
static double lost_share(const struct fmap_winograd_work *work, const struct part *part) {
    static const double PUSHES_OUT = 0.2, KEPT = 0.5, ALL_LOST = 0.75;
    double bytes = part->source_bytes + part->products_bytes +
                   PUSHES_OUT * part->weights_bytes / part->panels;
    double share = (bytes / (double)work->near_bytes - KEPT) / (ALL_LOST - KEPT);
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

static bool weights_stay(const struct fmap_winograd_work *work, const struct part *part) {
    return part->weights_bytes + part->source_bytes + part->products_bytes < 0.6 * (double)work->near_bytes;
}

bool fmap_winograd_is_far(const struct fmap_winograd_work *work, const struct fmap_winograd_cut *cut) {
    struct part part = largest_part(work, cut);
    return !weights_stay(work, &part) || fmap_weights_are_far(work->groups * (int64_t)part.weights_bytes);
}

double fmap_winograd_cut_cycles(const struct fmap_winograd_work *work, const struct fmap_winograd_cut *cut) {
    struct part part = largest_part(work, cut);
    double rate = work->far_bytes_per_cycle > 0 ? work->far_bytes_per_cycle : FAR_BYTES_PER_CYCLE;
    double products_bytes = part.products_bytes * part.panels, lost = lost_share(work, &part);
    double reread_bytes = part.source_bytes * part.panels + products_bytes;
    double multiply = multiply_cycles(work, cut, &part) +
                      (part.weights_bytes + reread_bytes) / NEAR_BYTES_PER_CYCLE;
    double far_bytes = lost * reread_bytes + (weights_stay(work, &part) ? 0 : part.weights_bytes);
    double fetch = far_bytes / rate, longer = multiply > fetch ? multiply : fetch;
    double transform = transform_cycles(work, &part) +
                       lost * (part.source_bytes + products_bytes) / (TRANSFORMS_FASTER * rate);
    double cycles = longer + NOT_OVERLAPPED * (multiply + fetch - longer) + transform;
    return cycles * (double)divide_up(work->groups * cut->n_blocks * cut->panels_parts, work->threads);
}

static bool is_too_large(const struct fmap_winograd_work *work, const struct fmap_winograd_cut *cut) {
    struct part part = largest_part(work, cut);
    return part.source_bytes + part.products_bytes > MOST_NEAR_CACHES * (double)work->near_bytes;
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
        if (best.n_blocks > 0 && is_too_large(work, &cut)) break;
        for (; cut.panels_parts <= n_panels && cut.panels_parts <= work->threads; cut.panels_parts++) {
            /* Parts of the same block for one thread would transform it twice. */
            if (cut.panels_parts > 1 && work->groups * cut.n_blocks >= work->threads) break;
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
