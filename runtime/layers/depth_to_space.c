/* DepthToSpace and SpaceToDepth: channels become pixels of a square, and back. */
#include "runtime/layer.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/moves.h"

#include <string.h>

struct square_parameters {
    int64_t size;
    bool channel_first; /* CRD: the channel of the result is the slower part of the input's channel */
};

static fmap_status parse_size(struct fmap_parsing *parsing, struct square_parameters *parameters) {
    TRY(fmap_attribute_int(parsing, "blocksize", 0, &parameters->size));
    if (parameters->size >= 1 && parameters->size <= INT32_MAX) return FMAP_OK;
    return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                          "attribute 'blocksize' is %lld, expected 1 or more", (long long)parameters->size);
}

static fmap_status parse(struct fmap_parsing *parsing) {
    struct square_parameters parameters;
    const char *mode;
    TRY(parse_size(parsing, &parameters));
    TRY(fmap_attribute_string(parsing, "mode", "DCR", &mode));
    parameters.channel_first = strcmp(mode, "CRD") == 0;
    if (!parameters.channel_first && strcmp(mode, "DCR") != 0) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute 'mode' is '%.40s', expected DCR or CRD", mode);
    }
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status fail(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                        fmap_error *error) {
    const struct square_parameters *parameters = node->parameters;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                          "%s does not consist of squares of %lld pixels",
                          fmap_input_text(graph, node, 0).text, (long long)parameters->size);
}

static fmap_status depth_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               fmap_error *error) {
    const struct square_parameters *parameters = node->parameters;
    int64_t size = parameters->size, square = fmap_dim_product(size, size);
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    fmap_shape out = in->shape;
    if (in->shape.rank != 4) return fail(graph, node, error);
    if (in->shape.dims[1] != FMAP_UNKNOWN) {
        if (in->shape.dims[1] % square != 0) return fail(graph, node, error);
        out.dims[1] = in->shape.dims[1] / square;
    }
    for (int i = 2; i < 4; i++) out.dims[i] = fmap_dim_product(in->shape.dims[i], size);
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

/* Whole blocks of channels of small images: [n][blocks of channels][h][size][w][size][16] on one side, channels by square
 * on the other. Whether both can be in blocked form. */
static bool fits_blocks(const struct fmap_planning *planning, const struct fmap_graph_node *node, int64_t c) {
    const struct square_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0);
    return !parameters->channel_first && c % FMAP_BLOCK == 0 &&
           fmap_form_at_hand(planning, in) == FMAP_FORM_BLOCKED;
}

/* The strides of the deep side and of the wide one, for wide images of c channels. */
static struct fmap_strided squares_of(const fmap_shape *deep, int64_t c, int64_t size, bool to_wide) {
    int64_t h = deep->dims[2], w = deep->dims[3], blocks = c / FMAP_BLOCK, plane = h * w * FMAP_BLOCK;
    const struct fmap_strided strides = {
        .rank = 7,
        .dims = {deep->dims[0], blocks, h, size, w, size, FMAP_BLOCK},
        .src_strides = {size * size * blocks * plane, plane, w * FMAP_BLOCK, size * blocks * plane,
                        FMAP_BLOCK, blocks * plane, 1},
        .dst_strides = {size * size * blocks * plane, size * size * plane, size * size * w * FMAP_BLOCK,
                        size * w * FMAP_BLOCK, size * FMAP_BLOCK, FMAP_BLOCK, 1}};
    struct fmap_strided strided = strides;
    for (int i = 0; i < 7 && !to_wide; i++) {
        strided.src_strides[i] = strides.dst_strides[i];
        strided.dst_strides[i] = strides.src_strides[i];
    }
    return strided;
}

static fmap_status depth_plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct square_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0), out = node->outputs[0];
    const fmap_shape *from = &planning->graph->values[in].shape, *to = &planning->graph->values[out].shape;
    int64_t size = parameters->size, s[4], d[4];
    if (fits_blocks(planning, node, to->dims[1])) {
        const struct fmap_strided squares = squares_of(from, to->dims[1], size, true);
        return fmap_plan_move(planning, node, in, out, FMAP_FORM_BLOCKED, &squares);
    }
    fmap_strides_of(from, s);
    fmap_strides_of(to, d);
    int64_t row = parameters->channel_first ? size * s[1] : size * to->dims[1] * s[1];
    int64_t column = parameters->channel_first ? s[1] : to->dims[1] * s[1];
    int64_t channel = parameters->channel_first ? size * size * s[1] : s[1];
    struct fmap_strided strided = {
        .rank = 6,
        .dims = {from->dims[0], to->dims[1], from->dims[2], size, from->dims[3], size},
        .src_strides = {s[0], channel, s[2], row, s[3], column},
        .dst_strides = {d[0], d[1], size * d[2], d[2], size * d[3], d[3]}};
    return fmap_plan_move(planning, node, in, out, FMAP_FORM_PLAIN, &strided);
}

const struct fmap_layer fmap_layer_depth_to_space = {.op = "DepthToSpace",
                                                     .min_inputs = 1,
                                                     .max_inputs = 1,
                                                     .max_outputs = 1,
                                                     .parse = parse,
                                                     .shape = depth_shape,
                                                     .plan = depth_plan,
                                                     .by_image = true};

static fmap_status space_parse(struct fmap_parsing *parsing) {
    struct square_parameters parameters = {.size = 1};
    TRY(parse_size(parsing, &parameters));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status space_shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               fmap_error *error) {
    const struct square_parameters *parameters = node->parameters;
    int64_t size = parameters->size, square = fmap_dim_product(size, size);
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    fmap_shape out = in->shape;
    if (in->shape.rank != 4) return fail(graph, node, error);
    for (int i = 2; i < 4; i++) {
        if (in->shape.dims[i] == FMAP_UNKNOWN) continue;
        if (in->shape.dims[i] % size != 0) return fail(graph, node, error);
        out.dims[i] = in->shape.dims[i] / size;
    }
    out.dims[1] = fmap_dim_product(in->shape.dims[1], square);
    return fmap_set_output_type(graph, node, 0, in->type, &out);
}

static fmap_status space_plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct square_parameters *parameters = node->parameters;
    fmap_value in = fmap_node_input(planning->graph, node, 0), out = node->outputs[0];
    const fmap_shape *from = &planning->graph->values[in].shape, *to = &planning->graph->values[out].shape;
    int64_t size = parameters->size, c = from->dims[1], s[4], d[4];
    if (fits_blocks(planning, node, c)) {
        const struct fmap_strided squares = squares_of(to, c, size, false);
        return fmap_plan_move(planning, node, in, out, FMAP_FORM_BLOCKED, &squares);
    }
    fmap_strides_of(from, s);
    fmap_strides_of(to, d);
    struct fmap_strided strided = {.rank = 6,
                                   .dims = {from->dims[0], size, size, c, to->dims[2], to->dims[3]},
                                   .src_strides = {s[0], s[2], s[3], s[1], size * s[2], size * s[3]},
                                   .dst_strides = {d[0], size * c * d[1], c * d[1], d[1], d[2], d[3]}};
    return fmap_plan_move(planning, node, in, out, FMAP_FORM_PLAIN, &strided);
}

const struct fmap_layer fmap_layer_space_to_depth = {.op = "SpaceToDepth",
                                                     .min_inputs = 1,
                                                     .max_inputs = 1,
                                                     .max_outputs = 1,
                                                     .parse = space_parse,
                                                     .shape = space_shape,
                                                     .plan = space_plan,
                                                     .by_image = true};
