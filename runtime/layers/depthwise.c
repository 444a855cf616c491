#include "runtime/layers/depthwise.h"

#include <string.h>

struct depthwise_job {
    int64_t blocks;
    int64_t parts_per_block; /* groups of rows */
    int64_t in[2], out[2];
    int64_t kernel[2], strides[2], dilations[2], pads[2];
    int64_t src_image_stride, dst_image_stride;
    const float *weights; /* [block][ky][kx][16] */
    const float *bias;    /* [block][16] */
    struct fmap_activate_job activate;
};

/* Kernel rows [*first, *last) that fall into the image for output row y. */
static void rows_inside(const struct depthwise_job *job, int64_t y, int64_t *first, int64_t *last) {
    int64_t top = y * job->strides[0] - job->pads[0], dilation = job->dilations[0];
    int64_t from = top < 0 ? (-top + dilation - 1) / dilation : 0;
    int64_t to = top < job->in[0] ? (job->in[0] - top + dilation - 1) / dilation : 0;
    *first = from < job->kernel[0] ? from : job->kernel[0];
    *last = to < job->kernel[0] ? to : job->kernel[0];
    if (*last < *first) *last = *first;
}

/* Some rows of one block of one image. */
static void depthwise_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct depthwise_job *job = step->job;
    int64_t rows = part % job->parts_per_block, block = part / job->parts_per_block % job->blocks;
    int64_t image = part / job->parts_per_block / job->blocks;
    const float *src = fmap_at(run, &step->operands[0]) + image * job->src_image_stride +
                       block * job->in[0] * job->in[1] * FMAP_BLOCK;
    float *dst = fmap_at(run, &step->operands[1]) + image * job->dst_image_stride +
                 block * job->out[0] * job->out[1] * FMAP_BLOCK;
    int64_t row_weights = job->kernel[1] * FMAP_BLOCK;
    struct fmap_depthwise work = {.bias = job->bias + block * FMAP_BLOCK, .activate = job->activate};
    work.window = (struct fmap_window){.n_pixels = (int)job->out[1],
                                       .src_width = (int)job->in[1],
                                       .kernel_width = (int)job->kernel[1],
                                       .stride = (int)job->strides[1],
                                       .dilation = (int)job->dilations[1],
                                       .pad_left = (int)job->pads[1],
                                       .src_row_stride = job->dilations[0] * job->in[1] * FMAP_BLOCK};
    int64_t y = fmap_piece_begin(job->out[0], job->parts_per_block, rows);
    int64_t end = y + fmap_piece_length(job->out[0], job->parts_per_block, rows);
    for (; y < end; y++) {
        int64_t first, last;
        rows_inside(job, y, &first, &last);
        int64_t row = y * job->strides[0] - job->pads[0] + first * job->dilations[0];
        work.window.src = src + (last > first ? row : 0) * job->in[1] * FMAP_BLOCK;
        work.window.dst = dst + y * job->out[1] * FMAP_BLOCK;
        work.window.n_rows = (int)(last - first);
        work.weights = job->weights + (block * job->kernel[0] + first) * row_weights;
        run->kernels->depthwise(&work);
    }
}

static fmap_status pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                        struct depthwise_job *job) {
    int64_t kernel_size = problem->kernel[0] * problem->kernel[1];
    float *weights, *bias;
    TRY(fmap_planning_weights(planning, (size_t)(job->blocks * kernel_size * FMAP_BLOCK), &weights));
    TRY(fmap_planning_weights(planning, (size_t)(job->blocks * FMAP_BLOCK), &bias));
    for (int64_t c = 0; c < problem->channels; c++) {
        int64_t block = c / FMAP_BLOCK, lane = c % FMAP_BLOCK;
        for (int64_t k = 0; k < kernel_size; k++) {
            weights[(block * kernel_size + k) * FMAP_BLOCK + lane] = fmap_float_at(problem->weights,
                                                                                   c * kernel_size + k);
        }
        if (problem->bias) bias[c] = fmap_float_at(problem->bias, c);
    }
    job->weights = weights;
    job->bias = bias;
    return FMAP_OK;
}

fmap_status fmap_planning_depthwise(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                    const struct fmap_tiles_problem *problem) {
    struct depthwise_job job = {.blocks = (problem->channels + FMAP_BLOCK - 1) / FMAP_BLOCK,
                                .pads = {problem->pad_top, problem->pad_left},
                                .src_image_stride = problem->src_image_stride,
                                .dst_image_stride = problem->dst_image_stride,
                                .activate = problem->activate};
    memcpy(job.in, problem->in, sizeof job.in);
    memcpy(job.out, problem->out, sizeof job.out);
    memcpy(job.kernel, problem->kernel, sizeof job.kernel);
    memcpy(job.strides, problem->strides, sizeof job.strides);
    memcpy(job.dilations, problem->dilations, sizeof job.dilations);
    TRY(pack(planning, problem, &job));
    int64_t kernel_size = job.kernel[0] * job.kernel[1];
    int64_t wanted = fmap_planning_parts(planning, problem->images * job.blocks * FMAP_BLOCK * job.out[0] *
                                                       job.out[1] * kernel_size);
    int64_t per_block = (wanted + problem->images * job.blocks - 1) / (problem->images * job.blocks);
    job.parts_per_block = per_block < job.out[0] ? per_block : job.out[0];
    struct fmap_operand operands[] = {problem->src, problem->dst};
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = depthwise_part,
                                                 .job = &job,
                                                 .job_bytes = sizeof job,
                                                 .operands = operands,
                                                 .n_operands = 2,
                                                 .parts = problem->images * job.blocks * job.parts_per_block,
                                                 .kernel = fmap_kernel_text(planning, "depthwise").text,
                                                 .node = node});
}
