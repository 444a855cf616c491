/* LogSoftmax: (x - max) - log(sum of exp(x - max)). Hardmax: 1 for the first of the largest, else 0. Along the axes that
 * Softmax runs along. */
#include "runtime/layers/reduction.h"
#include "runtime/layers/softmax.h"

#include <math.h>

enum { COST = 60, MOST_ROWS = 64 };

struct rows_job {
    struct fmap_rows rows;
    struct fmap_cut cut; /* of rows */
};

/* The axes as [outer][n][inner], and the step of a part for each piece of the rows. */
static fmap_status plan_rows(struct fmap_planning *planning, const struct fmap_graph_node *node,
                             fmap_part *part, const char *kernel) {
    const struct fmap_softmax_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    const fmap_shape *dims = &planning->graph->values[in].shape;
    int axis = fmap_axis_of(parameters->axis, dims->rank),
        end = parameters->to_the_end ? dims->rank : axis + 1;
    struct rows_job job = {.rows = {.outer = fmap_shape_product(dims, 0, axis),
                                    .n = fmap_shape_product(dims, axis, end),
                                    .inner = fmap_shape_product(dims, end, dims->rank)}};
    job.cut = fmap_cut_of(planning, job.rows.outer * job.rows.inner, fmap_dim_product(COST, job.rows.n),
                          job.rows.inner > 1 ? FMAP_BLOCK : 1);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &operands[1]));
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = 2,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = kernel,
                                                                       .node = node});
}

/* Of n_rows rows that lie side by side or one behind the other: the largest, and minus the logarithm of the sum. The
 * logarithms are taken in double, so they are alike on all instruction sets. */
static void sum_rows(const struct fmap_run *run, const struct fmap_rows *rows, const float *src,
                     int64_t n_rows, float *largest, float *minus_log) {
    struct fmap_reduce reduce = {.src = src,
                                 .dst = largest,
                                 .n = rows->n,
                                 .stride = rows->inner,
                                 .n_rows = n_rows,
                                 .op = FMAP_REDUCE_MAXIMUM};
    run->kernels->reduce(&reduce);
    reduce.dst = minus_log;
    reduce.shift = largest;
    reduce.op = FMAP_REDUCE_EXPONENTIALS;
    run->kernels->reduce(&reduce);
    for (int64_t r = 0; r < n_rows; r++) minus_log[r] = (float)-log((double)minus_log[r]);
}

static void log_softmax_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct rows_job *job = step->job;
    const struct fmap_rows *rows = &job->rows;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]), largest[MOST_ROWS], minus_log[MOST_ROWS], ones[MOST_ROWS];
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int i = 0; i < MOST_ROWS; i++) ones[i] = 1.0f;
    for (int64_t row = range.first; row < range.end;) {
        int64_t offset, end = range.end - row > MOST_ROWS ? row + MOST_ROWS : range.end;
        int64_t n_rows = fmap_rows_next(rows, row, end, &offset);
        sum_rows(run, rows, src + offset, n_rows, largest, minus_log);
        fmap_rows_normalize(run, rows, src + offset, dst + offset, n_rows,
                            &(struct fmap_row_numbers){largest, ones, ones, minus_log});
        row += n_rows;
    }
}

static fmap_status plan_log_softmax(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    return plan_rows(planning, node, log_softmax_part, fmap_kernel_text(planning, "log_softmax").text);
}

static void hardmax_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct rows_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end; row++) {
        int64_t offset, largest = 0, inner = job->rows.inner;
        fmap_rows_next(&job->rows, row, row + 1, &offset);
        for (int64_t i = 0; i < job->rows.n; i++) {
            dst[offset + i * inner] = 0.0f;
            if (src[offset + i * inner] > src[offset + largest * inner]) largest = i;
        }
        dst[offset + largest * inner] = 1.0f;
    }
}

static fmap_status plan_hardmax(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    return plan_rows(planning, node, hardmax_part, "hardmax");
}

const struct fmap_layer fmap_layer_log_softmax = {.op = "LogSoftmax",
                                                  .min_inputs = 1,
                                                  .max_inputs = 1,
                                                  .max_outputs = 1,
                                                  .parse = fmap_softmax_parse,
                                                  .shape = fmap_softmax_shape,
                                                  .plan = plan_log_softmax};

const struct fmap_layer fmap_layer_hardmax = {.op = "Hardmax",
                                              .min_inputs = 1,
                                              .max_inputs = 1,
                                              .max_outputs = 1,
                                              .parse = fmap_softmax_parse,
                                              .shape = fmap_softmax_shape,
                                              .plan = plan_hardmax};
