#include "runtime/layers/depthwise.h"

#include "runtime/layers/why.h"

#include <string.h>

struct depthwise_job {
    struct fmap_depthwise_blocks blocks;
    int64_t dst_height;
    int64_t n_units, unit_rows; /* what is shared out: pieces of a plane of so many rows */
    int64_t units_per_plane;
    int64_t parts;
    int64_t src_image_stride, dst_image_stride;
};

/* Rows [first, end) of one block of one image's output. */
static void run_rows(const struct fmap_run *run, const struct fmap_step *step, int64_t image, int64_t block,
                     int64_t first, int64_t end) {
    const struct depthwise_job *job = step->job;
    const struct fmap_depthwise_blocks *blocks = &job->blocks;
    int64_t m = blocks->outputs_per_channel, src_block = m == 1 ? block : block / m;
    struct fmap_depthwise work = fmap_depthwise_of_block(blocks, block);
    work.window.src = fmap_at(run, &step->operands[0]) + image * job->src_image_stride +
                      src_block * work.window.src_size[0] * work.window.src_size[1] * FMAP_BLOCK;
    work.window.dst = fmap_at(run, &step->operands[1]) + image * job->dst_image_stride +
                      block * job->dst_height * work.window.dst_width * FMAP_BLOCK;
    work.window.first_row = first;
    work.window.n_rows = end - first;
    run->kernels->depthwise(&work);
}

/* Neighbouring units are one piece of work where they belong to the same plane. Planes may be so small that a division for each
 * would be felt. */
static void depthwise_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct depthwise_job *job = step->job;
    int64_t unit = fmap_piece_begin(job->n_units, job->parts, part);
    int64_t left = fmap_piece_length(job->n_units, job->parts, part);
    int64_t plane = unit / job->units_per_plane, in_plane = unit % job->units_per_plane;
    int64_t image = plane / job->blocks.n, block = plane % job->blocks.n;
    while (left > 0) {
        int64_t n = job->units_per_plane - in_plane < left ? job->units_per_plane - in_plane : left;
        int64_t end_row = (in_plane + n) * job->unit_rows;
        run_rows(run, step, image, block, in_plane * job->unit_rows,
                 end_row < job->dst_height ? end_row : job->dst_height);
        left -= n;
        in_plane = 0;
        if (++block == job->blocks.n) {
            block = 0;
            image++;
        }
    }
}

/* [block][kernel height][kernel width][16] */
static void pack_weights(const void *tiles_problem, int64_t part, float *weights) {
    (void)part;
    const struct fmap_tiles_problem *problem = tiles_problem;
    int64_t kernel_size = problem->kernel[0] * problem->kernel[1];
    for (int64_t c = 0; c < fmap_blocks_of(problem->outputs) * FMAP_BLOCK; c++) {
        float *to = weights + c / FMAP_BLOCK * kernel_size * FMAP_BLOCK + c % FMAP_BLOCK;
        for (int64_t k = 0; k < kernel_size; k++, to += FMAP_BLOCK)
            *to = c < problem->outputs ? fmap_tiles_weight(problem, c, c * kernel_size + k) : 0;
    }
}

static fmap_status pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                        struct fmap_depthwise_blocks *blocks) {
    struct fmap_operand weights;
    struct fmap_packer packer = fmap_tiles_packer(problem, "depthwise");
    packer.n_floats = blocks->n * problem->kernel[0] * problem->kernel[1] * FMAP_BLOCK;
    packer.part = pack_weights;
    packer.job = problem;
    packer.job_bytes = sizeof *problem;
    TRY(fmap_planning_pack(planning, &packer, &weights));
    TRY(fmap_tiles_bias(planning, problem, blocks->n * FMAP_BLOCK, &blocks->bias));
    blocks->weights = weights.constant;
    return FMAP_OK;
}

/* Output 16 b + l is made from channel (16 b + l) / m. The 16 outputs of a block never need two blocks of channels,
 * because a block of channels begins where a block of outputs does; and every m blocks the lanes are the same. */
static fmap_status pick_lanes(struct fmap_planning *planning, struct fmap_depthwise_blocks *blocks) {
    int64_t n = blocks->outputs_per_channel, distinct = n < blocks->n ? n : blocks->n;
    if (n == 1) return FMAP_OK;
    int32_t *lanes = fmap_storage_take(&planning->plan->storage, (size_t)(distinct * FMAP_BLOCK),
                                       sizeof *lanes);
    if (!lanes) return fmap_planning_out_of_memory(planning);
    for (int64_t i = 0; i < distinct * FMAP_BLOCK; i++) lanes[i] = (int32_t)(i / n);
    blocks->lanes = lanes;
    return FMAP_OK;
}

fmap_status fmap_depthwise_prepare(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                                   struct fmap_depthwise_blocks *blocks) {
    *blocks = (struct fmap_depthwise_blocks){
        .window = {.src_size = {problem->in[0], problem->in[1]},
                   .dst_width = problem->out[1],
                   .kernel = {problem->kernel[0], problem->kernel[1]},
                   .strides = {problem->strides[0], problem->strides[1]},
                   .dilations = {problem->dilations[0], problem->dilations[1]},
                   .pads = {problem->pad_top, problem->pad_left}},
        .n = fmap_blocks_of(problem->outputs),
        .outputs_per_channel = problem->outputs / problem->channels,
        .activate = problem->activate};
    TRY(pack(planning, problem, blocks));
    return pick_lanes(planning, blocks);
}

/* What it takes to move an element that another thread has made, in multiply-adds: with so few of them for each, memory
 * counts. */
enum { MOVING = 20 };

/* Parts of equal numbers of rows, whatever the number of planes, as many for each thread. A unit is two rows, which
 * share what they read. */
static void cut(const struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                struct depthwise_job *job) {
    int64_t planes = problem->images * job->blocks.n;
    job->unit_rows = 2 * problem->dilations[0] < job->dst_height ? 2 * problem->dilations[0]
                                                                 : job->dst_height;
    job->units_per_plane = (job->dst_height + job->unit_rows - 1) / job->unit_rows;
    job->n_units = planes * job->units_per_plane;
    int64_t kernel_size = problem->kernel[0] * problem->kernel[1], threads = planning->plan->threads;
    int64_t in = problem->in[0] * problem->in[1], out = problem->out[0] * problem->out[1];
    int64_t work = out * kernel_size + MOVING * (in + out);
    int64_t wanted = fmap_planning_parts(planning, planes * FMAP_BLOCK * work);
    job->parts = fmap_share_units_parts(job->n_units, wanted, (int)threads);
}

fmap_status fmap_planning_depthwise(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                    const struct fmap_tiles_problem *problem) {
    struct depthwise_job job = {.dst_height = problem->out[0],
                                .src_image_stride = problem->src_image_stride,
                                .dst_image_stride = problem->dst_image_stride};
    TRY(fmap_depthwise_prepare(planning, problem, &job.blocks));
    cut(planning, problem, &job);
    struct fmap_operand operands[] = {problem->src, problem->dst};
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = depthwise_part,
                                                 .job = &job,
                                                 .job_bytes = sizeof job,
                                                 .operands = operands,
                                                 .n_operands = 2,
                                                 .parts = job.parts,
                                                 .kernel = fmap_kernel_text(planning, "depthwise").text,
                                                 .why = fmap_why_depthwise(problem).text,
                                                 .share = fmap_share_units(job.n_units, job.parts),
                                                 .node = node});
}
