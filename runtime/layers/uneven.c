#include "runtime/layers/uneven.h"

#include <string.h>

/* So many groups that their outputs are whole blocks make a bundle. The register tile writes a bundle's outputs side by
 * side into scratch memory, each group over what the last vector of the group before it wrote too much; then they go to
 * their blocks. Bundles share no block of the destination, so they can go to different threads. Where every group's
 * outputs are whole blocks, the tile writes them to where they belong. */
struct uneven_job {
    struct fmap_tiling tiling;
    struct fmap_tile tile; /* without what depends on the group and the place */
    const float *weights;  /* [group][panel] as the tile reads them */
    const float *bias;     /* [group][vectors of a group] */
    int64_t images, groups, group_channels, group_outputs, group_weights;
    int64_t bundle_groups, n_bundles;
    int64_t n_lines; /* of an image: rows of output pixels, or 1 where all pixels make one line */
    int64_t parts;
    bool in_place; /* without scratch memory */
    int distance;  /* between the source's pixels: which table of tiles */
    int64_t kernel[2], strides[2], dilations[2], pads[2], in[2];
    int64_t src_image_stride, dst_image_stride, dst_block_stride;
};

struct walk {
    const struct uneven_job *job;
    const struct fmap_kernels *kernels;
    const float *src; /* the image */
    struct fmap_tile_position *positions;
    struct fmap_tile tile;
};

/* The positions of the kernel that touch the image for output pixels [x, x + n) of line y. */
static int find_positions(const struct uneven_job *job, int64_t y, int64_t x, int64_t n,
                          struct fmap_tile_position *positions) {
    int count = 0;
    for (int64_t ky = 0; ky < job->kernel[0]; ky++) {
        int64_t row = y * job->strides[0] - job->pads[0] + ky * job->dilations[0];
        if (row < 0 || row >= job->in[0]) continue;
        for (int64_t kx = 0; kx < job->kernel[1]; kx++) {
            int64_t column = x * job->strides[1] - job->pads[1] + kx * job->dilations[1], first = 0, last = n;
            while (first < n && column + first * job->strides[1] < 0) first++;
            while (last > first && column + (last - 1) * job->strides[1] >= job->in[1]) last--;
            if (first == last) continue;
            positions[count++] = (struct fmap_tile_position){.src_offset = (row * job->in[1] + column) *
                                                                           FMAP_BLOCK,
                                                             .index = (int32_t)(ky * job->kernel[1] + kx),
                                                             .first = (int16_t)first,
                                                             .last = (int16_t)last};
        }
    }
    return count;
}

/* From the first output of a group. */
static ptrdiff_t output_offset(const struct uneven_job *job, int64_t output) {
    return job->in_place ? output / FMAP_BLOCK * job->dst_block_stride + output % FMAP_BLOCK : output;
}

/* All outputs of a group for n pixels. */
static void run_group(struct walk *walk, int64_t group, int64_t n_pixels, float *dst) {
    const struct uneven_job *job = walk->job;
    struct fmap_tile *tile = &walk->tile;
    int64_t channel = group * job->group_channels, lanes = walk->kernels->lanes;
    int64_t end = channel % FMAP_BLOCK + job->group_channels;
    tile->src = walk->src + channel / FMAP_BLOCK * tile->src_block_stride;
    tile->first_lane = (int)(channel % FMAP_BLOCK);
    tile->n_blocks = (int)((end + FMAP_BLOCK - 1) / FMAP_BLOCK);
    tile->last_lanes = (int)(end - (tile->n_blocks - 1) * (int64_t)FMAP_BLOCK);
    tile->weights = job->weights + group * job->group_weights;
    tile->bias = job->bias + group * job->tiling.n_vectors * lanes;
    tile->dst = dst;
    int64_t first = 0;
    for (int64_t i = 0; i < job->tiling.n_panels; i++) {
        int64_t vectors = fmap_piece_length(job->tiling.n_vectors, job->tiling.n_panels, i);
        for (int v = 0; v < vectors; v++) tile->dst_offsets[v] = output_offset(job, first + v * lanes);
        walk->kernels->tile[job->distance][vectors][n_pixels](tile);
        tile->weights += job->group_weights / job->tiling.n_vectors * vectors;
        tile->bias += vectors * lanes;
        first += vectors * lanes;
    }
}

/* Tiles [tile, end) of one bundle of one image. */
static void run_bundle(struct walk *walk, int64_t bundle, int64_t tile, int64_t end, float *scratch,
                       float *dst) {
    const struct uneven_job *job = walk->job;
    const struct fmap_tiling *tiling = &job->tiling;
    int64_t first = bundle * job->bundle_groups, last = first + job->bundle_groups;
    if (last > job->groups) last = job->groups;
    int64_t outputs = (last - first) * job->group_outputs;
    dst += first * job->group_outputs / FMAP_BLOCK * job->dst_block_stride;
    for (; tile < end; tile++) {
        int64_t line = tile / tiling->n_tiles, piece = tile % tiling->n_tiles;
        int64_t x = fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, piece);
        int64_t n_pixels = fmap_piece_length(tiling->n_pixels, tiling->n_tiles, piece);
        walk->tile.n_positions = find_positions(job, line, x, n_pixels, walk->positions);
        float *place = dst + (line * tiling->n_pixels + x) * FMAP_BLOCK;
        for (int64_t group = first; group < last; group++) {
            run_group(walk, group, n_pixels,
                      job->in_place ? place : scratch + (group - first) * job->group_outputs);
        }
        if (job->in_place) continue; /* The bundle is one group. */
        walk->kernels->restack(&(struct fmap_restack){.src = scratch,
                                                      .dst = place,
                                                      .n_blocks = (outputs + FMAP_BLOCK - 1) / FMAP_BLOCK,
                                                      .n_pixels = n_pixels,
                                                      .src_pixel_stride = job->tile.dst_pixel_stride,
                                                      .dst_block_stride = job->dst_block_stride});
    }
}

/* Neighbouring tiles are one piece of work where they belong to the same bundle of the same image. */
static void uneven_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct uneven_job *job = step->job;
    float *scratch = (float *)(void *)run->scratch;
    struct walk walk = {.job = job, .kernels = run->kernels, .tile = job->tile};
    walk.positions = (struct fmap_tile_position *)(void *)(scratch +
                                                           FMAP_TILE_MAX_PIXELS * job->tile.dst_pixel_stride);
    walk.tile.positions = walk.positions;
    int64_t n_tiles = job->n_lines * job->tiling.n_tiles, n_units = job->images * job->n_bundles * n_tiles;
    int64_t unit = fmap_piece_begin(n_units, job->parts, part);
    int64_t last = unit + fmap_piece_length(n_units, job->parts, part);
    while (unit < last) {
        int64_t plane = unit / n_tiles, begin = plane * n_tiles, image = plane / job->n_bundles;
        int64_t end = begin + n_tiles < last ? begin + n_tiles : last;
        walk.src = fmap_at(run, &step->operands[0]) + image * job->src_image_stride;
        run_bundle(&walk, plane % job->n_bundles, unit - begin, end - begin, scratch,
                   fmap_at(run, &step->operands[1]) + image * job->dst_image_stride);
        unit = end;
    }
}

/* ---- planning -------------------------------------------------------------------------------------- */

/* [block][position][lane][output of the panel]: blocks are those of the source, so a group that begins inside a block
 * has a shorter first one. */
static float *pack_panel(const struct fmap_tiles_problem *problem, int64_t group, int64_t first,
                         int64_t n_outputs, int64_t row, float *packed) {
    const int64_t *strides = problem->weight_strides;
    int64_t group_channels = problem->channels / problem->groups, begin = group * group_channels;
    int64_t group_outputs = problem->outputs / problem->groups, end = begin + group_channels;
    int64_t kernel_size = problem->kernel[0] * problem->kernel[1];
    for (int64_t channel = begin, block_end; channel < end; channel = block_end) {
        block_end = (channel / FMAP_BLOCK + 1) * FMAP_BLOCK < end ? (channel / FMAP_BLOCK + 1) * FMAP_BLOCK
                                                                  : end;
        for (int64_t position = 0; position < kernel_size; position++) {
            int64_t element = position / problem->kernel[1] * strides[2] +
                              position % problem->kernel[1] * strides[3];
            for (int64_t i = channel; i < block_end; i++, packed += row) {
                for (int64_t o = 0; o < n_outputs; o++) {
                    int64_t from = (group * group_outputs + first + o) * strides[0] +
                                   (i - begin) * strides[1] + element;
                    packed[o] = fmap_float_at(problem->weights, from) * problem->weight_scale;
                }
            }
        }
    }
    return packed;
}

static fmap_status pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                        struct uneven_job *job) {
    int64_t lanes = planning->kernels->lanes, group_lanes = job->tiling.n_vectors * lanes;
    float *weights, *bias;
    TRY(fmap_planning_weights(planning, (size_t)(problem->groups * job->group_weights), &weights));
    TRY(fmap_planning_weights(planning, (size_t)(problem->groups * group_lanes), &bias));
    job->weights = weights;
    job->bias = bias;
    for (int64_t group = 0; group < problem->groups; group++) {
        for (int64_t i = 0; i < job->tiling.n_panels; i++) {
            int64_t first = fmap_piece_begin(job->tiling.n_vectors, job->tiling.n_panels, i) * lanes;
            int64_t row = fmap_piece_length(job->tiling.n_vectors, job->tiling.n_panels, i) * lanes;
            int64_t n_outputs = row < job->group_outputs - first ? row : job->group_outputs - first;
            weights = pack_panel(problem, group, first, n_outputs, row, weights);
        }
        for (int64_t o = 0; problem->bias && o < job->group_outputs; o++) {
            bias[group * group_lanes + o] = fmap_float_at(problem->bias, group * job->group_outputs + o) *
                                            problem->bias_scale;
        }
    }
    return FMAP_OK;
}

static int64_t greatest_common_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* One pixel of output is left to the tiles, whose pixels are then the images of the batch. */
bool fmap_uneven_wanted(const struct fmap_tiles_problem *problem) {
    bool even = problem->outputs / problem->groups % FMAP_BLOCK == 0 &&
                problem->channels / problem->groups % FMAP_BLOCK == 0;
    return problem->groups > 1 && !even && problem->out[0] * problem->out[1] > 1 && problem->weights;
}

static void set_geometry(struct uneven_job *job, const struct fmap_tiles_problem *problem) {
    memcpy(job->kernel, problem->kernel, sizeof job->kernel);
    memcpy(job->strides, problem->strides, sizeof job->strides);
    memcpy(job->dilations, problem->dilations, sizeof job->dilations);
    memcpy(job->in, problem->in, sizeof job->in);
    job->pads[0] = problem->pad_top;
    job->pads[1] = problem->pad_left;
    job->n_lines = problem->out[0];
    if (fmap_tiles_one_line(problem)) {
        job->n_lines = job->in[0] = 1;
        job->in[1] = problem->in[0] * problem->in[1];
    }
    if (problem->strides[1] <= 2) job->distance = (int)problem->strides[1];
    int64_t kernel_size = problem->kernel[0] * problem->kernel[1];
    job->tile = (struct fmap_tile){.kernel_size = (int)kernel_size,
                                   .src_block_stride = problem->in[0] * problem->in[1] * FMAP_BLOCK,
                                   .src_pixel_stride = problem->strides[1] * FMAP_BLOCK,
                                   .activate = problem->activate};
    job->bundle_groups = FMAP_BLOCK / greatest_common_divisor(job->group_outputs, FMAP_BLOCK);
    job->n_bundles = (job->groups + job->bundle_groups - 1) / job->bundle_groups;
    int64_t width = job->bundle_groups *
                    job->group_outputs; /* whole blocks; the last vector may reach beyond */
    job->tile.dst_pixel_stride = width + FMAP_BLOCK;
}

fmap_status fmap_planning_uneven(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 const struct fmap_tiles_problem *problem) {
    int64_t lanes = planning->kernels->lanes, pixels = problem->out[0] * problem->out[1];
    int64_t kernel_size = problem->kernel[0] * problem->kernel[1];
    struct uneven_job job = {.images = problem->images,
                             .groups = problem->groups,
                             .group_channels = problem->channels / problem->groups,
                             .group_outputs = problem->outputs / problem->groups,
                             .src_image_stride = problem->src_image_stride,
                             .dst_image_stride = problem->dst_image_stride,
                             .dst_block_stride = pixels * FMAP_BLOCK};
    set_geometry(&job, problem);
    job.tiling = fmap_choose_tiling(planning->kernels, (job.group_outputs + lanes - 1) / lanes,
                                    pixels / job.n_lines);
    job.group_weights = kernel_size * job.group_channels * job.tiling.n_vectors * lanes;
    TRY(pack(planning, problem, &job));
    int64_t n_units = job.images * job.n_bundles * job.n_lines * job.tiling.n_tiles;
    int64_t wanted = fmap_planning_parts(planning, problem->images * problem->outputs * pixels *
                                                       job.group_channels * kernel_size);
    job.parts = fmap_share_units_parts(n_units, wanted, planning->plan->threads);
    size_t scratch_bytes = (size_t)(FMAP_TILE_MAX_PIXELS * job.tile.dst_pixel_stride) * sizeof(float) +
                           (size_t)kernel_size * sizeof(struct fmap_tile_position);
    struct fmap_operand operands[] = {problem->src, problem->dst};
    return fmap_planning_step(
        planning,
        &(struct fmap_step_definition){.part = uneven_part,
                                       .job = &job,
                                       .job_bytes = sizeof job,
                                       .operands = operands,
                                       .n_operands = 2,
                                       .parts = job.parts,
                                       .scratch_bytes = scratch_bytes,
                                       .kernel = fmap_kernel_text(planning, problem->name).text,
                                       .why = "groups that begin or end inside of a block of 16 channels",
                                       .share = fmap_share_units(n_units, job.parts),
                                       .node = node});
}
