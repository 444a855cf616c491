#include "runtime/layers/tiles_walk.h"

#include <string.h>

static void set_output(const struct fmap_tiles_walk *walk, struct fmap_tile *tile, float *dst) {
    tile->dst = dst;
    if (walk->residual) tile->residual = walk->residual + (dst - walk->dst);
}

/* Points the tile at the output pixels of a piece of a line of an image. */
static void place_tile(struct fmap_tiles_walk *walk, int64_t image, int64_t line, int64_t piece) {
    const struct fmap_tiles_job *job = walk->job;
    struct fmap_tile *tile = &walk->tile;
    int64_t x = fmap_piece_begin(job->panels.tiling.n_pixels, job->panels.tiling.n_tiles, piece);
    if (job->images_are_pixels) {
        int64_t n = fmap_piece_length(job->panels.tiling.n_pixels, job->panels.tiling.n_tiles, piece);
        image = x;
        walk->n_positions = fmap_tiles_find_positions(&job->lines, 0, 0, walk->positions);
        for (int i = 0; i < walk->n_positions; i++) walk->positions[i].last = (int16_t)n;
        x = 0;
    } else {
        walk->n_positions = fmap_tiles_find_positions(&job->lines, line, piece, walk->positions);
    }
    tile->src = walk->src + image * job->src_image_stride;
    set_output(walk, tile,
               walk->dst + image * job->dst_image_stride + line * job->dst_line_stride +
                   x * job->dst_pixel_stride);
    tile->n_positions = walk->n_positions;
}

static int64_t output_offset(const struct fmap_tiles_job *job, int64_t output) {
    if (job->phase_outputs) {
        int64_t phase = output / job->phase_outputs, rest = output % job->phase_outputs;
        return phase / job->phase_columns * job->phase_row_stride + phase % job->phase_columns * FMAP_BLOCK +
               rest / FMAP_BLOCK * job->dst_block_stride + rest % FMAP_BLOCK;
    }
    return output / FMAP_BLOCK * job->dst_block_stride + output % FMAP_BLOCK;
}

/* A group that ends inside a block must leave the lanes of its neighbours alone. */
static void scatter_tile(const struct fmap_tiles_walk *walk, const struct fmap_tiles_panel *panel, float *dst,
                         int64_t n_pixels) {
    const struct fmap_tiles_job *job = walk->job;
    for (int32_t o = 0; o < panel->n_outputs; o++) {
        int lanes = walk->kernels->lanes;
        const float *from = walk->scratch + o / lanes * FMAP_TILE_MAX_PIXELS * lanes + o % lanes;
        float *to = dst + output_offset(job, panel->first_output + o);
        for (int64_t p = 0; p < n_pixels; p++) to[p * job->dst_pixel_stride] = from[p * lanes];
    }
}

/* The tile's job for a panel, wherever its pixels are. */
static struct fmap_tile panel_tile(const struct fmap_tiles_walk *walk, const struct fmap_tiles_panel *panel) {
    const struct fmap_tiles_job *job = walk->job;
    struct fmap_tile tile = walk->tile;
    int64_t lanes = walk->kernels->lanes;
    fmap_tiles_read_group(&tile, panel->group, job->group_channels);
    tile.weights = walk->weights + panel->weights;
    tile.bias = job->panels.bias + panel->bias;
    for (int v = 0; v < panel->n_vectors; v++) {
        tile.dst_offsets[v] = job->aligned ? output_offset(job, panel->first_output + v * lanes)
                                           : v * FMAP_TILE_MAX_PIXELS * lanes;
    }
    return tile;
}

/* Reduces a tile to a chunk of its channels. What is stored before the last of them is no output yet. */
static void take_chunk(struct fmap_tile *tile, int64_t first_block, int64_t n_blocks, int64_t row) {
    bool is_last = first_block + n_blocks >= tile->n_blocks;
    tile->continues = first_block > 0;
    tile->src += first_block * tile->src_block_stride;
    tile->weights += first_block * tile->kernel_size * FMAP_BLOCK * row;
    tile->n_blocks = is_last ? tile->n_blocks - (int)first_block : (int)n_blocks;
    if (is_last) return;
    tile->last_lanes = FMAP_BLOCK;
    tile->residual = NULL;
    tile->activate = (struct fmap_activate_job){
        .kind = FMAP_ACTIVATE_CLIP, .a = -__builtin_inff(), .b = __builtin_inff()};
}

static void run_panel(const struct fmap_tiles_walk *walk, const struct fmap_tiles_panel *panel,
                      int64_t first_block, int64_t n_pixels) {
    const struct fmap_tiles_job *job = walk->job;
    struct fmap_tile tile = panel_tile(walk, panel);
    take_chunk(&tile, first_block, job->chunk_blocks, (int64_t)panel->n_vectors * walk->kernels->lanes);
    if (!job->aligned) {
        tile.dst = walk->scratch;
        tile.dst_pixel_stride = walk->kernels->lanes;
    }
    walk->kernels->tile[job->distance][panel->n_vectors][n_pixels](&tile);
    if (!job->aligned) scatter_tile(walk, panel, walk->tile.dst, n_pixels);
}

/* Tiles [tile, tile_end) of a pointwise layer with one panel: of each line one call for the longer ones, one for the others. They fetch
 * the next panel's weights, each its share. */
static void run_pointwise_panel(const struct fmap_tiles_walk *walk, const struct fmap_tiles_panel *panel,
                                const struct fmap_tiles_panel *next, int64_t tile, int64_t tile_end) {
    const struct fmap_tiling *tiling = &walk->job->panels.tiling;
    int64_t n_longer = tiling->n_pixels % tiling->n_tiles;
    struct fmap_tile job = panel_tile(walk, panel);
    const float *src = job.src;
    float *dst = job.dst;
    job.fetch = walk->weights + next->weights;
    job.n_fetched = (int)((next->n_vectors * walk->kernels->lanes - 1) / (tile_end - tile) + 1);
    while (tile < tile_end) {
        int64_t line = tile / tiling->n_tiles, piece = tile % tiling->n_tiles;
        int64_t last = tiling->n_tiles - piece < tile_end - tile ? tiling->n_tiles : piece + tile_end - tile;
        int64_t end = piece < n_longer && n_longer < last ? n_longer : last;
        int64_t first = fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, piece);
        int64_t n_pixels = fmap_piece_length(tiling->n_pixels, tiling->n_tiles, piece);
        job.src = src + (line * tiling->n_pixels + first - walk->first_pixel) * FMAP_BLOCK;
        set_output(walk, &job, dst + line * walk->job->dst_line_stride + first * job.dst_pixel_stride);
        job.src_step = n_pixels * FMAP_BLOCK;
        job.dst_step = n_pixels * job.dst_pixel_stride;
        job.n_repeats = (int)(end - piece);
        (walk->job->panels.far ? walk->kernels->pointwise_far
                               : walk->kernels->pointwise)[panel->n_vectors][n_pixels](&job);
        job.fetch += (end - piece) * job.n_fetched * job.n_blocks * FMAP_BLOCK;
        tile += end - piece;
    }
}

/* What output pixels [first, first + n) read: a copy costs as much as a few outputs. */
static void gather_pixels(const struct fmap_tiles_job *job, const float *src, int64_t first, int64_t n,
                          float *dst) {
    int64_t row_step = job->lines.strides[0] * job->lines.in[1] * FMAP_BLOCK,
            step = job->lines.strides[1] * FMAP_BLOCK;
    for (int64_t block = 0; block < job->n_blocks; block++, src += job->src_block_stride) {
        int64_t y = first / job->out_width, x = first % job->out_width;
        for (int64_t p = 0; p < n; p++, dst += FMAP_BLOCK) {
            memcpy(dst, src + y * row_step + x * step, FMAP_BLOCK * sizeof *dst);
            if (++x == job->out_width) x = 0, y++;
        }
    }
}

/* Points the tile at pixels side by side, as if they began with the first of the line. */
static void gather_block(struct fmap_tiles_walk *walk, const float *src, int64_t tile, int64_t tile_end) {
    const struct fmap_tiling *tiling = &walk->job->panels.tiling;
    int64_t first = fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, tile);
    int64_t n = fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, tile_end) - first;
    gather_pixels(walk->job, src, first, n, walk->gathered);
    walk->tile.src = walk->gathered;
    walk->first_pixel = first;
    walk->tile.src_block_stride = n * FMAP_BLOCK;
}

/* The panel whose turn it is after that one. */
static const struct fmap_tiles_panel *panel_behind(const struct fmap_tiles_walk *walk, int64_t panel) {
    return &walk->job->panels.panels[panel + 1 < walk->panel_end ? panel + 1 : walk->first_panel];
}

/* Pixels that stay in the second cache while all panels pass over them. */
static void run_pointwise(struct fmap_tiles_walk *walk, int64_t image, int64_t tile, int64_t tile_end,
                          int64_t panel, int64_t panel_end) {
    const struct fmap_tiles_job *job = walk->job;
    const float *src = walk->src + image * job->src_image_stride;
    walk->tile.src = src;
    walk->tile.dst = walk->dst + image * job->dst_image_stride;
    for (; tile < tile_end; tile += job->block_tiles) {
        int64_t end = tile + job->block_tiles < tile_end ? tile + job->block_tiles : tile_end;
        if (job->gathers) gather_block(walk, src, tile, end);
        for (int64_t i = panel; i < panel_end; i++) {
            run_pointwise_panel(walk, &job->panels.panels[i], panel_behind(walk, i), tile, end);
        }
    }
}

/* A panel's weights of the channels that are summed for all tiles before the next. */
struct chunk {
    const struct fmap_tiles_panel *panel;
    int64_t first_block, n_blocks;
    const float *weights;
    int64_t lines; /* of weights for each position of the kernel, 16 floats each */
};

static struct chunk chunk_of(const struct fmap_tiles_walk *walk, const struct fmap_tiles_panel *panel,
                             int64_t first_block) {
    const struct fmap_tiles_job *job = walk->job;
    int64_t row = (int64_t)panel->n_vectors * walk->kernels->lanes;
    struct chunk chunk = {
        .panel = panel,
        .first_block = first_block,
        .n_blocks = fmap_least(fmap_blocks_of(job->group_channels) - first_block, job->chunk_blocks)};
    int64_t channels = fmap_least(job->group_channels - first_block * FMAP_BLOCK,
                                  chunk.n_blocks * FMAP_BLOCK);
    chunk.weights = walk->weights + panel->weights + first_block * walk->tile.kernel_size * FMAP_BLOCK * row;
    chunk.lines = row * channels / FMAP_BLOCK;
    return chunk;
}

/* Tiles [tile, tile_end) of one image with one chunk. They fetch the next chunk's weights, each its share. */
static void run_chunk(struct fmap_tiles_walk *walk, int64_t image, int64_t tile, int64_t tile_end,
                      const struct chunk *chunk, const struct chunk *next) {
    const struct fmap_tiling *tiling = &walk->job->panels.tiling;
    struct fmap_tile *all = &walk->tile;
    all->fetch = next->weights;
    all->n_fetched = (int)((next->lines - 1) / ((tile_end - tile) * chunk->n_blocks) + 1);
    for (; tile < tile_end; tile++) {
        int64_t n_pixels = fmap_piece_length(tiling->n_pixels, tiling->n_tiles, tile % tiling->n_tiles);
        place_tile(walk, image, tile / tiling->n_tiles, tile % tiling->n_tiles);
        run_panel(walk, chunk->panel, chunk->first_block, n_pixels);
        all->fetch += all->n_fetched * chunk->n_blocks * walk->n_positions * FMAP_BLOCK;
    }
}

/* Some tiles of one image with a panel whose weights, or whose layer's, outgrow the second cache. */
static void run_large_panel(struct fmap_tiles_walk *walk, int64_t image, int64_t tile, int64_t tile_end,
                            const struct fmap_tiles_panel *panel, const struct fmap_tiles_panel *next_panel) {
    int64_t n_blocks = fmap_blocks_of(walk->job->group_channels), step = walk->job->chunk_blocks;
    for (int64_t first = 0; first < n_blocks; first += step) {
        struct chunk chunk = chunk_of(walk, panel, first);
        struct chunk next = first + step < n_blocks ? chunk_of(walk, panel, first + step)
                                                    : chunk_of(walk, next_panel, 0);
        run_chunk(walk, image, tile, tile_end, &chunk, &next);
    }
}

/* Some tiles of one image with some panels. */
static void run_range(struct fmap_tiles_walk *walk, int64_t image, int64_t tile, int64_t tile_end,
                      int64_t panel, int64_t panel_end) {
    const struct fmap_tiling *tiling = &walk->job->panels.tiling;
    for (; tile < tile_end; tile++) {
        int64_t line = tile / tiling->n_tiles, piece = tile % tiling->n_tiles;
        int64_t n_pixels = fmap_piece_length(tiling->n_pixels, tiling->n_tiles, piece);
        place_tile(walk, image, line, piece);
        for (int64_t i = panel; i < panel_end; i++)
            run_panel(walk, &walk->job->panels.panels[i], 0, n_pixels);
    }
}

void fmap_tiles_run(struct fmap_tiles_walk *walk, int64_t image, int64_t tile, int64_t tile_end,
                    int64_t panel, int64_t panel_end) {
    const struct fmap_tiles_panel *panels = walk->job->panels.panels;
    if (walk->job->pointwise) {
        run_pointwise(walk, image, tile, tile_end, panel, panel_end);
    } else if (walk->job->panels.large) {
        for (int64_t i = panel; i < panel_end; i++)
            run_large_panel(walk, image, tile, tile_end, &panels[i], panel_behind(walk, i));
    } else {
        run_range(walk, image, tile, tile_end, panel, panel_end);
    }
}

struct fmap_tiles_walk fmap_tiles_walk_of(const struct fmap_run *run, const struct fmap_step *step) {
    const struct fmap_tiles_job *job = step->job;
    struct fmap_tiles_walk walk = {.job = job,
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
                                   .kernel_size = (int)(job->lines.kernel[0] * job->lines.kernel[1]),
                                   .src_block_stride = job->src_block_stride,
                                   .src_pixel_stride = job->src_pixel_stride,
                                   .dst_pixel_stride = job->dst_pixel_stride,
                                   .activate = job->activate};
    return walk;
}

void fmap_tiles_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct fmap_tiles_job *job = step->job;
    struct fmap_tiles_walk walk = fmap_tiles_walk_of(run, step);
    int64_t panels_part = part % job->panels_parts;
    int64_t tiles_part_index = part / job->panels_parts % job->tiles_parts;
    int64_t image = part / job->panels_parts / job->tiles_parts;
    int64_t n_tiles = job->lines.n * job->panels.tiling.n_tiles;
    int64_t tile = fmap_piece_begin(n_tiles, job->tiles_parts, tiles_part_index);
    int64_t tile_end = tile + fmap_piece_length(n_tiles, job->tiles_parts, tiles_part_index);
    walk.first_panel = fmap_piece_begin(job->panels.n_panels, job->panels_parts, panels_part);
    walk.panel_end = walk.first_panel +
                     fmap_piece_length(job->panels.n_panels, job->panels_parts, panels_part);
    fmap_tiles_run(&walk, image, tile, tile_end, walk.first_panel, walk.panel_end);
}
