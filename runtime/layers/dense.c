#include "runtime/layers/dense.h"

#include "runtime/layers/gemv.h"

/* Weights that another layer computes: by the tiles of convolution, which pack them in every run. */
static fmap_status plan_tiles(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct fmap_dense_problem *problem) {
    int64_t of_depth = problem->transposed ? 1 : problem->columns;
    struct fmap_tiles_problem tiles = {
        .images = problem->rows,
        .channels = problem->depth,
        .in = {1, 1},
        .outputs = problem->columns,
        .out = {1, 1},
        .groups = 1,
        .kernel = {1, 1},
        .strides = {1, 1},
        .dilations = {1, 1},
        .src = problem->src,
        .dst = problem->dst,
        .src_image_stride = problem->src_stride,
        .dst_image_stride = problem->dst_stride,
        .weights = problem->weights,
        .computed_weights = problem->computed_weights,
        .weight_strides = {problem->transposed ? problem->depth : 1, of_depth, 0, 0},
        .weight_scale = problem->weight_scale,
        .bias = problem->bias,
        .bias_scale = problem->bias_scale,
        .activate = problem->activate,
        .name = "dense"};
    int64_t c = problem->map[0], h = problem->map[1], w = problem->map[2];
    if (c > 0) { /* a convolution whose kernel is as large as the map */
        tiles.channels = c;
        tiles.in[0] = tiles.kernel[0] = h;
        tiles.in[1] = tiles.kernel[1] = w;
        tiles.weight_strides[1] = of_depth * (problem->map_pixels ? 1 : h * w);
        tiles.weight_strides[2] = of_depth * (problem->map_pixels ? w * c : w);
        tiles.weight_strides[3] = of_depth * (problem->map_pixels ? c : 1);
    }
    return fmap_planning_tiles(planning, node, &tiles);
}

fmap_status fmap_planning_dense(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const struct fmap_dense_problem *problem) {
    if (!problem->weights) return plan_tiles(planning, node, problem);
    if (planning->plan->weights == FMAP_WEIGHTS_BF16 && planning->plan->layers)
        planning->plan->layers[node->origin].narrowed = problem->depth * problem->columns * 2;
    if (problem->rows > 1) return fmap_planning_dense_rows(planning, node, problem);
    return fmap_planning_gemv(planning, node, problem);
}

fmap_status fmap_dense_source(struct fmap_planning *planning, fmap_value value,
                              struct fmap_dense_problem *problem) {
    const struct fmap_graph_value *values = planning->graph->values;
    fmap_value source = value;
    enum fmap_form form = FMAP_FORM_PLAIN;
    while (planning->values[source].view_of && form == FMAP_FORM_PLAIN) {
        form = planning->values[source].view_form;
        source = planning->values[source].view_of;
        const fmap_shape *shape = &values[source].shape;
        if (shape->rank != 4 || shape->dims[0] != problem->rows ||
            !fmap_planning_has(planning, source, FMAP_FORM_BLOCKED)) {
            continue;
        }
        struct fmap_geometry map = fmap_geometry_of(shape);
        problem->map[0] = map.c;
        problem->map[1] = map.h;
        problem->map[2] = map.w;
        problem->map_pixels = form == FMAP_FORM_PIXELS;
        problem->src_stride = map.image_stride;
        return fmap_planning_read(planning, source, FMAP_FORM_BLOCKED, &problem->src);
    }
    if (fmap_planning_has(planning, value, FMAP_FORM_BLOCKED)) {
        problem->src_stride = fmap_geometry_of(&values[value].shape).image_stride;
        return fmap_planning_read(planning, value, FMAP_FORM_BLOCKED, &problem->src);
    }
    problem->src_stride = problem->depth;
    return fmap_planning_read(planning, value, FMAP_FORM_PLAIN, &problem->src);
}

fmap_status fmap_dense_weights(struct fmap_planning *planning, fmap_value value,
                               struct fmap_dense_problem *problem) {
    problem->weights = planning->graph->values[value].data;
    if (problem->weights) return FMAP_OK;
    return fmap_planning_read(planning, value, FMAP_FORM_PLAIN, &problem->computed_weights);
}
