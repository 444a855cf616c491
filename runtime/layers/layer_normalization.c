/* LayerNormalization: (x - mean) / sqrt(variance + epsilon) * scale + bias over all axes from `axis` on. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"

#include <math.h>

enum { COST = 8, MOST_ROWS = 8 };

struct layer_parameters {
    int64_t axis;
    float epsilon;
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct layer_parameters parameters;
    TRY(fmap_attribute_int(parsing, "axis", -1, &parameters.axis));
    TRY(fmap_attribute_float(parsing, "epsilon", 1e-5f, &parameters.epsilon));
    fmap_attribute_ignore(parsing, "stash_type"); /* float32, or more precise than asked for */
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* Scale or bias has as many elements as are normalized together. */
static fmap_status check_affine(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                                int64_t wanted, fmap_error *error) {
    TRY(fmap_expect_floats(graph, node, i, error));
    const fmap_shape *each = &fmap_input_value(graph, node, i)->shape;
    int64_t n = fmap_shape_product(each, 0, each->rank);
    if (n < 0 || wanted < 0 || n == wanted) return FMAP_OK;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_UNSUPPORTED, "%s, expected %lld elements",
                          fmap_input_text(graph, node, i).text, (long long)wanted);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct layer_parameters *parameters = node->parameters;
    TRY(fmap_expect_floats(graph, node, 0, error));
    fmap_shape in = fmap_input_value(graph, node, 0)->shape, statistics = in;
    int axis = fmap_axis_of(parameters->axis, in.rank);
    if (axis < 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has no axis %lld",
                              fmap_input_text(graph, node, 0).text, (long long)parameters->axis);
    }
    int64_t n = fmap_shape_product(&in, axis, in.rank);
    TRY(check_affine(graph, node, 1, n, error));
    if (fmap_node_input(graph, node, 2)) TRY(check_affine(graph, node, 2, n, error));
    for (int i = axis; i < in.rank; i++) statistics.dims[i] = 1;
    TRY(fmap_set_output(graph, node, &in));
    TRY(fmap_set_output_type(graph, node, 1, FMAP_FLOAT32, &statistics));
    return fmap_set_output_type(graph, node, 2, FMAP_FLOAT32, &statistics);
}

/* Operands: x, scale, bias, y, mean, inverse deviation. */
struct layer_job {
    int64_t n;
    float epsilon;
    bool wanted[2]; /* mean and inverse deviation */
    struct fmap_cut cut;
};

static void layer_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct layer_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[3]), mean[MOST_ROWS], scale[MOST_ROWS];
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end; row += MOST_ROWS) {
        int64_t n_rows = range.end - row < MOST_ROWS ? range.end - row : MOST_ROWS;
        struct fmap_reduce reduce = {.src = src + row * job->n,
                                     .dst = mean,
                                     .n = job->n,
                                     .stride = 1,
                                     .n_rows = n_rows,
                                     .op = FMAP_REDUCE_SUM};
        run->kernels->reduce(&reduce);
        for (int64_t r = 0; r < n_rows; r++) mean[r] /= (float)job->n;
        reduce.dst = scale;
        reduce.shift = mean;
        reduce.op = FMAP_REDUCE_SQUARES;
        run->kernels->reduce(&reduce);
        for (int64_t r = 0; r < n_rows; r++) {
            scale[r] = 1.0f / sqrtf(scale[r] / (float)job->n + job->epsilon);
            run->kernels->normalize(&(struct fmap_normalize){.src = src + (row + r) * job->n,
                                                             .dst = dst + (row + r) * job->n,
                                                             .mean = mean + r,
                                                             .scale = scale + r,
                                                             .gamma = fmap_at(run, &step->operands[1]),
                                                             .beta = fmap_at(run, &step->operands[2]),
                                                             .n = job->n,
                                                             .walk = FMAP_NORMALIZE_ROW});
            if (job->wanted[0]) fmap_at(run, &step->operands[4])[row + r] = mean[r];
            if (job->wanted[1]) fmap_at(run, &step->operands[5])[row + r] = scale[r];
        }
    }
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct layer_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    fmap_value in = fmap_node_input(graph, node, 0), bias = fmap_node_input(graph, node, 2);
    const fmap_shape *dims = &graph->values[in].shape;
    int axis = fmap_axis_of(parameters->axis, dims->rank);
    struct layer_job job = {.n = fmap_shape_product(dims, axis, dims->rank), .epsilon = parameters->epsilon};
    job.cut = fmap_cut_of(planning, fmap_shape_product(dims, 0, axis), fmap_dim_product(COST, job.n), 1);
    struct fmap_operand operands[6];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_read(planning, fmap_node_input(graph, node, 1), FMAP_FORM_PLAIN, &operands[1]));
    if (bias) {
        TRY(fmap_planning_read(planning, bias, FMAP_FORM_PLAIN, &operands[2]));
    } else {
        float *zeros;
        TRY(fmap_planning_weights(planning, (size_t)job.n, &zeros));
        operands[2] = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = zeros};
    }
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &operands[3]));
    for (size_t i = 0; i < 2; i++) {
        operands[4 + i] = operands[3];
        job.wanted[i] = node->n_outputs > i + 1 && node->outputs[i + 1];
        if (job.wanted[i])
            TRY(fmap_planning_write(planning, node->outputs[i + 1], FMAP_FORM_PLAIN, &operands[4 + i]));
    }
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = layer_part,
                                                 .job = &job,
                                                 .job_bytes = sizeof job,
                                                 .operands = operands,
                                                 .n_operands = 6,
                                                 .parts = job.cut.parts,
                                                 .kernel = fmap_kernel_text(planning, "layer_norm").text,
                                                 .node = node});
}

const struct fmap_layer fmap_layer_layer_normalization = {.op = "LayerNormalization",
                                                          .min_inputs = 2,
                                                          .max_inputs = 3,
                                                          .max_outputs = 3,
                                                          .parse = parse,
                                                          .shape = shape,
                                                          .plan = plan};
