/* Transpose: a copy, unless only the form changes. n, c, h, w to n, h, w, c and back are what the form of
 * pixels is for, so they cost nothing here. */
#include "runtime/layers/transpose.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"

static fmap_status parse(struct fmap_parsing *parsing) {
    struct fmap_transpose_parameters parameters;
    TRY(fmap_attribute_ints(parsing, "perm", parameters.permutation, FMAP_MAX_RANK, &parameters.rank));
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

void fmap_transpose_permutation(const struct fmap_graph_node *node, int rank, int *permutation) {
    const struct fmap_transpose_parameters *parameters = node->parameters;
    for (int i = 0; i < rank; i++) {
        permutation[i] = parameters->rank ? (int)parameters->permutation[i] : rank - 1 - i;
    }
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct fmap_transpose_parameters *parameters = node->parameters;
    TRY(fmap_expect_type(graph, node, 0, FMAP_ANY_TYPE, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    bool seen[FMAP_MAX_RANK] = {false};
    bool valid = parameters->rank == 0 || parameters->rank == (size_t)in->rank;
    for (size_t i = 0; valid && i < parameters->rank; i++) {
        int64_t axis = parameters->permutation[i];
        valid = axis >= 0 && axis < in->rank && !seen[axis];
        if (valid) seen[axis] = true;
    }
    if (!valid) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL,
                              "attribute 'perm' is not a permutation of the %d axes of %s", in->rank,
                              fmap_input_text(graph, node, 0).text);
    }
    int permutation[FMAP_MAX_RANK];
    fmap_transpose_permutation(node, in->rank, permutation);
    fmap_shape out = {.rank = in->rank};
    for (int i = 0; i < in->rank; i++) out.dims[i] = in->dims[permutation[i]];
    return fmap_set_output_type(graph, node, 0, fmap_input_value(graph, node, 0)->type, &out);
}

/* Whether only axes of size 1 move. */
static bool keeps_order(const fmap_shape *in, const int *permutation) {
    int last = -1;
    for (int i = 0; i < in->rank; i++) {
        if (in->dims[permutation[i]] == 1) continue;
        if (permutation[i] < last) return false;
        last = permutation[i];
    }
    return true;
}

static bool is(const int *permutation, int rank, int a, int b, int c, int d) {
    return rank == 4 && permutation[0] == a && permutation[1] == b && permutation[2] == c &&
           permutation[3] == d;
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    fmap_value in = fmap_node_input(planning->graph, node, 0), out = node->outputs[0];
    const fmap_shape *from = &planning->graph->values[in].shape, *to = &planning->graph->values[out].shape;
    int permutation[FMAP_MAX_RANK];
    fmap_transpose_permutation(node, from->rank, permutation);
    if (keeps_order(from, permutation)) {
        fmap_plan_same_elements(planning, out, in);
        return FMAP_OK;
    }
    if (is(permutation, from->rank, 0, 2, 3, 1)) {
        fmap_planning_view(planning, out, in, FMAP_FORM_PIXELS);
        return FMAP_OK;
    }
    if (is(permutation, from->rank, 0, 3, 1, 2)) { /* the other way: the plain input is the output's pixels */
        struct fmap_operand place;
        TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &place));
        planning->values[out].places[FMAP_FORM_PIXELS] = place;
        planning->values[out].placed[FMAP_FORM_PIXELS] = true;
        return FMAP_OK;
    }
    struct fmap_strided strided = {.rank = to->rank,
                                   .element_bytes = fmap_type_bytes(planning->graph->values[in].type)};
    int64_t strides[FMAP_MAX_RANK];
    fmap_strides_of(from, strides);
    fmap_strides_of(to, strided.dst_strides);
    for (int i = 0; i < to->rank; i++) {
        strided.dims[i] = to->dims[i];
        strided.src_strides[i] = strides[permutation[i]];
    }
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_PLAIN, &operands[0]));
    TRY(fmap_planning_write(planning, out, FMAP_FORM_PLAIN, &operands[1]));
    return fmap_planning_copy(planning, node, &operands[0], &operands[1], &strided);
}

const struct fmap_layer fmap_layer_transpose = {.op = "Transpose",
                                                .min_inputs = 1,
                                                .max_inputs = 1,
                                                .max_outputs = 1,
                                                .parse = parse,
                                                .shape = shape,
                                                .plan = plan};
