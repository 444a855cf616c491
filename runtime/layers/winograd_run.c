/* A part takes a block of tiles through the whole of it: input transform of all channels, then for each panel of output
 * channels the products of all points and the output transform. What lies between stays in the second cache (Gelashvili, Shavit &
 * Zlateski 2020, arXiv:2007.00523, call it L3 fusion). */
#include "runtime/layers/winograd_job.h"

/* What a group reads and writes. */
struct places {
    const float *src, *weights, *bias, *residual;
    float *dst;
};

/* A block of tiles may span images, so that small maps, too, read the weights for many tiles. Its tiles of one image: */
struct image_tiles {
    int64_t image, first, n; /* `first` counts from the image's own first tile */
};

/* Those that begin at tile `at` of all and end before `end`. */
static struct image_tiles tiles_of_one_image(const struct fmap_winograd_job *job, int64_t at, int64_t end) {
    int64_t first = at % job->image_tiles;
    return (struct image_tiles){at / job->image_tiles, first, fmap_least(job->image_tiles - first, end - at)};
}

/* Tiles of one image, which lie `block_stride` floats from block to block of channels. */
static void transform_tiles(const struct fmap_winograd_job *job, const float *src,
                            const struct image_tiles *tiles, int64_t block_stride, float *dst) {
    src += tiles->image * job->src_image_stride;
    for (int64_t block = 0; block < fmap_blocks_of(job->channels); block++) {
        struct fmap_winograd_input input = {.src = src + block * job->in[0] * job->in[1] * FMAP_BLOCK,
                                            .dst = dst + block * block_stride,
                                            .point_stride = job->transformed_stride,
                                            .n_tiles = (int)tiles->n,
                                            .first_tile = (int)tiles->first,
                                            .tiles_per_row = (int)job->tiles_per_row,
                                            .tile_step = (int)job->step,
                                            .height = (int)job->in[0],
                                            .width = (int)job->in[1],
                                            .pad_top = (int)job->pads[0],
                                            .pad_left = (int)job->pads[1],
                                            .down = job->down,
                                            .dilations = {(int)job->dilations[0], (int)job->dilations[1]}};
        job->transform(&input);
    }
}

/* One block of tiles, transformed: [point][group of tiles][block of channels][tile][16], so that a register tile reads
 * one stream. */
static void transform_input(const struct fmap_winograd_job *job, const float *src, int64_t first,
                            int64_t n_tiles, int64_t n_groups, float *transformed) {
    for (int64_t group = 0; group < n_groups; group++) {
        int64_t begin = fmap_piece_begin(n_tiles, n_groups, group),
                n = fmap_piece_length(n_tiles, n_groups, group);
        float *dst = transformed + begin * fmap_blocks_of(job->channels) * FMAP_BLOCK;
        for (int64_t done = 0; done < n;) {
            struct image_tiles tiles = tiles_of_one_image(job, first + begin + done, first + begin + n);
            transform_tiles(job, src, &tiles, n * FMAP_BLOCK, dst + done * FMAP_BLOCK);
            done += tiles.n;
        }
    }
}

/* A slab is the weights of a point and a panel, and the next one lies behind it. It is fetched while this one is used, by all
 * groups of tiles alike; not less far ahead than it takes to arrive. */
static void fetch_next(const struct fmap_kernels *kernels, struct fmap_tile *tile, int64_t slab,
                       int64_t n_vectors, int64_t n_groups) {
    static const int64_t LEAST_AHEAD = 2048;
    tile->fetch = tile->weights + (slab > LEAST_AHEAD ? slab : LEAST_AHEAD);
    int64_t lines = n_vectors * kernels->lanes; /* of 16 channels */
    tile->n_fetched = (int)((lines + n_groups - 1) / n_groups);
}

/* The products of one point for groups of `n` tiles that lie one after the other. */
static void multiply_groups(const struct fmap_winograd_job *job, const struct fmap_kernels *kernels,
                            struct fmap_tile *tile, int64_t n_vectors, int64_t n_tiles, int64_t n_groups) {
    if (n_groups == 0) return;
    tile->src_block_stride = n_tiles * FMAP_BLOCK;
    tile->src_step = n_tiles * fmap_blocks_of(job->channels) * FMAP_BLOCK;
    tile->dst_step = n_tiles * kernels->lanes;
    tile->n_repeats = (int)n_groups;
    (job->far ? kernels->pointwise_far : kernels->pointwise)[n_vectors][n_tiles](tile);
    tile->src += n_groups * tile->src_step;
    tile->dst += n_groups * tile->dst_step;
    tile->fetch += n_groups * tile->n_fetched * (job->channels / FMAP_BLOCK) * FMAP_BLOCK;
}

/* The products of a panel: [vector][point][tile][lanes of a vector]. */
static void multiply(const struct fmap_winograd_job *job, const struct fmap_kernels *kernels,
                     const float *weights, int64_t n_vectors, int64_t n_tiles, int64_t n_groups,
                     const float *transformed, float *products) {
    int64_t lanes = kernels->lanes, slab = job->channels * n_vectors * lanes;
    struct fmap_tile tile = {.src = transformed,
                             .weights = weights,
                             .bias = fmap_tiles_no_bias,
                             .dst = products,
                             .n_blocks = (int)fmap_blocks_of(job->channels),
                             .last_lanes = (int)((job->channels - 1) % FMAP_BLOCK + 1),
                             .dst_pixel_stride = lanes};
    for (int64_t v = 0; v < n_vectors; v++) tile.dst_offsets[v] = v * job->points * job->product_stride;
    if (n_groups == 1) {
        fetch_next(kernels, &tile, slab, n_vectors, 1);
        tile.src_block_stride = n_tiles * FMAP_BLOCK;
        tile.src_step = job->transformed_stride;
        tile.weights_step = slab;
        tile.dst_step = job->product_stride;
        tile.n_repeats = (int)job->points;
        (job->far ? kernels->pointwise_far : kernels->pointwise)[n_vectors][n_tiles](&tile);
        return;
    }
    int64_t n_longer = n_tiles % n_groups, shorter = n_tiles / n_groups;
    for (int64_t point = 0; point < job->points; point++) {
        tile.src = transformed + point * job->transformed_stride;
        tile.weights = weights + point * slab;
        fetch_next(kernels, &tile, slab, n_vectors, n_groups);
        tile.dst = products + point * job->product_stride;
        multiply_groups(job, kernels, &tile, n_vectors, shorter + 1, n_longer);
        multiply_groups(job, kernels, &tile, n_vectors, shorter, n_groups - n_longer);
    }
}

/* A panel's outputs of tiles of one image. */
static void transform_tiles_back(const struct fmap_winograd_job *job, const struct fmap_kernels *kernels,
                                 int64_t panel, const struct image_tiles *tiles, const float *products,
                                 const struct places *at) {
    int64_t lanes = kernels->lanes;
    int64_t first_vector = fmap_piece_begin(job->panels.n_vectors, job->panels.n_panels, panel);
    int64_t n_vectors = fmap_piece_length(job->panels.n_vectors, job->panels.n_panels, panel);
    for (int64_t v = 0; v < n_vectors; v++) {
        int64_t output = (first_vector + v) * lanes;
        int64_t offset = tiles->image * job->dst_image_stride + output / FMAP_BLOCK * job->dst_block_stride +
                         output % FMAP_BLOCK;
        struct fmap_winograd_output work = {.src = products + v * job->points * job->product_stride,
                                            .dst = at->dst + offset,
                                            .bias = at->bias + output,
                                            .residual = at->residual ? at->residual + offset : NULL,
                                            .point_stride = job->product_stride,
                                            .tile_stride = lanes,
                                            .n_tiles = (int)tiles->n,
                                            .first_tile = (int)tiles->first,
                                            .tiles_per_row = (int)job->tiles_per_row,
                                            .height = (int)job->out[0],
                                            .width = (int)job->out[1],
                                            .down = job->down,
                                            .pooled_height = (int)job->pooled[0],
                                            .pooled_width = (int)job->pooled[1],
                                            .pools_average = job->pools_average,
                                            .dilations = {(int)job->dilations[0], (int)job->dilations[1]},
                                            .activate = job->activate};
        job->transform_back(&work);
    }
}

static void transform_output(const struct fmap_winograd_job *job, const struct fmap_kernels *kernels,
                             int64_t panel, int64_t first, int64_t n_tiles, const float *products,
                             const struct places *at) {
    for (int64_t done = 0; done < n_tiles;) {
        struct image_tiles tiles = tiles_of_one_image(job, first + done, first + n_tiles);
        transform_tiles_back(job, kernels, panel, &tiles, products + done * kernels->lanes, at);
        done += tiles.n;
    }
}

static struct places places_of_group(const struct fmap_run *run, const struct fmap_step *step,
                                     int64_t group) {
    const struct fmap_winograd_job *job = step->job;
    int64_t vectors_outputs = job->panels.n_vectors *
                              run->kernels->lanes; /* of several groups no more than outputs */
    int64_t offset = group * (job->outputs / FMAP_BLOCK) * job->dst_block_stride;
    const float *residual = job->adds ? fmap_at(run, &step->operands[3]) : NULL;
    return (struct places){.src = (const float *)fmap_at(run, &step->operands[0]) +
                                  group * job->channels * job->in[0] * job->in[1],
                           .dst = (float *)fmap_at(run, &step->operands[1]) + offset,
                           .weights = (const float *)fmap_at(run, &step->operands[2]) +
                                      group * job->points * job->channels * vectors_outputs,
                           .bias = job->bias + group * vectors_outputs,
                           .residual = residual ? residual + offset : NULL};
}

void fmap_winograd_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct fmap_winograd_job *job = step->job;
    const struct fmap_kernels *kernels = run->kernels;
    int64_t panels_part = part % job->panels_parts, block = part / job->panels_parts % job->n_blocks;
    const struct places at = places_of_group(run, step, part / job->panels_parts / job->n_blocks);
    int64_t first = fmap_piece_begin(job->n_tiles, job->n_blocks, block);
    int64_t n_tiles = fmap_piece_length(job->n_tiles, job->n_blocks, block);
    int64_t most = fmap_winograd_most_pixels(kernels, &job->panels), n_groups = (n_tiles + most - 1) / most;
    float *transformed = (float *)(void *)run->scratch,
          *products = transformed + job->points * job->transformed_stride;
    transform_input(job, at.src, first, n_tiles, n_groups, transformed);
    int64_t panel = fmap_piece_begin(job->panels.n_panels, job->panels_parts, panels_part);
    int64_t end = panel + fmap_piece_length(job->panels.n_panels, job->panels_parts, panels_part);
    for (; panel < end; panel++) {
        int64_t first_vector = fmap_piece_begin(job->panels.n_vectors, job->panels.n_panels, panel);
        int64_t n_vectors = fmap_piece_length(job->panels.n_vectors, job->panels.n_panels, panel);
        const float *panel_weights = at.weights + job->points * job->channels * first_vector * kernels->lanes;
        multiply(job, kernels, panel_weights, n_vectors, n_tiles, n_groups, transformed, products);
        transform_output(job, kernels, panel, first, n_tiles, products, &at);
    }
}
