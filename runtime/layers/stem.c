/* A part makes some rows of the output. It copies the rows of the image that it needs into planes of single floats with
 * zeros for padding, sorted by column modulo the stride: pixels that are neighbours in the output are neighbours there,
 * whatever the stride and the caller's layout. */
#include "runtime/layers/stem.h"

#include <math.h>
#include <string.h>

/* Beyond that, a block of 16 channels at a time is as good. */
enum { MOST_CHANNELS = 8 };

/* Rows of the image that a part holds should stay in the second cache, better in the first. */
static const int64_t MOST_ROWS_BYTES = 96 * 1024, MOST_FLOATS = 1 << 22;

struct stem_job {
    int64_t channels, in[2], out[2];
    int64_t kernel[2], strides[2], dilations[2], pads[2];
    int64_t parts_per_image; /* groups of output rows */
    int64_t src_image_stride, src_channel_stride, src_pixel_stride;
    int64_t dst_image_stride;
    int64_t phase_width; /* of a row of the columns that are equal modulo the stride */
    struct fmap_tiling tiling;
    const int32_t *terms;
    const float *bias;
    struct fmap_activate_job activate;
};

static int64_t row_floats(const struct stem_job *job) {
    return job->channels * job->strides[1] * job->phase_width;
}

/* Rows of the image under so many rows of the output. */
static int64_t rows_under(const struct stem_job *job, int64_t n) {
    return (n - 1) * job->strides[0] + (job->kernel[0] - 1) * job->dilations[0] + 1;
}

static int64_t n_terms(const struct stem_job *job) { return job->channels * job->kernel[0] * job->kernel[1]; }

/* ---- running ---------------------------------------------------------------------------------------- */

/* The columns of one phase: those before the image and behind it are zeros. */
static void copy_phase(const struct stem_job *job, const struct fmap_kernels *kernels, const float *row,
                       int64_t phase, float *dst) {
    int64_t stride = job->strides[1], before = job->pads[1] - phase;
    int64_t first = before > 0 ? (before + stride - 1) / stride : 0;
    int64_t inside = job->in[1] + before, end = inside > 0 ? (inside + stride - 1) / stride : 0;
    if (end > job->phase_width) end = job->phase_width;
    if (first > end) first = end;
    memset(dst, 0, (size_t)first * sizeof *dst);
    memset(dst + end, 0, (size_t)(job->phase_width - end) * sizeof *dst);
    if (first == end) return;
    struct fmap_gather gather = {.src = row + (first * stride - before) * job->src_pixel_stride,
                                 .dst = dst + first,
                                 .n = (int)(end - first),
                                 .distance = stride * job->src_pixel_stride};
    kernels->gather(&gather);
}

/* Rows [first, first + n) of the image: [row][channel][phase][column]. */
static void copy_rows(const struct stem_job *job, const struct fmap_kernels *kernels, const float *src,
                      int64_t first, int64_t n, float *rows) {
    for (int64_t row = first; row < first + n; row++, rows += row_floats(job)) {
        if (row < 0 || row >= job->in[0]) {
            memset(rows, 0, (size_t)row_floats(job) * sizeof *rows);
            continue;
        }
        const float *image_row = src + row * job->in[1] * job->src_pixel_stride;
        for (int64_t i = 0; i < job->channels * job->strides[1]; i++) {
            int64_t channel = i / job->strides[1], phase = i % job->strides[1];
            copy_phase(job, kernels, image_row + channel * job->src_channel_stride, phase,
                       rows + i * job->phase_width);
        }
    }
}

/* A row of output with one panel: one call for the longer tiles, one for the others. */
static void run_panel(const struct stem_job *job, const struct fmap_kernels *kernels, int64_t n_vectors,
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

/* All rows of a part with one panel: its weights stay in the first cache. */
static void run_rows(const struct stem_job *job, const struct fmap_kernels *kernels, const float *weights,
                     int64_t panel, const float *rows, int64_t n_rows, float *dst) {
    int64_t lanes = kernels->lanes, plane = job->out[0] * job->out[1] * FMAP_BLOCK;
    int64_t first = fmap_piece_begin(job->tiling.n_vectors, job->tiling.n_panels, panel) * lanes;
    int64_t n_vectors = fmap_piece_length(job->tiling.n_vectors, job->tiling.n_panels, panel);
    struct fmap_tile tile = {.weights = weights + first * n_terms(job),
                             .bias = job->bias + first,
                             .dst_pixel_stride = FMAP_BLOCK,
                             .activate = job->activate,
                             .terms = job->terms,
                             .n_terms = (int)n_terms(job)};
    for (int64_t v = 0; v < n_vectors; v++) {
        int64_t output = first + v * lanes;
        tile.dst_offsets[v] = output / FMAP_BLOCK * plane + output % FMAP_BLOCK;
    }
    for (int64_t y = 0; y < n_rows; y++) {
        tile.src = rows + y * job->strides[0] * row_floats(job);
        tile.dst = dst + y * job->out[1] * FMAP_BLOCK;
        run_panel(job, kernels, n_vectors, &tile);
    }
}

static void stem_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct stem_job *job = step->job;
    int64_t image = part / job->parts_per_image, group = part % job->parts_per_image;
    const float *src = fmap_at(run, &step->operands[0]), *weights = fmap_at(run, &step->operands[2]);
    float *dst = fmap_at(run, &step->operands[1]), *rows = (float *)(void *)run->scratch;
    int64_t y = fmap_piece_begin(job->out[0], job->parts_per_image, group);
    int64_t n = fmap_piece_length(job->out[0], job->parts_per_image, group);
    copy_rows(job, run->kernels, src + image * job->src_image_stride, y * job->strides[0] - job->pads[0],
              rows_under(job, n), rows);
    dst += image * job->dst_image_stride + y * job->out[1] * FMAP_BLOCK;
    for (int64_t panel = 0; panel < job->tiling.n_panels; panel++) {
        run_rows(job, run->kernels, weights, panel, rows, n, dst);
    }
}

/* ---- planning -------------------------------------------------------------------------------------- */

static void set_geometry(struct stem_job *job, const struct fmap_tiles_problem *problem) {
    job->channels = problem->channels;
    memcpy(job->in, problem->in, sizeof job->in);
    memcpy(job->out, problem->out, sizeof job->out);
    memcpy(job->kernel, problem->kernel, sizeof job->kernel);
    memcpy(job->strides, problem->strides, sizeof job->strides);
    memcpy(job->dilations, problem->dilations, sizeof job->dilations);
    job->pads[0] = problem->pad_top;
    job->pads[1] = problem->pad_left;
    job->dst_image_stride = problem->dst_image_stride;
    job->activate = problem->activate;
    job->phase_width = (job->out[1] - 1) + (job->kernel[1] - 1) * job->dilations[1] / job->strides[1] + 1;
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
        if (problem->strides[i] > 64 || problem->dilations[i] > 1024) return false;
    }
    struct stem_job job = {0};
    set_geometry(&job, problem);
    return problem->groups == 1 && problem->channels <= MOST_CHANNELS && problem->weights &&
           job.out[0] * job.out[1] > 1 && row_floats(&job) * rows_under(&job, 1) <= MOST_FLOATS &&
           weights_are_finite(problem);
}

/* Kernel rows, then columns, then channels. */
static fmap_status pack(struct fmap_planning *planning, const struct fmap_tiles_problem *problem,
                        struct stem_job *job, struct fmap_operand *weights) {
    int64_t lanes = planning->kernels->lanes, n_outputs = job->tiling.n_vectors * lanes, n = n_terms(job);
    float *packed, *bias;
    int32_t *terms = fmap_storage_take(&planning->plan->storage, (size_t)n, sizeof *terms);
    if (!terms) return fmap_planning_out_of_memory(planning);
    TRY(fmap_planning_weights(planning, (size_t)(n * n_outputs), &packed));
    TRY(fmap_planning_weights(planning, (size_t)n_outputs, &bias));
    for (int64_t t = 0; t < n; t++) {
        int64_t channel = t % job->channels, column = t / job->channels % job->kernel[1] * job->dilations[1];
        int64_t row = t / job->channels / job->kernel[1] * job->dilations[0];
        int64_t phase = channel * job->strides[1] + column % job->strides[1];
        terms[t] = (int32_t)(row * row_floats(job) + phase * job->phase_width + column / job->strides[1]);
    }
    for (int64_t panel = 0; panel < job->tiling.n_panels; panel++) {
        int64_t first = fmap_piece_begin(job->tiling.n_vectors, job->tiling.n_panels, panel) * lanes;
        int64_t width = fmap_piece_length(job->tiling.n_vectors, job->tiling.n_panels, panel) * lanes;
        for (int64_t i = 0; i < n * width; i++) {
            int64_t t = i / width, output = first + i % width, kernel = t / job->channels;
            if (output >= problem->outputs) continue;
            const int64_t *strides = problem->weight_strides;
            packed[first * n + i] = fmap_float_at(problem->weights, output * strides[0] +
                                                                        t % job->channels * strides[1] +
                                                                        kernel / job->kernel[1] * strides[2] +
                                                                        kernel % job->kernel[1] * strides[3]);
        }
    }
    for (int64_t o = 0; problem->bias && o < problem->outputs; o++) bias[o] = fmap_float_at(problem->bias, o);
    job->terms = terms;
    job->bias = bias;
    *weights = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = packed};
    return FMAP_OK;
}

/* As few groups of rows as the cache allows, but enough for all threads. */
static void cut_into_parts(struct stem_job *job, const struct fmap_planning *planning, int64_t images) {
    int64_t work = images * job->out[0] * job->out[1] * n_terms(job) * job->tiling.n_vectors *
                   planning->kernels->lanes;
    int64_t wanted = (fmap_planning_parts(planning, work) + images - 1) / images;
    int64_t rows = (MOST_ROWS_BYTES / (int64_t)sizeof(float) / row_floats(job) - rows_under(job, 1)) /
                       job->strides[0] +
                   1;
    if (rows < 1) rows = 1;
    job->parts_per_image = (job->out[0] + rows - 1) / rows;
    if (job->parts_per_image < wanted) job->parts_per_image = wanted;
    if (job->parts_per_image > job->out[0]) job->parts_per_image = job->out[0];
}

/* The caller's own image where it can be: no copy of it in blocks is made then. */
static fmap_status read_source(struct fmap_planning *planning, fmap_value x, struct stem_job *job,
                               struct fmap_operand *src) {
    struct fmap_geometry geometry = fmap_geometry_of(&planning->graph->values[x].shape);
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

fmap_status fmap_planning_stem(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               fmap_value x, const struct fmap_tiles_problem *problem) {
    int64_t lanes = planning->kernels->lanes;
    struct stem_job job = {0};
    set_geometry(&job, problem);
    job.tiling = fmap_choose_tiling(planning->kernels, (problem->outputs + lanes - 1) / lanes, job.out[1]);
    struct fmap_operand operands[3] = {[1] = problem->dst};
    TRY(read_source(planning, x, &job, &operands[0]));
    TRY(pack(planning, problem, &job, &operands[2]));
    cut_into_parts(&job, planning, problem->images);
    int64_t rows = rows_under(&job, (job.out[0] + job.parts_per_image - 1) / job.parts_per_image);
    return fmap_planning_step(
        planning,
        &(struct fmap_step_definition){.part = stem_part,
                                       .job = &job,
                                       .job_bytes = sizeof job,
                                       .operands = operands,
                                       .n_operands = 3,
                                       .parts = problem->images * job.parts_per_image,
                                       .scratch_bytes = (size_t)(rows * row_floats(&job)) * sizeof(float),
                                       .kernel = fmap_kernel_text(planning, "stem").text,
                                       .node = node});
}
