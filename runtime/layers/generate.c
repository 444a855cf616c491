/* ConstantOfShape and Range: elements out of nothing but a shape or three numbers. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"

#include <math.h>
#include <string.h>

struct element {
    fmap_type type;
    char bytes[8];
};

static fmap_status constant_parse(struct fmap_parsing *parsing) {
    struct element element = {.type = FMAP_FLOAT32};
    const fmap_tensor *tensor;
    TRY(fmap_attribute_element(parsing, "value", &tensor));
    if (tensor) {
        element.type = tensor->type;
        if (fmap_type_bytes(tensor->type) == 0 || !tensor->data) {
            return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_UNSUPPORTED,
                                  "attribute 'value' has the type %d", (int)tensor->type);
        }
        memcpy(element.bytes, tensor->data, fmap_type_bytes(tensor->type));
    }
    return fmap_set_parameters(parsing, &element, sizeof element);
}

static fmap_status constant_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                  fmap_error *error) {
    const struct element *element = node->parameters;
    fmap_shape out = {.rank = 0};
    size_t n;
    TRY(fmap_expect_type(graph, node, 0, FMAP_TYPES(FMAP_INT64), error));
    if (fmap_input_pending(graph, node, 0)) return fmap_defer_outputs(graph, node);
    TRY(fmap_constant_ints(graph, node, 0, out.dims, FMAP_MAX_RANK, &n, error));
    out.rank = (int)n;
    for (int i = 0; i < out.rank; i++) {
        if (out.dims[i] >= 0) continue;
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "dimension %d is %lld", i,
                              (long long)out.dims[i]);
    }
    return fmap_set_output_type(graph, node, 0, element->type, &out);
}

struct fill_job {
    struct element element;
    struct fmap_cut cut;
};

static void fill_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct fill_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    size_t bytes = fmap_type_bytes(job->element.type);
    char *dst = fmap_elements_at(run, &step->operands[0]);
    for (int64_t i = range.first; i < range.end; i++)
        memcpy(dst + (size_t)i * bytes, job->element.bytes, bytes);
}

static fmap_status constant_plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct element *element = node->parameters;
    const fmap_shape *out = &fmap_output_value(planning->graph, node, 0)->shape;
    struct fill_job job = {.element = *element,
                           .cut = fmap_cut_of(planning, fmap_form_elements(out, FMAP_FORM_PLAIN), 8, 64)};
    struct fmap_operand dst;
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &dst));
    if (job.cut.n == 0) return FMAP_OK;
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = fill_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = &dst,
                                                                       .n_operands = 1,
                                                                       .parts = job.cut.parts,
                                                                       .kernel = "fill",
                                                                       .node = node});
}

const struct fmap_layer fmap_layer_constant_of_shape = {.op = "ConstantOfShape",
                                                        .min_inputs = 1,
                                                        .max_inputs = 1,
                                                        .max_outputs = 1,
                                                        .parse = constant_parse,
                                                        .shape = constant_shape,
                                                        .plan = constant_plan};

/* ---- Range ----------------------------------------------------------------------------------------------- */

enum { RANGE_INPUTS = 3 }; /* start, limit, delta */

struct range_job {
    fmap_type type;
    float real[RANGE_INPUTS];
    int64_t whole[RANGE_INPUTS];
    int64_t n;
};

static fmap_status read_range(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                              struct range_job *job, fmap_error *error) {
    job->type = fmap_input_value(graph, node, 0)->type;
    for (size_t i = 0; i < RANGE_INPUTS; i++) {
        size_t n = 1;
        if (job->type == FMAP_FLOAT32)
            TRY(fmap_constant_float(graph, node, i, 0.0f, &job->real[i], error));
        else
            TRY(fmap_constant_ints(graph, node, i, &job->whole[i], 1, &n, error));
        if (n != 1) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has no element, expected 1",
                                  fmap_input_text(graph, node, i).text);
        }
    }
    double distance = job->type == FMAP_FLOAT32 ? (double)job->real[1] - (double)job->real[0]
                                                : (double)job->whole[1] - (double)job->whole[0];
    double n = ceil(distance / (job->type == FMAP_FLOAT32 ? (double)job->real[2] : (double)job->whole[2]));
    if (!(n < INT32_MAX)) { /* a step of 0, too */
        return fmap_fail_node(graph, node, error, FMAP_ERROR_LIMIT,
                              "there are too many numbers in the range");
    }
    job->n = n > 0 ? (int64_t)n : 0;
    return FMAP_OK;
}

static fmap_status range_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               fmap_error *error) {
    const unsigned types = FMAP_TYPES(FMAP_FLOAT32) | FMAP_TYPES(FMAP_INT32) | FMAP_TYPES(FMAP_INT64);
    struct range_job job = {.n = FMAP_UNKNOWN};
    bool pending = false;
    TRY(fmap_expect_type(graph, node, 0, types, error));
    fmap_type type = fmap_input_value(graph, node, 0)->type;
    for (size_t i = 0; i < RANGE_INPUTS; i++) {
        TRY(fmap_expect_type(graph, node, i, FMAP_TYPES(type), error));
        pending |= fmap_input_pending(graph, node, i);
    }
    if (!pending) TRY(read_range(graph, node, &job, error));
    return fmap_set_output_type(graph, node, 0, type, &(fmap_shape){.rank = 1, .dims = {job.n}});
}

static void range_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct range_job *job = step->job;
    void *dst = fmap_elements_at(run, &step->operands[0]);
    (void)part;
    for (int64_t i = 0; i < job->n; i++) {
        uint64_t whole = (uint64_t)job->whole[0] + (uint64_t)i * (uint64_t)job->whole[2];
        switch (job->type) {
        case FMAP_FLOAT32: ((float *)dst)[i] = job->real[0] + (float)i * job->real[2]; break;
        case FMAP_INT32: ((int32_t *)dst)[i] = (int32_t)(uint32_t)whole; break;
        default: ((int64_t *)dst)[i] = (int64_t)whole; break;
        }
    }
}

static fmap_status range_plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    struct range_job job = {.n = 0};
    struct fmap_operand dst;
    TRY(read_range(planning->graph, node, &job, planning->error));
    TRY(fmap_planning_write(planning, node->outputs[0], FMAP_FORM_PLAIN, &dst));
    if (job.n == 0) return FMAP_OK;
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = range_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = &dst,
                                                                       .n_operands = 1,
                                                                       .parts = 1,
                                                                       .kernel = "range",
                                                                       .node = node});
}

const struct fmap_layer fmap_layer_range = {.op = "Range",
                                            .min_inputs = RANGE_INPUTS,
                                            .max_inputs = RANGE_INPUTS,
                                            .max_outputs = 1,
                                            .shape = range_shape,
                                            .plan = range_plan};
