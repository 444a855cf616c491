/* A part makes some rows of the output. It copies the rows of the image that it needs into planes of single floats with
 * zeros for padding, sorted by column modulo the stride: pixels that are neighbours in the output are neighbours there,
 * whatever the stride and the caller's layout. */
#include "runtime/layers/stem_job.h"

#include <string.h>

/* Elements of one channel from `at` on, as many apart as one phase of its columns is. */
static void copy_columns(const struct fmap_stem_job *job, const struct fmap_kernels *kernels, const void *src,
                         int64_t channel, int64_t at, int n, float *dst) {
    int64_t distance = job->strides[1] * job->src_pixel_stride;
    at += channel * job->src_channel_stride;
    if (job->pixels) {
        kernels->gather_pixels(&(struct fmap_gather_pixels){.src = (const uint8_t *)src + at,
                                                            .dst = dst,
                                                            .n = n,
                                                            .distance = distance,
                                                            .mean = job->pixels->mean[channel],
                                                            .scale = job->pixels->scale[channel]});
    } else {
        kernels->gather(
            &(struct fmap_gather){.src = (const float *)src + at, .dst = dst, .n = n, .distance = distance});
    }
}

/* The columns of one phase of the row that begins with element `at`: those before the image and behind it are zeros. */
static void copy_phase(const struct fmap_stem_job *job, const struct fmap_kernels *kernels, const void *src,
                       int64_t at, int64_t channel, int64_t phase, float *dst) {
    int64_t stride = job->strides[1], before = job->pads[1] - phase;
    int64_t first = before > 0 ? (before + stride - 1) / stride : 0;
    int64_t inside = job->in[1] + before, end = inside > 0 ? (inside + stride - 1) / stride : 0;
    if (end > job->phase_width) end = job->phase_width;
    if (first > end) first = end;
    memset(dst, 0, (size_t)first * sizeof *dst);
    memset(dst + end, 0, (size_t)(job->phase_width - end) * sizeof *dst);
    if (first == end) return;
    copy_columns(job, kernels, src, channel, at + (first * stride - before) * job->src_pixel_stride,
                 (int)(end - first), dst + first);
}

/* Rows [first, first + n) of an image: [row][channel][phase][column]. */
static void copy_rows(const struct fmap_stem_job *job, const struct fmap_kernels *kernels, const void *src,
                      int64_t image, int64_t first, int64_t n, float *rows) {
    for (int64_t row = first; row < first + n; row++, rows += fmap_stem_row_floats(job)) {
        if (row < 0 || row >= job->in[0]) {
            memset(rows, 0, (size_t)fmap_stem_row_floats(job) * sizeof *rows);
            continue;
        }
        int64_t at = image * job->src_image_stride + row * job->in[1] * job->src_pixel_stride;
        for (int64_t i = 0; i < job->channels * job->strides[1]; i++) {
            copy_phase(job, kernels, src, at, i / job->strides[1], i % job->strides[1],
                       rows + i * job->phase_width);
        }
    }
}

/* A row of output with one panel: one call for the longer tiles, one for the others. */
static void run_panel(const struct fmap_stem_job *job, const struct fmap_kernels *kernels, int64_t n_vectors,
                      struct fmap_tile *tile) {
    const struct fmap_tiling *tiling = &job->tiling;
    int64_t n_longer = tiling->n_pixels % tiling->n_tiles, shorter = tiling->n_pixels / tiling->n_tiles;
    for (int i = 0; i < 2; i++) {
        int64_t n_pixels = shorter + 1 - i, n = i == 0 ? n_longer : tiling->n_tiles - n_longer;
        if (n == 0) continue;
        tile->n_repeats = (int)n;
        tile->src_step = n_pixels;
        tile->dst_step = n_pixels * FMAP_BLOCK;
        kernels->planar[n_vectors][n_pixels](tile);
        tile->src += n * n_pixels;
        tile->dst += n * n_pixels * FMAP_BLOCK;
    }
}

/* Some rows with one panel: its weights stay in the first cache. */
static void run_rows(const struct fmap_stem_job *job, const struct fmap_kernels *kernels,
                     const float *weights, int64_t panel, const float *rows, int64_t n_rows, float *dst,
                     int64_t plane) {
    int64_t lanes = kernels->lanes;
    int64_t first = fmap_piece_begin(job->tiling.n_vectors, job->tiling.n_panels, panel) * lanes;
    int64_t n_vectors = fmap_piece_length(job->tiling.n_vectors, job->tiling.n_panels, panel);
    struct fmap_tile tile = {.weights = weights + first * fmap_stem_n_terms(job),
                             .bias = job->bias + first,
                             .dst_pixel_stride = FMAP_BLOCK,
                             .activate = job->activate,
                             .terms = job->terms,
                             .n_terms = (int)fmap_stem_n_terms(job)};
    for (int64_t v = 0; v < n_vectors; v++) {
        int64_t output = first + v * lanes;
        tile.dst_offsets[v] = output / FMAP_BLOCK * plane + output % FMAP_BLOCK;
    }
    for (int64_t y = 0; y < n_rows; y++) {
        tile.src = rows + y * job->strides[0] * fmap_stem_row_floats(job);
        tile.dst = dst + y * job->out[1] * FMAP_BLOCK;
        run_panel(job, kernels, n_vectors, &tile);
    }
}

/* What a part of a pooled output is computed from. `rows` begins with what is under output row `begin`. */
struct pooled_part {
    const struct fmap_stem_job *job;
    const struct fmap_kernels *kernels;
    const float *weights, *rows;
    int64_t begin;
};

static void compute_rows(void *user, int64_t first, int64_t n, float *dst) {
    const struct pooled_part *part = user;
    const struct fmap_stem_job *job = part->job;
    const float *rows = part->rows + (first - part->begin) * job->strides[0] * fmap_stem_row_floats(job);
    for (int64_t panel = 0; panel < job->tiling.n_panels; panel++)
        run_rows(job, part->kernels, part->weights, panel, rows, n, dst,
                 fmap_pooled_block_floats(&job->pool));
}

void fmap_stem_pooled_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct fmap_stem_job *job = step->job;
    int64_t image = part / job->parts_per_image, group = part % job->parts_per_image;
    const void *src = fmap_elements_at(run, &step->operands[0]);
    const float *weights = fmap_at(run, &step->operands[2]);
    float *dst = fmap_at(run, &step->operands[1]), *ring = (float *)(void *)run->scratch;
    int64_t height = job->pool.pooled.window.out[0],
            y = fmap_piece_begin(height, job->parts_per_image, group);
    int64_t end = y + fmap_piece_length(height, job->parts_per_image, group);
    int64_t first = fmap_pooled_first_under(&job->pool, y),
            n = fmap_pooled_end_under(&job->pool, end) - first;
    float *rows = ring + fmap_stem_ring_floats(job);
    if (n > 0) {
        copy_rows(job, run->kernels, src, image, first * job->strides[0] - job->pads[0],
                  fmap_stem_rows_under(job, n), rows);
    }
    struct pooled_part pooled = {job, run->kernels, weights, rows, first};
    fmap_pooled_run(&job->pool,
                    &(struct fmap_pooled_work){.kernels = run->kernels,
                                               .ring = ring,
                                               .dst = dst + image * job->dst_image_stride,
                                               .n_blocks = (job->outputs + FMAP_BLOCK - 1) / FMAP_BLOCK,
                                               .compute = compute_rows,
                                               .user = &pooled},
                    y, end);
}

void fmap_stem_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct fmap_stem_job *job = step->job;
    int64_t image = part / job->parts_per_image, group = part % job->parts_per_image;
    const void *src = fmap_elements_at(run, &step->operands[0]);
    const float *weights = fmap_at(run, &step->operands[2]);
    float *dst = fmap_at(run, &step->operands[1]), *rows = (float *)(void *)run->scratch;
    int64_t y = fmap_piece_begin(job->out[0], job->parts_per_image, group);
    int64_t n = fmap_piece_length(job->out[0], job->parts_per_image, group);
    copy_rows(job, run->kernels, src, image, y * job->strides[0] - job->pads[0], fmap_stem_rows_under(job, n),
              rows);
    dst += image * job->dst_image_stride + y * job->out[1] * FMAP_BLOCK;
    for (int64_t panel = 0; panel < job->tiling.n_panels; panel++) {
        run_rows(job, run->kernels, weights, panel, rows, n, dst, job->out[0] * job->out[1] * FMAP_BLOCK);
    }
}
