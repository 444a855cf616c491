#include "runtime/layers/stem_job.h"

/* Tiles whose products lie in the caches at once. */
enum { MOST_TILES = 64 };

/* Products: [point][block of the panel][tile][16]. One line more, or points would meet in few sets of the first cache. */
static int64_t block_stride(const struct fmap_stem_job *job) {
    return fmap_least(job->tiles_width, MOST_TILES + FMAP_TILE_MAX_PIXELS) * FMAP_BLOCK;
}

static int64_t point_stride(const struct fmap_stem_job *job) {
    return FMAP_TILE_MAX_VECTORS * block_stride(job) + FMAP_BLOCK;
}

int64_t fmap_stem_winograd_product_floats(const struct fmap_stem_job *job) {
    return job->points * point_stride(job);
}

void fmap_stem_winograd_row(const struct fmap_stem_job *job, const struct fmap_kernels *kernels,
                            const void *src, int64_t at, float *line, float *row) {
    int64_t phase = job->points * job->tiles_width;
    for (int64_t channel = 0; channel < job->channels; channel++, at += job->src_channel_stride) {
        fmap_stem_copy(job, kernels, src, channel, at, job->in[1], job->src_pixel_stride,
                       line + job->pads[1]);
        job->transform(&(struct fmap_stem_winograd_input){.src = line,
                                                          .dst = row,
                                                          .point_stride = job->tiles_width,
                                                          .phase_stride = phase,
                                                          .n_tiles = (int)job->tiles_width,
                                                          .stride = (int)job->strides[1]});
        row += job->strides[1] * phase;
    }
}

/* Some register tiles of one row. */
struct group {
    int64_t first, end;           /* register tiles */
    int64_t first_tile, end_tile; /* of Winograd */
};

/* From register tile `first` on. */
static struct group group_of(const struct fmap_tiling *tiling, int64_t first) {
    struct group group = {.first = first,
                          .end = first,
                          .first_tile = fmap_piece_begin(tiling->n_pixels, tiling->n_tiles, first)};
    group.end_tile = group.first_tile;
    while (group.end < tiling->n_tiles && group.end_tile - group.first_tile < MOST_TILES)
        group.end_tile += fmap_piece_length(tiling->n_pixels, tiling->n_tiles, group.end++);
    return group;
}

/* A panel's outputs of a group. */
static void transform_back(const struct fmap_stem_job *job, const struct fmap_kernels *kernels,
                           const struct fmap_tile *tile, int64_t first_output, int64_t n_vectors,
                           const struct group *group, const struct fmap_stem_lines *lines, float *dst) {
    int64_t x = group->first_tile * FMAP_STEM_WINOGRAD_OUTPUT;
    int64_t width = fmap_least(group->end_tile * FMAP_STEM_WINOGRAD_OUTPUT, job->out[1]) - x;
    for (int64_t v = 0; v < n_vectors; v++) {
        int64_t output = first_output + v * kernels->lanes;
        job->transform_back(&(struct fmap_stem_winograd_output){
            .src = lines->products + tile->dst_offsets[v],
            .dst = dst + output / FMAP_BLOCK * lines->plane + output % FMAP_BLOCK + x * FMAP_BLOCK,
            .bias = job->bias + output,
            .point_stride = point_stride(job),
            .width = (int)width,
            .activate = job->activate});
    }
}

void fmap_stem_winograd_rows(const struct fmap_stem_job *job, const struct fmap_kernels *kernels,
                             const float *weights, int64_t panel, const struct fmap_stem_lines *lines,
                             struct fmap_stem_ahead *ahead) {
    const struct fmap_tiling *tiling = &job->tiling;
    int64_t lanes = kernels->lanes, n_terms = fmap_stem_n_terms(job);
    int64_t first = fmap_piece_begin(tiling->n_vectors, tiling->n_panels, panel) * lanes;
    int64_t n_vectors = fmap_piece_length(tiling->n_vectors, tiling->n_panels, panel);
    const struct fmap_stem_tiles tiles = fmap_stem_tiles_of(tiling, kernels, n_vectors, 1);
    struct fmap_tile tile = {.bias = fmap_tiles_no_bias,
                             .dst_pixel_stride = FMAP_BLOCK,
                             .terms = job->terms,
                             .n_terms = (int)n_terms,
                             .threes = job->threes};
    for (int64_t v = 0; v < n_vectors; v++) {
        int64_t place = first % FMAP_BLOCK + v * lanes;
        tile.dst_offsets[v] = place / FMAP_BLOCK * block_stride(job) + place % FMAP_BLOCK;
    }
    const float *panel_weights = weights + job->points * n_terms * first;
    for (int64_t y = 0; y < lines->n; y++) {
        const float *row = lines->rows + y * job->strides[0] * fmap_stem_row_floats(job);
        float *dst = lines->dst + y * job->out[1] * FMAP_BLOCK;
        for (struct group group = group_of(tiling, 0); group.first < tiling->n_tiles;
             group = group_of(tiling, group.end)) {
            for (int64_t point = 0; point < job->points; point++) {
                tile.src = row + point * job->tiles_width + group.first_tile;
                tile.weights = panel_weights + point * n_terms * n_vectors * lanes;
                tile.dst = lines->products + point * point_stride(job);
                fmap_stem_run_tiles(&tiles, group.first, group.end, ahead, &tile);
            }
            transform_back(job, kernels, &tile, first, n_vectors, &group, lines, dst);
        }
    }
}
