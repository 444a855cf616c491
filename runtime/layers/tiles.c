#include "runtime/layers/tiles.h"

#include "runtime/layers/why.h"

#include <string.h>

/* Weights up to this size stay in the second cache while every tile of pixels runs through all of them. */
static const int64_t RESIDENT_WEIGHTS_BYTES = 512 * 1024;

/* So much of a pointwise layer's source stays in the second cache, beside a panel, while all panels pass over it. */
static const int64_t RESIDENT_PIXELS_BYTES = 256 * 1024;

/* Outputs that one call of the tile makes: up to four vectors of one group. */
struct panel {
    int64_t weights; /* elements from the start */
    int64_t bias;
    int64_t first_output;
    int32_t n_outputs; /* fewer than the vectors hold in the last panel of a group */
    int32_t n_vectors;
    int64_t group;
};

/* A column of the convolution's kernel, as a piece of a line sees it. */
struct column {
    ptrdiff_t offset; /* elements, from the start of a row of the source to pixel 0 of the piece */
    int32_t index;
    int16_t first, last; /* pixels of the piece for which it lies inside of the image */
};

struct tiles_job {
    struct fmap_tiling tiling;
    const struct panel *panels;
    const float *bias;
    int64_t n_panels;
    const struct column *columns; /* [piece][n_columns[piece] of kernel width] */
    const int64_t *n_columns;
    int64_t n_lines; /* of an image: rows of output pixels, or 1 where all pixels make one line */
    bool images_are_pixels;
    bool weights_outside;        /* order of the loops */
    bool aligned;                /* every group begins and ends with a block */
    bool pointwise;              /* one position, pixels side by side */
    bool gathers;                /* of a pointwise layer with a stride: they are copied side by side first */
    int64_t out_width, n_blocks; /* of such a layer */
    int distance;                /* between the source's pixels: which table of tiles */
    int64_t block_tiles;         /* of a pointwise layer: tiles that all panels pass over before the next */
    int64_t images_parts, tiles_parts, panels_parts;
    int64_t kernel[2], strides[2], dilations[2], pads[2];
    int64_t in[2];
    int64_t group_channels;
    int64_t src_image_stride, src_block_stride;
    int64_t dst_image_stride, dst_block_stride;
    ptrdiff_t src_pixel_stride, dst_pixel_stride;
    bool adds; /* a fourth operand, before the activation */
    struct fmap_activate_job activate;
};

/* Everything that stays the same while a part runs through its tiles. */
struct walk {
    const struct tiles_job *job;
    const struct fmap_kernels *kernels;
    const float *src, *weights;
    float *dst;
    const float *residual; /* NULL: none */
    struct fmap_tile_position *positions;
    int n_positions;
    float *scratch;      /* one tile, where groups are not aligned */
    int64_t first_pixel; /* of the line, where tile.src points */
    float *gathered;     /* pixels of a block of tiles: [block of channels][pixel][16] */
    struct fmap_tile tile;
};

static int64_t ceil_divide(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

/* Kernel rows [*first, *end) that fall into the image for output row y. */
static void rows_inside(const struct tiles_job *job, int64_t y, int64_t *first, int64_t *end) {
    int64_t top = y * job->strides[0] - job->pads[0], dilation = job->dilations[0];
    *first = top < 0 ? ceil_divide(-top, dilation) : 0;
    *end = top < job->in[0] ? ceil_divide(job->in[0] - top, dilation) : 0;
    if (*end > job->kernel[0]) *end = job->kernel[0];
}

/* The positions of the kernel that touch the image for the tile of output pixels that is piece `piece` of row y. */
static int find_positions(const struct tiles_job *job, int64_t y, int64_t piece,
                          struct fmap_tile_position *positions) {
    const struct column *columns = job->columns + piece * job->kernel[1];
    int64_t n_columns = job->n_columns[piece], first, end;
    int count = 0;
    rows_inside(job, y, &first, &end);
    for (int64_t ky = first; ky < end; ky++) {
        int64_t row = (y * job->strides[0] - job->pads[0] + ky * job->dilations[0]) * job->in[1] * FMAP_BLOCK;
        for (int64_t i = 0; i < n_columns; i++) {
            positions[count++] = (struct fmap_tile_position){.src_offset = row + columns[i].offset,
                                                             .index = (int32_t)(ky * job->kernel[1]) +
                                                                      columns[i].index,
                                                             .first = columns[i].first,
                                                             .last = columns[i].last};
        }
    }
    return count;
}

static void set_output(const struct walk *walk, struct fmap_tile *tile, float *dst) {
    tile->dst = dst;
    if (walk->residual) tile->residual = walk->residual + (dst - walk->dst);
}

/* Points the tile at the output pixels of a piece of a line of an image. */
static void place_tile(struct walk *walk, int64_t image, int64_t line, int64_t piece) {
    const struct tiles_job *job = walk->job;
    struct fmap_tile *tile = &walk->tile;
    int64_t x = fmap_piece_begin(job->tiling.n_pixels, job->tiling.n_tiles, piece);
    if (job->images_are_pixels) {
        int64_t n = fmap_piece_length(job->tiling.n_pixels, job->tiling.n_tiles, piece);
        image = x;
        walk->n_positions = find_positions(job, 0, 0, walk->positions);
        for (int i = 0; i < walk->n_positions; i++) walk->positions[i].last = (int16_t)n;
        x = 0;
    } else {
        walk->n_positions = find_positions(job, line, piece, walk->positions);
    }
    tile->src = walk->src + image * job->src_image_stride;
    set_output(walk, tile,
               walk->dst + image * job->dst_image_stride +
                   (line * job->tiling.n_pixels + x) * job->dst_pixel_stride);
    tile->n_positions = walk->n_positions;
}

static int64_t output_offset(const struct tiles_job *job, int64_t output) {
    return output / FMAP_BLOCK * job->dst_block_stride + output % FMAP_BLOCK;
}

/* A group that ends inside a block must leave the lanes of its neighbours alone. */
static void scatter_tile(const struct walk *walk, const struct panel *panel, float *dst, int64_t n_pixels) {
    const struct tiles_job *job = walk->job;
    for (int32_t o = 0; o < panel->n_outputs; o++) {
        int lanes = walk->kernels->lanes;
        const float *from = walk->scratch + o / lanes * FMAP_TILE_MAX_PIXELS * lanes + o % lanes;
        float *to = dst + output_offset(job, panel->first_output + o);
        for (int64_t p = 0; p < n_pixels; p++) to[p * job->dst_pixel_stride] = from[p * lanes];
    }
}

/* The tile's job for a panel, wherever its pixels are. */
static struct fmap_tile panel_tile(const struct walk *walk, const struct panel *panel) {
    const struct tiles_job *job = walk->job;
    struct fmap_tile tile = walk->tile;
    int64_t channel = panel->group * job->group_channels, lanes = walk->kernels->lanes;
    int64_t end = channel % FMAP_BLOCK + job->group_channels;
    tile.src += channel / FMAP_BLOCK * job->src_block_stride;
    tile.first_lane = (int)(channel % FMAP_BLOCK);
    tile.n_blocks = (int)((end + FMAP_BLOCK - 1) / FMAP_BLOCK);
    tile.last_lanes = (int)(end - (tile.n_blocks - 1) * (int64_t)FMAP_BLOCK);
    tile.weights = walk->weights + panel->weights;
    tile.bias = job->bias + panel->bias;
    for (int v = 0; v < panel->n_vectors; v++) {
        tile.dst_offsets[v] = job->aligned ? output_offset(job, panel->first_output + v * lanes)
                                           : v * FMAP_TILE_MAX_PIXELS * lanes;
    }
    return tile;
}

static void run_panel(const struct walk *walk, const struct panel *panel, int64_t n_pixels) {
    const struct tiles_job *job = walk->job;
    struct fmap_tile tile = panel_tile(walk, panel);
    if (!job->aligned) {
        tile.dst = walk->scratch;
        tile.dst_pixel_stride = walk->kernels->lanes;
    }
    walk->kernels->tile[job->distance][panel->n_vectors][n_pixels](&tile);
    if (!job->aligned) scatter_tile(walk, panel, walk->tile.dst, n_pixels);
}

/* Tiles [tile, tile_end) of a pointwise layer with one panel: one call for the longer ones, one for the others. */
static void run_pointwise_panel(const struct walk *walk, const struct panel *panel, int64_t tile,
                                int64_t tile_end) {
    const struct fmap_tiling *tiling = &walk->job->tiling;
    int64_t n_longer = tiling->n_pixels % tiling->n_tiles;
    struct fmap_tile job = panel_tile(walk, panel);
    const float *src = job.src;
    float *dst = job.dst;
    while (tile < tile_end) {
        int64_t end = tile < n_longer && n_longer < tile_end ? n_longer : tile_end;
        int64_t first = fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, tile);
        int64_t n_pixels = fmap_piece_length(tiling->n_pixels, tiling->n_tiles, tile);
        job.src = src + (first - walk->first_pixel) * FMAP_BLOCK;
        set_output(walk, &job, dst + first * FMAP_BLOCK);
        job.src_step = job.dst_step = n_pixels * FMAP_BLOCK;
        job.n_repeats = (int)(end - tile);
        walk->kernels->pointwise[panel->n_vectors][n_pixels](&job);
        tile = end;
    }
}

/* What output pixels [first, first + n) read: a copy costs as much as a few outputs. */
static void gather_pixels(const struct tiles_job *job, const float *src, int64_t first, int64_t n,
                          float *dst) {
    int64_t row_step = job->strides[0] * job->in[1] * FMAP_BLOCK, step = job->strides[1] * FMAP_BLOCK;
    for (int64_t block = 0; block < job->n_blocks; block++, src += job->src_block_stride) {
        int64_t y = first / job->out_width, x = first % job->out_width;
        for (int64_t p = 0; p < n; p++, dst += FMAP_BLOCK) {
            memcpy(dst, src + y * row_step + x * step, FMAP_BLOCK * sizeof *dst);
            if (++x == job->out_width) x = 0, y++;
        }
    }
}

/* Points the tile at pixels side by side, as if they began with the first of the line. */
static void gather_block(struct walk *walk, const float *src, int64_t tile, int64_t tile_end) {
    const struct fmap_tiling *tiling = &walk->job->tiling;
    int64_t first = fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, tile);
    int64_t n = fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, tile_end) - first;
    gather_pixels(walk->job, src, first, n, walk->gathered);
    walk->tile.src = walk->gathered;
    walk->first_pixel = first;
    walk->tile.src_block_stride = n * FMAP_BLOCK;
}

/* Pixels that stay in the second cache while all panels pass over them. */
static void run_pointwise(struct walk *walk, int64_t image, int64_t tile, int64_t tile_end, int64_t panel,
                          int64_t panel_end) {
    const struct tiles_job *job = walk->job;
    const float *src = walk->src + image * job->src_image_stride;
    walk->tile.src = src;
    walk->tile.dst = walk->dst + image * job->dst_image_stride;
    for (; tile < tile_end; tile += job->block_tiles) {
        int64_t end = tile + job->block_tiles < tile_end ? tile + job->block_tiles : tile_end;
        if (job->gathers) gather_block(walk, src, tile, end);
        for (int64_t i = panel; i < panel_end; i++) run_pointwise_panel(walk, &job->panels[i], tile, end);
    }
}

/* Some tiles of one image with some panels. */
static void run_range(struct walk *walk, int64_t image, int64_t tile, int64_t tile_end, int64_t panel,
                      int64_t panel_end) {
    const struct fmap_tiling *tiling = &walk->job->tiling;
    for (; tile < tile_end; tile++) {
        int64_t line = tile / tiling->n_tiles, piece = tile % tiling->n_tiles;
        int64_t n_pixels = fmap_piece_length(tiling->n_pixels, tiling->n_tiles, piece);
        place_tile(walk, image, line, piece);
        for (int64_t i = panel; i < panel_end; i++) run_panel(walk, &walk->job->panels[i], n_pixels);
    }
}

static void tiles_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct tiles_job *job = step->job;
    struct walk walk = {.job = job,
                        .kernels = run->kernels,
                        .src = fmap_at(run, &step->operands[0]),
                        .dst = fmap_at(run, &step->operands[1]),
                        .weights = fmap_at(run, &step->operands[2]),
                        .residual = job->adds ? fmap_at(run, &step->operands[3]) : NULL,
                        .scratch = (float *)(void *)run->scratch};
    size_t tile_floats = (size_t)FMAP_TILE_MAX_PIXELS * FMAP_TILE_MAX_VECTORS * (size_t)run->kernels->lanes;
    walk.positions = (struct fmap_tile_position *)(void *)(walk.scratch + tile_floats);
    walk.gathered = walk.scratch + tile_floats;
    walk.tile = (struct fmap_tile){.positions = walk.positions,
                                   .kernel_size = (int)(job->kernel[0] * job->kernel[1]),
                                   .src_block_stride = job->src_block_stride,
                                   .src_pixel_stride = job->src_pixel_stride,
                                   .dst_pixel_stride = job->dst_pixel_stride,
                                   .activate = job->activate};
    int64_t panels_part = part % job->panels_parts;
    int64_t tiles_part_index = part / job->panels_parts % job->tiles_parts;
    int64_t image = part / job->panels_parts / job->tiles_parts;
    int64_t n_tiles = job->n_lines * job->tiling.n_tiles;
    int64_t tile = fmap_piece_begin(n_tiles, job->tiles_parts, tiles_part_index);
    int64_t tile_end = tile + fmap_piece_length(n_tiles, job->tiles_parts, tiles_part_index);
    int64_t panel = fmap_piece_begin(job->n_panels, job->panels_parts, panels_part);
    int64_t panel_end = panel + fmap_piece_length(job->n_panels, job->panels_parts, panels_part);
    if (job->pointwise) {
        run_pointwise(&walk, image, tile, tile_end, panel, panel_end);
    } else if (job->weights_outside) {
        for (; panel < panel_end; panel++) run_range(&walk, image, tile, tile_end, panel, panel + 1);
    } else {
        run_range(&walk, image, tile, tile_end, panel, panel_end);
    }
}

/* ---- planning -------------------------------------------------------------------------------------- */

/* Pixels p of [0, n) with 0 <= (first + p) * stride + offset < size. */
static void pixels_inside(int64_t first, int64_t n, int64_t stride, int64_t offset, int64_t size,
                          int64_t *begin, int64_t *end) {
    int64_t from = ceil_divide(-offset, stride) - first, to = ceil_divide(size - offset, stride) - first;
    *begin = from < 0 ? 0 : from > n ? n : from;
    *end = to < 0 ? 0 : to > n ? n : to;
}

/* What of the kernel's columns each piece of a line sees: the same for all lines. */
static fmap_status find_columns(struct fmap_planning *planning, struct tiles_job *job) {
    int64_t n_pieces = job->images_are_pixels ? 1 : job->tiling.n_tiles, width = job->kernel[1];
    struct fmap_storage *storage = &planning->plan->storage;
    struct column *columns = fmap_storage_take(storage, (size_t)n_pieces, (size_t)width * sizeof *columns);
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
            columns[piece * width + n_columns[piece]++] = (struct column){
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

/* Panels of every group, one after the other; returns the floats that their weights take. */
static int64_t lay_out_panels(const struct fmap_tiles_problem *problem, const struct fmap_tiling *tiling,
                              int lanes, struct panel *panels) {
    int64_t group_outputs = problem->outputs / problem->groups,
            group_channels = problem->channels / problem->groups;
    int64_t per_output = problem->kernel[0] * problem->kernel[1] * group_channels;
    int64_t weights = 0, bias = 0;
    for (int64_t group = 0; group < problem->groups; group++) {
        for (int64_t i = 0; i < tiling->n_panels; i++) {
            int64_t first = fmap_piece_begin(tiling->n_vectors, tiling->n_panels, i) * lanes;
            int64_t vectors = fmap_piece_length(tiling->n_vectors, tiling->n_panels, i);
            *panels++ = (struct panel){.weights = weights,
                                       .bias = bias,
                                       .first_output = group * group_outputs + first,
                                       .n_outputs = (int32_t)least(vectors * lanes, group_outputs - first),
                                       .n_vectors = (int32_t)vectors,
                                       .group = group};
            weights += per_output * vectors * lanes;
            bias += vectors * lanes;
        }
    }
    return weights;
}

/* [block][position][lane][output], as the tile reads it: blocks are those of the source, so a group that begins
 * inside a block has a shorter first one. */
static void pack_panel(const struct fmap_tiles_problem *problem, const void *weights,
                       const struct panel *panel, int lanes, float *packed) {
    const int64_t *strides = problem->weight_strides;
    int64_t group_channels = problem->channels / problem->groups, row = (int64_t)panel->n_vectors * lanes;
    int64_t begin = panel->group * group_channels, end = begin + group_channels;
    for (int64_t channel = begin; channel < end;) {
        int64_t block_end = least(end, (channel / FMAP_BLOCK + 1) * FMAP_BLOCK);
        for (int64_t ky = 0; ky < problem->kernel[0]; ky++) {
            for (int64_t kx = 0; kx < problem->kernel[1]; kx++) {
                for (int64_t i = channel; i < block_end; i++, packed += row) {
                    int64_t from = panel->first_output * strides[0] + (i - begin) * strides[1] +
                                   ky * strides[2] + kx * strides[3];
                    for (int32_t o = 0; o < panel->n_outputs; o++) {
                        packed[o] = fmap_float_at(weights, from + o * strides[0]) * problem->weight_scale;
                    }
                }
            }
        }
        channel = block_end;
    }
}

/* Parts over images first, then over pixels while the weights are small, else over panels, so that each thread
 * streams its own weights. */
static struct fmap_share cut_into_parts(struct tiles_job *job, int64_t images, int64_t wanted, int threads) {
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

static void set_geometry(struct tiles_job *job, const struct fmap_tiles_problem *problem) {
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
        job->pointwise = !job->images_are_pixels &&
                         (problem->groups == 1 || job->group_channels % FMAP_BLOCK == 0);
    }
}

static int64_t pixels_of_line(const struct tiles_job *job, const struct fmap_tiles_problem *problem) {
    if (job->images_are_pixels) return problem->images;
    return problem->out[0] * problem->out[1] / job->n_lines;
}

static fmap_status pack_bias(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                             struct tiles_job *job) {
    float *bias;
    int64_t n_floats = problem->groups * job->tiling.n_vectors * planning->kernels->lanes;
    TRY(fmap_planning_weights(planning, (size_t)n_floats, &bias));
    for (int64_t i = 0; problem->bias && i < job->n_panels; i++) {
        const struct panel *panel = &job->panels[i];
        for (int32_t o = 0; o < panel->n_outputs; o++) {
            bias[panel->bias + o] = fmap_float_at(problem->bias, panel->first_output + o) *
                                    problem->bias_scale;
        }
    }
    job->bias = bias;
    return FMAP_OK;
}

struct pack_job {
    struct fmap_tiles_problem problem;
    const struct panel *panels;
};

static void pack_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct pack_job *job = step->job;
    const float *weights = fmap_at(run, &step->operands[0]);
    float *packed = fmap_at(run, &step->operands[1]);
    const struct panel *panel = &job->panels[part];
    pack_panel(&job->problem, weights, panel, run->kernels->lanes, packed + panel->weights);
}

/* Weights that another layer computes are packed by a step of their own. */
static fmap_status pack_in_run(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               const struct fmap_tiles_problem *problem, const struct tiles_job *job,
                               int64_t n_weights, struct fmap_operand *weights) {
    TRY(fmap_planning_temporary(planning, (size_t)n_weights * sizeof(float), weights));
    struct pack_job pack = {.problem = *problem, .panels = job->panels};
    struct fmap_operand operands[] = {problem->computed_weights, *weights};
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = pack_part,
                                                                       .job = &pack,
                                                                       .job_bytes = sizeof pack,
                                                                       .operands = operands,
                                                                       .n_operands = 2,
                                                                       .parts = job->n_panels,
                                                                       .kernel = "reorder_weights",
                                                                       .node = node});
}

static fmap_status pack(struct fmap_planning *planning, const struct fmap_graph_node *node,
                        const struct fmap_tiles_problem *problem, struct tiles_job *job,
                        struct fmap_operand *weights) {
    int lanes = planning->kernels->lanes;
    struct panel *panels = fmap_storage_take(&planning->plan->storage, (size_t)job->n_panels, sizeof *panels);
    if (!panels) return fmap_planning_out_of_memory(planning);
    int64_t n_weights = lay_out_panels(problem, &job->tiling, lanes, panels);
    job->panels = panels;
    job->weights_outside = n_weights * (int64_t)sizeof(float) > RESIDENT_WEIGHTS_BYTES;
    TRY(pack_bias(planning, problem, job));
    if (!problem->weights) return pack_in_run(planning, node, problem, job, n_weights, weights);
    float *packed;
    TRY(fmap_planning_weights(planning, (size_t)n_weights, &packed));
    for (int64_t i = 0; i < job->n_panels; i++) {
        pack_panel(problem, problem->weights, &panels[i], lanes, packed + panels[i].weights);
    }
    *weights = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = packed};
    return FMAP_OK;
}

fmap_status fmap_planning_tiles(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const struct fmap_tiles_problem *problem) {
    int64_t group_outputs = problem->outputs / problem->groups, lanes = planning->kernels->lanes;
    struct tiles_job job = {0};
    set_geometry(&job, problem);
    job.tiling = fmap_choose_tiling(planning->kernels, (group_outputs + lanes - 1) / lanes,
                                    pixels_of_line(&job, problem));
    job.n_panels = problem->groups * job.tiling.n_panels;
    if (job.src_pixel_stride == FMAP_BLOCK) job.distance = 1;
    if (job.src_pixel_stride == 2 * FMAP_BLOCK) job.distance = 2;
    job.block_tiles = RESIDENT_PIXELS_BYTES /
                      (FMAP_TILE_MAX_PIXELS * problem->channels * (int64_t)sizeof(float));
    if (job.block_tiles < 1) job.block_tiles = 1;
    job.aligned = problem->groups == 1 ||
                  (group_outputs % FMAP_BLOCK == 0 && job.group_channels % FMAP_BLOCK == 0);
    struct fmap_operand operands[4] = {problem->src, problem->dst, {0}, problem->residual};
    job.adds = problem->adds;
    if (!job.pointwise) TRY(find_columns(planning, &job));
    TRY(pack(planning, node, problem, &job, &operands[2]));
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
            .part = tiles_part,
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
