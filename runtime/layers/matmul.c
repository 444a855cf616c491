/* MatMul (ONNX): numpy.matmul. A [..., m, k] x B [..., k, n], leading dimensions broadcast; a vector is a matrix of one
 * row (A) or of one column (B) whose dimension of 1 disappears again. */
#include "runtime/layer.h"
#include "runtime/layers/dense.h"

#include <string.h>

static fmap_status parse(struct fmap_parsing *parsing) {
    struct fmap_dense_parameters parameters = {.alpha = 1.0f};
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* Both sides as matrices with the same number of leading dimensions. */
struct product {
    int rank; /* of the leading dimensions */
    int64_t a_dims[FMAP_MAX_RANK], b_dims[FMAP_MAX_RANK], dims[FMAP_MAX_RANK];
    int64_t rows, depth, depth_of_b, columns;
};

static void leading(const fmap_shape *shape, int rank, int64_t *dims) {
    int own = shape->rank > 2 ? shape->rank - 2 : 0;
    for (int i = 0; i < rank; i++) dims[i] = i < rank - own ? 1 : shape->dims[i - (rank - own)];
}

static struct product product_of(const fmap_shape *a, const fmap_shape *b) {
    struct product product = {.rank = (a->rank > b->rank ? a->rank : b->rank) - 2};
    if (product.rank < 0) product.rank = 0;
    leading(a, product.rank, product.a_dims);
    leading(b, product.rank, product.b_dims);
    for (int i = 0; i < product.rank; i++) {
        product.dims[i] = product.a_dims[i] == 1 ? product.b_dims[i] : product.a_dims[i];
    }
    product.rows = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    product.depth = a->dims[a->rank - 1];
    product.depth_of_b = b->dims[b->rank > 1 ? b->rank - 2 : 0];
    product.columns = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    return product;
}

static bool fits(int64_t a, int64_t b) { return a < 0 || b < 0 || a == b; }

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    for (size_t i = 0; i < 2; i++) {
        TRY(fmap_expect_floats(graph, node, i, error));
        if (fmap_input_value(graph, node, i)->shape.rank < 1) {
            return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s, expected rank 1 or more",
                                  fmap_input_text(graph, node, i).text);
        }
    }
    const fmap_shape *a = &fmap_input_value(graph, node, 0)->shape,
                     *b = &fmap_input_value(graph, node, 1)->shape;
    struct product product = product_of(a, b);
    bool match = fits(product.depth, product.depth_of_b);
    fmap_shape output = {0};
    for (int i = 0; i < product.rank; i++) {
        match = match && (product.a_dims[i] == 1 || product.b_dims[i] == 1 ||
                          fits(product.a_dims[i], product.b_dims[i]));
        output.dims[output.rank++] = product.dims[i];
    }
    if (!match) {
        return fmap_fail_node(graph, node, error, FMAP_ERROR_MODEL, "%s and %s cannot be multiplied",
                              fmap_input_text(graph, node, 0).text, fmap_input_text(graph, node, 1).text);
    }
    if (a->rank > 1) output.dims[output.rank++] = product.rows;
    if (b->rank > 1) output.dims[output.rank++] = product.columns;
    return fmap_set_output(graph, node, &output);
}

static int64_t macs(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    const fmap_shape *a = &fmap_input_value(graph, node, 0)->shape;
    const fmap_shape *y = &fmap_output_value(graph, node, 0)->shape;
    return fmap_dim_product(fmap_shape_product(y, 0, y->rank), a->dims[a->rank - 1]);
}

/* One left side of many rows against one matrix: a dense layer over all leading dimensions. */
static fmap_status plan_rows(struct fmap_planning *planning, const struct fmap_graph_node *node,
                             struct fmap_dense_problem *problem) {
    fmap_value a = fmap_node_input(planning->graph, node, 0);
    fmap_value y = node->outputs[0];
    if (planning->graph->values[a].shape.rank == 2) {
        TRY(fmap_dense_source(planning, a, problem));
    } else {
        problem->src_stride = problem->depth;
        TRY(fmap_planning_read(planning, a, FMAP_FORM_PLAIN, &problem->src));
    }
    TRY(fmap_dense_weights(planning, fmap_node_input(planning->graph, node, 1), problem));
    if (planning->graph->values[y].shape.rank == 2) {
        TRY(fmap_planning_write(planning, y, FMAP_FORM_BLOCKED, &problem->dst));
        problem->dst_stride = fmap_geometry_of(&planning->graph->values[y].shape).image_stride;
        return fmap_planning_dense(planning, node, problem);
    }
    /* Rows with room for whole vectors first, then without. */
    struct fmap_strided strided = {
        .rank = 2, .dims = {problem->rows, problem->columns}, .dst_strides = {problem->columns, 1}};
    problem->dst_stride = (problem->columns + FMAP_BLOCK - 1) / FMAP_BLOCK * FMAP_BLOCK;
    strided.src_strides[0] = problem->dst_stride;
    strided.src_strides[1] = 1;
    struct fmap_operand place;
    TRY(fmap_planning_temporary(planning, (size_t)(problem->rows * problem->dst_stride) * sizeof(float),
                                &problem->dst));
    TRY(fmap_planning_dense(planning, node, problem));
    TRY(fmap_planning_write(planning, y, FMAP_FORM_PLAIN, &place));
    return fmap_planning_copy(planning, node, &problem->dst, &place, &strided);
}

/* Where the matrix for the index-th product begins, in matrices: broadcast dimensions stand still. */
static int64_t matrix_index(const struct product *product, const int64_t *dims, int64_t index) {
    int64_t result = 0, stride = 1;
    for (int i = product->rank - 1; i >= 0; i--) {
        if (dims[i] > 1) result += index % product->dims[i] * stride;
        index /= product->dims[i];
        stride *= dims[i];
    }
    return result;
}

/* A product for each pair of matrices. */
static fmap_status plan_pairs(struct fmap_planning *planning, const struct fmap_graph_node *node,
                              const struct product *product, const struct fmap_dense_problem *shared) {
    fmap_value y = node->outputs[0];
    struct fmap_operand a, b, place, rows;
    int64_t stride = (product->columns + FMAP_BLOCK - 1) / FMAP_BLOCK * FMAP_BLOCK, n_pairs = 1;
    for (int i = 0; i < product->rank; i++) n_pairs *= product->dims[i];
    size_t rows_bytes = (size_t)(product->rows * stride) * sizeof(float);
    TRY(fmap_planning_read(planning, fmap_node_input(planning->graph, node, 0), FMAP_FORM_PLAIN, &a));
    TRY(fmap_planning_read(planning, fmap_node_input(planning->graph, node, 1), FMAP_FORM_PLAIN, &b));
    TRY(fmap_planning_temporary(planning, (size_t)n_pairs * rows_bytes, &rows));
    for (int64_t i = 0; i < n_pairs; i++) {
        struct fmap_dense_problem problem = *shared;
        int64_t a_offset = matrix_index(product, product->a_dims, i) * product->rows * product->depth;
        int64_t b_offset = matrix_index(product, product->b_dims, i) * product->depth * product->columns;
        problem.src = a;
        problem.computed_weights = b;
        problem.dst = rows;
        fmap_operand_advance(&problem.src, a_offset);
        fmap_operand_advance(&problem.computed_weights, b_offset);
        fmap_operand_advance(&problem.dst, i * product->rows * stride);
        problem.src_stride = product->depth;
        problem.dst_stride = stride;
        TRY(fmap_planning_dense(planning, node, &problem));
    }
    struct fmap_strided strided = {.rank = 2,
                                   .dims = {n_pairs * product->rows, product->columns},
                                   .src_strides = {stride, 1},
                                   .dst_strides = {product->columns, 1}};
    TRY(fmap_planning_write(planning, y, FMAP_FORM_PLAIN, &place));
    return fmap_planning_copy(planning, node, &rows, &place, &strided);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_dense_parameters *parameters = node->parameters;
    const fmap_shape *a = &fmap_input_value(planning->graph, node, 0)->shape;
    const fmap_shape *b = &fmap_input_value(planning->graph, node, 1)->shape;
    struct product product = product_of(a, b);
    struct fmap_dense_problem problem = {.rows = product.rows,
                                         .depth = product.depth,
                                         .columns = product.columns,
                                         .weight_scale = 1,
                                         .activate = parameters->activate};
    int64_t b_matrices = 1;
    for (int i = 0; i < product.rank; i++) b_matrices *= product.b_dims[i];
    if (b_matrices == 1) {
        const struct fmap_graph_value *bias = fmap_input_value(planning->graph, node, 2); /* of fold_scale */
        if (bias) problem.bias = bias->data;
        problem.bias_scale = 1;
        problem.rows = fmap_shape_product(a, 0, a->rank) / product.depth;
        return plan_rows(planning, node, &problem);
    }
    return plan_pairs(planning, node, &product, &problem);
}

const struct fmap_layer fmap_layer_matmul = {.op = "MatMul",
                                             .min_inputs = 2,
                                             .max_inputs = 2,
                                             .max_outputs = 1,
                                             .parse = parse,
                                             .shape = shape,
                                             .plan = plan,
                                             .macs = macs};
