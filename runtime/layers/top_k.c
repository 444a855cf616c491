/* TopK: the k largest or smallest elements along an axis, and where they are. Of equal ones the first come first; NaN is
 * larger than all numbers. Always sorted: `sorted` 0 allows any order. */
#include "runtime/layers/candidates.h"
#include "runtime/layers/reduction.h"

struct top_parameters {
    int64_t axis;
    bool smallest;
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct top_parameters parameters;
    int64_t largest;
    TRY(fmap_attribute_int(parsing, "axis", -1, &parameters.axis));
    TRY(fmap_attribute_int(parsing, "largest", 1, &largest));
    fmap_attribute_ignore(parsing, "sorted");
    parameters.smallest = largest == 0;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct top_parameters *parameters = node->parameters;
    TRY(fmap_expect_type(graph, node, 0, FMAP_NUMBER_TYPES, error));
    if (fmap_input_pending(graph, node, 1)) return fmap_defer_outputs(graph, node);
    int64_t k;
    size_t n;
    TRY(fmap_constant_ints(graph, node, 1, &k, 1, &n, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    fmap_shape out = in->shape;
    int axis = fmap_axis_of(parameters->axis, out.rank);
    if (axis < 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has no axis %lld",
                              fmap_input_text(graph, node, 0).text, (long long)parameters->axis);
    }
    if (n != 1 || k < 1 || (out.dims[axis] >= 0 && k > out.dims[axis])) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "k is %lld, expected 1 to the size of axis %d of %s",
                              n == 1 ? (long long)k : -1, axis, fmap_input_text(graph, node, 0).text);
    }
    out.dims[axis] = k;
    TRY(fmap_set_output_type(graph, node, 0, in->type, &out));
    return fmap_set_output_type(graph, node, 1, FMAP_INT64, &out);
}

struct top_job {
    struct fmap_rows rows;
    int64_t k;
    fmap_type type;
    bool smallest, wanted[2];
    struct fmap_cut cut; /* of rows */
};

static int64_t key_of(fmap_type type, const void *elements, int64_t i) {
    switch (type) {
    case FMAP_INT8: return ((const int8_t *)elements)[i];
    case FMAP_UINT8: return ((const uint8_t *)elements)[i];
    case FMAP_INT32: return ((const int32_t *)elements)[i];
    case FMAP_INT64: return ((const int64_t *)elements)[i];
    default: return fmap_key_of_float(((const float *)elements)[i]);
    }
}

/* The first k of a row, in order. */
static void select_row(const struct top_job *job, const void *src, int64_t offset,
                       struct fmap_candidate *heap) {
    int64_t k = job->k;
    for (int64_t i = 0; i < job->rows.n; i++) {
        int64_t key = key_of(job->type, src, offset + i * job->rows.inner);
        struct fmap_candidate next = {job->smallest ? ~key : key, i};
        if (i < k) {
            heap[i] = next;
            if (i == k - 1) fmap_candidate_heap(heap, k);
        } else if (fmap_candidate_before(&next, &heap[0])) {
            heap[0] = next;
            fmap_candidate_sink(heap, k, 0);
        }
    }
    for (int64_t end = k - 1; end > 0; end--) {
        struct fmap_candidate last = heap[0];
        heap[0] = heap[end];
        heap[end] = last;
        fmap_candidate_sink(heap, end, 0);
    }
}

static void top_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct top_job *job = step->job;
    const char *src = fmap_elements_at(run, &step->operands[0]);
    char *values = fmap_elements_at(run, &step->operands[1]);
    int64_t *indices = fmap_elements_at(run, &step->operands[2]), bytes = (int64_t)fmap_type_bytes(job->type);
    struct fmap_candidate *heap = (struct fmap_candidate *)(void *)run->scratch;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end; row++) {
        int64_t inner = job->rows.inner, offset, to = row / inner * job->k * inner + row % inner;
        fmap_rows_next(&job->rows, row, row + 1, &offset);
        select_row(job, src, offset, heap);
        for (int64_t i = 0; i < job->k; i++, to += inner) {
            int64_t from = offset + heap[i].index * inner;
            if (job->wanted[0]) memcpy(values + to * bytes, src + from * bytes, (size_t)bytes);
            if (job->wanted[1]) indices[to] = heap[i].index;
        }
    }
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct top_parameters *parameters = node->parameters;
    const struct fmap_graph *graph = planning->graph;
    fmap_value in = fmap_node_input(graph, node, 0);
    const fmap_shape *dims = &graph->values[in].shape;
    int axis = fmap_axis_of(parameters->axis, dims->rank);
    struct top_job job = {.rows = {.outer = fmap_shape_product(dims, 0, axis),
                                   .n = dims->dims[axis],
                                   .inner = fmap_shape_product(dims, axis + 1, dims->rank)},
                          .type = graph->values[in].type,
                          .smallest = parameters->smallest};
    size_t n;
    TRY(fmap_constant_ints(graph, node, 1, &job.k, 1, &n, planning->error));
    job.cut = fmap_cut_of(planning, job.rows.outer * job.rows.inner, fmap_dim_product(8, job.rows.n), 1);
    struct fmap_operand operands[3];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &operands[0]));
    for (size_t i = 0; i < 2; i++) {
        operands[1 + i] = operands[0];
        job.wanted[i] = node->n_outputs > i && node->outputs[i];
        if (job.wanted[i])
            TRY(fmap_planning_write(planning, node->outputs[i], FMAP_FORM_PLAIN, &operands[1 + i]));
    }
    return fmap_planning_step(planning, &(struct fmap_step_definition){
                                            .part = top_part,
                                            .job = &job,
                                            .job_bytes = sizeof job,
                                            .operands = operands,
                                            .n_operands = 3,
                                            .parts = job.cut.parts,
                                            .scratch_bytes = (size_t)job.k * sizeof(struct fmap_candidate),
                                            .kernel = "top_k",
                                            .node = node});
}

const struct fmap_layer fmap_layer_top_k = {.op = "TopK",
                                            .min_inputs = 2,
                                            .max_inputs = 2,
                                            .max_outputs = 2,
                                            .parse = parse,
                                            .shape = shape,
                                            .plan = plan};
