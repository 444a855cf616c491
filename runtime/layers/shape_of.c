/* Shape and Size: what a plan knows of its input without looking at an element. */
#include "runtime/layer.h"
#include "runtime/planning.h"

struct shape_parameters {
    int64_t start, end; /* the axes [start, end), negative ones counted from the end (opset 15) */
};

static fmap_status parse(struct fmap_parsing *parsing) {
    struct shape_parameters parameters;
    TRY(fmap_attribute_int(parsing, "start", 0, &parameters.start));
    TRY(fmap_attribute_int(parsing, "end", INT64_MAX, &parameters.end));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static int clamp_axis(int64_t axis, int rank) {
    if (axis < 0) axis += rank;
    return axis < 0 ? 0 : axis > rank ? rank : (int)axis;
}

/* The first of the axes, and how many there are. */
static int axes_of(const struct shape_parameters *parameters, int rank, int *first) {
    *first = clamp_axis(parameters->start, rank);
    int n = clamp_axis(parameters->end, rank) - *first;
    return n < 0 ? 0 : n;
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    int first, n = axes_of(node->parameters, fmap_input_value(graph, node, 0)->shape.rank, &first);
    return fmap_set_output_type(graph, node, 0, FMAP_INT64, &(fmap_shape){.rank = 1, .dims = {n}});
}

/* A constant of n int64, for output 0. */
static fmap_status place_numbers(struct fmap_planning *planning, const struct fmap_graph_node *node,
                                 const int64_t *numbers, int n) {
    float *room;
    TRY(fmap_planning_weights(planning, (size_t)n * (sizeof *numbers / sizeof *room), &room));
    memcpy(room, numbers, (size_t)n * sizeof *numbers);
    struct fmap_planned_value *planned = &planning->values[node->outputs[0]];
    planned->placed[FMAP_FORM_PLAIN] = true;
    planned->places[FMAP_FORM_PLAIN] = (struct fmap_operand){.base = FMAP_BASE_CONSTANT, .constant = room};
    return FMAP_OK;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const fmap_shape *in = &fmap_input_value(planning->graph, node, 0)->shape;
    int first, n = axes_of(node->parameters, in->rank, &first);
    return place_numbers(planning, node, in->dims + first, n);
}

const struct fmap_layer fmap_layer_shape = {.op = "Shape",
                                            .min_inputs = 1,
                                            .max_inputs = 1,
                                            .max_outputs = 1,
                                            .parse = parse,
                                            .shape = shape,
                                            .plan = plan,
                                            .from_shapes = true};

static fmap_status size_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                              fmap_error *error) {
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    return fmap_set_output_type(graph, node, 0, FMAP_INT64, &(fmap_shape){.rank = 0});
}

static fmap_status size_plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const fmap_shape *in = &fmap_input_value(planning->graph, node, 0)->shape;
    int64_t n = fmap_shape_product(in, 0, in->rank);
    return place_numbers(planning, node, &n, 1);
}

const struct fmap_layer fmap_layer_size = {.op = "Size",
                                           .min_inputs = 1,
                                           .max_inputs = 1,
                                           .max_outputs = 1,
                                           .shape = size_shape,
                                           .plan = size_plan,
                                           .from_shapes = true};
