#include "runtime/layers/why.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/layers/stem_job.h"
#include "runtime/layers/winograd.h"

__attribute__((format(printf, 2, 3))) static void say(struct fmap_why *why, const char *format, ...) {
    size_t said = strlen(why->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why->text + said, sizeof why->text - said, format, arguments);
    va_end(arguments);
}

/* ---- Winograd or the direct sum ---------------------------------------------------------------------- */

static double direct_macs(const struct fmap_tiles_problem *problem) {
    int64_t group_channels = problem->channels / problem->groups;
    return (double)problem->out[0] * (double)problem->out[1] * (double)problem->kernel[0] *
           (double)problem->kernel[1] * (double)problem->outputs * (double)group_channels;
}

static void say_winograd_costs(struct fmap_why *why, const struct fmap_tiles_problem *problem,
                               int64_t chosen) {
    static const int64_t sizes[] = {2, 4, 5, 6}; /* the first two also dilated */
    const char *before = " (";
    for (int i = 0; i < (fmap_winograd_is_dilated(problem) ? 2 : 4); i++) {
        int64_t size = sizes[i];
        if (size == chosen) continue;
        say(why, "%sF(%" PRId64 "x%" PRId64 ") %.2f", before, size, size,
            fmap_winograd_cost(problem, size) / direct_macs(problem));
        before = ", ";
    }
    say(why, ")");
}

struct fmap_why fmap_why_winograd(const struct fmap_tiles_problem *problem, int64_t output,
                                  const char *note) {
    struct fmap_why why = {{0}};
    int64_t tiles = fmap_winograd_tiles(problem, output, 0) * fmap_winograd_tiles(problem, output, 1);
    say(&why, "F(%" PRId64 "x%" PRId64 ", %" PRId64 "x%" PRId64 "): stride %" PRId64,
        fmap_winograd_side(problem, output, 0), fmap_winograd_side(problem, output, 1), problem->kernel[0],
        problem->kernel[1], problem->strides[0]);
    if (fmap_winograd_is_dilated(problem))
        say(&why, ", dilation %" PRId64 "x%" PRId64, fmap_winograd_dilation(problem, 0),
            fmap_winograd_dilation(problem, 1));
    if (problem->groups > 1) say(&why, ", %" PRId64 " groups", problem->groups);
    say(&why,
        ", %" PRId64 " channels to %" PRId64 ", %" PRId64
        " tiles; %.2f of the direct sum's multiply-adds, transforms counted",
        problem->channels, problem->outputs, tiles,
        fmap_winograd_cost(problem, output) / direct_macs(problem));
    if (problem->kernel[0] == 3 && problem->kernel[1] == 3 && problem->strides[0] == 1)
        say_winograd_costs(&why, problem, output);
    if (problem->pool) say(&why, "; pools in registers");
    say(&why, "%s", note);
    return why;
}

/* ---- register tiles ---------------------------------------------------------------------------------- */

static void say_tiling(struct fmap_why *why, const struct fmap_kernels *kernels,
                       const struct fmap_tiling *tiling) {
    int64_t chosen = fmap_tiling_most_vectors(tiling);
    say(why, "; tiles of %" PRId64 " pixels x %" PRId64 " vectors, estimated at %.0f%% of the peak",
        fmap_tiling_most_pixels(tiling), chosen, 100 / fmap_tiling_cost(tiling));
    const char *before = " (";
    for (int64_t vectors = 1; vectors <= FMAP_TILE_MAX_VECTORS && vectors <= tiling->n_vectors; vectors++) {
        struct fmap_tiling other = fmap_tiling_with(kernels, tiling, vectors);
        if (other.n_panels == 0 || other.n_panels == tiling->n_panels) continue;
        say(why, "%s%" PRId64 "x%" PRId64 " %.0f%%", before, fmap_tiling_most_pixels(&other),
            fmap_tiling_most_vectors(&other), 100 / fmap_tiling_cost(&other));
        before = ", ";
    }
    if (strcmp(before, ", ") == 0) say(why, ")");
}

static const char *pooling(const struct fmap_tiles_problem *problem) {
    if (!problem->pool) return "";
    return fmap_pooled_is_whole(problem->pool) ? "; pools the maps just computed"
                                               : "; pools the rows just computed";
}

/* Why not by Winograd. */
static const char *direct_rule(const struct fmap_planning *planning,
                               const struct fmap_tiles_problem *problem) {
    if (strcmp(problem->name, "dense") == 0) return "its weights are computed in the run";
    if (problem->kernel[0] * problem->kernel[1] == 1) {
        return problem->strides[0] * problem->strides[1] == 1
                   ? "1x1: a product of matrices, nothing is copied"
                   : "1x1 with a stride: a product of matrices";
    }
    if (!fmap_tiles_aligned(problem)) return "groups";
    if (!fmap_winograd_has_kernel(problem)) return "no 3x3 or 5x5 kernel and no line of 3, 5 or 7";
    if (problem->strides[0] * problem->strides[1] != 1) return "a stride";
    if (planning->algorithm == FMAP_ALGORITHM_DIRECT) return "asked for";
    if (fmap_winograd_is_dilated(problem)) return "a dilation that leaves few full tiles to Winograd";
    return "too few channels, outputs or pixels for Winograd";
}

struct fmap_why fmap_why_tiles(const struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                               const struct fmap_tiling *tiling, const char *note) {
    struct fmap_why why = {{0}};
    say(&why, "direct sum: %s", direct_rule(planning, problem));
    if (problem->adds) say(&why, "; adds the residual");
    say(&why, "%s", pooling(problem));
    say_tiling(&why, planning->kernels, tiling);
    say(&why, "%s", note);
    return why;
}

struct fmap_why fmap_why_stem(const struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                              bool winograd, const struct fmap_tiling *tiling) {
    struct fmap_why why = {{0}};
    say(&why, "too few channels (%" PRId64 ") for a block of 16: reads the input as it lies%s",
        problem->channels, pooling(problem));
    if (winograd) say(&why, "; along rows F(4, %" PRId64 ") of each phase", fmap_stem_winograd_taps(problem));
    say_tiling(&why, planning->kernels, tiling);
    return why;
}

struct fmap_why fmap_why_depthwise(const struct fmap_tiles_problem *problem) {
    struct fmap_why why = {{0}};
    say(&why, "as many groups as channels: a lane for each channel");
    if (problem->note) say(&why, "; %s", problem->note);
    return why;
}
