/* ArgMax, ArgMin: where along an axis the extreme is, as int64. */
#include "runtime/layers/reduction.h"

enum { MOST_ROWS = 256 };

struct arg_parameters {
    int64_t axis;
    bool keep, last, smallest;
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct arg_parameters parameters = {.smallest = parsing->node->layer == &fmap_layer_arg_min};
    int64_t keep, last;
    TRY(fmap_attribute_int(parsing, "axis", 0, &parameters.axis));
    TRY(fmap_attribute_int(parsing, "keepdims", 1, &keep));
    TRY(fmap_attribute_int(parsing, "select_last_index", 0, &last));
    parameters.keep = keep != 0;
    parameters.last = last != 0;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct arg_parameters *parameters = node->parameters;
    TRY(fmap_expect_type(graph, node, 0, FMAP_NUMBER_TYPES, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    int axis = fmap_axis_of(parameters->axis, in->rank);
    if (axis < 0 || in->dims[axis] == 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s has no axis %lld, or nothing along it",
                              fmap_input_text(graph, node, 0).text, (long long)parameters->axis);
    }
    fmap_shape out = fmap_reduced_shape(in, 1u << axis, parameters->keep);
    return fmap_set_output_type(graph, node, 0, FMAP_INT64, &out);
}

struct arg_job {
    struct fmap_rows rows;
    fmap_type type;
    bool last, smallest;
    struct fmap_cut cut; /* of rows */
};

/* Rows side by side, or one: element i of row r is src[i * stride + r]. The first of equal ones stays, or the last. NaN is
 * the extreme wherever it is. */
#define ARG(name, type) \
    static inline __attribute__((always_inline)) void name##_rows(const type *src, int64_t n, \
                                                                  int64_t stride, int64_t n_rows, bool last, \
                                                                  bool smallest, int64_t *index) { \
        type best[MOST_ROWS]; \
        for (int64_t r = 0; r < n_rows; r++) { \
            best[r] = src[r]; \
            index[r] = 0; \
        } \
        for (int64_t i = 1; i < n; i++) { \
            src += stride; \
            for (int64_t r = 0; r < n_rows; r++) { \
                type x = src[r]; \
                bool better = smallest ? x < best[r] : x > best[r]; \
                bool nan = x != x && best[r] == best[r]; \
                bool taken = better || nan || (last && (x == best[r] || (x != x && best[r] != best[r]))); \
                index[r] = taken ? i : index[r]; \
                best[r] = taken ? x : best[r]; \
            } \
        } \
    } \
    static void name(const void *elements, int64_t offset, const struct arg_job *job, int64_t n_rows, \
                     int64_t *index) { \
        const type *src = (const type *)elements + offset; \
        int64_t n = job->rows.n, stride = job->rows.inner; \
        if (job->last) \
            name##_rows(src, n, stride, n_rows, true, job->smallest, index); \
        else if (job->smallest) \
            name##_rows(src, n, stride, n_rows, false, true, index); \
        else \
            name##_rows(src, n, stride, n_rows, false, false, index); \
    }

ARG(arg_float, float)
ARG(arg_uint8, uint8_t)
ARG(arg_int8, int8_t)
ARG(arg_int32, int32_t)
ARG(arg_int64, int64_t)

static void arg_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct arg_job *job = step->job;
    const void *src = fmap_elements_at(run, &step->operands[0]);
    int64_t *dst = fmap_elements_at(run, &step->operands[1]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end;) {
        int64_t offset, most = job->rows.inner == 1 ? 1 : MOST_ROWS;
        int64_t n_rows = fmap_rows_next(&job->rows, row, range.end - row > most ? row + most : range.end,
                                        &offset);
        switch (job->type) {
        case FMAP_FLOAT32: arg_float(src, offset, job, n_rows, dst + row); break;
        case FMAP_INT8: arg_int8(src, offset, job, n_rows, dst + row); break;
        case FMAP_INT32: arg_int32(src, offset, job, n_rows, dst + row); break;
        case FMAP_INT64: arg_int64(src, offset, job, n_rows, dst + row); break;
        default: arg_uint8(src, offset, job, n_rows, dst + row); break;
        }
        row += n_rows;
    }
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct arg_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    const fmap_shape *dims = &planning->graph->values[in].shape;
    int axis = fmap_axis_of(parameters->axis, dims->rank);
    struct arg_job job = {.rows = {.outer = fmap_shape_product(dims, 0, axis),
                                   .n = dims->dims[axis],
                                   .inner = fmap_shape_product(dims, axis + 1, dims->rank)},
                          .type = planning->graph->values[in].type,
                          .last = parameters->last,
                          .smallest = parameters->smallest};
    job.cut = fmap_cut_of(planning, job.rows.outer * job.rows.inner, fmap_dim_product(2, job.rows.n),
                          FMAP_BLOCK);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &operands[1]));
    return fmap_planning_step(planning,
                              &(struct fmap_step_definition){.part = arg_part,
                                                             .job = &job,
                                                             .job_bytes = sizeof job,
                                                             .operands = operands,
                                                             .n_operands = 2,
                                                             .parts = job.cut.parts,
                                                             .kernel = job.smallest ? "arg_min" : "arg_max",
                                                             .node = node});
}

const struct fmap_layer fmap_layer_arg_max = {.op = "ArgMax",
                                              .min_inputs = 1,
                                              .max_inputs = 1,
                                              .max_outputs = 1,
                                              .parse = parse,
                                              .shape = shape,
                                              .plan = plan};

const struct fmap_layer fmap_layer_arg_min = {.op = "ArgMin",
                                              .min_inputs = 1,
                                              .max_inputs = 1,
                                              .max_outputs = 1,
                                              .parse = parse,
                                              .shape = shape,
                                              .plan = plan};
