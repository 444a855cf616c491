/* Softmax: exp(x - max) / sum along one axis; before opset 13 along all axes from `axis` on. */
#include "runtime/layers/softmax.h"

#include "runtime/layers/elements.h"

enum { OPSET_ONE_AXIS = 13, COST = 100 };

fmap_status fmap_softmax_parse(struct fmap_parsing *parsing) {
    struct fmap_softmax_parameters parameters = {.to_the_end = parsing->opset < OPSET_ONE_AXIS};
    TRY(fmap_attribute_int(parsing, "axis", parameters.to_the_end ? 1 : -1, &parameters.axis));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

fmap_status fmap_softmax_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               fmap_error *error) {
    const struct fmap_softmax_parameters *parameters = node->parameters;
    TRY(fmap_expect_floats(graph, node, 0, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    if (fmap_axis_of(parameters->axis, in->rank) < 0) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has no axis %lld",
                              fmap_input_text(graph, node, 0).text, (long long)parameters->axis);
    }
    return fmap_set_output(graph, node, in);
}

/* [n_groups][n][stride] without gaps but for those between groups: a softmax over each n. */
struct softmax_job {
    int64_t n;
    int64_t stride;
    int64_t group_stride;
    struct fmap_cut cut; /* of rows: n_groups * stride of them */
};

static void softmax_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct softmax_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    float *dst = fmap_at(run, &step->operands[1]);
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end;) {
        int64_t group = row / job->stride, inside = row % job->stride;
        int64_t n_rows = job->stride - inside < range.end - row ? job->stride - inside : range.end - row;
        int64_t offset = group * job->group_stride + inside;
        run->kernels->softmax(&(struct fmap_softmax){
            .src = src + offset, .dst = dst + offset, .n = job->n, .stride = job->stride, .n_rows = n_rows});
        row += n_rows;
    }
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_softmax_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    const fmap_shape *dims = &planning->graph->values[in].shape;
    int axis = fmap_axis_of(parameters->axis, dims->rank);
    int end = parameters->to_the_end ? dims->rank : axis + 1;
    struct softmax_job job = {.n = fmap_shape_product(dims, axis, end),
                              .stride = fmap_shape_product(dims, end, dims->rank)};
    job.group_stride = job.n * job.stride;
    enum fmap_form form = FMAP_FORM_PLAIN;
    /* Of one pixel the channels lie side by side in the blocked form too. */
    if (axis == 1 && fmap_shape_product(dims, 2, dims->rank) == 1 && !fmap_planning_has(planning, in, form) &&
        fmap_planning_has(planning, in, FMAP_FORM_BLOCKED)) {
        form = FMAP_FORM_BLOCKED;
        job.group_stride = fmap_geometry_of(dims).image_stride;
    }
    int64_t rows = fmap_shape_product(dims, 0, axis) * job.stride;
    job.cut = fmap_cut_of(planning, rows, fmap_dim_product(COST, job.n), job.stride > 1 ? FMAP_BLOCK : 1);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, form, &operands[0]));
    TRY(fmap_planning_write(planning, node->outputs[0], form, &operands[1]));
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){.part = softmax_part,
                                                 .job = &job,
                                                 .job_bytes = sizeof job,
                                                 .operands = operands,
                                                 .n_operands = 2,
                                                 .parts = job.cut.parts,
                                                 .kernel = fmap_kernel_text(planning, "softmax").text,
                                                 .node = node});
}

const struct fmap_layer fmap_layer_softmax = {.op = "Softmax",
                                              .min_inputs = 1,
                                              .max_inputs = 1,
                                              .max_outputs = 1,
                                              .parse = fmap_softmax_parse,
                                              .shape = fmap_softmax_shape,
                                              .plan = plan};
