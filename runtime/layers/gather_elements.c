/* GatherElements: every element of the output says where along one axis it comes from. */
#include "runtime/layer.h"
#include "runtime/layers/gather.h"

#include <string.h>

struct gather_elements_parameters {
    int64_t axis;
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct gather_elements_parameters parameters;
    TRY(fmap_attribute_int(parsing, "axis", 0, &parameters.axis));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct gather_elements_parameters *parameters = node->parameters;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    TRY(fmap_expect_type(graph, node, 1, FMAP_INDEX_TYPES, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    const fmap_shape *indices = &fmap_input_value(graph, node, 1)->shape;
    int axis = fmap_axis_of(parameters->axis, in->shape.rank);
    bool fits = axis >= 0 && indices->rank == in->shape.rank;
    for (int i = 0; i < in->shape.rank && fits; i++)
        fits = i == axis || in->shape.dims[i] == FMAP_UNKNOWN || indices->dims[i] <= in->shape.dims[i];
    if (!fits) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s does not fit to axis %lld of %s",
                              fmap_input_text(graph, node, 1).text, (long long)parameters->axis,
                              fmap_input_text(graph, node, 0).text);
    }
    TRY(fmap_check_indices(graph, node, 1, in->shape.dims[axis], error));
    return fmap_set_output_type(graph, node, 0, in->type, indices);
}

struct gather_elements_job {
    fmap_type index_type;
    int rank, axis;
    int64_t size; /* of the axis */
    int64_t dims[FMAP_MAX_RANK];
    int64_t strides[FMAP_MAX_RANK]; /* of the input */
    size_t bytes;                   /* of an element */
    struct fmap_cut cut;
};

static void gather_elements_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct gather_elements_job *job = step->job;
    const char *src = fmap_elements_at(run, &step->operands[0]);
    const void *indices = fmap_elements_at(run, &step->operands[1]);
    char *dst = fmap_elements_at(run, &step->operands[2]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t i = range.first; i < range.end; i++) {
        int64_t rest = i, from = 0;
        for (int k = job->rank - 1; k >= 0; k--) {
            int64_t at = rest % job->dims[k];
            rest /= job->dims[k];
            if (k == job->axis) at = fmap_index_at(indices, job->index_type, i, job->size);
            from += at * job->strides[k];
        }
        memcpy(dst + (size_t)i * job->bytes, src + (size_t)from * job->bytes, job->bytes);
    }
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct gather_elements_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0),
                                  *indices = fmap_input_value(graph, node, 1);
    struct gather_elements_job job = {.index_type = indices->type,
                                      .rank = in->shape.rank,
                                      .axis = fmap_axis_of(parameters->axis, in->shape.rank),
                                      .bytes = fmap_type_bytes(in->type)};
    job.size = in->shape.dims[job.axis];
    fmap_strides_of(&in->shape, job.strides);
    for (int i = 0; i < job.rank; i++) job.dims[i] = indices->shape.dims[i];
    job.cut = fmap_cut_of(planning, fmap_shape_product(&indices->shape, 0, job.rank), 64, FMAP_BLOCK);
    return fmap_plan_gather(planning, node, gather_elements_part, &job, sizeof job, &job.cut);
}

const struct fmap_layer fmap_layer_gather_elements = {.op = "GatherElements",
                                                      .min_inputs = 2,
                                                      .max_inputs = 2,
                                                      .max_outputs = 1,
                                                      .parse = parse,
                                                      .shape = shape,
                                                      .plan = plan};
