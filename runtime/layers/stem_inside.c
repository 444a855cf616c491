/* Where all windows lie inside of a planar image of floats, tiles that read one value at a time take them from the image
 * itself: only rows and columns at its edges are copied, with their padding. Copying whole rows took a fifth of the time of
 * 16 outputs. */
#include "runtime/layers/stem_job.h"

/* Rows of fewer tiles would be more calls than tiles. */
enum { FEWEST_TILES = 8 };

struct range {
    int64_t begin, end;
};

/* Outputs along one dimension whose windows lie inside. */
static struct range inside_along(const struct fmap_stem_job *job, int i) {
    int64_t stride = job->strides[i], reach = (job->kernel[i] - 1) * job->dilations[i];
    int64_t begin = (job->pads[i] + stride - 1) / stride, last = job->in[i] - 1 - reach + job->pads[i];
    int64_t end = last < 0 ? 0 : last / stride + 1;
    if (end > job->out[i]) end = job->out[i];
    return (struct range){begin < end ? begin : end, end};
}

/* The register tiles of a row within these pixels. */
static struct range tiles_within(const struct fmap_tiling *tiling, struct range pixels) {
    struct range tiles = {0, tiling->n_tiles};
    while (tiles.begin < tiles.end &&
           fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, tiles.begin) < pixels.begin)
        tiles.begin++;
    while (tiles.end > tiles.begin &&
           fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, tiles.end) > pixels.end)
        tiles.end--;
    return tiles;
}

static bool can_read(const struct fmap_kernels *kernels, const struct fmap_stem_job *job) {
    int64_t reach = (job->channels - 1) * job->src_channel_stride +
                    (job->kernel[0] - 1) * job->dilations[0] * job->in[1] + job->in[1];
    return kernels->reads_images && job->n_phases == 1 && !job->points && !job->pixels &&
           job->src_pixel_stride == 1 && reach <= INT32_MAX;
}

void fmap_stem_set_inside(const struct fmap_kernels *kernels, struct fmap_stem_job *job) {
    job->inside = (struct fmap_stem_inside){0};
    if (!can_read(kernels, job)) return;
    struct range rows = inside_along(job, 0), tiles = tiles_within(&job->tiling, inside_along(job, 1));
    if (rows.begin == rows.end || tiles.end - tiles.begin < FEWEST_TILES) return;
    job->inside = (struct fmap_stem_inside){
        .row_begin = rows.begin, .row_end = rows.end, .tile_begin = tiles.begin, .tile_end = tiles.end};
}

void fmap_stem_inside_terms(struct fmap_stem_job *job, int32_t *terms) {
    for (int64_t t = 0; t < fmap_stem_n_terms(job); t++) {
        int64_t kernel = t / job->channels, channel = t % job->channels;
        int64_t row = kernel / job->kernel[1] * job->dilations[0];
        int64_t column = kernel % job->kernel[1] * job->dilations[1];
        terms[t] = (int32_t)(channel * job->src_channel_stride + row * job->in[1] + column);
    }
    job->inside.terms = terms;
}

const float *fmap_stem_inside_tile(const struct fmap_stem_job *job, const float *image, int64_t y) {
    int64_t pixel = fmap_piece_begin(job->tiling.n_pixels, job->tiling.n_tiles, job->inside.tile_begin);
    return image + (y * job->strides[0] - job->pads[0]) * job->in[1] + pixel * job->strides[1] - job->pads[1];
}

bool fmap_stem_row_is_whole(const struct fmap_stem_job *job, int64_t row) {
    const struct fmap_stem_inside *inside = &job->inside;
    int64_t reach = (job->kernel[0] - 1) * job->dilations[0];
    int64_t above = (inside->row_begin - 1) * job->strides[0] - job->pads[0] + reach;
    int64_t below = inside->row_end * job->strides[0] - job->pads[0];
    bool is_above = inside->row_begin > 0 && row <= above;
    return is_above || (inside->row_end < job->out[0] && row >= below);
}

int64_t fmap_stem_left_width(const struct fmap_stem_job *job) {
    int64_t pixels = fmap_piece_begin(job->tiling.n_pixels, job->tiling.n_tiles, job->inside.tile_begin);
    return pixels == 0 ? 0 : (pixels - 1) * job->distance + (job->kernel[1] - 1) * job->dilations[1] + 1;
}

int64_t fmap_stem_right_begin(const struct fmap_stem_job *job) {
    int64_t pixel = fmap_piece_begin(job->tiling.n_pixels, job->tiling.n_tiles, job->inside.tile_end);
    return job->inside.tile_end == job->tiling.n_tiles ? job->phase_width : pixel * job->distance;
}
