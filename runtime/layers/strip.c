#include "runtime/layers/strip.h"

#include "runtime/layers/conv.h"
#include "runtime/layers/strip_job.h"
#include "runtime/layers/why.h"

#include <inttypes.h>
#include <stdio.h>

bool fmap_strip_describe(const struct fmap_graph *graph, const struct fmap_strip_parameters *parameters,
                         fmap_algorithm algorithm, struct fmap_strip_problem *problem) {
    *problem = (struct fmap_strip_problem){.expands = parameters->expand.layer != NULL,
                                           .projects = parameters->project.layer != NULL};
    if (fmap_conv_describe(graph, &parameters->depthwise, algorithm, &problem->depthwise) !=
        FMAP_CONV_DEPTHWISE)
        return false;
    if (problem->expands &&
        fmap_conv_describe(graph, &parameters->expand, algorithm, &problem->expand) != FMAP_CONV_POINTWISE)
        return false;
    return !problem->projects || fmap_conv_describe(graph, &parameters->project, algorithm,
                                                    &problem->project) == FMAP_CONV_POINTWISE;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct fmap_strip_parameters *parameters = node->parameters;
    const struct fmap_graph_node *last = parameters->project.layer ? &parameters->project
                                                                   : &parameters->depthwise;
    return last->layer->shape(graph, last, error);
}

/* Packs the weights of a 1x1 convolution, with the tiling that is best for a strip. */
static fmap_status prepare_points(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                  const struct fmap_tiles_problem *problem, int64_t n_pixels,
                                  struct fmap_strip_points *points) {
    struct fmap_operand weights;
    int64_t lanes = planning->kernels->lanes;
    points->panels.tiling = fmap_choose_tiling(planning->kernels, (problem->outputs + lanes - 1) / lanes,
                                               n_pixels);
    TRY(fmap_tiles_pack(planning, node, problem, &points->panels, &weights));
    points->weights = weights.constant;
    points->channels = problem->channels;
    points->outputs = problem->outputs;
    points->activate = problem->activate;
    return FMAP_OK;
}

/* Strips of a band that are about equally high, in pairs of rows where that is no more of them. */
static int64_t even_rows(int64_t band, int64_t most) {
    int64_t n = (band + most - 1) / most, rows = (band + n - 1) / n;
    return rows % 2 && rows < most ? rows + 1 : rows;
}

/* The model's number of rows, fewer, and twice as many. */
static fmap_status choose_rows(struct fmap_planning *planning, const struct fmap_graph_node *node,
                               const struct fmap_strip_problem *problem, int64_t images, int64_t bands,
                               int64_t *rows, struct fmap_tuned_note *note) {
    const struct fmap_tiles_problem *depthwise = &problem->depthwise;
    int64_t band = (depthwise->out[0] + bands - 1) / bands;
    int64_t most = fmap_strip_rows(problem, planning->plan->near_bytes);
    const int64_t tried[] = {most, most / 2, most / 4, 2 * most};
    struct fmap_tuned ways[sizeof tried / sizeof *tried] = {{{0}}};
    int n = 0, chosen;
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        int64_t value = tried[i] > 0 ? even_rows(band, tried[i]) : 0;
        bool known = value == 0;
        for (int k = 0; k < n; k++) known = known || ways[k].values[0] == value;
        if (!known) ways[n++].values[0] = value;
    }
    char layer[256];
    snprintf(layer, sizeof layer,
             "strip %" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 " expanded from %" PRId64 " to %" PRId64
             "x%" PRId64 "x%" PRId64 " kernel %" PRId64 "x%" PRId64 " dilation %" PRId64 "x%" PRId64
             " projected to %" PRId64 " bands %" PRId64,
             images, depthwise->channels, depthwise->in[0], depthwise->in[1],
             problem->expands ? problem->expand.channels : 0, depthwise->outputs, depthwise->out[0],
             depthwise->out[1], depthwise->kernel[0], depthwise->kernel[1], depthwise->dilations[0],
             depthwise->dilations[1], problem->projects ? problem->project.outputs : 0, bands);
    TRY(fmap_planning_choose(planning, node, layer, ways, n, &chosen, note));
    *rows = ways[chosen].values[0];
    return FMAP_OK;
}

static fmap_status prepare(struct fmap_planning *planning, const struct fmap_graph_node *node,
                           const struct fmap_strip_problem *problem, struct fmap_strip_job *job) {
    const struct fmap_tiles_problem *depthwise = &problem->depthwise;
    for (int i = 0; i < 2; i++) {
        job->in[i] = depthwise->in[i];
        job->out[i] = depthwise->out[i];
    }
    TRY(fmap_depthwise_prepare(planning, depthwise, &job->depthwise));
    if (problem->expands) {
        job->ring_plane = fmap_strip_plane(fmap_strip_source_rows(depthwise, job->rows), job->in[1]);
        TRY(prepare_points(planning, node, &problem->expand, job->rows * depthwise->strides[0] * job->in[1],
                           &job->expand));
    }
    if (problem->projects) {
        job->strip_plane = fmap_strip_plane(job->rows, job->out[1]);
        TRY(prepare_points(planning, node, &problem->project, job->rows * job->out[1], &job->project));
    }
    return FMAP_OK;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_graph *graph = planning->graph;
    const struct fmap_strip_parameters *parameters = node->parameters;
    struct fmap_strip_problem problem;
    struct fmap_strip_job job = {0};
    if (!fmap_strip_describe(graph, parameters, planning->algorithm, &problem))
        return fmap_fail_node(graph, node, planning->error, FMAP_ERROR_UNSUPPORTED,
                              "no strip can be made of it");
    fmap_value x = fmap_node_input(graph, node, FMAP_STRIP_SOURCE);
    struct fmap_geometry in = fmap_geometry_of(&graph->values[x].shape);
    struct fmap_tiles_problem *last = problem.projects ? &problem.project : &problem.depthwise;
    TRY(fmap_planning_read(planning, x, FMAP_FORM_BLOCKED, &last->src));
    TRY(fmap_conv_place_output(planning, node->outputs[0], fmap_node_input(graph, node, FMAP_STRIP_RESIDUAL),
                               last));
    struct fmap_operand operands[] = {last->src, last->dst, last->residual};
    job.src_image_stride = in.image_stride;
    job.dst_image_stride = last->dst_image_stride;
    job.adds = last->adds;
    static const double MOST_WORK = 1e18;
    double work = fmap_strip_work(&problem) * (double)in.n;
    int64_t wanted = fmap_planning_parts(planning, (int64_t)(work < MOST_WORK ? work : MOST_WORK));
    struct fmap_share share = fmap_strip_cut(&problem, in.n, wanted, planning->plan->threads);
    job.bands = share.along[1].pieces;
    struct fmap_tuned_note note;
    TRY(choose_rows(planning, node, &problem, in.n, job.bands, &job.rows, &note));
    TRY(prepare(planning, node, &problem, &job));
    const struct fmap_tiling *tiling = problem.projects ? &job.project.panels.tiling
                                                        : &job.expand.panels.tiling;
    char why[400];
    snprintf(why, sizeof why, "%s; strips of %" PRId64 " rows, %" PRId64 " KB in the second cache%s",
             parameters->why, job.rows, fmap_strip_scratch_floats(&job) * (int64_t)sizeof(float) / 1024,
             note.text);
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){
                      .part = fmap_strip_part,
                      .job = &job,
                      .job_bytes = sizeof job,
                      .operands = operands,
                      .n_operands = job.adds ? 3 : 2,
                      .parts = in.n * job.bands,
                      .scratch_bytes = (size_t)fmap_strip_scratch_floats(&job) * sizeof(float),
                      .kernel = fmap_kernel_text(planning, "strip").text,
                      .why = why,
                      .tile = {(int)fmap_tiling_most_pixels(tiling), (int)fmap_tiling_most_vectors(tiling)},
                      .share = share,
                      .node = node});
}

const struct fmap_layer fmap_layer_strip = {.op = "Strip",
                                            .min_inputs = 1,
                                            .max_inputs = FMAP_STRIP_WEIGHTS + 6,
                                            .max_outputs = 1,
                                            .shape = shape,
                                            .plan = plan,
                                            .by_image = true};
