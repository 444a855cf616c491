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

/* The model's cost of a tiling, and what it costs that a panel's weights stream from the second cache: for every pixel of a
 * tile less, because so many FMAs share each of them. Weights that fit the first cache do not stream. */
static double cost_of(const struct fmap_planning *planning, const struct fmap_tiling *tiling,
                      int64_t vector_bytes) {
    double cost = fmap_tiling_cost(tiling);
    int64_t panel_bytes = vector_bytes * ((tiling->n_vectors + tiling->n_panels - 1) / tiling->n_panels);
    if (panel_bytes < (int64_t)planning->plan->near_bytes / 4) return cost;
    double share = 2.0 * planning->kernels->lanes / (double)fmap_tiling_most_pixels(tiling) / STREAMED;
    return cost * (1 + 0.25 * share * share);
}

static struct fmap_tiling choose_tiling(const struct fmap_planning *planning, int64_t n_vectors,
                                        int64_t n_pixels, int64_t vector_bytes) {
    struct fmap_tiling best = fmap_choose_tiling(planning->kernels, n_vectors, n_pixels);
    double least = cost_of(planning, &best, vector_bytes);
    for (int64_t v = 2; v <= FMAP_TILE_MAX_VECTORS && v <= n_vectors; v++) {
        struct fmap_tiling other = fmap_tiling_of(planning->kernels, n_vectors, n_pixels, v);
        if (other.n_panels == 0 || cost_of(planning, &other, vector_bytes) >= least * 0.999) continue;
        best = other;
        least = cost_of(planning, &best, vector_bytes);
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
    int64_t vectors = (best->n_vectors + best->n_panels - 1) / best->n_panels;
    ways[n++] = (struct fmap_tuned){{vectors, large, far}};
    if (best->n_panels > 1) ways[n++] = (struct fmap_tuned){{vectors, !large, far}};
    if (pointwise) ways[n++] = (struct fmap_tuned){{vectors, large, !far}};
    for (int64_t v = 2; v <= FMAP_TILE_MAX_VECTORS && v <= best->n_vectors; v++) {
        struct fmap_tiling other = fmap_tiling_of(planning->kernels, best->n_vectors, best->n_pixels, v);
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
    struct fmap_tiling best = choose_tiling(planning, n_vectors, n_pixels,
                                            bytes / (problem->groups * n_vectors));
    struct fmap_tuned ways[FMAP_TUNED_MOST] = {{{0}}};
    int chosen, n = list_ways(planning, &best, bytes > (int64_t)planning->plan->near_bytes / WEIGHTS_PART,
                              fmap_weights_are_far(bytes), pointwise, ways);
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
    panels->tiling = fmap_tiling_of(planning->kernels, n_vectors, n_pixels, ways[chosen].values[0]);
    panels->large = ways[chosen].values[1] != 0;
    panels->far = ways[chosen].values[2] != 0;
    return FMAP_OK;
}
