#include "runtime/layers/grouped.h"

/* Pixels of a layer without borders that are shared out together: its rows are one line. */
static const int64_t PIXELS_OF_UNIT = 56;

struct grouped_job {
    struct fmap_grouped kernel; /* without the places and the rows */
    bool one_line;              /* 1x1: rows and units count pixels */
    int64_t blocks;             /* of the output */
    int64_t group_channels, group_outputs;
    int64_t dst_height, dst_width;
    int64_t n_units, unit_rows; /* what is shared out: pieces of a plane of so many rows */
    int64_t units_per_plane;
    int64_t parts;
    int64_t src_image_stride, dst_image_stride;
    int64_t block_weights;
    const float *weights; /* [block] as the kernel reads them */
    const float *bias;    /* [block][16] */
    const int32_t *lanes; /* [block][16] */
};

/* Rows [first, end) of one block of one image's output. */
static void run_rows(const struct fmap_run *run, const struct fmap_step *step, int64_t plane, int64_t first,
                     int64_t end) {
    const struct grouped_job *job = step->job;
    int64_t image = plane / job->blocks, block = plane % job->blocks;
    int64_t src_block = block * FMAP_BLOCK / job->group_outputs * job->group_channels / FMAP_BLOCK;
    struct fmap_grouped work = job->kernel;
    work.weights = job->weights + block * job->block_weights;
    work.bias = job->bias + block * FMAP_BLOCK;
    work.lanes = job->lanes + block * FMAP_BLOCK;
    work.window.src = fmap_at(run, &step->operands[0]) + image * job->src_image_stride +
                      src_block * job->kernel.src_block_stride;
    work.window.dst = fmap_at(run, &step->operands[1]) + image * job->dst_image_stride +
                      block * job->dst_height * job->dst_width * FMAP_BLOCK;
    work.window.first_row = first;
    work.window.n_rows = end - first;
    if (job->one_line) {
        work.window.src += first * FMAP_BLOCK;
        work.window.dst += first * FMAP_BLOCK;
        work.window.src_size[1] = work.window.dst_width = end - first;
        work.window.first_row = 0;
        work.window.n_rows = 1;
    }
    run->kernels->grouped(&work);
}

/* Neighbouring units are one piece of work where they belong to the same plane. */
static void grouped_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct grouped_job *job = step->job;
    int64_t rows = job->one_line ? job->dst_height * job->dst_width : job->dst_height;
    int64_t unit = fmap_piece_begin(job->n_units, job->parts, part);
    int64_t last = unit + fmap_piece_length(job->n_units, job->parts, part);
    while (unit < last) {
        int64_t plane = unit / job->units_per_plane, plane_begin = plane * job->units_per_plane;
        int64_t end = plane_begin + job->units_per_plane < last ? plane_begin + job->units_per_plane : last;
        int64_t end_row = (end - plane_begin) * job->unit_rows;
        run_rows(run, step, plane, (unit - plane_begin) * job->unit_rows, end_row < rows ? end_row : rows);
        unit = end;
    }
}

/* [block][kernel height][channel of the group][kernel width][16] */
static void pack_weights(const void *tiles_problem, int64_t part, float *packed) {
    (void)part;
    const struct fmap_tiles_problem *problem = tiles_problem;
    const int64_t *kernel = problem->kernel, *strides = problem->weight_strides;
    int64_t group_channels = problem->channels / problem->groups;
    int64_t block_weights = kernel[0] * kernel[1] * group_channels * FMAP_BLOCK;
    int64_t lanes_of_all = fmap_blocks_of(problem->outputs) * FMAP_BLOCK;
    for (int64_t o = 0; o < lanes_of_all; o++) {
        float *to = packed + o / FMAP_BLOCK * block_weights + o % FMAP_BLOCK;
        for (int64_t ky = 0; ky < kernel[0]; ky++) {
            for (int64_t i = 0; i < group_channels; i++) {
                for (int64_t kx = 0; kx < kernel[1]; kx++, to += FMAP_BLOCK) {
                    int64_t from = o * strides[0] + i * strides[1] + ky * strides[2] + kx * strides[3];
                    *to = o < problem->outputs ? fmap_tiles_weight(problem, o, from) : 0;
                }
            }
        }
    }
}

static fmap_status pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                        struct grouped_job *job) {
    struct fmap_operand weights;
    size_t lanes_of_all = (size_t)(job->blocks * FMAP_BLOCK);
    struct fmap_packer packer = fmap_tiles_packer(problem, "grouped");
    packer.n_floats = job->blocks * job->block_weights;
    packer.part = pack_weights;
    packer.job = problem;
    packer.job_bytes = sizeof *problem;
    TRY(fmap_planning_pack(planning, &packer, &weights));
    TRY(fmap_tiles_bias(planning, problem, job->blocks * FMAP_BLOCK, &job->bias));
    int32_t *lanes = fmap_storage_take(&planning->plan->storage, lanes_of_all, sizeof *lanes);
    if (!lanes) return fmap_planning_out_of_memory(planning);
    /* Those beyond the last output too: as if there were more groups. */
    for (int64_t o = 0; o < job->blocks * FMAP_BLOCK; o++) {
        lanes[o] = (int32_t)(o / job->group_outputs * job->group_channels % FMAP_BLOCK);
    }
    job->weights = weights.constant;
    job->lanes = lanes;
    return FMAP_OK;
}

/* Parts of equal numbers of rows, whatever the number of planes. A unit is two rows, which share what they read. */
static void cut(const struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                struct grouped_job *job) {
    int64_t planes = problem->images * job->blocks, pixels = problem->out[0] * problem->out[1];
    int64_t rows = job->one_line ? pixels : problem->out[0];
    job->unit_rows = job->one_line ? PIXELS_OF_UNIT : 2 * problem->dilations[0];
    if (job->unit_rows > rows) job->unit_rows = rows;
    job->units_per_plane = (rows + job->unit_rows - 1) / job->unit_rows;
    job->n_units = planes * job->units_per_plane;
    int64_t wanted = fmap_planning_parts(planning, planes * job->block_weights * pixels);
    job->parts = fmap_share_units_parts(job->n_units, wanted, planning->plan->threads);
}

/* Groups of 2, 4, 8 or 16 outputs, each from as many channels or from a half, a quarter... of that. */
bool fmap_grouped_wanted(const struct fmap_tiles_problem *problem) {
    int64_t channels = problem->channels / problem->groups, outputs = problem->outputs / problem->groups;
    return problem->groups > 1 && outputs > 1 && outputs <= FMAP_BLOCK && channels <= outputs &&
           FMAP_BLOCK % outputs == 0 && FMAP_BLOCK % channels == 0 && problem->weights;
}

fmap_status fmap_planning_grouped(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                  const struct fmap_tiles_problem *problem) {
    int64_t group_channels = problem->channels / problem->groups;
    struct grouped_job job = {
        .kernel = {.window = {.src_size = {problem->in[0], problem->in[1]},
                              .dst_width = problem->out[1],
                              .kernel = {problem->kernel[0], problem->kernel[1]},
                              .strides = {problem->strides[0], problem->strides[1]},
                              .dilations = {problem->dilations[0], problem->dilations[1]},
                              .pads = {problem->pad_top, problem->pad_left}},
                   .n_blocks = 1,
                   .n_lanes = (int)group_channels,
                   .src_block_stride = problem->in[0] * problem->in[1] * FMAP_BLOCK,
                   .activate = problem->activate},
        .one_line = fmap_tiles_one_line(problem),
        .blocks = fmap_blocks_of(problem->outputs),
        .group_channels = group_channels,
        .group_outputs = problem->outputs / problem->groups,
        .dst_height = problem->out[0],
        .dst_width = problem->out[1],
        .src_image_stride = problem->src_image_stride,
        .dst_image_stride = problem->dst_image_stride,
        .block_weights = problem->kernel[0] * problem->kernel[1] * group_channels * FMAP_BLOCK};
    if (job.one_line) job.kernel.window.src_size[0] = 1;
    TRY(pack(planning, problem, &job));
    cut(planning, problem, &job);
    struct fmap_operand operands[] = {problem->src, problem->dst};
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = grouped_part,
                                                 .job = &job,
                                                 .job_bytes = sizeof job,
                                                 .operands = operands,
                                                 .n_operands = 2,
                                                 .parts = job.parts,
                                                 .kernel = fmap_kernel_text(planning, "grouped").text,
                                                 .why = "groups of 2 to 16 outputs: several in a vector",
                                                 .share = fmap_share_units(job.n_units, job.parts),
                                                 .node = node});
}
