/* A part makes a band of rows of an image, strip by strip: rows of the expanded map go to the end of a ring, out of which
 * the depthwise convolution makes some rows, out of which the projection makes rows of the output. The ring's last rows,
 * which the next strip needs again, are moved to its beginning. Bands meet in rows that both expand. */
#include "runtime/layers/row_ring.h"
#include "runtime/layers/strip_job.h"

#include <string.h>

/* `n` rows of `width` pixels: neighbours in each block's plane. */
struct lines {
    const float *src;
    ptrdiff_t src_plane;
    float *dst;
    ptrdiff_t dst_plane;
    const float *residual; /* lies as dst does; NULL: none */
    int64_t n_pixels;
};

/* One call for the longer tiles, one for the others. */
static void run_tiles(const struct fmap_kernels *kernels, int64_t n_vectors, const struct lines *lines,
                      struct fmap_tile *tile) {
    int64_t most = kernels->tile_pixels[n_vectors], n_tiles = (lines->n_pixels + most - 1) / most;
    int64_t n_longer = lines->n_pixels % n_tiles, shorter = lines->n_pixels / n_tiles;
    for (int i = 0; i < 2; i++) {
        int64_t n_pixels = shorter + 1 - i, n = i == 0 ? n_longer : n_tiles - n_longer;
        if (n == 0) continue;
        if (lines->residual) tile->residual = lines->residual + (tile->dst - lines->dst);
        tile->n_repeats = (int)n;
        tile->src_step = tile->dst_step = n_pixels * FMAP_BLOCK;
        kernels->pointwise[n_vectors][n_pixels](tile);
        tile->src += n * n_pixels * FMAP_BLOCK;
        tile->dst += n * n_pixels * FMAP_BLOCK;
    }
}

static void run_points(const struct fmap_kernels *kernels, const struct fmap_strip_points *points,
                       const struct lines *lines) {
    for (int64_t i = 0; i < points->panels.n_panels; i++) {
        const struct fmap_tiles_panel *panel = &points->panels.panels[i];
        struct fmap_tile tile = {.src = lines->src,
                                 .weights = points->weights + panel->weights,
                                 .bias = points->panels.bias + panel->bias,
                                 .dst = lines->dst,
                                 .kernel_size = 1,
                                 .src_block_stride = lines->src_plane,
                                 .src_pixel_stride = FMAP_BLOCK,
                                 .dst_pixel_stride = FMAP_BLOCK,
                                 .activate = points->activate};
        fmap_tiles_read_group(&tile, 0, points->channels);
        for (int32_t v = 0; v < panel->n_vectors; v++) {
            int64_t output = panel->first_output + v * kernels->lanes;
            tile.dst_offsets[v] = output / FMAP_BLOCK * lines->dst_plane + output % FMAP_BLOCK;
        }
        run_tiles(kernels, panel->n_vectors, lines, &tile);
    }
}

static struct fmap_row_window row_window(const struct fmap_strip_job *job) {
    const struct fmap_window *window = &job->depthwise.window;
    return (struct fmap_row_window){.stride = window->strides[0],
                                    .pad = window->pads[0],
                                    .reach = (window->kernel[0] - 1) * window->dilations[0] + 1,
                                    .height = job->in[0]};
}

/* What a part works with. */
struct band {
    const struct fmap_strip_job *job;
    const struct fmap_kernels *kernels;
    const float *src, *residual; /* of the image; no residual: NULL */
    float *dst;
    float *ring, *strip;
    int64_t first, end; /* rows that the ring holds */
};

/* The ring goes on to hold rows [first, end). */
static void expand(struct band *band, int64_t first, int64_t end) {
    const struct fmap_strip_job *job = band->job;
    int64_t n_blocks = fmap_blocks_of(job->expand.outputs), row = job->in[1] * FMAP_BLOCK;
    if (band->end < first) band->end = first;
    fmap_row_ring_keep(band->ring, n_blocks, job->ring_plane, row, band->first, first, band->end);
    band->first = first;
    if (band->end >= end) return;
    struct lines lines = {.src = band->src + band->end * row,
                          .src_plane = job->in[0] * row,
                          .dst = band->ring + (band->end - first) * row,
                          .dst_plane = job->ring_plane,
                          .n_pixels = (end - band->end) * job->in[1]};
    run_points(band->kernels, &job->expand, &lines);
    band->end = end;
}

/* Output rows [y, y + n), made of rows [from, to) of the source. */
static void convolve(const struct band *band, int64_t y, int64_t n, int64_t from, int64_t to) {
    const struct fmap_strip_job *job = band->job;
    bool expands = job->expand.panels.n_panels > 0, projects = job->project.panels.n_panels > 0;
    int64_t row = job->in[1] * FMAP_BLOCK, out_row = job->out[1] * FMAP_BLOCK;
    const float *src = expands ? band->ring : band->src + from * row;
    float *dst = projects ? band->strip : band->dst + y * out_row;
    int64_t src_plane = expands ? job->ring_plane : job->in[0] * row;
    int64_t dst_plane = projects ? job->strip_plane : job->out[0] * out_row;
    for (int64_t block = 0; block < job->depthwise.n; block++) {
        struct fmap_depthwise work = fmap_depthwise_of_block(&job->depthwise, block);
        work.window.src = src + block / job->depthwise.outputs_per_channel * src_plane;
        work.window.dst = dst + block * dst_plane;
        work.window.src_size[0] = to - from;
        work.window.pads[0] = from - (y * work.window.strides[0] - work.window.pads[0]);
        work.window.first_row = 0;
        work.window.n_rows = n;
        band->kernels->depthwise(&work);
    }
}

static void project(const struct band *band, int64_t y, int64_t n) {
    const struct fmap_strip_job *job = band->job;
    int64_t row = job->out[1] * FMAP_BLOCK;
    struct lines lines = {.src = band->strip,
                          .src_plane = job->strip_plane,
                          .dst = band->dst + y * row,
                          .dst_plane = job->out[0] * row,
                          .residual = band->residual ? band->residual + y * row : NULL,
                          .n_pixels = n * job->out[1]};
    run_points(band->kernels, &job->project, &lines);
}

/* Lanes that the expansion leaves alone, but the depthwise convolution reads: whatever was there may be numbers so small
 * that they take longer. */
static void clear_rest(const struct band *band) {
    const struct fmap_strip_job *job = band->job;
    int64_t lanes = job->expand.panels.tiling.n_vectors * band->kernels->lanes;
    if (lanes % FMAP_BLOCK == 0) return;
    memset(band->ring + lanes / FMAP_BLOCK * job->ring_plane, 0,
           (size_t)job->ring_plane * sizeof *band->ring);
}

void fmap_strip_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct fmap_strip_job *job = step->job;
    int64_t image = part / job->bands, index = part % job->bands;
    int64_t y = fmap_piece_begin(job->out[0], job->bands, index);
    int64_t end = y + fmap_piece_length(job->out[0], job->bands, index);
    struct band band = {.job = job,
                        .kernels = run->kernels,
                        .src = fmap_at(run, &step->operands[0]) + image * job->src_image_stride,
                        .dst = fmap_at(run, &step->operands[1]) + image * job->dst_image_stride,
                        .ring = (float *)(void *)run->scratch};
    band.strip = band.ring + fmap_strip_ring_floats(job);
    const struct fmap_row_window window = row_window(job);
    band.first = band.end = fmap_row_first_under(&window, y);
    if (job->adds) band.residual = fmap_at(run, &step->operands[2]) + image * job->dst_image_stride;
    if (job->expand.panels.n_panels) clear_rest(&band);
    for (; y < end; y += job->rows) {
        int64_t n = fmap_least(job->rows, end - y);
        int64_t from = fmap_row_first_under(&window, y), to = fmap_row_end_under(&window, y + n);
        if (to < from) to = from;
        if (job->expand.panels.n_panels) expand(&band, from, to);
        convolve(&band, y, n, from, to);
        if (job->project.panels.n_panels) project(&band, y, n);
    }
}
