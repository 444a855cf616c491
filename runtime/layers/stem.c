#include "runtime/layers/stem.h"

#include "runtime/layers/stem_job.h"
#include "runtime/layers/why.h"

#include <math.h>
#include <string.h>

/* Beyond that, a block of 16 channels at a time is as good; of a 1x1 layer sooner, since a product of matrices reads half a
 * block as it lies, and to copy its channels apart would take longer than the sums. */
enum { MOST_CHANNELS = 8, MOST_CHANNELS_1X1 = 4 };

/* Rows of the image that a part holds should stay in the second cache, better in the first. */
static const int64_t MOST_ROWS_BYTES = 96 * 1024, MOST_FLOATS = 1 << 22;

/* With a pool, parts meet in rows that both compute: fewer parts, and their rows in the second cache. */
static const int64_t MOST_POOLED_ROWS_BYTES = 400 * 1024;

/* The columns of a row, `distance` of them from a pixel to the next, sorted by their number modulo n_phases. */
static void set_phases(struct fmap_stem_job *job, int64_t n_phases, int64_t distance) {
    int64_t width = (job->out[1] - 1) * distance + (job->kernel[1] - 1) * job->dilations[1] / n_phases + 1;
    job->n_phases = n_phases;
    job->distance = distance;
    job->phase_width = (width + FMAP_BLOCK - 1) / FMAP_BLOCK * FMAP_BLOCK; /* copied in whole lines */
}

static void set_geometry(struct fmap_stem_job *job, const struct fmap_tiles_problem *problem) {
    job->channels = problem->channels;
    job->outputs = problem->outputs;
    memcpy(job->in, problem->in, sizeof job->in);
    memcpy(job->out, problem->out, sizeof job->out);
    memcpy(job->kernel, problem->kernel, sizeof job->kernel);
    memcpy(job->strides, problem->strides, sizeof job->strides);
    memcpy(job->dilations, problem->dilations, sizeof job->dilations);
    job->pads[0] = problem->pad_top;
    job->pads[1] = problem->pad_left;
    job->dst_image_stride = problem->dst_image_stride;
    job->activate = problem->activate;
    set_phases(job, problem->strides[1], 1);
}

/* Padding is multiplied here, and zero times infinity is no zero. */
static bool weights_are_finite(const struct fmap_tiles_problem *problem) {
    int64_t n = problem->outputs * problem->channels * problem->kernel[0] * problem->kernel[1];
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(fmap_float_at(problem->weights, i))) return false;
    }
    return true;
}

/* The products below fit: no dimension is beyond what the first lines allow. */
bool fmap_stem_wanted(const struct fmap_tiles_problem *problem) {
    for (int i = 0; i < 2; i++) {
        if (problem->in[i] > 65536 || problem->out[i] > 65536 || problem->kernel[i] > 64) return false;
        if (problem->strides[i] > FMAP_STEM_MOST_STRIDE || problem->dilations[i] > 1024) return false;
    }
    int64_t most_channels = problem->kernel[0] * problem->kernel[1] == 1 ? MOST_CHANNELS_1X1 : MOST_CHANNELS;
    struct fmap_stem_job job = {0};
    set_geometry(&job, problem);
    return problem->groups == 1 && problem->channels <= most_channels && problem->weights &&
           job.out[0] * job.out[1] > 1 &&
           fmap_stem_row_floats(&job) * fmap_stem_rows_under(&job, 1) <= MOST_FLOATS &&
           weights_are_finite(problem);
}

struct stem_pack {
    struct fmap_tiles_problem problem;
    struct fmap_tiling panels;
    int64_t lanes;
};

/* [panel][kernel row][kernel column][channel][output of the panel] */
static void pack_panel(const void *stem_pack, int64_t panel, float *packed) {
    const struct stem_pack *pack = stem_pack;
    const struct fmap_tiles_problem *problem = &pack->problem;
    const struct fmap_tiling *panels = &pack->panels;
    const int64_t *strides = problem->weight_strides;
    int64_t first = fmap_piece_begin(panels->n_vectors, panels->n_panels, panel) * pack->lanes;
    int64_t width = fmap_piece_length(panels->n_vectors, panels->n_panels, panel) * pack->lanes;
    int64_t n = problem->channels * problem->kernel[0] * problem->kernel[1];
    packed += first * n;
    for (int64_t i = 0; i < n * width; i++) {
        int64_t t = i / width, output = first + i % width, kernel = t / problem->channels;
        int64_t at = output * strides[0] + t % problem->channels * strides[1] +
                     kernel / problem->kernel[1] * strides[2] + kernel % problem->kernel[1] * strides[3];
        packed[i] = output < problem->outputs ? fmap_tiles_weight(problem, output, at) : 0;
    }
}

static fmap_status pack_direct(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                               const struct fmap_stem_job *job, int32_t *terms,
                               struct fmap_operand *weights) {
    int64_t n = fmap_stem_n_terms(job);
    for (int64_t t = 0; t < n; t++) {
        int64_t channel = t % job->channels, column = t / job->channels % job->kernel[1] * job->dilations[1];
        int64_t row = t / job->channels / job->kernel[1] * job->dilations[0];
        int64_t phase = channel * job->n_phases + column % job->n_phases;
        terms[t] = (int32_t)(row * fmap_stem_row_floats(job) + phase * job->phase_width +
                             column / job->n_phases);
    }
    struct stem_pack pack = {.problem = *problem, .panels = job->tiling, .lanes = planning->kernels->lanes};
    struct fmap_packer packer = fmap_tiles_packer(problem, "stem");
    fmap_packer_add(&packer, job->tiling.n_vectors);
    fmap_packer_add(&packer, job->tiling.n_panels);
    packer.n_floats = n * job->tiling.n_vectors * planning->kernels->lanes;
    packer.parts = job->tiling.n_panels;
    packer.part = pack_panel;
    packer.job = &pack;
    packer.job_bytes = sizeof pack;
    return fmap_planning_pack(planning, &packer, weights);
}

/* From one to the next of each three terms in turn, such as three channels of a column, where this is always the same; or 0. */
static int64_t threes_of(const int32_t *terms, int64_t n) {
    if (n % 3 != 0) return 0;
    int64_t apart = terms[1] - terms[0];
    for (int64_t t = 0; t < n; t += 3) {
        if (terms[t + 1] - terms[t] != apart || terms[t + 2] - terms[t + 1] != apart) return 0;
    }
    return apart;
}

/* Terms: kernel rows, then columns, then channels. */
static fmap_status pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                        struct fmap_stem_job *job, struct fmap_operand *weights) {
    int32_t *terms = fmap_storage_take(&planning->plan->storage, (size_t)fmap_stem_n_terms(job),
                                       sizeof *terms);
    if (!terms) return fmap_planning_out_of_memory(planning);
    job->terms = terms;
    TRY(fmap_tiles_bias(planning, problem, job->tiling.n_vectors * planning->kernels->lanes, &job->bias));
    TRY(job->points ? fmap_stem_winograd_pack(planning, problem, job, terms, weights)
                    : pack_direct(planning, problem, job, terms, weights));
    int64_t n = fmap_stem_n_terms(job);
    job->threes = threes_of(terms, n);
    if (job->inside.row_end == 0) return FMAP_OK;
    terms = fmap_storage_take(&planning->plan->storage, (size_t)n, sizeof *terms);
    if (!terms) return fmap_planning_out_of_memory(planning);
    fmap_stem_inside_terms(job, terms);
    job->inside.threes = threes_of(terms, n);
    return FMAP_OK;
}

/* The ring's rows stay in the second cache. */
static const int64_t MOST_RING_BYTES = 512 * 1024;

bool fmap_stem_can_pool(const struct fmap_tiles_problem *problem, const struct fmap_pooled *pool) {
    return !fmap_pooled_is_whole(pool) && fmap_blocks_of(problem->outputs) <= 1024 &&
           fmap_pooled_rows_at_once(pool, problem->out, fmap_blocks_of(problem->outputs), MOST_RING_BYTES) >
               0;
}

static fmap_status set_pool(struct fmap_planning *planning, struct fmap_stem_job *job,
                            const struct fmap_tiles_problem *problem) {
    job->pools = true;
    int64_t at_once = fmap_pooled_rows_at_once(problem->pool, problem->out, fmap_blocks_of(problem->outputs),
                                               MOST_RING_BYTES);
    return fmap_pooled_plan(planning, problem->pool, problem->out, at_once, &job->pool);
}

/* As few groups of rows as the cache allows, but enough for all threads. */
static struct fmap_share cut_into_parts(struct fmap_stem_job *job, const struct fmap_planning *planning,
                                        int64_t images) {
    int64_t work = images * job->out[0] * job->tiling.n_pixels * fmap_stem_n_terms(job) *
                   (job->points ? job->points : 1) * job->tiling.n_vectors * planning->kernels->lanes;
    int64_t worth = fmap_planning_parts(planning, work), wanted = (worth + images - 1) / images;
    /* Small layers on fewer threads; rows go round more evenly among all of them than among nearly all. */
    int threads = 2 * worth < planning->plan->threads ? (int)worth : planning->plan->threads;
    int64_t most = job->pools ? MOST_POOLED_ROWS_BYTES : MOST_ROWS_BYTES, height = job->out[0];
    int64_t rows = (most / (int64_t)sizeof(float) / fmap_stem_row_floats(job) -
                    fmap_stem_rows_under(job, 1)) /
                       job->strides[0] +
                   1;
    if (job->pools) {
        height = job->pool.pooled.window.out[0];
        rows /= job->pool.pooled.window.strides[0];
        if (wanted > 1) wanted = (threads + images - 1) / images;
    }
    if (rows < 1) rows = 1;
    job->parts_per_image = (height + rows - 1) / rows;
    if (job->parts_per_image < wanted) job->parts_per_image = wanted;
    if (job->parts_per_image > height) job->parts_per_image = height;
    /* Rows below a pooling window are computed twice where parts meet. */
    int64_t stride = job->pools ? job->pool.pooled.window.strides[0] : 1;
    int64_t again = job->pools ? fmap_pooled_reach(&job->pool.pooled) - stride : 0;
    struct fmap_share share = {{{.total = images, .pieces = images},
                                {.total = height,
                                 .pieces = job->parts_per_image,
                                 .overhead = again > 0 ? (double)again / (double)stride : 0}}};
    fmap_share_improve(&share, threads);
    job->parts_per_image = share.along[1].pieces;
    return share;
}

/* The caller's own image where it can be: no copy of it in blocks, nor of its pixels in floats, is made then. */
static fmap_status read_source(struct fmap_planning *planning, fmap_value x, struct fmap_stem_job *job,
                               struct fmap_operand *src) {
    struct fmap_geometry geometry = fmap_geometry_of(&planning->graph->values[x].shape);
    job->pixels = planning->values[x].picture;
    if (job->pixels) {
        job->src_image_stride = job->pixels->image_stride;
        job->src_channel_stride = job->pixels->channel_stride;
        job->src_pixel_stride = job->pixels->pixel_stride;
        return fmap_planning_read(planning, x, FMAP_FORM_PICTURE, src);
    }
    enum fmap_form form = fmap_planning_has(planning, x, FMAP_FORM_PLAIN)     ? FMAP_FORM_PLAIN
                          : fmap_planning_has(planning, x, FMAP_FORM_PIXELS)  ? FMAP_FORM_PIXELS
                          : fmap_planning_has(planning, x, FMAP_FORM_BLOCKED) ? FMAP_FORM_BLOCKED
                                                                              : FMAP_FORM_PLAIN;
    int64_t plane = geometry.h * geometry.w;
    job->src_image_stride = form == FMAP_FORM_BLOCKED ? geometry.image_stride : geometry.c * plane;
    job->src_channel_stride = form == FMAP_FORM_PLAIN ? plane : 1;
    job->src_pixel_stride = form == FMAP_FORM_PLAIN ? 1 : form == FMAP_FORM_PIXELS ? geometry.c : FMAP_BLOCK;
    return fmap_planning_read(planning, x, form, src);
}

/* Rows of output that a part computes at most. */
static int64_t most_rows(const struct fmap_stem_job *job) {
    int64_t height = job->pools ? job->pool.pooled.window.out[0] : job->out[0];
    int64_t rows = (height + job->parts_per_image - 1) / job->parts_per_image;
    if (!job->pools) return rows;
    rows = (rows - 1) * job->pool.pooled.window.strides[0] + fmap_pooled_reach(&job->pool.pooled);
    return rows < job->out[0] ? rows : job->out[0];
}

static const char *const kernel_names[2][2] = {{"stem", "stem_pool"},
                                               {"stem_winograd", "stem_winograd_pool"}};

fmap_status fmap_planning_stem(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               fmap_value x, const struct fmap_tiles_problem *problem) {
    int64_t lanes = planning->kernels->lanes;
    struct fmap_stem_job job = {0};
    set_geometry(&job, problem);
    if (fmap_stem_winograd_wanted(problem, planning->algorithm))
        fmap_stem_winograd_set(planning->kernels, problem, &job);
    else if (job.strides[1] == 2 && planning->kernels->planar_stride2[1][1])
        set_phases(&job, 1, 2);
    job.tiling = fmap_choose_planar_tiling(planning->kernels, (problem->outputs + lanes - 1) / lanes,
                                           job.points ? job.tiles_per_row : job.out[1]);
    struct fmap_operand operands[3] = {[1] = problem->dst};
    TRY(read_source(planning, x, &job, &operands[0]));
    if (!problem->pool) fmap_stem_set_inside(planning->kernels, &job);
    TRY(pack(planning, problem, &job, &operands[2]));
    if (problem->pool) TRY(set_pool(planning, &job, problem));
    struct fmap_share share = cut_into_parts(&job, planning, problem->images);
    int64_t rows = most_rows(&job);
    int64_t scratch = fmap_stem_rows_under(&job, rows) * fmap_stem_row_floats(&job) +
                      fmap_stem_ring_floats(&job) + fmap_stem_line_floats(&job) + FMAP_STEM_BEYOND;
    if (job.points) scratch += fmap_stem_winograd_product_floats(&job);
    return fmap_planning_step(
        planning,
        &(struct fmap_step_definition){
            .part = job.pools ? fmap_stem_pooled_part : fmap_stem_part,
            .job = &job,
            .job_bytes = sizeof job,
            .operands = operands,
            .n_operands = 3,
            .parts = problem->images * job.parts_per_image,
            .scratch_bytes = (size_t)scratch * sizeof(float),
            .kernel = fmap_kernel_text(planning, kernel_names[job.points > 0][job.pools]).text,
            .why = fmap_why_stem(planning, problem, job.points > 0, &job.tiling).text,
            .tile = {(int)fmap_tiling_most_pixels(&job.tiling), (int)fmap_tiling_most_vectors(&job.tiling)},
            .share = share,
            .node = node});
}
