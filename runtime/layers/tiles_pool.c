/* Pools behind a convolution by register tiles: a part computes some rows into a ring and pools them from there, or whole maps
 * of a few outputs that it reduces. What lies between stays in the second cache. */
#include "runtime/layers/tiles_pool.h"

#include "runtime/layers/tiles_walk.h"

/* What a ring may take of the second cache, and a source that is read once for every few outputs. */
static const int64_t MOST_RING_BYTES = 512 * 1024, MOST_SOURCE_BYTES = 768 * 1024;

/* Lines of fewer pixels are narrow tiles: a pointwise layer joins them. Fewer outputs do not share out among threads when maps
 * are whole. */
enum { LEAST_LINE = 5, LEAST_WHOLE_OUTPUTS = 256, BUNDLE_BLOCKS = 4 };

bool fmap_tiles_can_pool(const struct fmap_tiles_problem *problem, const struct fmap_pooled *pool) {
    if (problem->groups != 1 || !problem->weights || problem->out[0] * problem->out[1] == 1) return false;
    if (problem->outputs > 16384 || problem->channels > 16384) return false;
    if (fmap_pooled_is_whole(pool)) {
        int64_t source = problem->channels * problem->in[0] * problem->in[1] * (int64_t)sizeof(float);
        return problem->outputs >= LEAST_WHOLE_OUTPUTS && source <= MOST_SOURCE_BYTES &&
               fmap_pooled_rows_at_once(pool, problem->out, BUNDLE_BLOCKS, MOST_RING_BYTES) > 0;
    }
    bool shrinks = pool->window.strides[0] * pool->window.strides[1] > 1; /* else little is spared */
    return shrinks && problem->out[1] >= LEAST_LINE &&
           fmap_pooled_rows_at_once(pool, problem->out, fmap_blocks_of(problem->outputs), MOST_RING_BYTES) >
               0;
}

/* ---- planning -------------------------------------------------------------------------------------------------- */

/* Panels that are whole blocks together, in as small groups as there are. */
static fmap_status find_bundles(struct fmap_planning *planning, struct fmap_tiles_job *job) {
    const struct fmap_tiles_panels *panels = &job->panels;
    int32_t *bundles = fmap_storage_take(&planning->plan->storage, (size_t)panels->n_panels + 1,
                                         sizeof *bundles);
    if (!bundles) return fmap_planning_out_of_memory(planning);
    for (int32_t i = 0; i < panels->n_panels; i++) {
        if (panels->panels[i].first_output % FMAP_BLOCK == 0) bundles[job->pool.n_bundles++] = i;
    }
    bundles[job->pool.n_bundles] = (int32_t)panels->n_panels;
    job->pool.bundles = bundles;
    return FMAP_OK;
}

static int64_t first_block(const struct fmap_tiles_job *job, int64_t bundle, int64_t n_blocks) {
    if (bundle == job->pool.n_bundles) return n_blocks;
    return job->panels.panels[job->pool.bundles[bundle]].first_output / FMAP_BLOCK;
}

fmap_status fmap_tiles_plan_pool(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                                 struct fmap_tiles_job *job) {
    struct fmap_tiles_pool *pool = &job->pool;
    TRY(find_bundles(planning, job));
    pool->one_by_one = job->panels.large || fmap_pooled_is_whole(problem->pool);
    pool->n_blocks = fmap_blocks_of(problem->outputs);
    int64_t most_blocks = pool->n_blocks;
    for (int64_t i = 0; i < pool->n_bundles && pool->one_by_one; i++) {
        int64_t n = first_block(job, i + 1, pool->n_blocks) - first_block(job, i, pool->n_blocks);
        if (i == 0 || n > most_blocks) most_blocks = n;
    }
    int64_t at_once = fmap_pooled_rows_at_once(problem->pool, problem->out, most_blocks, MOST_RING_BYTES);
    TRY(fmap_pooled_plan(planning, problem->pool, problem->out, at_once > 0 ? at_once : 1, &pool->rows));
    pool->image_stride = problem->dst_image_stride;
    pool->residual_image_stride = problem->residual_image_stride;
    pool->ring_floats = most_blocks * fmap_pooled_block_floats(&pool->rows);
    job->dst_image_stride = 0;
    job->dst_block_stride = fmap_pooled_block_floats(&pool->rows);
    return FMAP_OK;
}

/* Rows of the pool first while the weights are small, else bundles. Rows below a window are computed twice where parts
 * meet. */
struct fmap_share fmap_tiles_cut_pool(struct fmap_tiles_job *job, int64_t images, int64_t wanted,
                                      int threads) {
    const struct fmap_pooled *pooled = &job->pool.rows.pooled;
    int64_t height = pooled->window.out[0], rest = (wanted + images - 1) / images;
    int64_t again = fmap_pooled_reach(pooled) - pooled->window.strides[0];
    if (again > 0 && rest > 1) rest = (threads + images - 1) / images;
    job->images_parts = images;
    if (job->pool.one_by_one) {
        job->panels_parts = fmap_least(job->pool.n_bundles, rest);
        job->tiles_parts = fmap_least(height, (rest + job->panels_parts - 1) / job->panels_parts);
    } else {
        job->tiles_parts = fmap_least(height, rest);
        job->panels_parts = fmap_least(job->pool.n_bundles, (rest + job->tiles_parts - 1) / job->tiles_parts);
    }
    double twice = again > 0 ? (double)again / (double)pooled->window.strides[0] : 0.02;
    struct fmap_share share = {
        {{.total = images, .pieces = images},
         {.total = height, .pieces = job->tiles_parts, .overhead = twice},
         {.total = job->pool.n_bundles, .pieces = job->panels_parts, .overhead = 0.02}}};
    if (wanted >= threads) fmap_share_improve(&share, threads);
    job->tiles_parts = share.along[1].pieces;
    job->panels_parts = share.along[2].pieces;
    return share;
}

/* ---- running --------------------------------------------------------------------------------------------------- */

struct pooled_panels {
    struct fmap_tiles_walk *walk;
    int64_t image, panel, panel_end, first_block;
};

/* Some lines with some panels, so that those of their first block begin in dst. Whole maps may be a single line. */
static void compute_lines(void *user, int64_t first, int64_t n, float *dst) {
    const struct pooled_panels *panels = user;
    const struct fmap_tiles_job *job = panels->walk->job;
    int64_t n_tiles = job->panels.tiling.n_tiles, lines = job->lines.n == 1 ? 1 : n;
    panels->walk->dst = dst - first * job->dst_line_stride - panels->first_block * job->dst_block_stride;
    fmap_tiles_run(panels->walk, panels->image, first * n_tiles, (first + lines) * n_tiles, panels->panel,
                   panels->panel_end);
}

void fmap_tiles_pooled_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct fmap_tiles_job *job = step->job;
    const struct fmap_tiles_pool *pool = &job->pool;
    const struct fmap_window_size *window = &pool->rows.pooled.window;
    struct fmap_tiles_walk walk = fmap_tiles_walk_of(run, step);
    int64_t image = part / job->panels_parts / job->tiles_parts;
    int64_t rows_part = part / job->panels_parts % job->tiles_parts, bundles_part = part % job->panels_parts;
    int64_t y = fmap_piece_begin(window->out[0], job->tiles_parts, rows_part);
    int64_t end = y + fmap_piece_length(window->out[0], job->tiles_parts, rows_part);
    int64_t bundle = fmap_piece_begin(pool->n_bundles, job->panels_parts, bundles_part);
    int64_t bundle_end = bundle + fmap_piece_length(pool->n_bundles, job->panels_parts, bundles_part);
    float *dst = walk.dst + image * pool->image_stride;
    walk.first_panel = pool->bundles[bundle];
    walk.panel_end = pool->bundles[bundle_end];
    if (walk.residual) walk.residual += image * pool->residual_image_stride;
    for (int64_t next; bundle < bundle_end; bundle = next) {
        next = pool->one_by_one ? bundle + 1 : bundle_end;
        struct pooled_panels panels = {&walk, image, pool->bundles[bundle], pool->bundles[next],
                                       first_block(job, bundle, pool->n_blocks)};
        fmap_pooled_run(&pool->rows,
                        &(struct fmap_pooled_work){
                            .kernels = run->kernels,
                            .ring = (float *)(void *)run->scratch + pool->ring_offset,
                            .dst = dst + panels.first_block * window->out[0] * window->out[1] * FMAP_BLOCK,
                            .n_blocks = first_block(job, next, pool->n_blocks) - panels.first_block,
                            .compute = compute_lines,
                            .user = &panels},
                        y, end);
    }
}
