/* A part makes some rows of the output from copies of the rows of the image under them (stem_rows.c). */
#include "runtime/layers/stem_job.h"

struct fmap_stem_tiles fmap_stem_tiles_of(const struct fmap_tiling *tiling,
                                          const struct fmap_kernels *kernels, int64_t n_vectors,
                                          int64_t distance) {
    struct fmap_stem_tiles tiles = {.distance = distance};
    fmap_tile_function *const *of_vectors = distance == 2 ? kernels->planar_stride2[n_vectors]
                                                          : kernels->planar[n_vectors];
    int64_t shorter = tiling->n_pixels / tiling->n_tiles;
    tiles.n[0] = tiling->n_pixels % tiling->n_tiles;
    tiles.n[1] = tiling->n_tiles - tiles.n[0];
    for (int i = 0; i < 2; i++) {
        tiles.n_pixels[i] = shorter + 1 - i;
        tiles.function[i] = tiles.n[i] > 0 ? of_vectors[tiles.n_pixels[i]] : NULL;
    }
    return tiles;
}

void fmap_stem_run_tiles(const struct fmap_stem_tiles *tiles, int64_t first, int64_t end,
                         struct fmap_stem_ahead *ahead, struct fmap_tile *tile) {
    int64_t begins[3] = {0, tiles->n[0], tiles->n[0] + tiles->n[1]};
    for (int i = 0; i < 2; i++) {
        int64_t from = first > begins[i] ? first : begins[i], n_pixels = tiles->n_pixels[i];
        int64_t n = (end < begins[i + 1] ? end : begins[i + 1]) - from;
        if (n <= 0) continue;
        tile->n_repeats = (int)n;
        tile->src_step = n_pixels * tiles->distance;
        tile->dst_step = n_pixels * FMAP_BLOCK;
        if (ahead->line) fmap_stem_fetch(ahead, n, tile);
        tiles->function[i](tile);
        tile->fetch = NULL;
        tile->src += n * tile->src_step;
        tile->dst += n * n_pixels * FMAP_BLOCK;
    }
}

/* Some rows with one panel: its weights stay in the first cache. */
static void direct_rows(const struct fmap_stem_job *job, const struct fmap_kernels *kernels,
                        const float *weights, int64_t panel, const struct fmap_stem_lines *lines,
                        struct fmap_stem_ahead *ahead) {
    int64_t lanes = kernels->lanes, row_floats = job->strides[0] * fmap_stem_row_floats(job);
    int64_t first = fmap_piece_begin(job->tiling.n_vectors, job->tiling.n_panels, panel) * lanes;
    int64_t n_vectors = fmap_piece_length(job->tiling.n_vectors, job->tiling.n_panels, panel);
    const struct fmap_stem_tiles tiles = fmap_stem_tiles_of(&job->tiling, kernels, n_vectors, job->distance);
    struct fmap_tile tile = {.weights = weights + first * fmap_stem_n_terms(job),
                             .bias = job->bias + first,
                             .dst_pixel_stride = FMAP_BLOCK,
                             .activate = job->activate,
                             .terms = job->terms,
                             .n_terms = (int)fmap_stem_n_terms(job),
                             .threes = job->threes};
    for (int64_t v = 0; v < n_vectors; v++) {
        int64_t output = first + v * lanes;
        tile.dst_offsets[v] = output / FMAP_BLOCK * lines->plane + output % FMAP_BLOCK;
    }
    const struct fmap_stem_inside *inside = &job->inside;
    for (int64_t y = 0; y < lines->n; y++) {
        const float *row = lines->rows + y * row_floats;
        tile.src = row;
        tile.dst = lines->dst + y * job->out[1] * FMAP_BLOCK;
        if (lines->y + y < inside->row_begin || lines->y + y >= inside->row_end) {
            fmap_stem_run_tiles(&tiles, 0, job->tiling.n_tiles, ahead, &tile);
            continue;
        }
        fmap_stem_run_tiles(&tiles, 0, inside->tile_begin, ahead, &tile);
        tile.src = fmap_stem_inside_tile(job, lines->image, lines->y + y);
        tile.terms = inside->terms, tile.threes = inside->threes;
        fmap_stem_run_tiles(&tiles, inside->tile_begin, inside->tile_end, ahead, &tile);
        tile.terms = job->terms, tile.threes = job->threes;
        tile.src = row + fmap_stem_right_begin(job);
        fmap_stem_run_tiles(&tiles, inside->tile_end, job->tiling.n_tiles, ahead, &tile);
    }
}

static void run_rows(const struct fmap_stem_job *job, const struct fmap_kernels *kernels,
                     const float *weights, const struct fmap_stem_lines *lines,
                     struct fmap_stem_ahead *ahead) {
    for (int64_t panel = 0; panel < job->tiling.n_panels; panel++) {
        if (job->points)
            fmap_stem_winograd_rows(job, kernels, weights, panel, lines, ahead);
        else
            direct_rows(job, kernels, weights, panel, lines, ahead);
    }
}

/* What a part of a pooled output is computed from. `rows` begins with what is under output row `begin`. */
struct pooled_part {
    const struct fmap_stem_job *job;
    const struct fmap_kernels *kernels;
    const float *weights, *rows;
    int64_t begin;
    float *products;
};

static void compute_rows(void *user, int64_t first, int64_t n, float *dst) {
    const struct pooled_part *part = user;
    const struct fmap_stem_job *job = part->job;
    const struct fmap_stem_lines lines = {.rows = part->rows + (first - part->begin) * job->strides[0] *
                                                                   fmap_stem_row_floats(job),
                                          .n = n,
                                          .dst = dst,
                                          .plane = fmap_pooled_block_floats(&job->pool),
                                          .products = part->products};
    run_rows(job, part->kernels, part->weights, &lines, &(struct fmap_stem_ahead){0});
}

void fmap_stem_pooled_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct fmap_stem_job *job = step->job;
    int64_t image = part / job->parts_per_image, group = part % job->parts_per_image;
    const void *src = fmap_elements_at(run, &step->operands[0]);
    const float *weights = fmap_at(run, &step->operands[2]);
    float *dst = fmap_at(run, &step->operands[1]), *line = (float *)(void *)run->scratch;
    int64_t height = job->pool.pooled.window.out[0],
            y = fmap_piece_begin(height, job->parts_per_image, group);
    int64_t end = y + fmap_piece_length(height, job->parts_per_image, group);
    int64_t first = fmap_pooled_first_under(&job->pool, y),
            n = fmap_pooled_end_under(&job->pool, end) - first;
    float *ring = line + fmap_stem_line_floats(job), *products = ring + fmap_stem_ring_floats(job);
    float *rows = products + fmap_stem_winograd_product_floats(job);
    if (n > 0) {
        fmap_stem_copy_rows(job, run->kernels, src, image, first * job->strides[0] - job->pads[0],
                            fmap_stem_rows_under(job, n), line, rows);
    }
    struct pooled_part pooled = {job, run->kernels, weights, rows, first, products};
    fmap_pooled_run(&job->pool,
                    &(struct fmap_pooled_work){.kernels = run->kernels,
                                               .ring = ring,
                                               .dst = dst + image * job->dst_image_stride,
                                               .n_blocks = fmap_blocks_of(job->outputs),
                                               .compute = compute_rows,
                                               .user = &pooled},
                    y, end);
}

/* Where outputs inside read one of the images. */
static const float *image_inside(const struct fmap_stem_job *job, const void *src, int64_t image) {
    return job->inside.row_end > 0 ? (const float *)src + image * job->src_image_stride : NULL;
}

void fmap_stem_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct fmap_stem_job *job = step->job;
    int64_t image = part / job->parts_per_image, group = part % job->parts_per_image;
    const void *src = fmap_elements_at(run, &step->operands[0]);
    const float *weights = fmap_at(run, &step->operands[2]);
    float *dst = fmap_at(run, &step->operands[1]), *line = (float *)(void *)run->scratch;
    float *products = line + fmap_stem_line_floats(job),
          *rows = products + fmap_stem_winograd_product_floats(job);
    int64_t y = fmap_piece_begin(job->out[0], job->parts_per_image, group);
    int64_t n = fmap_piece_length(job->out[0], job->parts_per_image, group);
    fmap_stem_copy_rows(job, run->kernels, src, image, y * job->strides[0] - job->pads[0],
                        fmap_stem_rows_under(job, n), line, rows);
    dst += image * job->dst_image_stride + y * job->out[1] * FMAP_BLOCK;
    struct fmap_stem_ahead ahead = {0};
    if (part + 1 < step->parts) {
        group = (part + 1) % job->parts_per_image;
        ahead = fmap_stem_look_ahead(job, src, (part + 1) / job->parts_per_image,
                                     fmap_piece_begin(job->out[0], job->parts_per_image, group),
                                     fmap_piece_length(job->out[0], job->parts_per_image, group),
                                     n * job->tiling.n_tiles * job->tiling.n_panels *
                                         (job->points ? job->points : 1));
    }
    const struct fmap_stem_lines lines = {.rows = rows,
                                          .image = image_inside(job, src, image),
                                          .y = y,
                                          .n = n,
                                          .dst = dst,
                                          .plane = job->out[0] * job->out[1] * FMAP_BLOCK,
                                          .products = products};
    run_rows(job, run->kernels, weights, &lines, &ahead);
}
