/* Gemm (ONNX): Y = alpha * A' * B' + beta * C, A' = A or its transpose [m, k], B' likewise [k, n], C broadcast to
 * [m, n]. A dense layer is a Gemm with a constant B. */
#include "runtime/layer.h"
#include "runtime/layers/dense.h"

#include <string.h>

static fmap_status parse(struct fmap_parsing *parsing) {
    struct fmap_dense_parameters parameters = {0};
    int64_t transpose_a, transpose_b;
    TRY(fmap_attribute_float(parsing, "alpha", 1.0f, &parameters.alpha));
    TRY(fmap_attribute_float(parsing, "beta", 1.0f, &parameters.beta));
    TRY(fmap_attribute_int(parsing, "transA", 0, &transpose_a));
    TRY(fmap_attribute_int(parsing, "transB", 0, &transpose_b));
    parameters.transpose_a = transpose_a != 0;
    parameters.transpose_b = transpose_b != 0;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* Rows, depth and columns; what is unknown stays unknown. */
static void read_sizes(const struct fmap_graph *graph, const struct fmap_graph_node *node, int64_t *rows,
                       int64_t *depth, int64_t *depth_of_b, int64_t *columns) {
    const struct fmap_dense_parameters *parameters = node->parameters;
    const int64_t *a = fmap_input_value(graph, node, 0)->shape.dims,
                  *b = fmap_input_value(graph, node, 1)->shape.dims;
    *rows = a[parameters->transpose_a ? 1 : 0];
    *depth = a[parameters->transpose_a ? 0 : 1];
    *depth_of_b = b[parameters->transpose_b ? 1 : 0];
    *columns = b[parameters->transpose_b ? 0 : 1];
}

/* C's dimension, counted from the last, stretches to `size`. */
static bool stretches(const fmap_shape *c, int from_last, int64_t size) {
    int i = c->rank - 1 - from_last;
    return i < 0 || c->dims[i] == 1 || c->dims[i] == size || c->dims[i] < 0 || size < 0;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    for (size_t i = 0; i < 2; i++) {
        TRY(fmap_expect_floats(graph, node, i, error));
        if (fmap_input_value(graph, node, i)->shape.rank != 2) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected rank 2",
                                  fmap_input_text(graph, node, i).text);
        }
    }
    int64_t rows, depth, depth_of_b, columns;
    read_sizes(graph, node, &rows, &depth, &depth_of_b, &columns);
    if (depth >= 0 && depth_of_b >= 0 && depth != depth_of_b) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s and %s: %lld and %lld do not match",
                              fmap_input_text(graph, node, 0).text, fmap_input_text(graph, node, 1).text,
                              (long long)depth, (long long)depth_of_b);
    }
    const struct fmap_graph_value *c = fmap_input_value(graph, node, 2);
    if (c) {
        TRY(fmap_expect_floats(graph, node, 2, error));
        if (c->shape.rank > 2 || !stretches(&c->shape, 0, columns) || !stretches(&c->shape, 1, rows)) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                                  "%s, expected one that stretches to %lldx%lld",
                                  fmap_input_text(graph, node, 2).text, (long long)rows, (long long)columns);
        }
    }
    fmap_shape output = {.rank = 2, .dims = {rows, columns}};
    return fmap_set_output(graph, node, &output);
}

static int64_t macs(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    int64_t rows, depth, depth_of_b, columns;
    read_sizes(graph, node, &rows, &depth, &depth_of_b, &columns);
    return fmap_dim_product(fmap_dim_product(rows, columns), depth);
}

/* A constant C that is the same for every row becomes the bias: *bias; NULL otherwise. */
static fmap_status row_bias(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            int64_t columns, const void **bias) {
    const struct fmap_graph_value *c = fmap_input_value(planning->graph, node, 2);
    *bias = NULL;
    if (!c || !c->data || (c->shape.rank == 2 && c->shape.dims[0] != 1)) return FMAP_OK;
    if (c->shape.rank > 0 && c->shape.dims[c->shape.rank - 1] == columns) {
        *bias = c->data;
        return FMAP_OK;
    }
    float *stretched;
    TRY(fmap_planning_weights(planning, (size_t)columns, &stretched));
    for (int64_t i = 0; i < columns; i++) stretched[i] = fmap_float_at(c->data, 0);
    *bias = stretched;
    return FMAP_OK;
}

struct add_job {
    int64_t columns, dst_stride, row_stride, column_stride;
    float beta;
    struct fmap_activate_job activate;
};

/* dst[row] = activate(dst[row] + beta * c[row]): a C that differs from row to row. */
static void add_part(const struct fmap_run *run, const struct fmap_step *step, int64_t row) {
    const struct add_job *job = step->job;
    const float *c = fmap_at(run, &step->operands[0]) + row * job->row_stride;
    float *dst = fmap_at(run, &step->operands[1]) + row * job->dst_stride;
    for (int64_t i = 0; i < job->columns; i++) dst[i] += job->beta * c[i * job->column_stride];
    struct fmap_unary unary = {.src = dst, .dst = dst, .n = job->columns, .activate = job->activate};
    run->kernels->unary(&unary);
}

static fmap_status add_rows(struct fmap_planning *planning, const struct fmap_graph_node *node,
                            const struct fmap_dense_problem *problem) {
    const struct fmap_dense_parameters *parameters = node->parameters;
    fmap_value c = fmap_node_input(planning->graph, node, 2);
    const fmap_shape *shape = &planning->graph->values[c].shape;
    int64_t last = shape->rank > 0 ? shape->dims[shape->rank - 1] : 1;
    struct add_job job = {.columns = problem->columns,
                          .dst_stride = problem->dst_stride,
                          .row_stride = shape->rank == 2 && shape->dims[0] > 1 ? last : 0,
                          .column_stride = last > 1 ? 1 : 0,
                          .beta = parameters->beta,
                          .activate = parameters->activate};
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, c, FMAP_FORM_PLAIN, &operands[0]));
    operands[1] = problem->dst;
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = add_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = operands,
                                                                       .n_operands = 2,
                                                                       .parts = problem->rows,
                                                                       .kernel = "reorder_add",
                                                                       .node = node});
}

/* A as rows, transposed into a temporary where the node says so. */
static fmap_status read_left(struct fmap_planning *planning, const struct fmap_graph_node *node,
                             struct fmap_dense_problem *problem) {
    const struct fmap_dense_parameters *parameters = node->parameters;
    fmap_value a = fmap_node_input(planning->graph, node, 0);
    if (!parameters->transpose_a) return fmap_dense_source(planning, a, problem);
    struct fmap_operand plain;
    struct fmap_strided strided = {.rank = 2,
                                   .dims = {problem->rows, problem->depth},
                                   .src_strides = {1, problem->rows},
                                   .dst_strides = {problem->depth, 1}};
    TRY(fmap_planning_read(planning, a, FMAP_FORM_PLAIN, &plain));
    TRY(fmap_planning_temporary(planning, (size_t)(problem->rows * problem->depth) * sizeof(float),
                                &problem->src));
    problem->src_stride = problem->depth;
    return fmap_planning_copy(planning, node, &plain, &problem->src, &strided);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_dense_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    int64_t depth_of_b;
    struct fmap_dense_problem problem = {.transposed = parameters->transpose_b,
                                         .weight_scale = parameters->alpha,
                                         .bias_scale = parameters->beta,
                                         .activate = parameters->activate};
    read_sizes(graph, node, &problem.rows, &problem.depth, &depth_of_b, &problem.columns);
    TRY(read_left(planning, node, &problem));
    TRY(fmap_dense_weights(planning, fmap_node_input(graph, node, 1), &problem));
    TRY(row_bias(planning, node, problem.columns, &problem.bias));
    bool add_c = fmap_node_input(graph, node, 2) && !problem.bias;
    if (add_c) problem.activate = (struct fmap_activate_job){0};
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_BLOCKED, &problem.dst));
    problem.dst_stride = fmap_geometry_of(&graph->values[node->outputs[0]].shape).image_stride;
    TRY(fmap_planning_dense(planning, node, &problem));
    return add_c ? add_rows(planning, node, &problem) : FMAP_OK;
}

const struct fmap_layer fmap_layer_gemm = {.op = "Gemm",
                                           .min_inputs = 2,
                                           .max_inputs = 3,
                                           .max_outputs = 1,
                                           .parse = parse,
                                           .shape = shape,
                                           .plan = plan,
                                           .macs = macs};
