/* Conv (ONNX): convolution, with groups; over more than 2 dimensions, or with a computed bias, by plain loops.
 * Inputs: x [n, c, h, w], weights [o, c / group, kh, kw], optional bias [o]. */
#include "runtime/layers/conv.h"

#include "runtime/layer.h"
#include "runtime/layers/depthwise.h"
#include "runtime/layers/dot.h"
#include "runtime/layers/grouped.h"
#include "runtime/layers/stem.h"
#include "runtime/layers/tiles.h"
#include "runtime/layers/uneven.h"
#include "runtime/layers/volume.h"
#include "runtime/layers/winograd.h"

static fmap_status parse(struct fmap_parsing *parsing) {
    struct fmap_conv_parameters parameters = {0};
    TRY(fmap_window_parse(parsing, &parameters.window));
    TRY(fmap_window_parse_group(parsing, &parameters.group));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status check_weights(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                 fmap_error *error) {
    const struct fmap_conv_parameters *parameters = node->parameters;
    const fmap_shape *x = &fmap_input_value(graph, node, 0)->shape,
                     *w = &fmap_input_value(graph, node, 1)->shape;
    const struct fmap_graph_value *bias = fmap_input_value(graph, node, 2);
    if (x->rank != w->rank || x->rank < 3) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s and %s, expected both of rank 4 (or 3 for a 1-D convolution)",
                              fmap_input_text(graph, node, 0).text, fmap_input_text(graph, node, 1).text);
    }
    if (!fmap_shape_known(w) || fmap_shape_product(w, 0, w->rank) < 1 || w->dims[0] > INT32_MAX) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected dimensions of 1 and more",
                              fmap_input_text(graph, node, 1).text);
    }
    int64_t channels = fmap_dim_product(w->dims[1], parameters->group);
    if (x->dims[1] >= 0 && x->dims[1] != channels) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "%s has %lld channels, expected %lld as %s has in %lld groups",
                              fmap_input_text(graph, node, 0).text, (long long)x->dims[1],
                              (long long)channels, fmap_input_text(graph, node, 1).text,
                              (long long)parameters->group);
    }
    if (w->dims[0] % parameters->group != 0) {
        return fmap_fail_node(
            graph, node, error, FMAP_ERROR_MODEL, "%s has %lld outputs, expected a multiple of %lld groups",
            fmap_input_text(graph, node, 1).text, (long long)w->dims[0], (long long)parameters->group);
    }
    if (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != w->dims[0])) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected the shape %lld",
                              fmap_input_text(graph, node, 2).text, (long long)w->dims[0]);
    }
    return FMAP_OK;
}

static fmap_status resolve(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                           struct fmap_window_size *size, fmap_error *error) {
    const struct fmap_conv_parameters *parameters = node->parameters;
    const fmap_shape *w = &fmap_input_value(graph, node, 1)->shape;
    int64_t kernel[2] = {w->rank == 4 ? w->dims[2] : 1, w->dims[w->rank - 1]};
    return fmap_window_resolve(graph, node, &parameters->window, &fmap_input_value(graph, node, 0)->shape,
                               kernel, size, error);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    for (size_t i = 0; i < node->n_inputs; i++) {
        if (i < 2 || fmap_node_input(graph, node, i)) TRY(fmap_expect_floats(graph, node, i, error));
    }
    TRY(check_weights(graph, node, error));
    const struct fmap_conv_parameters *parameters = node->parameters;
    const fmap_shape *x = &fmap_input_value(graph, node, 0)->shape,
                     *w = &fmap_input_value(graph, node, 1)->shape;
    struct fmap_volume volume;
    TRY(fmap_volume_resolve(graph, node, &parameters->window, x, w->dims + 2, &volume, error));
    fmap_shape output = fmap_volume_output(&volume, x, w->dims[0]);
    return fmap_set_output(graph, node, &output);
}

static int64_t macs(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    const fmap_shape *w = &fmap_input_value(graph, node, 1)->shape;
    const fmap_shape *y = &fmap_output_value(graph, node, 0)->shape;
    return fmap_dim_product(fmap_shape_product(y, 0, y->rank), fmap_shape_product(w, 1, w->rank));
}

/* The kernels of depthwise convolution and of narrow groups count columns in ints, those of the padding too. Where they
 * do not reach, the tiles do. */
static bool counts_in_ints(const struct fmap_window_size *size) {
    int64_t reach = size->in[1] + size->pads[1] + size->pads[3] + size->strides[1] +
                    size->kernel[1] * size->dilations[1];
    return reach <= INT32_MAX / 2;
}

/* All but the places in memory. */
static struct fmap_tiles_problem make_problem(const struct fmap_graph *graph,
                                              const struct fmap_graph_node *node,
                                              const struct fmap_window_size *size) {
    const struct fmap_conv_parameters *parameters = node->parameters;
    const struct fmap_graph_value *weights = fmap_input_value(graph, node, 1),
                                  *bias = fmap_input_value(graph, node, 2);
    struct fmap_geometry in = fmap_geometry_of(&fmap_input_value(graph, node, 0)->shape);
    int64_t kernel_size = size->kernel[0] * size->kernel[1], group_channels = in.c / parameters->group;
    return (struct fmap_tiles_problem){
        .images = in.n,
        .channels = in.c,
        .in = {in.h, in.w},
        .outputs = weights->shape.dims[0],
        .out = {size->out[0], size->out[1]},
        .groups = parameters->group,
        .kernel = {size->kernel[0], size->kernel[1]},
        .strides = {size->strides[0], size->strides[1]},
        .dilations = {size->dilations[0], size->dilations[1]},
        .pad_top = size->pads[0],
        .pad_left = size->pads[1],
        .src_image_stride = in.image_stride,
        .weights = weights->data,
        .weight_strides = {group_channels * kernel_size, kernel_size, size->kernel[1], 1},
        .weight_scale = 1,
        .output_scale = parameters->scale,
        .bias = bias ? bias->data : NULL,
        .bias_scale = 1,
        .activate = parameters->activate,
        .pool = parameters->pool.kind != FMAP_POOLED_NONE ? &parameters->pool : NULL,
        .name = kernel_size == 1 ? "pointwise" : "direct",
        .note = parameters->note};
}

enum algorithm { STEM, DEPTHWISE, WINOGRAD, GROUPED, DOT, UNEVEN, TILES };

/* How the layer is computed; of Winograd, *winograd is the size of its tiles. What passes ask and what is planned is
 * decided here alone: else a layer could be given work that its kernel does not do. */
static enum algorithm choose(const struct fmap_tiles_problem *problem, const struct fmap_window_size *size,
                             fmap_algorithm algorithm, int64_t *winograd) {
    bool free = algorithm == FMAP_ALGORITHM_BEST || algorithm == FMAP_ALGORITHM_FASTEST;
    bool dot = fmap_dot_wanted(problem);
    /* Few outputs would leave most lanes of Winograd's products empty: only where it is asked for. */
    *winograd = 0;
    if (!problem->weights) return TILES; /* computed: the only ones that are packed in a run */
    *winograd = free && dot ? 0 : fmap_winograd_choose(problem, algorithm);
    if (*winograd) return WINOGRAD;
    if (fmap_stem_wanted(problem)) return STEM;
    if (problem->groups == problem->channels && problem->channels > 1 && counts_in_ints(size))
        return DEPTHWISE;
    if (fmap_grouped_wanted(problem) && counts_in_ints(size)) return GROUPED;
    if (dot) return DOT;
    return fmap_uneven_wanted(problem) ? UNEVEN : TILES;
}

/* More than two dimensions and a computed bias are for plain loops. */
static bool is_plain(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    const struct fmap_graph_value *bias = fmap_input_value(graph, node, 2);
    return fmap_input_value(graph, node, 0)->shape.rank > 4 || (bias && !bias->data);
}

bool fmap_conv_can_pool(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                        const struct fmap_pooled *pool, fmap_algorithm algorithm) {
    struct fmap_window_size size;
    int64_t winograd;
    if (is_plain(graph, node) || fmap_input_value(graph, node, 0)->shape.rank != 4 ||
        resolve(graph, node, &size, NULL) != FMAP_OK || !fmap_pooled_is_small(pool)) {
        return false;
    }
    struct fmap_tiles_problem problem = make_problem(graph, node, &size);
    problem.adds = fmap_node_input(graph, node, FMAP_CONV_RESIDUAL) != FMAP_NO_VALUE;
    if (problem.adds && !fmap_pooled_is_whole(pool)) return false;
    switch (choose(&problem, &size, algorithm, &winograd)) {
    case WINOGRAD: return fmap_winograd_can_pool(&problem, winograd, pool);
    case STEM: return fmap_stem_can_pool(&problem, pool);
    case TILES: return fmap_tiles_can_pool(&problem, pool);
    default: return false;
    }
}

bool fmap_conv_can_add(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                       fmap_algorithm algorithm) {
    struct fmap_window_size size;
    int64_t winograd;
    if (is_plain(graph, node) || resolve(graph, node, &size, NULL) != FMAP_OK) return false;
    struct fmap_tiles_problem problem = make_problem(graph, node, &size);
    enum algorithm chosen = choose(&problem, &size, algorithm, &winograd);
    bool tiles = chosen == TILES && problem.groups == 1;
    return !problem.pool && problem.weights && (tiles || chosen == WINOGRAD);
}

enum fmap_conv_kind fmap_conv_describe(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                                       fmap_algorithm algorithm, struct fmap_tiles_problem *problem) {
    struct fmap_window_size size;
    int64_t winograd;
    if (node->layer != &fmap_layer_conv || is_plain(graph, node) ||
        resolve(graph, node, &size, NULL) != FMAP_OK)
        return FMAP_CONV_OTHER;
    *problem = make_problem(graph, node, &size);
    if (problem->pool) return FMAP_CONV_OTHER;
    switch (choose(problem, &size, algorithm, &winograd)) {
    case DEPTHWISE: return FMAP_CONV_DEPTHWISE;
    case TILES:
        return problem->weights && problem->groups == 1 && fmap_tiles_one_line(problem) ? FMAP_CONV_POINTWISE
                                                                                        : FMAP_CONV_OTHER;
    default: return FMAP_CONV_OTHER;
    }
}

/* Images of the output and of what is added to it must be equally far apart. */
fmap_status fmap_conv_place_output(struct fmap_planning *planning, fmap_value y, fmap_value residual,
                                   struct fmap_tiles_problem *problem) {
    if (!residual) return fmap_planning_write_images(planning, y, &problem->dst, &problem->dst_image_stride);
    problem->adds = true;
    problem->dst_image_stride = fmap_geometry_of(&planning->graph->values[y].shape).image_stride;
    problem->residual_image_stride = fmap_geometry_of(&planning->graph->values[residual].shape).image_stride;
    TRY(fmap_planning_read(planning, residual, FMAP_FORM_BLOCKED, &problem->residual));
    return fmap_planning_write(planning, y, FMAP_FORM_BLOCKED, &problem->dst);
}

/* By plain loops. The window of one or two dimensions may have been widened by a pass. */
static fmap_status plan_plain(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_conv_parameters *parameters = node->parameters;
    const fmap_shape *x = &fmap_input_value(planning->graph, node, 0)->shape;
    struct fmap_volume volume;
    if (x->rank <= 4) {
        struct fmap_window_size size;
        TRY(resolve(planning->graph, node, &size, planning->error));
        volume = fmap_volume_of(&size, x->rank - 2);
    } else {
        const int64_t *kernel = fmap_input_value(planning->graph, node, 1)->shape.dims + 2;
        TRY(fmap_volume_resolve(planning->graph, node, &parameters->window, x, kernel, &volume,
                                planning->error));
    }
    return fmap_planning_volume_conv(planning, node, &volume, parameters);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value x = fmap_node_input(planning->graph, node, 0);
    if (is_plain(planning->graph, node)) return plan_plain(planning, node);
    struct fmap_window_size size;
    TRY(resolve(planning->graph, node, &size, planning->error));
    struct fmap_tiles_problem problem = make_problem(planning->graph, node, &size);
    if (!problem.weights) {
        fmap_value weights = fmap_node_input(planning->graph, node, 1);
        TRY(fmap_planning_read(planning, weights, FMAP_FORM_PLAIN, &problem.computed_weights));
    }
    int64_t winograd;
    enum algorithm chosen = choose(&problem, &size, planning->algorithm, &winograd);
    if (chosen != STEM) TRY(fmap_planning_read(planning, x, FMAP_FORM_BLOCKED, &problem.src));
    fmap_value residual = fmap_node_input(planning->graph, node, FMAP_CONV_RESIDUAL);
    TRY(fmap_conv_place_output(planning, node->outputs[0], residual, &problem));
    switch (chosen) {
    case STEM: return fmap_planning_stem(planning, node, x, &problem);
    case DEPTHWISE: return fmap_planning_depthwise(planning, node, &problem);
    case WINOGRAD: return fmap_planning_winograd(planning, node, &problem, winograd);
    case GROUPED: return fmap_planning_grouped(planning, node, &problem);
    case DOT: return fmap_planning_dot(planning, node, &problem);
    case UNEVEN: return fmap_planning_uneven(planning, node, &problem);
    default: return fmap_planning_tiles(planning, node, &problem);
    }
}

const struct fmap_layer fmap_layer_conv = {.op = "Conv",
                                           .min_inputs = 2,
                                           .max_inputs = 3,
                                           .max_outputs = 1,
                                           .parse = parse,
                                           .shape = shape,
                                           .plan = plan,
                                           .by_image = true,
                                           .macs = macs};
