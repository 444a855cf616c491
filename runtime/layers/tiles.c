#include "runtime/layers/tiles.h"

#include "runtime/layers/tiles_pool.h"
#include "runtime/layers/why.h"

#include <stdio.h>
#include <string.h>

/* So much of the second cache holds a pointwise layer's source, beside a panel, while all panels pass over it; and so much where
 * the weights are many second caches, as each block of pixels reads them anew from the third one or from memory. */
static const double PIXELS_SHARE = 0.33, PIXELS_SHARE_OF_LARGE = 0.6;
enum { LARGE_CACHES = 4 };

/* A panel that takes more than this share of the second cache is cut: it would stream through it for every tile, and what is
 * fetched a whole panel ahead is pushed out before it is used. Measured 0.125 as good as half of that, 0.3 and 0.6 worse. */
static const double PANEL_SHARE = 0.125;

/* What it takes to read a weight, in multiply-adds: for fewer pixels, reading them is the work. */
enum { READING = 8 };

/* Parts over images first, then over pixels while the weights are small, else over panels, so that each thread
 * streams its own weights. No more than one a thread where that is even: what a part fetches ahead ends with it, and each
 * part reads all of its weights anew. */
static struct fmap_share cut_into_parts(struct fmap_tiles_job *job, int64_t images, int64_t wanted,
                                        int threads) {
    int64_t n_tiles = job->lines.n * job->panels.tiling.n_tiles;
    job->images_parts = images;
    int64_t rest = (fmap_least(wanted, threads) + images - 1) / images;
    if (job->panels.large) {
        job->panels_parts = fmap_least(job->panels.n_panels, rest);
        job->tiles_parts = fmap_least(n_tiles, (rest + job->panels_parts - 1) / job->panels_parts);
    } else {
        job->tiles_parts = fmap_least(n_tiles, rest);
        job->panels_parts = fmap_least(job->panels.n_panels,
                                       (rest + job->tiles_parts - 1) / job->tiles_parts);
    }
    /* Large weights are read again for each piece of the pixels. */
    double again = job->panels.large ? (double)READING / (double)fmap_tiling_most_pixels(&job->panels.tiling)
                                     : 0.02;
    struct fmap_share share = {
        {{.total = images, .pieces = images},
         {.total = n_tiles, .pieces = job->tiles_parts, .overhead = again},
         {.total = job->panels.n_panels, .pieces = job->panels_parts, .overhead = 0.02}}};
    if (wanted >= threads) fmap_share_improve(&share, threads);
    job->tiles_parts = share.along[1].pieces;
    job->panels_parts = share.along[2].pieces;
    return share;
}

/* Blocks of channels that a panel sums for all tiles before it goes on: all, or as many as stay in the second cache. */
static int64_t chunk_of(const struct fmap_planning *planning, const struct fmap_tiles_job *job,
                        const struct fmap_tiles_problem *problem) {
    int64_t n_blocks = fmap_blocks_of(job->group_channels);
    if (!job->panels.large || !job->aligned) return n_blocks + 1; /* a group may begin inside a block */
    int64_t row = fmap_tiling_most_vectors(&job->panels.tiling) * planning->kernels->lanes;
    int64_t bytes = problem->kernel[0] * problem->kernel[1] * FMAP_BLOCK * row * (int64_t)sizeof(float);
    int64_t fit = (int64_t)(PANEL_SHARE * (double)planning->plan->near_bytes / (double)bytes);
    return fit < 1 ? 1 : fmap_least(fit, n_blocks);
}

static int64_t block_tiles_of(const struct fmap_planning *planning, const struct fmap_tiles_job *job,
                              const struct fmap_tiles_problem *problem) {
    double near = (double)planning->plan->near_bytes, channels = (double)problem->channels;
    double weights_bytes = channels * (double)problem->outputs * sizeof(float);
    double share = weights_bytes > LARGE_CACHES * near ? PIXELS_SHARE_OF_LARGE : PIXELS_SHARE;
    double tile_bytes = (double)fmap_tiling_most_pixels(&job->panels.tiling) * channels * sizeof(float);
    return tile_bytes < share * near ? (int64_t)(share * near / tile_bytes) : 1;
}

/* Whether output pixels are made of one source pixel each, not of all of them, and of none outside. */
static bool is_strided_pointwise(const struct fmap_tiles_problem *problem) {
    bool inside = problem->kernel[0] * problem->kernel[1] == 1 && problem->pad_top == 0 &&
                  problem->pad_left == 0 && !problem->dst_pixel_stride;
    for (int i = 0; i < 2; i++)
        inside = inside && (problem->out[i] - 1) * problem->strides[i] < problem->in[i];
    return inside && problem->groups == 1 && !fmap_tiles_one_line(problem);
}

static void set_geometry(struct fmap_tiles_job *job, const struct fmap_tiles_problem *problem) {
    job->lines = fmap_tiles_lines_of(problem);
    job->group_channels = problem->channels / problem->groups;
    job->src_image_stride = problem->src_image_stride;
    job->dst_image_stride = problem->dst_image_stride;
    job->src_block_stride = problem->in[0] * problem->in[1] * FMAP_BLOCK;
    job->dst_block_stride = problem->out[0] * problem->out[1] * FMAP_BLOCK;
    job->src_pixel_stride = problem->strides[1] * FMAP_BLOCK;
    job->dst_pixel_stride = FMAP_BLOCK;
    job->dst_line_stride = problem->out[1] * FMAP_BLOCK;
    if (problem->dst_pixel_stride) {
        job->dst_pixel_stride = problem->dst_pixel_stride;
        job->dst_line_stride = problem->dst_line_stride;
        job->dst_block_stride = problem->dst_block_stride;
        job->phase_outputs = problem->phase_outputs;
        job->phase_columns = problem->phase_columns;
        job->phase_row_stride = problem->phase_row_stride;
    }
    job->activate = problem->activate;
    job->aligned = fmap_tiles_aligned(problem);
    job->images_are_pixels = problem->out[0] * problem->out[1] == 1;
    if (job->images_are_pixels) {
        job->src_pixel_stride = problem->src_image_stride;
        job->dst_pixel_stride = problem->dst_image_stride;
    }
    if (job->images_are_pixels) return;
    bool pools_rows = problem->pool && !fmap_pooled_is_whole(problem->pool);
    job->gathers = is_strided_pointwise(problem) && !pools_rows;
    job->pointwise = job->gathers || (fmap_tiles_pointwise(problem) && job->aligned);
    if (pools_rows) job->lines.n = problem->out[0];
    if (job->gathers) {
        job->lines.n = 1;
        job->out_width = problem->out[1];
        job->n_blocks = fmap_blocks_of(job->group_channels);
        job->src_pixel_stride = FMAP_BLOCK;
    }
}

static int64_t pixels_of_line(const struct fmap_tiles_job *job, const struct fmap_tiles_problem *problem) {
    if (job->images_are_pixels) return problem->images;
    return problem->out[0] * problem->out[1] / job->lines.n;
}

/* A tile, positions or gathered pixels, and the ring of a pool. */
static size_t settle_scratch(const struct fmap_planning *planning, struct fmap_tiles_job *job) {
    int64_t floats = FMAP_TILE_MAX_PIXELS * FMAP_TILE_MAX_VECTORS * planning->kernels->lanes;
    int64_t position = (int64_t)(sizeof(struct fmap_tile_position) / sizeof(float));
    floats += job->lines.kernel[0] * job->lines.kernel[1] * position;
    if (job->gathers) floats += job->block_tiles * FMAP_TILE_MAX_PIXELS * job->n_blocks * FMAP_BLOCK;
    job->pool.ring_offset = (floats + FMAP_BLOCK - 1) / FMAP_BLOCK * FMAP_BLOCK;
    return (size_t)(job->pool.ring_offset + job->pool.ring_floats) * sizeof(float);
}

static fmap_status add_step(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            const struct fmap_tiles_problem *problem, struct fmap_tiles_job *job,
                            const struct fmap_operand *operands, const struct fmap_share *share,
                            const char *note) {
    char name[48];
    snprintf(name, sizeof name, "%s%s", problem->name, problem->pool ? "_pool" : "");
    size_t scratch_bytes = settle_scratch(planning, job);
    return fmap_planning_step(planning,
                              &(struct fmap_step_definition){
                                  .part = problem->pool ? fmap_tiles_pooled_part : fmap_tiles_part,
                                  .job = job,
                                  .job_bytes = sizeof *job,
                                  .operands = operands,
                                  .n_operands = problem->adds ? 4 : 3,
                                  .parts = job->images_parts * job->tiles_parts * job->panels_parts,
                                  .scratch_bytes = scratch_bytes,
                                  .kernel = fmap_kernel_text(planning, name).text,
                                  .why = fmap_why_tiles(planning, problem, &job->panels.tiling, note).text,
                                  .tile = {(int)fmap_tiling_most_pixels(&job->panels.tiling),
                                           (int)fmap_tiling_most_vectors(&job->panels.tiling)},
                                  .share = *share,
                                  .node = node});
}

fmap_status fmap_planning_tiles(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const struct fmap_tiles_problem *problem) {
    struct fmap_tiles_job job = {0};
    struct fmap_tuned_note note;
    set_geometry(&job, problem);
    TRY(fmap_tiles_choose(planning, node, problem, pixels_of_line(&job, problem), job.pointwise, &job.panels,
                          &note));
    if (job.src_pixel_stride == FMAP_BLOCK) job.distance = 1;
    if (job.src_pixel_stride == 2 * FMAP_BLOCK) job.distance = 2;
    job.block_tiles = block_tiles_of(planning, &job, problem);
    job.chunk_blocks = chunk_of(planning, &job, problem);
    struct fmap_operand operands[4] = {problem->src, problem->dst, {0}, problem->residual};
    job.adds = problem->adds;
    static const struct fmap_tiling one_pixel = {.n_tiles = 1, .n_pixels = 1};
    const struct fmap_tiling *line = job.images_are_pixels ? &one_pixel : &job.panels.tiling;
    if (!job.pointwise) TRY(fmap_tiles_find_columns(planning, line, &job.lines));
    TRY(fmap_tiles_pack(planning, node, problem, &job.panels, &operands[2]));
    int64_t kernel_size = problem->kernel[0] * problem->kernel[1];
    int64_t weights = fmap_dim_product(problem->outputs, job.group_channels * kernel_size);
    int64_t pixels = problem->images * problem->out[0] * problem->out[1];
    int64_t work = weights * (pixels > READING ? pixels : READING);
    int64_t images = job.images_are_pixels ? 1 : problem->images, parts = fmap_planning_parts(planning, work);
    struct fmap_share share;
    if (problem->pool) {
        TRY(fmap_tiles_plan_pool(planning, problem, &job));
        share = fmap_tiles_cut_pool(&job, images, parts, planning->plan->threads);
    } else {
        share = cut_into_parts(&job, images, parts, planning->plan->threads);
    }
    return add_step(planning, node, problem, &job, operands, &share, note.text);
}
