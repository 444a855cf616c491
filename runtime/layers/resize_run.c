/* The steps of a Resize. Nearest: every row of the output is picked from a row of the input, elements of any type, or
 * blocks of 16 channels. Linear and cubic: weighted sums along the rows, then along the columns of what that gave, a row of
 * the output at a time, so that only a row lies between the two; further axes one by one. */
#include "runtime/layers/cast.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/resize.h"

#include <string.h>

/* ---- nearest ------------------------------------------------------------------------------------------------ */

struct pick_job {
    int rank;
    int64_t in[FMAP_MAX_RANK], out[FMAP_MAX_RANK];
    struct fmap_resize_taps taps[FMAP_MAX_RANK];
    size_t unit;         /* bytes */
    struct fmap_cut cut; /* of rows of the output */
};

static inline __attribute__((always_inline)) void pick_row(const struct pick_job *job, const char *src,
                                                           char *dst, size_t unit) {
    const struct fmap_resize_taps *taps = &job->taps[job->rank - 1];
    for (int64_t i = 0; i < job->out[job->rank - 1]; i++)
        memcpy(dst + (size_t)i * unit, src + (size_t)taps->indices[i] * unit, unit);
}

static void pick_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct pick_job *job = step->job;
    const char *src = fmap_elements_at(run, &step->operands[0]);
    char *dst = fmap_elements_at(run, &step->operands[1]);
    int last = job->rank - 1;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end; row++) {
        int64_t rest = row, from = 0, stride = job->in[last];
        for (int i = last - 1; i >= 0; i--) {
            from += job->taps[i].indices[rest % job->out[i]] * stride;
            rest /= job->out[i];
            stride *= job->in[i];
        }
        const char *in = src + (size_t)from * job->unit;
        char *out = dst + (size_t)(row * job->out[last]) * job->unit;
        switch (job->unit) {
        case 1: pick_row(job, in, out, 1); break;
        case 4: pick_row(job, in, out, 4); break;
        case 8: pick_row(job, in, out, 8); break;
        default: pick_row(job, in, out, FMAP_BLOCK * sizeof(float)); break;
        }
    }
}

/* ---- what lies outside of a region ---------------------------------------------------------------------------- */

struct outside_job {
    int rank;
    int64_t out[FMAP_MAX_RANK];
    const bool *outside[FMAP_MAX_RANK];
    int64_t unit; /* elements */
    size_t bytes; /* of one */
    char element[8];
    struct fmap_cut cut;
};

static void outside_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct outside_job *job = step->job;
    char *dst = fmap_elements_at(run, &step->operands[0]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t i = range.first; i < range.end; i++) {
        int64_t rest = i;
        bool outside = false;
        for (int k = job->rank - 1; k >= 0; k--) {
            outside |= job->outside[k] && job->outside[k][rest % job->out[k]];
            rest /= job->out[k];
        }
        for (int64_t k = 0; outside && k < job->unit; k++)
            memcpy(dst + (size_t)(i * job->unit + k) * job->bytes, job->element, job->bytes);
    }
}

/* ---- weighted sums --------------------------------------------------------------------------------------------- */

struct sum_job {
    int64_t outer; /* of arrays [rows][columns][unit] */
    struct fmap_resize_axis rows, columns;
    struct fmap_resize_taps row_taps, column_taps;
    int64_t unit;
    struct fmap_cut cut; /* of rows of the output */
};

static void sum_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct sum_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    int64_t src_row = job->columns.in * job->unit, dst_row = job->columns.out * job->unit;
    for (int64_t i = range.first; i < range.end; i++) {
        int64_t array = i / job->rows.out, row = i % job->rows.out;
        const float *src = fmap_at(run, &step->operands[0]) + array * job->rows.in * src_row;
        float *dst = fmap_at(run, &step->operands[1]) + i * dst_row, *between = dst;
        if (job->rows.same) {
            between = (float *)(uintptr_t)(src + row * src_row);
        } else {
            if (!job->columns.same) between = (float *)(void *)run->scratch;
            run->kernels->resample(
                &(struct fmap_resample){.src = src,
                                        .dst = between,
                                        .indices = job->row_taps.indices + row * job->row_taps.taps,
                                        .weights = job->row_taps.weights + row * job->row_taps.taps,
                                        .taps = job->row_taps.taps,
                                        .n_outputs = 1,
                                        .unit = src_row,
                                        .src_stride = src_row});
        }
        if (job->columns.same) continue;
        run->kernels->resample(&(struct fmap_resample){.src = between,
                                                       .dst = dst,
                                                       .indices = job->column_taps.indices,
                                                       .weights = job->column_taps.weights,
                                                       .taps = job->column_taps.taps,
                                                       .n_outputs = job->columns.out,
                                                       .unit = job->unit,
                                                       .src_stride = job->unit});
    }
}

static fmap_status plan_sums(struct fmap_planning *planning, const struct fmap_graph_node *node,
                             struct sum_job *job, const struct fmap_operand operands[2]) {
    int64_t taps = job->row_taps.taps + job->column_taps.taps;
    job->cut = fmap_cut_of(planning, job->outer * job->rows.out,
                           fmap_dim_product(taps, job->columns.out * job->unit), 1);
    size_t scratch = job->rows.same || job->columns.same ? 0 : (size_t)(job->columns.in * job->unit);
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = sum_part,
                                                 .job = job,
                                                 .job_bytes = sizeof *job,
                                                 .operands = operands,
                                                 .n_operands = 2,
                                                 .parts = job->cut.parts,
                                                 .scratch_bytes = scratch * sizeof(float),
                                                 .kernel = fmap_kernel_text(planning, "resample").text,
                                                 .node = node});
}

/* ---- planning ------------------------------------------------------------------------------------------------- */

/* The tensor as it lies in memory: rank axes of `unit` floats or elements. */
struct lattice {
    enum fmap_form form;
    int rank;
    int64_t unit;
    struct fmap_resize_axis axes[FMAP_MAX_RANK];
};

static struct lattice lattice_of(const struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 const struct fmap_resize_axis *axes) {
    const struct fmap_resize_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    const struct fmap_graph_value *value = &planning->graph->values[in];
    struct lattice lattice = {.form = FMAP_FORM_PLAIN, .rank = value->shape.rank, .unit = 1};
    bool fits = value->type == FMAP_FLOAT32 && value->shape.rank >= 3 && axes[0].same && axes[1].same;
    bool blocked = fits && (parameters->mode != FMAP_RESIZE_NEAREST ||
                            fmap_form_at_hand(planning, in) == FMAP_FORM_BLOCKED);
    memcpy(lattice.axes, axes, sizeof lattice.axes);
    if (!blocked) return lattice;
    int64_t blocks = fmap_geometry_of(&value->shape).blocks;
    lattice.form = FMAP_FORM_BLOCKED;
    lattice.unit = FMAP_BLOCK;
    lattice.axes[1].in = lattice.axes[1].out = blocks;
    return lattice;
}

static fmap_status plan_nearest(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const struct lattice *lattice, const struct fmap_resize_taps *taps) {
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    struct pick_job job = {.rank = lattice->rank,
                           .unit = (size_t)lattice->unit * fmap_type_bytes(planning->graph->values[in].type)};
    int64_t rows = 1;
    for (int i = 0; i < job.rank; i++) {
        job.in[i] = lattice->axes[i].in;
        job.out[i] = lattice->axes[i].out;
        job.taps[i] = taps[i];
        if (i + 1 < job.rank) rows *= job.out[i];
    }
    job.cut = fmap_cut_of(planning, rows, fmap_dim_product(16, job.out[job.rank - 1] * lattice->unit), 1);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, lattice->form, &operands[0]));
    TRY(fmap_planning_write(planning, node->outputs[0], lattice->form, &operands[1]));
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = pick_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = 2,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = "nearest",
                                                                       .node = node});
}

/* The axis `first` and the one behind it, of arrays whose axes before these have their new sizes. The last axis is summed
 * as columns of rows that stay as they are. */
static struct sum_job sums_of(const struct lattice *lattice, const struct fmap_resize_taps *taps, int first) {
    struct sum_job job = {.outer = 1, .unit = lattice->unit};
    int end = first + 2;
    for (int i = 0; i < first; i++) job.outer *= lattice->axes[i].out;
    if (first + 1 < lattice->rank) {
        job.rows = lattice->axes[first];
        job.row_taps = taps[first];
        job.columns = lattice->axes[first + 1];
        job.column_taps = taps[first + 1];
    } else {
        job.rows = (struct fmap_resize_axis){.in = job.outer, .out = job.outer, .same = true};
        job.outer = 1;
        job.columns = lattice->axes[first];
        job.column_taps = taps[first];
    }
    for (int i = end; i < lattice->rank; i++) job.unit *= lattice->axes[i].in;
    return job;
}

/* Two neighbouring axes a step, from the first to the last that change. */
static fmap_status plan_weighted(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 const struct lattice *lattice, const struct fmap_resize_taps *taps) {
    struct fmap_operand operands[2];
    int next = 0, last = lattice->rank - 1;
    TRY(fmap_planning_read(planning, fmap_node_input(planning->graph, node, 0), lattice->form, &operands[0]));
    while (lattice->axes[last].same) last--;
    while (next <= last) {
        if (lattice->axes[next].same) {
            next++;
            continue;
        }
        struct sum_job job = sums_of(lattice, taps, next);
        next += 2;
        if (next > last)
            TRY(fmap_planning_write(planning, node->outputs[0], lattice->form, &operands[1]));
        else
            TRY(fmap_planning_temporary(
                planning, (size_t)(job.outer * job.rows.out * job.columns.out * job.unit) * sizeof(float),
                &operands[1]));
        TRY(plan_sums(planning, node, &job, operands));
        operands[0] = operands[1];
    }
    return FMAP_OK;
}

static fmap_status plan_outside(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const struct lattice *lattice, const struct fmap_resize_taps *taps) {
    const struct fmap_resize_parameters *parameters = node->parameters;
    fmap_type type = planning->graph->values[node->outputs[0]].type;
    struct outside_job job = {.rank = lattice->rank, .unit = lattice->unit, .bytes = fmap_type_bytes(type)};
    int64_t n = 1;
    fmap_cast_elements(FMAP_FLOAT32, &parameters->outside, type, job.element, 1);
    for (int i = 0; i < job.rank; i++) {
        job.out[i] = lattice->axes[i].out;
        job.outside[i] = taps[i].outside;
        n *= job.out[i];
    }
    job.cut = fmap_cut_of(planning, n, 16, FMAP_BLOCK);
    struct fmap_operand dst = planning->values[node->outputs[0]].places[lattice->form];
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = outside_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = &dst,
                                                                       .n_operands = 1,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = "outside",
                                                                       .node = node});
}

fmap_status fmap_plan_resize(struct fmap_planning *planning, const struct fmap_graph_node *node,
                             const struct fmap_resize_axis axes[FMAP_MAX_RANK]) {
    const struct fmap_resize_parameters *parameters = node->parameters;
    struct lattice lattice = lattice_of(planning, node, axes);
    struct fmap_resize_taps taps[FMAP_MAX_RANK];
    bool crops = parameters->coordinates == FMAP_RESIZE_TF_CROP;
    for (int i = 0; i < lattice.rank; i++)
        TRY(fmap_resize_table(planning, parameters, &lattice.axes[i], &taps[i]));
    if (parameters->mode == FMAP_RESIZE_NEAREST)
        TRY(plan_nearest(planning, node, &lattice, taps));
    else
        TRY(plan_weighted(planning, node, &lattice, taps));
    return crops ? plan_outside(planning, node, &lattice, taps) : FMAP_OK;
}
