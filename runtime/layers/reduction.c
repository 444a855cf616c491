#include "runtime/layers/reduction.h"

#include <math.h>

enum { MOST_ROWS = 256 };

/* In multiply-adds: an element that another thread has made is waited for. */
enum { READING = 16, EXP_COST = READING + 20 };

/* ---- where the rows are ------------------------------------------------------------------------------------- */

/* Sizes of 1 are left out. */
bool fmap_rows_plain(const fmap_shape *shape, unsigned axes, struct fmap_rows *rows) {
    *rows = (struct fmap_rows){.outer = 1, .n = 1, .inner = 1, .form = FMAP_FORM_PLAIN};
    int state = 0; /* 0: before the reduced axes, 1: among them, 2: behind them */
    for (int i = 0; i < shape->rank; i++) {
        bool reduced = axes >> i & 1u;
        if (shape->dims[i] == 1) continue;
        if (reduced && state == 2) return false;
        if (reduced)
            state = 1;
        else if (state == 1)
            state = 2;
        *(reduced ? &rows->n : state == 0 ? &rows->outer : &rows->inner) *= shape->dims[i];
    }
    return true;
}

/* Reduced are all pixels of a map, or all channels of a pixel. */
static bool reduces_pixels(const fmap_shape *shape, unsigned axes) {
    return shape->rank > 2 && axes == ((1u << shape->rank) - 1u) - 3u;
}

struct fmap_rows fmap_rows_of(const struct fmap_planning *planning, fmap_value value, unsigned axes) {
    const fmap_shape *shape = &planning->graph->values[value].shape;
    struct fmap_rows rows;
    rows.moved = !fmap_rows_plain(shape, axes, &rows);
    bool pixels = reduces_pixels(shape, axes), channels = axes == 2 && shape->rank > 1;
    if (!pixels && !channels) return rows;
    struct fmap_geometry geometry = fmap_geometry_of(shape);
    int64_t area = geometry.h * geometry.w;
    switch (fmap_form_at_hand(planning, value)) {
    case FMAP_FORM_BLOCKED:
        if (pixels)
            return (struct fmap_rows){
                geometry.n * geometry.blocks, area, FMAP_BLOCK, FMAP_FORM_BLOCKED, false, false};
        return (struct fmap_rows){geometry.n, geometry.c, area, FMAP_FORM_BLOCKED, true, false};
    case FMAP_FORM_PIXELS:
        if (pixels) return (struct fmap_rows){geometry.n, area, geometry.c, FMAP_FORM_PIXELS, false, false};
        return (struct fmap_rows){geometry.n * area, geometry.c, 1, FMAP_FORM_PIXELS, false, false};
    default: return rows;
    }
}

fmap_status fmap_rows_move(struct fmap_planning *planning, const struct fmap_graph_node *node,
                           fmap_value value, unsigned axes, struct fmap_rows *rows,
                           struct fmap_operand *place, struct fmap_strided *way) {
    const struct fmap_graph_value *known = &planning->graph->values[value];
    const fmap_shape *shape = &known->shape;
    struct fmap_strided strided = {.element_bytes = fmap_type_bytes(known->type)};
    int64_t strides[FMAP_MAX_RANK];
    struct fmap_operand plain;
    fmap_shape moved = {.rank = shape->rank};
    fmap_strides_of(shape, strides);
    *rows = (struct fmap_rows){.outer = 1, .n = 1, .inner = 1, .form = FMAP_FORM_PLAIN};
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < shape->rank; i++) {
            if ((axes >> i & 1u) != (unsigned)pass) continue;
            strided.src_strides[strided.rank] = strides[i];
            moved.dims[strided.rank++] = shape->dims[i];
            *(pass ? &rows->n : &rows->outer) *= shape->dims[i];
        }
    }
    for (int i = 0; i < strided.rank; i++) strided.dims[i] = moved.dims[i];
    fmap_strides_of(&moved, strided.dst_strides);
    if (way) *way = strided;
    TRY(fmap_planning_read(planning, value, FMAP_FORM_PLAIN, &plain));
    TRY(fmap_planning_temporary(planning, fmap_form_bytes(known, FMAP_FORM_PLAIN), place));
    return fmap_planning_copy(planning, node, &plain, place, &strided);
}

int64_t fmap_rows_next(const struct fmap_rows *rows, int64_t row, int64_t end, int64_t *offset) {
    if (rows->inner == 1 && !rows->lanes) {
        *offset = row * rows->n;
        return end - row;
    }
    int64_t inside = row % rows->inner;
    *offset = row / rows->inner * rows->n * rows->inner + inside;
    return rows->inner - inside < end - row ? rows->inner - inside : end - row;
}

void fmap_rows_normalize(const struct fmap_run *run, const struct fmap_rows *rows, const float *src,
                         float *dst, int64_t n_rows, const struct fmap_row_numbers *numbers) {
    bool behind = rows->inner == 1; /* rows lie one behind the other, not side by side */
    for (int64_t k = 0; k < (behind ? n_rows : rows->n); k++) {
        int64_t at = k * (behind ? rows->n : rows->inner), own = behind ? k : 0;
        run->kernels->normalize(
            &(struct fmap_normalize){.src = src + at,
                                     .dst = dst + at,
                                     .mean = numbers->mean + own,
                                     .scale = numbers->scale + own,
                                     .gamma = numbers->gamma + own,
                                     .beta = numbers->beta + own,
                                     .n = behind ? rows->n : n_rows,
                                     .walk = behind ? FMAP_NORMALIZE_SCALARS : FMAP_NORMALIZE_ELEMENTS});
    }
}

fmap_shape fmap_reduced_shape(const fmap_shape *in, unsigned axes, bool keep) {
    fmap_shape out = {.rank = 0};
    for (int i = 0; i < in->rank; i++) {
        bool reduced = axes >> i & 1u;
        if (!reduced || keep) out.dims[out.rank++] = reduced ? 1 : in->dims[i];
    }
    return out;
}

/* ---- steps ------------------------------------------------------------------------------------------------------ */

struct reduction_job {
    struct fmap_rows rows;
    enum fmap_reduction reduction;
    int n_blocks, last_lanes; /* of rows that are lanes */
    struct fmap_cut cut;      /* of rows */
    /* Of maps of 16 channels: how many there are of an image, and how many results of it the output holds. */
    int64_t image_maps, image_results;
};

static enum fmap_reduce_op op_of(enum fmap_reduction reduction) {
    switch (reduction) {
    case FMAP_REDUCTION_MAXIMUM: return FMAP_REDUCE_MAXIMUM;
    case FMAP_REDUCTION_MINIMUM: return FMAP_REDUCE_MINIMUM;
    case FMAP_REDUCTION_PRODUCT: return FMAP_REDUCE_PRODUCT;
    case FMAP_REDUCTION_L1: return FMAP_REDUCE_ABSOLUTES;
    case FMAP_REDUCTION_L2:
    case FMAP_REDUCTION_SQUARES: return FMAP_REDUCE_SQUARES;
    case FMAP_REDUCTION_LOG_SUM_EXP: return FMAP_REDUCE_EXPONENTIALS;
    default: return FMAP_REDUCE_SUM;
    }
}

/* One call of a kernel for some rows. */
static void reduce_rows(const struct fmap_run *run, const struct reduction_job *job, const float *src,
                        float *dst, const float *shift, int64_t n_rows, enum fmap_reduce_op op) {
    const struct fmap_rows *rows = &job->rows;
    if (rows->lanes) {
        run->kernels->reduce_lanes(&(struct fmap_reduce_lanes){.src = src,
                                                               .dst = dst,
                                                               .shift = shift,
                                                               .n_pixels = n_rows,
                                                               .n_blocks = job->n_blocks,
                                                               .last_lanes = job->last_lanes,
                                                               .block_stride = rows->inner * FMAP_BLOCK,
                                                               .op = op});
        return;
    }
    run->kernels->reduce(&(struct fmap_reduce){.src = src,
                                               .dst = dst,
                                               .shift = shift,
                                               .n = rows->n,
                                               .stride = rows->inner,
                                               .n_rows = n_rows,
                                               .op = op});
}

/* What becomes of the sums. Logarithms of single numbers are taken in double, so they are alike on all instruction
 * sets. */
static void finish(const struct reduction_job *job, float *dst, const float *shift, int64_t n) {
    float count = (float)job->rows.n;
    if (job->reduction == FMAP_REDUCTION_MEAN) {
        for (int64_t i = 0; i < n; i++) dst[i] /= count;
    } else if (job->reduction == FMAP_REDUCTION_L2) {
        for (int64_t i = 0; i < n; i++) dst[i] = sqrtf(dst[i]);
    } else if (job->reduction == FMAP_REDUCTION_LOG_SUM || job->reduction == FMAP_REDUCTION_LOG_SUM_EXP) {
        for (int64_t i = 0; i < n; i++)
            dst[i] = (float)((shift ? (double)shift[i] : 0.0) + log((double)dst[i]));
    }
}

/* Maps [map, map + n) of one image, of which only the first n_results results are written. */
static void reduce_maps(const struct fmap_run *run, const struct reduction_job *job, const float *src,
                        float *dst, int64_t n, int64_t n_results) {
    int64_t whole = n_results / FMAP_BLOCK < n ? n_results / FMAP_BLOCK : n;
    bool mean = job->reduction == FMAP_REDUCTION_MEAN;
    run->kernels->reduce_maps(&(struct fmap_reduce_maps){.src = src,
                                                         .dst = dst,
                                                         .n = job->rows.n,
                                                         .n_maps = whole,
                                                         .divisor = mean ? (float)job->rows.n : 1.0f,
                                                         .op = op_of(job->reduction)});
    if (whole == n) return;
    src += whole * job->rows.n * FMAP_BLOCK;
    dst += whole * FMAP_BLOCK;
    reduce_rows(run, job, src, dst, NULL, n_results % FMAP_BLOCK, op_of(job->reduction));
    finish(job, dst, NULL, n_results % FMAP_BLOCK);
}

static void maps_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct reduction_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t map = range.first; map < range.end;) {
        int64_t image = map / job->image_maps, first = map % job->image_maps;
        int64_t n = job->image_maps - first < range.end - map ? job->image_maps - first : range.end - map;
        reduce_maps(run, job, src + map * job->rows.n * FMAP_BLOCK,
                    dst + image * job->image_results + first * FMAP_BLOCK, n,
                    job->image_results - first * FMAP_BLOCK);
        map += n;
    }
}

static void reduction_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct reduction_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end;) {
        float largest[MOST_ROWS], *shift = NULL;
        int64_t offset, end = range.end - row > MOST_ROWS ? row + MOST_ROWS : range.end;
        int64_t n = fmap_rows_next(&job->rows, row, end, &offset);
        if (job->rows.lanes) {
            int64_t pixel = row % job->rows.inner, image = row / job->rows.inner;
            offset = (image * job->n_blocks * job->rows.inner + pixel) * FMAP_BLOCK;
        }
        if (job->reduction == FMAP_REDUCTION_LOG_SUM_EXP) {
            shift = largest;
            reduce_rows(run, job, src + offset, shift, NULL, n, FMAP_REDUCE_MAXIMUM);
            for (int64_t i = 0; i < n; i++) {
                if (isinf(shift[i])) shift[i] = 0.0f;
            }
        }
        reduce_rows(run, job, src + offset, dst + row, shift, n, op_of(job->reduction));
        finish(job, dst + row, shift, n);
        row += n;
    }
}

/* Means, sums and maxima of maps go where they are read: in blocks, or without the unused lanes of the last one into the
 * caller's memory. Images whose results lie side by side count as one. */
static enum fmap_form place_maps(const struct fmap_planning *planning, fmap_value in, fmap_value out,
                                 struct reduction_job *job) {
    struct fmap_geometry geometry = fmap_geometry_of(&planning->graph->values[in].shape);
    if (job->rows.form != FMAP_FORM_BLOCKED || job->rows.lanes) return FMAP_FORM_PLAIN;
    if (job->reduction != FMAP_REDUCTION_MEAN && job->reduction != FMAP_REDUCTION_SUM &&
        job->reduction != FMAP_REDUCTION_MAXIMUM)
        return FMAP_FORM_BLOCKED;
    enum fmap_form form = fmap_planning_ends_plain(planning, out) ? FMAP_FORM_PLAIN : FMAP_FORM_BLOCKED;
    job->image_maps = geometry.blocks;
    job->image_results = form == FMAP_FORM_PLAIN ? geometry.c : geometry.blocks * FMAP_BLOCK;
    if (job->image_results % FMAP_BLOCK == 0) {
        job->image_maps *= geometry.n;
        job->image_results *= geometry.n;
    }
    return form;
}

fmap_status fmap_plan_reduction(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                enum fmap_reduction reduction, unsigned axes) {
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    struct reduction_job job = {.rows = fmap_rows_of(planning, in, axes), .reduction = reduction};
    struct fmap_operand operands[2];
    if (job.rows.moved)
        TRY(fmap_rows_move(planning, node, in, axes, &job.rows, &operands[0], NULL));
    else
        TRY(fmap_planning_read(planning, in, job.rows.form, &operands[0]));
    enum fmap_form form = place_maps(planning, in, node->outputs[0], &job);
    TRY(fmap_planning_write(planning, node->outputs[0], form, &operands[1]));
    job.n_blocks = (int)((job.rows.n + FMAP_BLOCK - 1) / FMAP_BLOCK);
    job.last_lanes = (int)(job.rows.n - (int64_t)(job.n_blocks - 1) * FMAP_BLOCK);
    bool costly = reduction == FMAP_REDUCTION_LOG_SUM_EXP;
    if (job.image_maps)
        job.cut = fmap_cut_of(planning, job.rows.outer, fmap_dim_product(job.rows.n, FMAP_BLOCK * READING),
                              1);
    else
        job.cut = fmap_cut_of(planning, job.rows.outer * job.rows.inner,
                              fmap_dim_product(job.rows.n, costly ? EXP_COST : READING),
                              job.rows.inner > 1 ? FMAP_BLOCK : 1);
    const char *kernel = job.image_maps ? "reduce_maps" : job.rows.lanes ? "reduce_lanes" : "reduce";
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = job.image_maps ? maps_part : reduction_part,
                                                 .job = &job,
                                                 .job_bytes = sizeof job,
                                                 .operands = operands,
                                                 .n_operands = 2,
                                                 .parts = job.cut.parts,
                                                 .kernel = fmap_kernel_text(planning, kernel).text,
                                                 .node = node});
}
