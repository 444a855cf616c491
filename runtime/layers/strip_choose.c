/* Of how many rows a strip is, and whether it pays. */
#include "runtime/layers/strip.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* The maps between the convolutions may have this part of the second cache: weights, source and destination pass through
 * the rest of it. */
enum { MAPS_PART = 2 };

/* More rows at a time than these save nothing that can be measured. */
enum { MOST_ROWS = 16 };

int64_t fmap_strip_source_rows(const struct fmap_tiles_problem *depthwise, int64_t rows) {
    int64_t reach = (depthwise->kernel[0] - 1) * depthwise->dilations[0] + 1;
    return fmap_least((rows - 1) * depthwise->strides[0] + reach, depthwise->in[0]);
}

int64_t fmap_strip_plane(int64_t rows, int64_t width) {
    static const int64_t PAGE_FLOATS = 4096 / sizeof(float);
    int64_t plane = rows * width * FMAP_BLOCK;
    return plane % PAGE_FLOATS ? plane : plane + FMAP_BLOCK;
}

/* Floats that lie between the convolutions with strips of so many rows. */
static int64_t floats_between(const struct fmap_strip_problem *problem, int64_t rows) {
    const struct fmap_tiles_problem *depthwise = &problem->depthwise;
    int64_t floats = 0;
    if (problem->expands)
        floats += fmap_blocks_of(depthwise->channels) *
                  fmap_strip_plane(fmap_strip_source_rows(depthwise, rows), depthwise->in[1]);
    if (problem->projects)
        floats += fmap_blocks_of(depthwise->outputs) * fmap_strip_plane(rows, depthwise->out[1]);
    return floats;
}

int64_t fmap_strip_rows(const struct fmap_strip_problem *problem, size_t near_bytes) {
    int64_t room = (int64_t)(near_bytes / MAPS_PART / sizeof(float)), rows = 1;
    while (rows < MOST_ROWS && rows < problem->depthwise.out[0] && floats_between(problem, rows + 1) <= room)
        rows++;
    return rows;
}

/* ---- multiply-adds -------------------------------------------------------------------------------------- */

static double expanded_row(const struct fmap_strip_problem *problem) {
    return problem->expands ? (double)problem->depthwise.in[1] * (double)problem->expand.channels *
                                  (double)problem->depthwise.channels
                            : 0;
}

static double depthwise_row(const struct fmap_strip_problem *problem) {
    const struct fmap_tiles_problem *depthwise = &problem->depthwise;
    return (double)depthwise->out[1] * (double)depthwise->outputs *
           (double)(depthwise->kernel[0] * depthwise->kernel[1]);
}

static double projected_row(const struct fmap_strip_problem *problem) {
    return problem->projects ? (double)problem->depthwise.out[1] * (double)problem->depthwise.outputs *
                                   (double)problem->project.outputs
                             : 0;
}

double fmap_strip_work(const struct fmap_strip_problem *problem) {
    return expanded_row(problem) * (double)problem->depthwise.in[0] +
           (depthwise_row(problem) + projected_row(problem)) * (double)problem->depthwise.out[0];
}

/* ---- parts ------------------------------------------------------------------------------------------------ */

/* What a part costs beside its rows: a few calls. */
static const double BAND = 0.02;

/* What neighbouring bands expand twice, for each of them, in rows of the output. */
static double expanded_twice(const struct fmap_strip_problem *problem, int64_t bands) {
    const struct fmap_tiles_problem *depthwise = &problem->depthwise;
    int64_t rows = fmap_strip_source_rows(depthwise, 1) - depthwise->strides[0];
    if (rows <= 0 || bands < 2) return 0;
    double both_sides = (double)rows * expanded_row(problem) / fmap_strip_work(problem) *
                        (double)depthwise->out[0];
    return bands == 2 ? both_sides / 2 : both_sides;
}

struct fmap_share fmap_strip_cut(const struct fmap_strip_problem *problem, int64_t images, int64_t wanted,
                                 int threads) {
    const struct fmap_tiles_problem *depthwise = &problem->depthwise;
    int64_t n = fmap_least(wanted, threads), rows = depthwise->out[0];
    struct fmap_share share = {
        {{.total = images, .pieces = images},
         {.total = rows, .pieces = fmap_least((n + images - 1) / images, rows), .overhead = BAND}}};
    share.along[1].overhead += expanded_twice(problem, share.along[1].pieces);
    if (wanted >= threads) fmap_share_improve(&share, threads);
    share.along[1].overhead = BAND + expanded_twice(problem, share.along[1].pieces);
    return share;
}

/* ---- the model --------------------------------------------------------------------------------------------
 *
 * Cycles of the slowest thread. Apart, every map between two convolutions is written and read, near or far, and threads
 * wait for each other. In a strip it stays near, but bands expand some rows twice and each strip reads all weights. */

/* Cycles for a byte from the second cache. */
static const double NEAR = 1.0 / 48;

/* What differs between the processors that were measured. */
struct processor {
    double far;      /* cycles for a byte: written to, and read from, what is beyond the second cache */
    double worth_it; /* less than this part of the time is noise, or what the model does not know of */
};

/* An Intel Xeon with AVX-512 has a slow third cache. An AMD Zen 3 has a fast one, and a second cache so small that strips are of few
 * rows: with ends of lines as short tiles they take 4 to 10 % longer than estimated. */
static struct processor processor_of(int lanes) {
    return lanes == 8 ? (struct processor){1.0 / 24, 0.065} : (struct processor){1.0 / 12, 0.01};
}

/* Vectors of multiply-adds a cycle, as far as kernels get. */
static const double TILES = 1.9, WINDOWS = 1.1;

/* Until the last thread has come, and a step has begun. */
static const double BARRIER = 4000;

static double weights_bytes(const struct fmap_strip_problem *problem) {
    double floats = 0;
    if (problem->expands) floats += (double)problem->expand.channels * (double)problem->expand.outputs;
    if (problem->projects) floats += (double)problem->project.channels * (double)problem->project.outputs;
    return floats * sizeof(float);
}

/* Images that go one by one through these layers, each a thread's alone (chunks.h), are as one thread's one image. */
static void take_apart(const struct fmap_strip_problem *problem, int threads, double *images, double *share) {
    int64_t n = problem->expands ? problem->expand.images : problem->depthwise.images;
    bool alone = n % threads == 0 || n >= 8 * (int64_t)threads;
    int64_t each = (n + threads - 1) / threads;
    *images = (double)(alone ? each : n);
    *share = alone ? 1 : threads;
}

/* Of maps of a thread, what has left the second cache when it is read. */
static double far_share(double bytes, double near) {
    double share = 2 * bytes / near - 1;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

struct fmap_strip_gain fmap_strip_gain(const struct fmap_strip_problem *problem,
                                       const struct fmap_strip_room *room) {
    const struct fmap_tiles_problem *depthwise = &problem->depthwise;
    struct fmap_strip_gain gain = {0};
    double images, threads, near = (double)room->near_bytes;
    struct processor processor = processor_of(room->lanes);
    take_apart(problem, room->threads, &images, &threads);
    double row_bytes = (double)(fmap_blocks_of(depthwise->channels) * depthwise->in[1] * FMAP_BLOCK) *
                       sizeof(float);
    double in = row_bytes * (double)depthwise->in[0];
    double out = (double)(fmap_blocks_of(depthwise->outputs) * depthwise->out[0] * depthwise->out[1] *
                          FMAP_BLOCK) *
                 sizeof(float);
    double saved = (problem->expands ? in : 0) + (problem->projects ? out : 0),
           weights = weights_bytes(problem);
    double far = far_share((in + out) * images / threads, near),
           move = far * processor.far + (1 - far) * NEAR;
    double windows = depthwise_row(problem) * (double)depthwise->out[0] / WINDOWS;
    double work = (windows + (fmap_strip_work(problem) - windows * WINDOWS) / TILES) / room->lanes;
    double read = weights * (weights > near / 2 ? processor.far : NEAR);
    double apart = images * (work + saved * move + read) / threads +
                   (threads > 1 ? BARRIER * (problem->expands + problem->projects) : 0);
    struct fmap_share share = fmap_strip_cut(problem, (int64_t)images, (int64_t)threads, (int)threads);
    int64_t parts = fmap_share_parts(&share);
    double strips = (double)depthwise->out[0] / (double)fmap_strip_rows(problem, room->near_bytes);
    int64_t n_threads = (int64_t)threads, thread_parts = (parts + n_threads - 1) / n_threads;
    double thread_strips = images * strips / threads;
    double kept = (double)(fmap_strip_source_rows(depthwise, 1) - depthwise->strides[0]) * row_bytes;
    double together = images * fmap_share_most(&share, (int)threads) *
                          (work + (problem->expands && kept > 0 ? strips * 2 * kept * NEAR : 0)) +
                      read * fmax(thread_strips, (double)thread_parts);
    bool fits = floats_between(problem, 1) * (int64_t)sizeof(float) <= (int64_t)room->near_bytes / MAPS_PART;
    gain.cycles = fits && apart - together > processor.worth_it * apart ? apart - together : 0;
    snprintf(
        gain.why, sizeof gain.why,
        "%s of %d layers: %.0f KB of maps between them, %s second cache%s; estimated at %.2f of the time",
        gain.cycles > 0 ? "strip" : "no strip", 1 + problem->expands + problem->projects, saved / 1024,
        far > 0.5 ? "too large for the" : "within the", fits ? "" : ", which holds not even a row",
        together / apart);
    return gain;
}
