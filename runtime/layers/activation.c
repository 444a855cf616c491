/* Relu, Clip, LeakyRelu, Sigmoid, Tanh: a function of each element, in whatever form the input lies. */
#include "runtime/layers/activation.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

#include <float.h>
#include <math.h>

static fmap_status keep(struct fmap_parsing *parsing, enum fmap_activate kind, float a, float b) {
    struct fmap_activate_job activate = {.kind = kind, .a = a, .b = b};
    return fmap_set_parameters(parsing, &activate, sizeof activate);
}

static fmap_status parse_relu(struct fmap_parsing *parsing) {
    return keep(parsing, FMAP_ACTIVATE_CLIP, 0.0f, INFINITY);
}

static fmap_status parse_clip(struct fmap_parsing *parsing) {
    return keep(parsing, FMAP_ACTIVATE_CLIP, -FLT_MAX, FLT_MAX);
}

static fmap_status parse_leaky_relu(struct fmap_parsing *parsing) {
    float alpha;
    TRY(fmap_attribute_float(parsing, "alpha", 0.01f, &alpha));
    return keep(parsing, FMAP_ACTIVATE_LEAKY, alpha, 0.0f);
}

static fmap_status parse_sigmoid(struct fmap_parsing *parsing) {
    return keep(parsing, FMAP_ACTIVATE_SIGMOID, 0.0f, 0.0f);
}

static fmap_status parse_tanh(struct fmap_parsing *parsing) {
    return keep(parsing, FMAP_ACTIVATE_TANH, 0.0f, 0.0f);
}

fmap_status fmap_activation_of(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               struct fmap_activate_job *activate, fmap_error *error) {
    *activate = *(const struct fmap_activate_job *)node->parameters;
    if (node->layer != &fmap_layer_clip) return FMAP_OK;
    TRY(fmap_constant_float(graph, node, 1, activate->a, &activate->a, error));
    TRY(fmap_constant_float(graph, node, 2, activate->b, &activate->b, error));
    if (isnan(activate->a) || isnan(activate->b)) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "min or max is not a number");
    }
    return FMAP_OK;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    struct fmap_activate_job activate;
    TRY(fmap_expect_floats(graph, node, 0, error));
    if (!fmap_input_pending(graph, node, 1) && !fmap_input_pending(graph, node, 2))
        TRY(fmap_activation_of(graph, node, &activate, error));
    return fmap_set_output(graph, node, &fmap_input_value(graph, node, 0)->shape);
}

struct activation_job {
    struct fmap_activate_job activate;
    struct fmap_cut cut;
};

static void activation_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct activation_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    run->kernels->unary(&(struct fmap_unary){.src = fmap_at(run, &step->operands[0]) + range.first,
                                             .dst = fmap_at(run, &step->operands[1]) + range.first,
                                             .n = range.end - range.first,
                                             .activate = job->activate});
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    static const char *const names[] = {"copy", "clip", "leaky_relu", "sigmoid", "tanh"};
    static const int64_t costs[] = {16, 16, 16, 80, 80};
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    enum fmap_form form = fmap_form_at_hand(planning, in);
    struct activation_job job;
    TRY(fmap_activation_of(planning->graph, node, &job.activate, planning->error));
    int64_t n = fmap_form_elements(&planning->graph->values[in].shape, form);
    job.cut = fmap_cut_of(planning, n, costs[job.activate.kind], FMAP_BLOCK);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, form, &operands[0]));
    TRY(fmap_planning_write(planning, node->outputs[0], form, &operands[1]));
    return fmap_planning_step(
        planning,
        &(struct fmap_step_definition){.part = activation_part,
                                       .job = &job,
                                       .job_bytes = sizeof job,
                                       .operands = operands,
                                       .n_operands = 2,
                                       .in_place = 1,
                                       .parts = job.cut.parts,
                                       .kernel = fmap_kernel_text(planning, names[job.activate.kind]).text,
                                       .node = node});
}

const struct fmap_layer fmap_layer_relu = {.op = "Relu",
                                           .min_inputs = 1,
                                           .max_inputs = 1,
                                           .max_outputs = 1,
                                           .parse = parse_relu,
                                           .shape = shape,
                                           .plan = plan,
                                           .by_image = true,
                                           .activation = true};

const struct fmap_layer fmap_layer_clip = {.op = "Clip",
                                           .min_inputs = 1,
                                           .max_inputs = 3,
                                           .max_outputs = 1,
                                           .parse = parse_clip,
                                           .shape = shape,
                                           .plan = plan,
                                           .by_image = true,
                                           .activation = true};

const struct fmap_layer fmap_layer_leaky_relu = {.op = "LeakyRelu",
                                                 .min_inputs = 1,
                                                 .max_inputs = 1,
                                                 .max_outputs = 1,
                                                 .parse = parse_leaky_relu,
                                                 .shape = shape,
                                                 .plan = plan,
                                                 .by_image = true,
                                                 .activation = true};

const struct fmap_layer fmap_layer_sigmoid = {.op = "Sigmoid",
                                              .min_inputs = 1,
                                              .max_inputs = 1,
                                              .max_outputs = 1,
                                              .parse = parse_sigmoid,
                                              .shape = shape,
                                              .plan = plan,
                                              .by_image = true,
                                              .activation = true};

const struct fmap_layer fmap_layer_tanh = {.op = "Tanh",
                                           .min_inputs = 1,
                                           .max_inputs = 1,
                                           .max_outputs = 1,
                                           .parse = parse_tanh,
                                           .shape = shape,
                                           .plan = plan,
                                           .by_image = true,
                                           .activation = true};
