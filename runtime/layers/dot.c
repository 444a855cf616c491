#include "runtime/layers/dot.h"

#include <string.h>

/* Fewer channels leave too many lanes empty. */
static const int64_t FEWEST_CHANNELS = 9;

struct dot_job {
    struct fmap_dot kernel; /* without the places and the rows */
    bool one_line;          /* 1x1: rows count pixels */
    int64_t rows;           /* of an image's output */
    int64_t parts_per_image;
    int64_t src_image_stride, dst_image_stride;
};

static void dot_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct dot_job *job = step->job;
    int64_t image = part / job->parts_per_image, piece = part % job->parts_per_image;
    struct fmap_dot work = job->kernel;
    work.window.src = fmap_at(run, &step->operands[0]) + image * job->src_image_stride;
    work.window.dst = fmap_at(run, &step->operands[1]) + image * job->dst_image_stride;
    work.window.first_row = fmap_piece_begin(job->rows, job->parts_per_image, piece);
    work.window.n_rows = fmap_piece_length(job->rows, job->parts_per_image, piece);
    if (job->one_line) {
        work.window.src += work.window.first_row * FMAP_BLOCK;
        work.window.dst += work.window.first_row * FMAP_BLOCK;
        work.window.src_size[1] = work.window.dst_width = work.window.n_rows;
        work.window.first_row = 0;
        work.window.n_rows = 1;
    }
    run->kernels->dot(&work);
}

static int64_t n_floats(const struct fmap_tiles_problem *problem) {
    int64_t n_blocks = fmap_blocks_of(problem->channels);
    return n_blocks * problem->kernel[0] * problem->kernel[1] * problem->outputs * FMAP_BLOCK;
}

/* [block][kernel height][kernel width][output][16] */
static void pack_weights(const void *tiles_problem, int64_t part, float *weights) {
    (void)part;
    const struct fmap_tiles_problem *problem = tiles_problem;
    const int64_t *strides = problem->weight_strides;
    int64_t kernel_size = problem->kernel[0] * problem->kernel[1], outputs = problem->outputs;
    memset(weights, 0, (size_t)n_floats(problem) * sizeof *weights);
    for (int64_t i = 0; i < problem->channels; i++) {
        float *to = weights + i / FMAP_BLOCK * kernel_size * outputs * FMAP_BLOCK + i % FMAP_BLOCK;
        for (int64_t position = 0; position < kernel_size; position++) {
            for (int64_t o = 0; o < outputs; o++, to += FMAP_BLOCK) {
                int64_t from = o * strides[0] + i * strides[1] + position / problem->kernel[1] * strides[2] +
                               position % problem->kernel[1] * strides[3];
                *to = fmap_tiles_weight(problem, o, from);
            }
        }
    }
}

static fmap_status pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                        struct fmap_dot *kernel) {
    int64_t outputs = problem->outputs;
    struct fmap_operand weights;
    float *bias;
    struct fmap_packer packer = fmap_tiles_packer(problem, "dot");
    packer.n_floats = n_floats(problem);
    packer.part = pack_weights;
    packer.job = problem;
    packer.job_bytes = sizeof *problem;
    TRY(fmap_planning_pack(planning, &packer, &weights));
    TRY(fmap_planning_weights(planning, FMAP_BLOCK, &bias));
    for (int64_t i = 0; problem->bias && i < FMAP_BLOCK; i++) {
        bias[i] = fmap_float_at(problem->bias, i % outputs) * problem->bias_scale;
    }
    kernel->weights = weights.constant;
    kernel->bias = bias;
    return FMAP_OK;
}

bool fmap_dot_wanted(const struct fmap_tiles_problem *problem) {
    return problem->groups == 1 && problem->outputs <= FMAP_DOT_OUTPUTS &&
           problem->channels >= FEWEST_CHANNELS && problem->weights;
}

fmap_status fmap_planning_dot(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct fmap_tiles_problem *problem) {
    int64_t kernel_size = problem->kernel[0] * problem->kernel[1], pixels = problem->out[0] * problem->out[1];
    struct dot_job job = {.kernel = {.window = {.src_size = {problem->in[0], problem->in[1]},
                                                .dst_width = problem->out[1],
                                                .kernel = {problem->kernel[0], problem->kernel[1]},
                                                .strides = {problem->strides[0], problem->strides[1]},
                                                .dilations = {problem->dilations[0], problem->dilations[1]},
                                                .pads = {problem->pad_top, problem->pad_left}},
                                     .n_outputs = (int)problem->outputs,
                                     .n_blocks = (int)fmap_blocks_of(problem->channels),
                                     .last_lanes = (int)((problem->channels - 1) % FMAP_BLOCK + 1),
                                     .src_block_stride = problem->in[0] * problem->in[1] * FMAP_BLOCK,
                                     .activate = problem->activate},
                          .one_line = fmap_tiles_one_line(problem),
                          .rows = problem->out[0],
                          .src_image_stride = problem->src_image_stride,
                          .dst_image_stride = problem->dst_image_stride};
    if (job.one_line) {
        job.rows = pixels;
        job.kernel.window.src_size[0] = 1;
    }
    TRY(pack(planning, problem, &job.kernel));
    int64_t wanted = fmap_planning_parts(planning, problem->images * pixels * problem->outputs *
                                                       problem->channels * kernel_size);
    job.parts_per_image = (wanted + problem->images - 1) / problem->images;
    if (job.parts_per_image > job.rows) job.parts_per_image = job.rows;
    struct fmap_share share = {{{.total = problem->images, .pieces = problem->images},
                                {.total = job.rows, .pieces = job.parts_per_image}}};
    if (wanted >= planning->plan->threads) fmap_share_improve(&share, planning->plan->threads);
    job.parts_per_image = share.along[1].pieces;
    struct fmap_operand operands[] = {problem->src, problem->dst};
    return fmap_planning_step(planning,
                              &(struct fmap_step_definition){.part = dot_part,
                                                             .job = &job,
                                                             .job_bytes = sizeof job,
                                                             .operands = operands,
                                                             .n_operands = 2,
                                                             .parts = problem->images * job.parts_per_image,
                                                             .kernel = fmap_kernel_text(planning, "dot").text,
                                                             .why = "one to four outputs of many channels: "
                                                                    "vectors run along the channels",
                                                             .share = share,
                                                             .node = node});
}
