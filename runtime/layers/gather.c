/* Gather: slices of one axis, in the order of a tensor of indices. */
#include "runtime/layers/gather.h"

#include "runtime/layer.h"

#include <string.h>

struct gather_parameters {
    int64_t axis;
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct gather_parameters parameters;
    TRY(fmap_attribute_int(parsing, "axis", 0, &parameters.axis));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

fmap_status fmap_check_indices(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               size_t input, int64_t n, fmap_error *error) {
    const struct fmap_graph_value *indices = fmap_input_value(graph, node, input);
    int64_t count = fmap_shape_product(&indices->shape, 0, indices->shape.rank);
    if (n == FMAP_UNKNOWN || count == FMAP_UNKNOWN || count == 0) return FMAP_OK;
    if (n == 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s has indices of an axis without elements of %s",
                              fmap_input_text(graph, node, input).text, fmap_input_text(graph, node, 0).text);
    }
    for (int64_t i = 0; indices->data && i < count; i++) {
        size_t bytes = fmap_type_bytes(indices->type);
        int64_t index = 0;
        int32_t narrow;
        memcpy(indices->type == FMAP_INT32 ? (void *)&narrow : (void *)&index,
               (const char *)indices->data + (size_t)i * bytes, bytes);
        if (indices->type == FMAP_INT32) index = narrow;
        if (index >= -n && index < n) continue;
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s has the index %lld, expected %lld to %lld for %s",
                              fmap_input_text(graph, node, input).text, (long long)index, (long long)-n,
                              (long long)n - 1, fmap_input_text(graph, node, 0).text);
    }
    return FMAP_OK;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct gather_parameters *parameters = node->parameters;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    TRY(fmap_expect_type(graph, node, 1, FMAP_INDEX_TYPES, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    const fmap_shape *indices = &fmap_input_value(graph, node, 1)->shape;
    int axis = fmap_axis_of(parameters->axis, in->shape.rank);
    if (axis < 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has no axis %lld",
                              fmap_input_text(graph, node, 0).text, (long long)parameters->axis);
    }
    if (in->shape.rank - 1 + indices->rank > FMAP_MAX_RANK) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT,
                              "the output would have %d dimensions, expected at most %d",
                              in->shape.rank - 1 + indices->rank, FMAP_MAX_RANK);
    }
    TRY(fmap_check_indices(graph, node, 1, in->shape.dims[axis], error));
    fmap_shape out = {.rank = 0};
    for (int i = 0; i < axis; i++) out.dims[out.rank++] = in->shape.dims[i];
    for (int i = 0; i < indices->rank; i++) out.dims[out.rank++] = indices->dims[i];
    for (int i = axis + 1; i < in->shape.rank; i++) out.dims[out.rank++] = in->shape.dims[i];
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

struct gather_job {
    fmap_type index_type;
    int64_t n_indices, size; /* of the axis */
    size_t bytes;            /* of one slice: what is behind the axis */
    struct fmap_cut cut;     /* of slices of the output */
};

static void gather_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct gather_job *job = step->job;
    const char *src = fmap_elements_at(run, &step->operands[0]);
    const void *indices = fmap_elements_at(run, &step->operands[1]);
    char *dst = fmap_elements_at(run, &step->operands[2]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t i = range.first; i < range.end; i++) {
        int64_t outer = i / job->n_indices;
        int64_t index = fmap_index_at(indices, job->index_type, i % job->n_indices, job->size);
        memcpy(dst + (size_t)i * job->bytes, src + (size_t)(outer * job->size + index) * job->bytes,
               job->bytes);
    }
}

fmap_status fmap_plan_gather(struct fmap_planning *planning, const struct fmap_graph_node *node,
                             fmap_part *part, const void *job, size_t job_bytes, const struct fmap_cut *cut) {
    const struct fmap_graph *graph = planning->graph;
    struct fmap_operand operands[3];
    TRY(fmap_planning_read(planning, fmap_node_input(graph, node, 0), FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_read(planning, fmap_node_input(graph, node, 1), FMAP_FORM_PLAIN, &operands[1]));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &operands[2]));
    const fmap_shape *out = &graph->values[node->outputs[0]].shape;
    if (fmap_shape_product(out, 0, out->rank) == 0) return FMAP_OK;
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = part,
                                                                       .job = job,
                                                                       .job_bytes = job_bytes,
                                                                       .operands = operands,
                                                                       .n_operands = 3,
                                                                       .parts = cut->parts,
                                                                       .kernel = "gather",
                                                                       .node = node});
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct gather_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0),
                                  *indices = fmap_input_value(graph, node, 1);
    int axis = fmap_axis_of(parameters->axis, in->shape.rank);
    int64_t inner = fmap_shape_product(&in->shape, axis + 1, in->shape.rank);
    struct gather_job job = {.index_type = indices->type,
                             .n_indices = fmap_shape_product(&indices->shape, 0, indices->shape.rank),
                             .size = in->shape.dims[axis],
                             .bytes = (size_t)inner * fmap_type_bytes(in->type)};
    job.cut = fmap_cut_of(planning, fmap_shape_product(&in->shape, 0, axis) * job.n_indices,
                          fmap_dim_product(16, inner), 1);
    return fmap_plan_gather(planning, node, gather_part, &job, sizeof job, &job.cut);
}

const struct fmap_layer fmap_layer_gather = {.op = "Gather",
                                             .min_inputs = 2,
                                             .max_inputs = 2,
                                             .max_outputs = 1,
                                             .parse = parse,
                                             .shape = shape,
                                             .plan = plan};
