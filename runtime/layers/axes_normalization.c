/* MeanVarianceNormalization: (x - mean) / (standard deviation + 1e-9) over some axes. LpNormalization: x / the sum of |x|, or
 * the root of the sum of x^2, along one. */
#include "runtime/layers/reduction.h"

#include <math.h>

enum { MOST_ROWS = 64, COST = 8 };

static const double LEAST_DEVIATION = 1e-9; /* as the operator's definition says */

struct axes_parameters {
    int64_t axes[FMAP_MAX_RANK];
    size_t n_axes;
    int64_t exponent; /* of LpNormalization; 0: by mean and variance */
};

static fmap_status parse_mean_variance(struct fmap_parsing *parsing) {
    struct axes_parameters parameters = {.axes = {0, 2, 3}, .n_axes = 3};
    if (fmap_attribute_present(parsing, "axes"))
        TRY(fmap_attribute_ints(parsing, "axes", parameters.axes, FMAP_MAX_RANK, &parameters.n_axes));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status parse_lp(struct fmap_parsing *parsing) {
    struct axes_parameters parameters = {.n_axes = 1};
    TRY(fmap_attribute_int(parsing, "axis", -1, &parameters.axes[0]));
    TRY(fmap_attribute_int(parsing, "p", 2, &parameters.exponent));
    if (parameters.exponent != 1 && parameters.exponent != 2) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute 'p' is %lld, expected 1 or 2", (long long)parameters.exponent);
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* The axes as bits; 0 when one is not there. */
static unsigned axes_of(const struct fmap_graph_node *node, int rank) {
    const struct axes_parameters *parameters = node->parameters;
    unsigned bits = 0;
    for (size_t i = 0; i < parameters->n_axes; i++) {
        int axis = fmap_axis_of(parameters->axes[i], rank);
        if (axis < 0) return 0;
        bits |= 1u << axis;
    }
    return bits;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    TRY(fmap_expect_floats(graph, node, 0, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    if (axes_of(node, in->rank)) return fmap_set_output(graph, node, in);
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has not the axes to normalize along",
                          fmap_input_text(graph, node, 0).text);
}

struct axes_job {
    struct fmap_rows rows;
    int64_t exponent;
    struct fmap_cut cut; /* of rows */
};

/* What each of n_rows rows is shifted by and multiplied with. */
static void measure(const struct fmap_run *run, const struct axes_job *job, const float *src, int64_t n_rows,
                    float *mean, float *scale) {
    struct fmap_reduce reduce = {.src = src,
                                 .dst = mean,
                                 .n = job->rows.n,
                                 .stride = job->rows.inner,
                                 .n_rows = n_rows,
                                 .op = FMAP_REDUCE_SUM};
    if (!job->exponent) run->kernels->reduce(&reduce);
    for (int64_t r = 0; r < n_rows; r++) mean[r] = job->exponent ? 0.0f : mean[r] / (float)job->rows.n;
    reduce.dst = scale;
    reduce.shift = mean;
    reduce.op = job->exponent == 1 ? FMAP_REDUCE_ABSOLUTES : FMAP_REDUCE_SQUARES;
    run->kernels->reduce(&reduce);
    for (int64_t r = 0; r < n_rows; r++) {
        if (!job->exponent)
            scale[r] = (float)(1.0 / (sqrt((double)scale[r] / (double)job->rows.n) + LEAST_DEVIATION));
        else if (scale[r] != 0.0f) /* a row of zeros stays one */
            scale[r] = 1.0f / (job->exponent == 1 ? scale[r] : sqrtf(scale[r]));
    }
}

static void axes_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct axes_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    float mean[MOST_ROWS], scale[MOST_ROWS], ones[MOST_ROWS], zeros[MOST_ROWS];
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int i = 0; i < MOST_ROWS; i++) {
        ones[i] = 1.0f;
        zeros[i] = 0.0f;
    }
    for (int64_t row = range.first; row < range.end;) {
        int64_t offset, end = range.end - row > MOST_ROWS ? row + MOST_ROWS : range.end;
        int64_t n_rows = fmap_rows_next(&job->rows, row, end, &offset);
        measure(run, job, src + offset, n_rows, mean, scale);
        fmap_rows_normalize(run, &job->rows, src + offset, dst + offset, n_rows,
                            &(struct fmap_row_numbers){mean, scale, ones, zeros});
        row += n_rows;
    }
}

static fmap_status add_step(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            struct axes_job *job, const struct fmap_operand *operands) {
    job->cut = fmap_cut_of(planning, job->rows.outer * job->rows.inner, fmap_dim_product(COST, job->rows.n),
                           job->rows.inner > 1 ? FMAP_BLOCK : 1);
    const char *name = job->exponent ? "lp_norm" : "mean_variance_norm";
    return fmap_planning_step(planning,
                              &(struct fmap_step_definition){.part = axes_part,
                                                             .job = job,
                                                             .job_bytes = sizeof *job,
                                                             .operands = operands,
                                                             .n_operands = 2,
                                                             .parts = job->cut.parts,
                                                             .kernel = fmap_kernel_text(planning, name).text,
                                                             .node = node});
}

/* Axes that do not lie side by side are brought together before and back behind it. */
static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct axes_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    const fmap_shape *dims = &planning->graph->values[in].shape;
    unsigned axes = axes_of(node, dims->rank);
    struct axes_job job = {.exponent = parameters->exponent};
    struct fmap_operand operands[2], result;
    struct fmap_strided way;
    bool together = fmap_rows_plain(dims, axes, &job.rows);
    if (together)
        TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &operands[0]));
    else
        TRY(fmap_rows_move(planning, node, in, axes, &job.rows, &operands[0], &way));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &result));
    operands[1] = together ? result : operands[0];
    TRY(add_step(planning, node, &job, operands));
    if (together) return FMAP_OK;
    struct fmap_strided back = way;
    memcpy(back.src_strides, way.dst_strides, sizeof back.src_strides);
    memcpy(back.dst_strides, way.src_strides, sizeof back.dst_strides);
    return fmap_planning_copy(planning, node, &operands[1], &result, &back);
}

const struct fmap_layer fmap_layer_mean_variance_normalization = {.op = "MeanVarianceNormalization",
                                                                  .min_inputs = 1,
                                                                  .max_inputs = 1,
                                                                  .max_outputs = 1,
                                                                  .parse = parse_mean_variance,
                                                                  .shape = shape,
                                                                  .plan = plan};

const struct fmap_layer fmap_layer_lp_normalization = {.op = "LpNormalization",
                                                       .min_inputs = 1,
                                                       .max_inputs = 1,
                                                       .max_outputs = 1,
                                                       .parse = parse_lp,
                                                       .shape = shape,
                                                       .plan = plan};
