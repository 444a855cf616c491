/* Reductions of integers: shapes that networks compute, and labels. Plain loops in 64 bits, which wrap around. */
#include "runtime/layers/reduction.h"

#include <math.h>
#include <string.h>

struct integer_job {
    struct fmap_rows rows;
    enum fmap_reduction reduction;
    fmap_type type;
    struct fmap_cut cut;
};

static int64_t load(fmap_type type, const void *elements, int64_t i) {
    switch (type) {
    case FMAP_INT8: return ((const int8_t *)elements)[i];
    case FMAP_INT32: return ((const int32_t *)elements)[i];
    case FMAP_INT64: return ((const int64_t *)elements)[i];
    default: return ((const uint8_t *)elements)[i];
    }
}

static void store(fmap_type type, void *elements, int64_t i, int64_t x) {
    switch (type) {
    case FMAP_INT8: ((int8_t *)elements)[i] = (int8_t)x; break;
    case FMAP_INT32: ((int32_t *)elements)[i] = (int32_t)x; break;
    case FMAP_INT64: ((int64_t *)elements)[i] = x; break;
    default: ((uint8_t *)elements)[i] = (uint8_t)x; break;
    }
}

static int64_t identity(enum fmap_reduction reduction) {
    return reduction == FMAP_REDUCTION_MAXIMUM   ? INT64_MIN
           : reduction == FMAP_REDUCTION_MINIMUM ? INT64_MAX
           : reduction == FMAP_REDUCTION_PRODUCT ? 1
                                                 : 0;
}

/* Unsigned arithmetic is what may wrap around. */
static int64_t next(enum fmap_reduction reduction, int64_t so_far, int64_t x) {
    uint64_t a = (uint64_t)so_far, b = (uint64_t)x;
    switch (reduction) {
    case FMAP_REDUCTION_MAXIMUM: return x > so_far ? x : so_far;
    case FMAP_REDUCTION_MINIMUM: return x < so_far ? x : so_far;
    case FMAP_REDUCTION_PRODUCT: return (int64_t)(a * b);
    case FMAP_REDUCTION_L1: return (int64_t)(a + (x < 0 ? 0 - b : b));
    case FMAP_REDUCTION_L2:
    case FMAP_REDUCTION_SQUARES: return (int64_t)(a + b * b);
    default: return (int64_t)(a + b);
    }
}

/* Numbers that are none, such as a mean of nothing, become 0. */
static int64_t truncated(double x) { return x > -0x1p63 && x < 0x1p63 ? (int64_t)x : 0; }

static int64_t reduce_row(const struct integer_job *job, const void *src, int64_t offset) {
    const struct fmap_rows *rows = &job->rows;
    int64_t result = identity(job->reduction);
    double sum = 0;
    for (int64_t i = 0; i < rows->n; i++) {
        int64_t x = load(job->type, src, offset + i * rows->inner);
        result = next(job->reduction, result, x);
        sum += job->reduction == FMAP_REDUCTION_LOG_SUM_EXP ? exp((double)x) : (double)x;
    }
    switch (job->reduction) {
    case FMAP_REDUCTION_MEAN: return rows->n ? result / rows->n : 0;
    case FMAP_REDUCTION_L2: return truncated(sqrt((double)result));
    case FMAP_REDUCTION_LOG_SUM:
    case FMAP_REDUCTION_LOG_SUM_EXP: return truncated(log(sum));
    default: return result;
    }
}

static void integer_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct integer_job *job = step->job;
    const void *src = fmap_elements_at(run, &step->operands[0]);
    void *dst = fmap_elements_at(run, &step->operands[1]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end; row++) {
        int64_t offset;
        fmap_rows_next(&job->rows, row, row + 1, &offset);
        store(job->type, dst, row, reduce_row(job, src, offset));
    }
}

fmap_status fmap_plan_integer_reduction(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                        enum fmap_reduction reduction, unsigned axes) {
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    struct integer_job job = {.rows = fmap_rows_of(planning, in, axes),
                              .reduction = reduction,
                              .type = planning->graph->values[in].type};
    struct fmap_operand operands[2];
    if (job.rows.moved)
        TRY(fmap_rows_move(planning, node, in, axes, &job.rows, &operands[0], NULL));
    else
        TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &operands[1]));
    job.cut = fmap_cut_of(planning, job.rows.outer * job.rows.inner, job.rows.n, FMAP_BLOCK);
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = integer_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = 2,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = "reduce_integers",
                                                                       .node = node});
}
