/* Taps: feature maps handed to the caller, whatever the plan fuses. */
#include "runtime/layer.h"
#include "runtime/layers/dropout.h"
#include "runtime/planning.h"

#include <float.h>
#include <math.h>
#include <string.h>

bool fmap_pattern_matches(const char *pattern, const char *name) {
    const char *star = NULL, *retry = NULL; /* the last *, and where its run would be one longer */
    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == '\0';
}

/* The node that reads the value, when there is exactly one. */
static const struct fmap_graph_node *only_reader(const struct fmap_graph *graph, fmap_value value) {
    const struct fmap_graph_node *reader = NULL;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        for (size_t k = 0; k < graph->nodes[i].n_inputs; k++) {
            if (graph->nodes[i].inputs[k] != value) continue;
            if (reader && reader != &graph->nodes[i]) return NULL;
            reader = &graph->nodes[i];
        }
    }
    return reader;
}

/* What may stand between a layer and its activation or pool without being of interest itself. */
static bool passes_through(const struct fmap_graph_node *node) {
    static const char *const ops[] = {"BatchNormalization", "Add", "Dropout", "Identity", "Pad"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(node->layer->op, ops[i]) == 0) return true;
    }
    return false;
}

static const struct fmap_graph_node *activation_after(const struct fmap_graph *graph,
                                                      const struct fmap_graph_node *node) {
    while (node && !node->layer->activation) {
        node = only_reader(graph, node->outputs[0]);
        if (node && !node->layer->activation && !passes_through(node)) return NULL;
    }
    return node;
}

static const struct fmap_graph_node *pool_after(const struct fmap_graph *graph,
                                                const struct fmap_graph_node *node) {
    while (node && !node->layer->pool) {
        node = only_reader(graph, node->outputs[0]);
        if (node && !node->layer->pool && !node->layer->activation && !passes_through(node)) return NULL;
    }
    return node;
}

/* The value that a point of a layer names; FMAP_NO_VALUE when the layer has no such point. */
static fmap_value tapped_value(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               fmap_tap_point point) {
    const struct fmap_graph_node *found = node;
    switch (point) {
    case FMAP_TAP_OUTPUT: return node->outputs[0];
    case FMAP_TAP_PRE_ACTIVATION:
        found = activation_after(graph, node);
        return found ? found->inputs[0] : node->outputs[0];
    case FMAP_TAP_POST_ACTIVATION:
        found = activation_after(graph, node);
        return found ? found->outputs[0] : node->outputs[0];
    case FMAP_TAP_POST_POOL:
        found = pool_after(graph, node);
        return found ? found->outputs[0] : FMAP_NO_VALUE;
    case FMAP_TAP_DROPOUT_MASK:
        return strcmp(node->layer->op, "Dropout") == 0 ? node->outputs[0] : FMAP_NO_VALUE;
    }
    return FMAP_NO_VALUE;
}

static struct fmap_tap make_tap(struct fmap_plan *plan, const fmap_tap_request *request, size_t node,
                                fmap_value value) {
    const fmap_shape *shape = &plan->graph.values[value].shape;
    struct fmap_tap tap = {.value = value,
                           .values = request->values || !request->statistics,
                           .mask = request->point == FMAP_TAP_DROPOUT_MASK,
                           .first_statistics = plan->n_statistics,
                           .info = {.layer = plan->graph.nodes[node].name,
                                    .layer_index = node,
                                    .point = request->point,
                                    .shape = *shape,
                                    .layout = request->layout}};
    if (request->statistics) {
        int64_t images = shape->rank > 1 ? shape->dims[0] : 1;
        tap.info.n_statistics = shape->rank == 4 ? images * shape->dims[1] : images;
        plan->n_statistics += (size_t)tap.info.n_statistics;
    }
    return tap;
}

static fmap_status add_request(struct fmap_plan *plan, const fmap_tap_request *request, size_t index,
                               size_t *capacity, fmap_error *error) {
    struct fmap_graph *graph = &plan->graph;
    if (!request->layers) return fmap_fail(error, FMAP_ERROR_ARGUMENT, "tap %zu: layers is NULL", index);
    if (request->layout != FMAP_NCHW && request->layout != FMAP_NHWC) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT, "tap %zu has the layout %d, expected NCHW or NHWC",
                         index, (int)request->layout);
    }
    size_t before = plan->n_taps;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct fmap_graph_node *node = &graph->nodes[i];
        if (!fmap_pattern_matches(request->layers, node->name)) continue;
        fmap_value value = tapped_value(graph, node, request->point);
        if (!value || graph->values[value].type != FMAP_FLOAT32) continue;
        struct fmap_tap *taps = fmap_storage_grow(&plan->storage, plan->taps, plan->n_taps, capacity,
                                                  sizeof *taps);
        if (!taps) return fmap_fail_memory(error, sizeof *taps);
        plan->taps = taps;
        taps[plan->n_taps] = make_tap(plan, request, i, value);
        taps[plan->n_taps++].info.request = index;
        graph->values[value].kept = true;
    }
    if (plan->n_taps == before) {
        return fmap_fail(error, FMAP_ERROR_ARGUMENT,
                         "%.120s: no layer that matches '%.120s' has the point to tap", graph->name,
                         request->layers);
    }
    return FMAP_OK;
}

fmap_status fmap_plan_taps(struct fmap_plan *plan, const fmap_plan_options *options, fmap_error *error) {
    size_t capacity = 0;
    for (size_t i = 0; i < options->n_taps; i++) {
        TRY(add_request(plan, &options->taps[i], i, &capacity, error));
    }
    return FMAP_OK;
}

static fmap_status add_values_step(struct fmap_planning *planning, size_t index, fmap_value value,
                                   const struct fmap_operand *mask) {
    const struct fmap_plan *plan = planning->plan;
    const struct fmap_tap *tap = &plan->taps[index];
    const fmap_shape *shape = &tap->info.shape;
    struct fmap_operand src,
        dst = {.base = FMAP_BASE_PORT, .port = (int)(plan->graph.n_inputs + plan->graph.n_outputs + index)};
    enum fmap_form to = tap->info.layout == FMAP_NHWC && shape->rank == 4 ? FMAP_FORM_PIXELS
                                                                          : FMAP_FORM_PLAIN;
    enum fmap_form from = FMAP_FORM_PLAIN;
    if (mask) {
        src = *mask;
    } else {
        if (fmap_planning_has(planning, value, to))
            from = to;
        else if (fmap_planning_has(planning, value, FMAP_FORM_BLOCKED))
            from = FMAP_FORM_BLOCKED;
        else if (fmap_planning_has(planning, value, FMAP_FORM_PIXELS))
            from = FMAP_FORM_PIXELS;
        TRY(fmap_planning_read(planning, value, from, &src));
    }
    size_t step = plan->n_steps;
    TRY(fmap_planning_convert(planning, NULL,
                              &(struct fmap_graph_value){.type = FMAP_FLOAT32, .shape = *shape}, from, &src,
                              to, &dst));
    if (plan->n_steps > step) plan->steps[step].layer = -1;
    return FMAP_OK;
}

struct statistics_job {
    int64_t channels; /* of an image; 1 where the rank is not 4 */
    int64_t n_pixels; /* of a channel */
    bool blocked;
    struct fmap_geometry geometry;
    size_t first;
};

static void finish_statistics(const struct fmap_lane_statistics *lanes, int lane, int64_t n,
                              fmap_statistics *result) {
    double mean = lanes->sum[lane] / (double)n;
    double offset = mean - (double)lanes->shift[lane];
    double variance = lanes->sum_of_squares[lane] / (double)n - offset * offset;
    *result = (fmap_statistics){.minimum = lanes->minimum[lane],
                                .maximum = lanes->maximum[lane],
                                .mean = mean,
                                .standard_deviation = variance > 0   ? sqrt(variance)
                                                      : variance < 0 ? 0
                                                                     : variance,
                                .zeros = lanes->zeros[lane] / (double)n};
}

/* Up to 16 channels of one image. */
static void statistics_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct statistics_job *job = step->job;
    const float *src = fmap_at(run, &step->operands[0]);
    fmap_statistics *results = run->statistics + job->first;
    struct fmap_lane_statistics lanes;
    struct fmap_statistics_job work = {
        .result = &lanes, .n_pixels = job->n_pixels, .pixel_stride = 1, .n_lanes = 1};
    int64_t first = part;
    if (job->blocked) {
        int64_t block = part % job->geometry.blocks, image = part / job->geometry.blocks;
        int64_t left = job->channels - block * FMAP_BLOCK;
        first = image * job->channels + block * FMAP_BLOCK;
        work.src = src + image * job->geometry.image_stride + block * job->geometry.block_stride;
        work.pixel_stride = FMAP_BLOCK;
        work.n_lanes = left < FMAP_BLOCK ? (int)left : FMAP_BLOCK;
    } else {
        work.src = src + part * job->n_pixels;
    }
    run->kernels->statistics(&work);
    for (int lane = 0; lane < work.n_lanes; lane++) {
        finish_statistics(&lanes, lane, job->n_pixels, &results[first + lane]);
    }
}

static fmap_status add_statistics_step(struct fmap_planning *planning, size_t index, fmap_value value,
                                       const struct fmap_operand *mask) {
    const struct fmap_tap *tap = &planning->plan->taps[index];
    const fmap_shape *shape = &tap->info.shape;
    bool images = shape->rank == 4;
    struct statistics_job job = {.channels = images ? shape->dims[1] : 1, .first = tap->first_statistics};
    job.n_pixels = fmap_shape_product(shape, images ? 2 : shape->rank > 1 ? 1 : 0, shape->rank);
    struct fmap_operand src;
    int64_t parts = tap->info.n_statistics;
    if (mask) {
        src = *mask;
    } else if (images && fmap_planning_has(planning, value, FMAP_FORM_BLOCKED)) {
        job.blocked = true;
        job.geometry = fmap_geometry_of(shape);
        parts = job.geometry.n * job.geometry.blocks;
        TRY(fmap_planning_read(planning, value, FMAP_FORM_BLOCKED, &src));
    } else {
        TRY(fmap_planning_read(planning, value, FMAP_FORM_PLAIN, &src));
    }
    return fmap_planning_step(planning, &(struct fmap_step_definition){.part = statistics_part,
                                                                       .job = &job,
                                                                       .job_bytes = sizeof job,
                                                                       .operands = &src,
                                                                       .n_operands = 1,
                                                                       .parts = parts,
                                                                       .kernel = "tap"});
}

fmap_status fmap_plan_tap_steps(struct fmap_planning *planning, fmap_value value) {
    const struct fmap_plan *plan = planning->plan;
    for (size_t i = 0; i < plan->n_taps; i++) {
        const struct fmap_tap *tap = &plan->taps[i];
        if (!value || fmap_graph_resolve(planning->graph, tap->value) != value) continue;
        struct fmap_operand mask;
        if (tap->mask)
            TRY(fmap_dropout_mask_step(planning, &planning->graph->nodes[tap->info.layer_index], &mask));
        if (tap->values) TRY(add_values_step(planning, i, value, tap->mask ? &mask : NULL));
        if (tap->info.n_statistics > 0)
            TRY(add_statistics_step(planning, i, value, tap->mask ? &mask : NULL));
    }
    return FMAP_OK;
}
