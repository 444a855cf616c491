/* Clip (ONNX): y = min(max(x, low), high). Inputs: x, optional low and high, each of one element. */
#include "runtime/layer.h"
#include "runtime/layers/activation.h"
#include "runtime/layers/arithmetic.h"
#include "runtime/layers/pair.h"

#include <float.h>
#include <math.h>

static bool read_bound(const struct fmap_graph *graph, const struct fmap_graph_node *node, size_t i,
                       float *bound) {
    const struct fmap_graph_value *value = fmap_input_value(graph, node, i);
    if (value && value->data) *bound = fmap_float_at(value->data, 0);
    return !value || value->data;
}

bool fmap_clip_of(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                  struct fmap_activate_job *function) {
    if (fmap_input_value(graph, node, 0)->type != FMAP_FLOAT32) return false;
    *function = (struct fmap_activate_job){FMAP_ACTIVATE_CLIP, -FLT_MAX, FLT_MAX};
    return read_bound(graph, node, 1, &function->a) && read_bound(graph, node, 2, &function->b);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    TRY(fmap_expect_type(graph, node, 0, FMAP_NUMBER_TYPES, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    for (size_t i = 1; i < 3; i++) {
        const struct fmap_graph_value *bound = fmap_input_value(graph, node, i);
        if (!bound) continue;
        TRY(fmap_expect_type(graph, node, i, FMAP_TYPES(in->type), error));
        int64_t n = fmap_shape_product(&bound->shape, 0, bound->shape.rank);
        if (n != 1 && graph->settled) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s has %lld elements, expected 1",
                                  fmap_input_text(graph, node, i).text, (long long)n);
        }
        if (n == 1 && bound->data && in->type == FMAP_FLOAT32 && isnan(fmap_float_at(bound->data, 0)))
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "min or max is not a number");
    }
    return fmap_set_output_type(graph, node, 0, in->type, &in->shape);
}

/* Bounds that a run computes, or of integers: the larger with the lower one, then the smaller with the upper one. */
static fmap_status plan_bounds(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    static const enum fmap_binary_op ops[] = {FMAP_BINARY_MAX, FMAP_BINARY_MIN};
    static const enum fmap_arithmetic integers[] = {FMAP_ARITHMETIC_MAX, FMAP_ARITHMETIC_MIN};
    fmap_value so_far = fmap_node_input(planning->graph, node, 0);
    fmap_type type = planning->graph->values[so_far].type;
    for (size_t i = 0; i < 2; i++) {
        fmap_value bound = fmap_node_input(planning->graph, node, i + 1);
        if (!bound) continue;
        if (type == FMAP_FLOAT32) {
            struct fmap_pair pair = {.op = ops[i], .a = so_far, .b = bound};
            TRY(fmap_plan_pair(planning, node, &pair));
        } else {
            TRY(fmap_plan_typed(planning, node, fmap_arithmetic_loop(integers[i], type), so_far, bound));
        }
        so_far = node->outputs[0];
    }
    return so_far == node->outputs[0] ? FMAP_OK : fmap_plan_unchanged(planning, node, so_far);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    struct fmap_activate_job function;
    if (!fmap_clip_of(planning->graph, node, &function)) return plan_bounds(planning, node);
    return fmap_plan_function(planning, node, fmap_node_input(planning->graph, node, 0), &function);
}

const struct fmap_layer fmap_layer_clip = {.op = "Clip",
                                           .min_inputs = 1,
                                           .max_inputs = 3,
                                           .max_outputs = 1,
                                           .shape = shape,
                                           .plan = plan,
                                           .by_image = true,
                                           .activation = true};
