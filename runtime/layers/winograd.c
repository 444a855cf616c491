/* How a Winograd convolution is planned; winograd_run.c is what its parts do. */
#include "runtime/layers/winograd_job.h"

#include "runtime/layers/why.h"
#include "runtime/layers/winograd_cut.h"
#include "runtime/tuning.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* To transform the input of a channel takes about as long as so many outputs' products with it. */
static const double TRANSFORM_CHANNELS = 10;

static fmap_status pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                        int64_t output, struct fmap_winograd_job *job, struct fmap_operand *weights) {
    int64_t n_outputs = job->groups * job->panels.n_vectors * planning->kernels->lanes;
    TRY(fmap_tiles_bias(planning, problem, n_outputs, &job->bias));
    return fmap_winograd_pack(planning, problem, output, &job->panels, weights);
}

/* Which of the cuts: the model's best, or by measurement. */
static fmap_status choose_cut(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct fmap_tiles_problem *problem, const struct fmap_winograd_job *job,
                              const struct fmap_winograd_work *work, struct fmap_winograd_cut *cut,
                              struct fmap_tuned_note *note) {
    struct fmap_winograd_cut cuts[FMAP_WINOGRAD_CUTS];
    struct fmap_tuned ways[FMAP_WINOGRAD_CUTS] = {{{0}}};
    int n = fmap_winograd_cuts(work, cuts), chosen;
    for (int i = 0; i < n; i++)
        ways[i] = (struct fmap_tuned){{cuts[i].vectors, cuts[i].n_blocks, cuts[i].panels_parts}};
    char dilations[64] = "", groups[32] = "", layer[256];
    if (fmap_winograd_is_dilated(problem))
        snprintf(dilations, sizeof dilations, " dilation %" PRId64 "x%" PRId64,
                 fmap_winograd_dilation(problem, 0), fmap_winograd_dilation(problem, 1));
    if (problem->groups > 1) snprintf(groups, sizeof groups, " in %" PRId64 " groups", problem->groups);
    snprintf(layer, sizeof layer,
             "winograd of %" PRId64 " points %" PRId64 "x%" PRId64 " stride %" PRId64 "%s %" PRId64
             "x%" PRId64 "x%" PRId64 "x%" PRId64 " to %" PRId64 "x%" PRId64 "x%" PRId64 "%s%s%s",
             job->points, problem->kernel[0], problem->kernel[1], problem->strides[0], dilations,
             problem->images, problem->channels, problem->in[0], problem->in[1], problem->outputs,
             problem->out[0], problem->out[1], groups, problem->pool ? " pooled" : "",
             problem->adds ? " adds" : "");
    TRY(fmap_planning_choose(planning, node, layer, ways, n, &chosen, note));
    *cut = cuts[chosen];
    return FMAP_OK;
}

/* Blocks of tiles that fit the cache and that share out evenly among the threads. */
static fmap_status cut_into_parts(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                  const struct fmap_tiles_problem *problem, struct fmap_winograd_job *job,
                                  struct fmap_share *share, struct fmap_tuned_note *note) {
    int64_t lanes = planning->kernels->lanes;
    struct fmap_winograd_work work = {.kernels = planning->kernels,
                                      .groups = job->groups,
                                      .points = job->points,
                                      .channels = job->channels,
                                      .n_vectors = (job->outputs + lanes - 1) / lanes,
                                      .n_tiles = job->n_tiles,
                                      .near_bytes = (int64_t)planning->plan->near_bytes};
    int64_t macs = problem->images * job->out[0] * job->out[1] * problem->kernel[0] * problem->kernel[1] *
                   job->groups * job->channels * work.n_vectors * lanes;
    work.threads = fmap_least(planning->plan->threads, fmap_planning_parts(planning, macs));
    struct fmap_winograd_cut cut;
    TRY(choose_cut(planning, node, problem, job, &work, &cut, note));
    job->far = fmap_winograd_is_far(&work, &cut);
    job->panels = fmap_tiling_of(planning->kernels, work.n_vectors, job->n_tiles, cut.vectors);
    /* A block reads all weights, which cost as much as a few tiles; parts of its panels all transform its input. */
    *share = (struct fmap_share){
        {{.total = job->groups, .pieces = job->groups},
         {.total = job->n_tiles, .pieces = cut.n_blocks, .overhead = 2},
         {.total = job->panels.n_panels,
          .pieces = cut.panels_parts,
          .overhead = TRANSFORM_CHANNELS / (double)(fmap_tiling_most_vectors(&job->panels) * lanes)}}};
    fmap_share_improve(share, (int)work.threads);
    job->n_blocks = share->along[1].pieces;
    job->panels_parts = share->along[2].pieces;
    job->most_tiles = (job->n_tiles + job->n_blocks - 1) / job->n_blocks;
    return FMAP_OK;
}

fmap_status fmap_planning_winograd(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                   const struct fmap_tiles_problem *problem, int64_t output) {
    const struct fmap_winograd_filter filter = fmap_winograd_filter_of(planning->kernels, problem, output);
    struct fmap_winograd_job job = {.transform = filter.transform,
                                    .transform_back = filter.transform_back,
                                    .points = fmap_winograd_points(problem, output),
                                    .step = output * problem->strides[0],
                                    .down = problem->kernel[1] == 1,
                                    .tiles_per_row = fmap_winograd_tiles(problem, output, 1),
                                    .groups = problem->groups,
                                    .channels = problem->channels / problem->groups,
                                    .outputs = problem->outputs / problem->groups,
                                    .pads = {problem->pad_top, problem->pad_left},
                                    .src_image_stride = problem->src_image_stride,
                                    .dst_image_stride = problem->dst_image_stride,
                                    .adds = problem->adds,
                                    .activate = problem->activate};
    memcpy(job.in, problem->in, sizeof job.in);
    memcpy(job.out, problem->out, sizeof job.out);
    for (int axis = 0; axis < 2; axis++) job.dilations[axis] = fmap_winograd_dilation(problem, axis);
    if (problem->pool) memcpy(job.pooled, problem->pool->window.out, sizeof job.pooled);
    job.pools_average = problem->pool && fmap_pooled_is_average(problem->pool);
    const int64_t *kept = problem->pool ? job.pooled : job.out;
    job.dst_block_stride = kept[0] * kept[1] * FMAP_BLOCK;
    job.image_tiles = fmap_winograd_tiles(problem, output, 0) * job.tiles_per_row;
    job.n_tiles = problem->images * job.image_tiles;
    struct fmap_share share;
    struct fmap_tuned_note note;
    TRY(cut_into_parts(planning, node, problem, &job, &share, &note));
    /* One line more than needed: as many streams as points a power of two apart would meet in one set of the first cache. */
    job.transformed_stride = job.most_tiles * fmap_blocks_of(job.channels) * FMAP_BLOCK + FMAP_BLOCK;
    job.product_stride = job.most_tiles * planning->kernels->lanes + FMAP_BLOCK;
    struct fmap_operand operands[4] = {problem->src, problem->dst, {0}, problem->residual};
    TRY(pack(planning, problem, output, &job, &operands[2]));
    int64_t most = fmap_winograd_most_pixels(planning->kernels, &job.panels);
    int64_t scratch = job.points * (job.transformed_stride + FMAP_TILE_MAX_VECTORS * job.product_stride);
    return fmap_planning_step(planning, &(struct fmap_step_definition){
                                            .part = fmap_winograd_part,
                                            .job = &job,
                                            .job_bytes = sizeof job,
                                            .operands = operands,
                                            .n_operands = job.adds ? 4 : 3,
                                            .parts = job.groups * job.n_blocks * job.panels_parts,
                                            .scratch_bytes = (size_t)scratch * sizeof(float),
                                            .kernel = fmap_kernel_text(planning, filter.name).text,
                                            .why = fmap_why_winograd(problem, output, note.text).text,
                                            .tile = {(int)(most < job.most_tiles ? most : job.most_tiles),
                                                     (int)fmap_tiling_most_vectors(&job.panels)},
                                            .share = share,
                                            .node = node});
}
