#include "runtime/layers/tiles.h"

#include "runtime/layers/tiles_job.h"
#include "runtime/layers/why.h"

#include <string.h>

/* So much of a pointwise layer's source stays in the second cache, beside a panel, while all panels pass over it. */
static const int64_t RESIDENT_PIXELS_BYTES = 256 * 1024;

/* Pixels p of [0, n) with 0 <= (first + p) * stride + offset < size. */
static void pixels_inside(int64_t first, int64_t n, int64_t stride, int64_t offset, int64_t size,
                          int64_t *begin, int64_t *end) {
    int64_t from = fmap_ceil_divide(-offset, stride) - first,
            to = fmap_ceil_divide(size - offset, stride) - first;
    *begin = from < 0 ? 0 : from > n ? n : from;
    *end = to < 0 ? 0 : to > n ? n : to;
}

/* What of the kernel's columns each piece of a line sees: the same for all lines. */
static fmap_status find_columns(struct fmap_planning *planning, struct fmap_tiles_job *job) {
    int64_t n_pieces = job->images_are_pixels ? 1 : job->tiling.n_tiles, width = job->kernel[1];
    struct fmap_storage *storage = &planning->plan->storage;
    struct fmap_tiles_column *columns = fmap_storage_take(storage, (size_t)n_pieces,
                                                          (size_t)width * sizeof *columns);
    int64_t *n_columns = fmap_storage_take(storage, (size_t)n_pieces, sizeof *n_columns);
    if (!columns || !n_columns) return fmap_planning_out_of_memory(planning);
    for (int64_t piece = 0; piece < n_pieces; piece++) {
        int64_t x = fmap_piece_begin(job->tiling.n_pixels, job->tiling.n_tiles, piece);
        int64_t n = fmap_piece_length(job->tiling.n_pixels, job->tiling.n_tiles, piece), begin, end;
        if (job->images_are_pixels) x = 0, n = 1;
        for (int64_t kx = 0; kx < width; kx++) {
            int64_t offset = kx * job->dilations[1] - job->pads[1];
            pixels_inside(x, n, job->strides[1], offset, job->in[1], &begin, &end);
            if (begin >= end) continue;
            columns[piece * width + n_columns[piece]++] = (struct fmap_tiles_column){
                .offset = (x * job->strides[1] + offset) * FMAP_BLOCK,
                .index = (int32_t)kx,
                .first = (int16_t)begin,
                .last = (int16_t)end};
        }
    }
    job->columns = columns;
    job->n_columns = n_columns;
    return FMAP_OK;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Parts over images first, then over pixels while the weights are small, else over panels, so that each thread
 * streams its own weights. */
static struct fmap_share cut_into_parts(struct fmap_tiles_job *job, int64_t images, int64_t wanted,
                                        int threads) {
    int64_t n_tiles = job->n_lines * job->tiling.n_tiles;
    job->images_parts = images;
    int64_t rest = (wanted + images - 1) / images;
    if (job->weights_outside) {
        job->panels_parts = least(job->n_panels, rest);
        job->tiles_parts = least(n_tiles, (rest + job->panels_parts - 1) / job->panels_parts);
    } else {
        job->tiles_parts = least(n_tiles, rest);
        job->panels_parts = least(job->n_panels, (rest + job->tiles_parts - 1) / job->tiles_parts);
    }
    struct fmap_share share = {{{.total = images, .pieces = images},
                                {.total = n_tiles, .pieces = job->tiles_parts, .overhead = 0.02},
                                {.total = job->n_panels, .pieces = job->panels_parts, .overhead = 0.02}}};
    if (wanted >= threads) fmap_share_improve(&share, threads);
    job->tiles_parts = share.along[1].pieces;
    job->panels_parts = share.along[2].pieces;
    return share;
}

/* Whether every group begins and ends with a block. */
static bool is_aligned(const struct fmap_tiles_problem *problem) {
    return problem->groups == 1 || (problem->outputs / problem->groups % FMAP_BLOCK == 0 &&
                                    problem->channels / problem->groups % FMAP_BLOCK == 0);
}

static void set_geometry(struct fmap_tiles_job *job, const struct fmap_tiles_problem *problem) {
    memcpy(job->kernel, problem->kernel, sizeof job->kernel);
    memcpy(job->strides, problem->strides, sizeof job->strides);
    memcpy(job->dilations, problem->dilations, sizeof job->dilations);
    memcpy(job->in, problem->in, sizeof job->in);
    job->pads[0] = problem->pad_top;
    job->pads[1] = problem->pad_left;
    job->group_channels = problem->channels / problem->groups;
    job->src_image_stride = problem->src_image_stride;
    job->dst_image_stride = problem->dst_image_stride;
    job->src_block_stride = problem->in[0] * problem->in[1] * FMAP_BLOCK;
    job->dst_block_stride = problem->out[0] * problem->out[1] * FMAP_BLOCK;
    job->src_pixel_stride = problem->strides[1] * FMAP_BLOCK;
    job->dst_pixel_stride = FMAP_BLOCK;
    job->activate = problem->activate;
    job->n_lines = problem->out[0];
    job->images_are_pixels = problem->out[0] * problem->out[1] == 1;
    if (job->images_are_pixels) {
        job->src_pixel_stride = problem->src_image_stride;
        job->dst_pixel_stride = problem->dst_image_stride;
    }
    bool inside = problem->kernel[0] * problem->kernel[1] == 1 && problem->pad_top == 0 &&
                  problem->pad_left == 0;
    for (int i = 0; i < 2; i++)
        inside = inside && (problem->out[i] - 1) * problem->strides[i] < problem->in[i];
    bool dense = problem->strides[0] * problem->strides[1] == 1 && problem->in[0] == problem->out[0] &&
                 problem->in[1] == problem->out[1];
    if (inside && !dense && !job->images_are_pixels && problem->groups == 1) {
        job->n_lines = 1;
        job->pointwise = job->gathers = true;
        job->out_width = problem->out[1];
        job->n_blocks = (problem->channels + FMAP_BLOCK - 1) / FMAP_BLOCK;
        job->src_pixel_stride = FMAP_BLOCK;
    }
    if (inside && dense) { /* no borders: all rows are one line */
        job->n_lines = 1;
        job->in[1] *= job->in[0];
        job->in[0] = 1;
        job->pointwise = !job->images_are_pixels && is_aligned(problem);
    }
}

static int64_t pixels_of_line(const struct fmap_tiles_job *job, const struct fmap_tiles_problem *problem) {
    if (job->images_are_pixels) return problem->images;
    return problem->out[0] * problem->out[1] / job->n_lines;
}

fmap_status fmap_planning_tiles(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const struct fmap_tiles_problem *problem) {
    int64_t group_outputs = problem->outputs / problem->groups, lanes = planning->kernels->lanes;
    struct fmap_tiles_job job = {0};
    set_geometry(&job, problem);
    job.tiling = fmap_choose_tiling(planning->kernels, (group_outputs + lanes - 1) / lanes,
                                    pixels_of_line(&job, problem));
    job.n_panels = problem->groups * job.tiling.n_panels;
    if (job.src_pixel_stride == FMAP_BLOCK) job.distance = 1;
    if (job.src_pixel_stride == 2 * FMAP_BLOCK) job.distance = 2;
    job.block_tiles = RESIDENT_PIXELS_BYTES /
                      (FMAP_TILE_MAX_PIXELS * problem->channels * (int64_t)sizeof(float));
    if (job.block_tiles < 1) job.block_tiles = 1;
    job.aligned = is_aligned(problem);
    struct fmap_operand operands[4] = {problem->src, problem->dst, {0}, problem->residual};
    job.adds = problem->adds;
    if (!job.pointwise) TRY(find_columns(planning, &job));
    TRY(fmap_tiles_pack(planning, node, problem, &job, &operands[2]));
    int64_t kernel_size = problem->kernel[0] * problem->kernel[1];
    int64_t work = problem->images * problem->outputs * problem->out[0] * problem->out[1] *
                   job.group_channels * kernel_size;
    struct fmap_share share = cut_into_parts(&job, job.images_are_pixels ? 1 : problem->images,
                                             fmap_planning_parts(planning, work), planning->plan->threads);
    size_t gathered = job.gathers
                          ? (size_t)(job.block_tiles * FMAP_TILE_MAX_PIXELS * job.n_blocks * FMAP_BLOCK) *
                                sizeof(float)
                          : 0;
    size_t tile_bytes = (size_t)(FMAP_TILE_MAX_PIXELS * FMAP_TILE_MAX_VECTORS * lanes) * sizeof(float);
    return fmap_planning_step(
        planning,
        &(struct fmap_step_definition){
            .part = fmap_tiles_part,
            .job = &job,
            .job_bytes = sizeof job,
            .operands = operands,
            .n_operands = problem->adds ? 4 : 3,
            .parts = job.images_parts * job.tiles_parts * job.panels_parts,
            .scratch_bytes = tile_bytes + (size_t)kernel_size * sizeof(struct fmap_tile_position) + gathered,
            .kernel = fmap_kernel_text(planning, problem->name).text,
            .why = fmap_why_tiles(planning, problem, &job.tiling).text,
            .tile = {(int)fmap_tiling_most_pixels(&job.tiling), (int)fmap_tiling_most_vectors(&job.tiling)},
            .share = share,
            .node = node});
}
