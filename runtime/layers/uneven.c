#include "runtime/layers/uneven.h"

#include "runtime/layers/tiles_job.h"

/* So many groups that their outputs are whole blocks make a bundle. The register tile writes a bundle's outputs side by
 * side into scratch memory, each group over what the last vector of the group before it wrote too much; then they go to
 * their blocks. Bundles share no block of the destination, so they can go to different threads. Where every group's
 * outputs are whole blocks, the tile writes them to where they belong. */
struct uneven_job {
    struct fmap_tiles_panels panels;
    struct fmap_tiles_lines lines;
    struct fmap_tile tile; /* without what depends on the group and the place */
    int64_t images, groups, group_channels, group_outputs;
    int64_t bundle_groups, n_bundles;
    int64_t parts;
    bool in_place; /* without scratch memory */
    int distance;  /* between the source's pixels: which table of tiles */
    int64_t src_image_stride, dst_image_stride, dst_block_stride;
};

struct walk {
    const struct uneven_job *job;
    const struct fmap_kernels *kernels;
    const float *src, *weights; /* of the image, of all panels */
    struct fmap_tile_position *positions;
    struct fmap_tile tile;
};

/* From the first output of a group. */
static ptrdiff_t output_offset(const struct uneven_job *job, int64_t output) {
    return job->in_place ? output / FMAP_BLOCK * job->dst_block_stride + output % FMAP_BLOCK : output;
}

/* All outputs of a group for n pixels. */
static void run_group(struct walk *walk, int64_t group, int64_t n_pixels, float *dst) {
    const struct uneven_job *job = walk->job;
    struct fmap_tile *tile = &walk->tile;
    int64_t lanes = walk->kernels->lanes, n = job->panels.tiling.n_panels;
    tile->src = walk->src;
    fmap_tiles_read_group(tile, group, job->group_channels);
    tile->dst = dst;
    for (const struct fmap_tiles_panel *panel = job->panels.panels + group * n, *end = panel + n; panel < end;
         panel++) {
        int64_t first = panel->first_output - group * job->group_outputs;
        for (int v = 0; v < panel->n_vectors; v++)
            tile->dst_offsets[v] = output_offset(job, first + v * lanes);
        tile->weights = walk->weights + panel->weights;
        tile->bias = job->panels.bias + panel->bias;
        walk->kernels->tile[job->distance][panel->n_vectors][n_pixels](tile);
    }
}

/* Tiles [tile, end) of one bundle of one image. */
static void run_bundle(struct walk *walk, int64_t bundle, int64_t tile, int64_t end, float *scratch,
                       float *dst) {
    const struct uneven_job *job = walk->job;
    const struct fmap_tiling *tiling = &job->panels.tiling;
    int64_t first = bundle * job->bundle_groups, last = first + job->bundle_groups;
    if (last > job->groups) last = job->groups;
    int64_t outputs = (last - first) * job->group_outputs;
    dst += first * job->group_outputs / FMAP_BLOCK * job->dst_block_stride;
    for (; tile < end; tile++) {
        int64_t line = tile / tiling->n_tiles, piece = tile % tiling->n_tiles;
        int64_t x = fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, piece);
        int64_t n_pixels = fmap_piece_length(tiling->n_pixels, tiling->n_tiles, piece);
        walk->tile.n_positions = fmap_tiles_find_positions(&job->lines, line, piece, walk->positions);
        float *place = dst + (line * tiling->n_pixels + x) * FMAP_BLOCK;
        for (int64_t group = first; group < last; group++) {
            run_group(walk, group, n_pixels,
                      job->in_place ? place : scratch + (group - first) * job->group_outputs);
        }
        if (job->in_place) continue; /* The bundle is one group. */
        walk->kernels->restack(&(struct fmap_restack){.src = scratch,
                                                      .dst = place,
                                                      .n_blocks = fmap_blocks_of(outputs),
                                                      .n_pixels = n_pixels,
                                                      .src_pixel_stride = job->tile.dst_pixel_stride,
                                                      .dst_block_stride = job->dst_block_stride});
    }
}

/* Neighbouring tiles are one piece of work where they belong to the same bundle of the same image. */
static void uneven_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct uneven_job *job = step->job;
    float *scratch = (float *)(void *)run->scratch;
    struct walk walk = {
        .job = job, .kernels = run->kernels, .weights = fmap_at(run, &step->operands[2]), .tile = job->tile};
    walk.positions = (struct fmap_tile_position *)(void *)(scratch +
                                                           FMAP_TILE_MAX_PIXELS * job->tile.dst_pixel_stride);
    walk.tile.positions = walk.positions;
    int64_t n_tiles = job->lines.n * job->panels.tiling.n_tiles,
            n_units = job->images * job->n_bundles * n_tiles;
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
    return !fmap_tiles_aligned(problem) && problem->out[0] * problem->out[1] > 1 && problem->weights;
}

static void set_geometry(struct uneven_job *job, const struct fmap_tiles_problem *problem) {
    job->lines = fmap_tiles_lines_of(problem);
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
    job->in_place = job->group_outputs % FMAP_BLOCK == 0;
    job->tile.dst_pixel_stride = job->in_place ? FMAP_BLOCK : width + FMAP_BLOCK;
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
    job.panels.tiling = fmap_choose_tiling(planning->kernels, (job.group_outputs + lanes - 1) / lanes,
                                           pixels / job.lines.n);
    struct fmap_operand operands[3] = {problem->src, problem->dst};
    TRY(fmap_tiles_find_columns(planning, &job.panels.tiling, &job.lines));
    TRY(fmap_tiles_pack(planning, node, problem, &job.panels, &operands[2]));
    int64_t n_units = job.images * job.n_bundles * job.lines.n * job.panels.tiling.n_tiles;
    int64_t wanted = fmap_planning_parts(planning, problem->images * problem->outputs * pixels *
                                                       job.group_channels * kernel_size);
    job.parts = fmap_share_units_parts(n_units, wanted, planning->plan->threads);
    size_t scratch_bytes = (size_t)(FMAP_TILE_MAX_PIXELS * job.tile.dst_pixel_stride) * sizeof(float) +
                           (size_t)kernel_size * sizeof(struct fmap_tile_position);
    return fmap_planning_step(
        planning,
        &(struct fmap_step_definition){.part = uneven_part,
                                       .job = &job,
                                       .job_bytes = sizeof job,
                                       .operands = operands,
                                       .n_operands = 3,
                                       .parts = job.parts,
                                       .scratch_bytes = scratch_bytes,
                                       .kernel = fmap_kernel_text(planning, problem->name).text,
                                       .why = "groups that begin or end inside of a block of 16 channels",
                                       .share = fmap_share_units(n_units, job.parts),
                                       .node = node});
}
