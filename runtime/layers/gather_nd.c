/* GatherND: the last axis of the indices is a place in the input, whole or of its first axes. */
#include "runtime/layer.h"
#include "runtime/layers/gather.h"

#include <string.h>

struct gather_nd_parameters {
    int64_t batch_dims;
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct gather_nd_parameters parameters;
    TRY(fmap_attribute_int(parsing, "batch_dims", 0, &parameters.batch_dims));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static bool batches_agree(const fmap_shape *in, const fmap_shape *indices, int64_t batch_dims) {
    for (int i = 0; i < batch_dims; i++) {
        if (in->dims[i] != indices->dims[i] && in->dims[i] != FMAP_UNKNOWN &&
            indices->dims[i] != FMAP_UNKNOWN)
            return false;
    }
    return true;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct gather_nd_parameters *parameters = node->parameters;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    TRY(fmap_expect_type(graph, node, 1, FMAP_TYPES(FMAP_INT64), error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    const fmap_shape *indices = &fmap_input_value(graph, node, 1)->shape;
    int64_t batch = parameters->batch_dims, depth = indices->rank > 0 ? indices->dims[indices->rank - 1] : 0;
    if (depth == FMAP_UNKNOWN) return fmap_defer_outputs(graph, node);
    bool fits = batch >= 0 && batch < indices->rank && batch < in->shape.rank && depth >= 1 &&
                batch + depth <= in->shape.rank && batches_agree(&in->shape, indices, batch);
    int64_t rank = indices->rank - 1 + in->shape.rank - (batch + depth);
    if (!fits || rank > FMAP_MAX_RANK) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s holds no places in %s behind %lld dimensions of the batch",
                              fmap_input_text(graph, node, 1).text, fmap_input_text(graph, node, 0).text,
                              (long long)batch);
    }
    for (int64_t i = batch; i < batch + depth; i++) {
        int64_t places = fmap_shape_product(indices, 0, indices->rank);
        if (in->shape.dims[i] != 0 || places == 0) continue;
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "there are no elements to gather in %s",
                              fmap_input_text(graph, node, 0).text);
    }
    fmap_shape out = {.rank = 0};
    for (int i = 0; i < indices->rank - 1; i++) out.dims[out.rank++] = indices->dims[i];
    for (int i = (int)(batch + depth); i < in->shape.rank; i++) out.dims[out.rank++] = in->shape.dims[i];
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

struct gather_nd_job {
    int64_t depth, places; /* numbers of a place; places of an image */
    int64_t sizes[FMAP_MAX_RANK], strides[FMAP_MAX_RANK];
    int64_t batch_stride;
    size_t bytes; /* of an element */
    size_t slice; /* of what is at a place */
    struct fmap_cut cut;
};

static void gather_nd_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct gather_nd_job *job = step->job;
    const char *src = fmap_elements_at(run, &step->operands[0]);
    const int64_t *indices = fmap_elements_at(run, &step->operands[1]);
    char *dst = fmap_elements_at(run, &step->operands[2]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t i = range.first; i < range.end; i++) {
        int64_t from = i / job->places * job->batch_stride;
        for (int64_t k = 0; k < job->depth; k++)
            from += fmap_index_at(indices, FMAP_INT64, i * job->depth + k, job->sizes[k]) * job->strides[k];
        memcpy(dst + (size_t)i * job->slice, src + (size_t)from * job->bytes, job->slice);
    }
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct gather_nd_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    const fmap_shape *indices = &fmap_input_value(graph, node, 1)->shape;
    int batch = (int)parameters->batch_dims;
    int64_t strides[FMAP_MAX_RANK];
    struct gather_nd_job job = {.depth = indices->dims[indices->rank - 1],
                                .places = fmap_shape_product(indices, batch, indices->rank - 1),
                                .batch_stride = fmap_shape_product(&in->shape, batch, in->shape.rank),
                                .bytes = fmap_type_bytes(in->type)};
    fmap_strides_of(&in->shape, strides);
    for (int i = 0; i < job.depth; i++) {
        job.sizes[i] = in->shape.dims[batch + i];
        job.strides[i] = strides[batch + i];
    }
    int64_t inner = fmap_shape_product(&in->shape, batch + (int)job.depth, in->shape.rank);
    job.slice = (size_t)inner * job.bytes;
    job.cut = fmap_cut_of(planning, fmap_shape_product(indices, 0, indices->rank - 1),
                          fmap_dim_product(16, inner + job.depth), 1);
    return fmap_plan_gather(planning, node, gather_nd_part, &job, sizeof job, &job.cut);
}

const struct fmap_layer fmap_layer_gather_nd = {.op = "GatherND",
                                                .min_inputs = 2,
                                                .max_inputs = 2,
                                                .max_outputs = 1,
                                                .parse = parse,
                                                .shape = shape,
                                                .plan = plan};
