/* How a layer by register tiles is cut where that changes no bit. */
#include "runtime/layers/tiles_job.h"
#include "runtime/layers/why.h"

#include <inttypes.h>
#include <stdio.h>

/* Up to this part of the second cache, weights stay in it while every tile of pixels runs through all of them. */
enum { WEIGHTS_PART = 2 };

/* Tilings that the model thinks so much worse are not worth a measurement. */
static const double PROMISING = 1.15;

/* Floats a cycle of weights that a tile can read from the second cache without waiting for them most of the time. */
static const double STREAMED = 10;

/* Loads for each FMA, beyond those of 6 x 4: what each costs where nothing but loads and FMAs is left, in a pointwise layer
 * whose weights are near. Measured 3 to 5 % between 14 x 2 and 9 x 3, nothing on a core that has its caches to itself. Small
 * layers keep many tiles instead, for many threads. */
static const double FEWEST_LOADS = 0.4, EACH_LOAD = 0.35;
enum { SMALL = 64 * 28 };

static double loads_of(const struct fmap_tiling *tiling) {
    double pixels = (double)fmap_tiling_most_pixels(tiling),
           vectors = (double)fmap_tiling_most_vectors(tiling);
    return (pixels + vectors) / (pixels * vectors);
}

/* What a layer's tilings are judged by. */
struct weights {
    int64_t vector_bytes; /* of the outputs of one vector */
    bool large, pointwise;
};

/* The model's cost of a tiling, and what it costs that a panel's weights stream from the second cache: for every pixel of a
 * tile less, because so many FMAs share each of them. Weights that fit the first cache do not stream. */
static double cost_of(const struct fmap_planning *planning, const struct fmap_tiling *tiling,
                      const struct weights *weights) {
    double cost = fmap_tiling_cost(tiling);
    bool small = tiling->n_vectors * tiling->n_pixels < SMALL;
    if (weights->pointwise && !weights->large && !small)
        cost *= 1 + EACH_LOAD * (loads_of(tiling) - FEWEST_LOADS);
    int64_t panel_bytes = weights->vector_bytes * fmap_tiling_most_vectors(tiling);
    if (panel_bytes < (int64_t)planning->plan->near_bytes / 4) return cost;
    double share = 2.0 * planning->kernels->lanes / (double)fmap_tiling_most_pixels(tiling) / STREAMED;
    return cost * (1 + 0.25 * share * share);
}

/* Large panels are shared among threads: an even number of them, some a vector narrower, suits two. */
static struct fmap_tiling tiling_of(const struct fmap_planning *planning, int64_t n_vectors, int64_t n_pixels,
                                    int64_t panel_vectors, bool large) {
    struct fmap_tiling tiling = fmap_tiling_of(planning->kernels, n_vectors, n_pixels, panel_vectors);
    bool some_stay = tiling.n_panels * (panel_vectors - 1) + panel_vectors - 1 < n_vectors;
    if (large && tiling.n_panels % 2 == 1 && tiling.n_panels > 1 && some_stay) tiling.n_panels++;
    return tiling;
}

static struct fmap_tiling choose_tiling(const struct fmap_planning *planning, int64_t n_vectors,
                                        int64_t n_pixels, const struct weights *weights) {
    struct fmap_tiling best = {0};
    double least = 0;
    for (int64_t v = 1; v <= FMAP_TILE_MAX_VECTORS && v <= n_vectors; v++) {
        struct fmap_tiling other = tiling_of(planning, n_vectors, n_pixels, v, weights->large);
        if (other.n_panels == 0) continue;
        double cost = cost_of(planning, &other, weights);
        if (best.n_panels > 0 && cost >= least * 0.999) continue;
        best = other;
        least = cost;
    }
    return best;
}

static bool is_promising(const struct fmap_tiling *tiling, const struct fmap_tiling *best) {
    return tiling->n_panels > 0 && fmap_tiling_cost(tiling) < PROMISING * fmap_tiling_cost(best);
}

/* A way: vectors of a panel, whether panels go round the pixels, whether weights are fetched ahead. */
static int list_ways(const struct fmap_planning *planning, const struct fmap_tiling *best, bool large,
                     bool far, bool pointwise, struct fmap_tuned *ways) {
    int n = 0;
    int64_t vectors = fmap_tiling_most_vectors(best);
    ways[n++] = (struct fmap_tuned){{vectors, large, far}};
    if (best->n_panels > 1) ways[n++] = (struct fmap_tuned){{vectors, !large, far}};
    if (pointwise) ways[n++] = (struct fmap_tuned){{vectors, large, !far}};
    for (int64_t v = 2; v <= FMAP_TILE_MAX_VECTORS && v <= best->n_vectors; v++) {
        struct fmap_tiling other = tiling_of(planning, best->n_vectors, best->n_pixels, v, large);
        if (v == vectors || !is_promising(&other, best) || other.n_panels == best->n_panels) continue;
        ways[n++] = (struct fmap_tuned){{v, large, far}};
    }
    return n;
}

fmap_status fmap_tiles_choose(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct fmap_tiles_problem *problem, int64_t n_pixels, bool pointwise,
                              struct fmap_tiles_panels *panels, struct fmap_tuned_note *note) {
    int64_t outputs = problem->outputs / problem->groups, lanes = planning->kernels->lanes;
    int64_t n_vectors = (outputs + lanes - 1) / lanes;
    int64_t bytes = problem->groups * n_vectors * lanes * (problem->channels / problem->groups) *
                    problem->kernel[0] * problem->kernel[1] * (int64_t)sizeof(float);
    bool large = bytes > (int64_t)planning->plan->near_bytes / WEIGHTS_PART;
    const struct weights weights = {bytes / (problem->groups * n_vectors), large, pointwise};
    struct fmap_tiling best = choose_tiling(planning, n_vectors, n_pixels, &weights);
    bool far = planning->kernels->fetches_far_weights && fmap_weights_are_far(bytes);
    struct fmap_tuned ways[FMAP_TUNED_MOST] = {{{0}}};
    int chosen, n = list_ways(planning, &best, large, far, pointwise, ways);
    char layer[256];
    snprintf(layer, sizeof layer,
             "%s %" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 " to %" PRId64 "x%" PRId64 "x%" PRId64
             " groups %" PRId64 " kernel %" PRId64 "x%" PRId64 " stride %" PRId64 "x%" PRId64
             " dilation %" PRId64 "x%" PRId64 "%s%s%s",
             problem->name, problem->images, problem->channels, problem->in[0], problem->in[1],
             problem->outputs, problem->out[0], problem->out[1], problem->groups, problem->kernel[0],
             problem->kernel[1], problem->strides[0], problem->strides[1], problem->dilations[0],
             problem->dilations[1], problem->adds ? " adds" : "", problem->weights ? "" : " computed",
             problem->pool ? " pooled" : "");
    TRY(fmap_planning_choose(planning, node, layer, ways, n, &chosen, note));
    panels->large = ways[chosen].values[1] != 0;
    panels->tiling = tiling_of(planning, n_vectors, n_pixels, ways[chosen].values[0], panels->large);
    panels->far = ways[chosen].values[2] != 0;
    return FMAP_OK;
}
