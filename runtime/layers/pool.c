/* MaxPool, AveragePool: a window over the image, in blocked form where there is a kernel for it. */
#include "runtime/layers/pool.h"

#include "runtime/layer.h"
#include "runtime/layers/elements.h"
#include "runtime/layers/volume.h"

static fmap_status parse_max(struct fmap_parsing *parsing) {
    struct fmap_pool_parameters parameters = {.count_padding = false};
    int64_t storage_order;
    TRY(fmap_window_parse(parsing, &parameters.window));
    TRY(fmap_attribute_int(parsing, "storage_order", 0, &storage_order));
    if (storage_order != 0 && storage_order != 1) {
        return fmap_fail_node(parsing->graph, parsing->node, parsing->error, FMAP_ERROR_MODEL,
                              "attribute 'storage_order' is %lld, expected 0 or 1", (long long)storage_order);
    }
    parameters.by_columns = storage_order == 1;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

static fmap_status parse_average(struct fmap_parsing *parsing) {
    struct fmap_pool_parameters parameters = {.by_columns = false};
    int64_t count_padding;
    TRY(fmap_window_parse(parsing, &parameters.window));
    TRY(fmap_attribute_int(parsing, "count_include_pad", 0, &count_padding));
    parameters.count_padding = count_padding != 0;
    return fmap_set_parameters(parsing, &parameters, sizeof parameters);
}

/* Of bytes the maximum is as good as of floats; there is no average of them. */
static fmap_status check_input(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                               fmap_error *error) {
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    bool bytes = in && (in->type == FMAP_UINT8 || in->type == FMAP_INT8);
    if (!bytes || node->layer != &fmap_layer_max_pool) return fmap_expect_floats(graph, node, 0, error);
    if (fmap_shape_product(&in->shape, 0, in->shape.rank) != 0) return FMAP_OK;
    return fmap_fail_node(graph, node, error, FMAP_ERROR_UNSUPPORTED, "%s has no elements",
                          fmap_input_text(graph, node, 0).text);
}

static fmap_status shape(const struct fmap_graph *graph, const struct fmap_graph_node *node,
                         fmap_error *error) {
    const struct fmap_pool_parameters *parameters = node->parameters;
    TRY(check_input(graph, node, error));
    const fmap_shape *in = &fmap_input_value(graph, node, 0)->shape;
    struct fmap_volume volume;
    TRY(fmap_volume_resolve(graph, node, &parameters->window, in, NULL, &volume, error));
    fmap_shape out = fmap_volume_output(&volume, in, in->dims[1]);
    TRY(fmap_set_output_type(graph, node, 1, FMAP_INT64, &out));
    return fmap_set_output_type(graph, node, 0, fmap_input_value(graph, node, 0)->type, &out);
}

bool fmap_pool_has_kernel(const struct fmap_graph *graph, const struct fmap_graph_node *node) {
    const struct fmap_graph_value *in = fmap_input_value(graph, node, 0);
    bool says_where = node->n_outputs > 1 && node->outputs[1];
    return in->type == FMAP_FLOAT32 && in->shape.rank <= 4 && !says_where;
}

struct pool_job {
    struct fmap_geometry in, out;
    struct fmap_window_size size;
    struct fmap_cut cut;                     /* of output rows: images * blocks * height of them */
    const float *row_counts, *column_counts; /* of average pooling: how many elements a window counts */
};

/* How many of the positions start, start + step, ... (n of them) lie in [low, high). */
static int64_t count_inside(int64_t start, int64_t step, int64_t n, int64_t low, int64_t high) {
    int64_t first = start < low ? (low - start + step - 1) / step : 0;
    int64_t end = start < high ? (high - start + step - 1) / step : 0;
    if (end > n) end = n;
    return end > first ? end - first : 0;
}

/* The next rows of a part that belong to the same plane: from output row *row of all planes on, up to `end`. */
static struct fmap_window next_window(const struct fmap_run *run, const struct fmap_step *step, int64_t *row,
                                      int64_t end) {
    const struct pool_job *job = step->job;
    const struct fmap_window_size *size = &job->size;
    int64_t plane = *row / job->out.h, first = *row % job->out.h;
    int64_t n_rows = job->out.h - first < end - *row ? job->out.h - first : end - *row;
    *row += n_rows;
    return (struct fmap_window){.src = fmap_at(run, &step->operands[0]) + plane * job->in.block_stride,
                                .dst = fmap_at(run, &step->operands[1]) + plane * job->out.block_stride,
                                .first_row = first,
                                .n_rows = n_rows,
                                .src_size = {job->in.h, job->in.w},
                                .dst_width = job->out.w,
                                .kernel = {size->kernel[0], size->kernel[1]},
                                .strides = {size->strides[0], size->strides[1]},
                                .dilations = {size->dilations[0], size->dilations[1]},
                                .pads = {size->pads[0], size->pads[1]}};
}

static void max_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct pool_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end;) {
        struct fmap_max_pool work = {.window = next_window(run, step, &row, range.end)};
        run->kernels->max_pool(&work);
    }
}

static void average_part(const struct fmap_run *run, const struct fmap_step *step, int64_t part) {
    const struct pool_job *job = step->job;
    struct fmap_range range = fmap_cut_range(&job->cut, part);
    for (int64_t row = range.first; row < range.end;) {
        struct fmap_average_pool work = {.window = next_window(run, step, &row, range.end),
                                         .row_counts = job->row_counts,
                                         .column_counts = job->column_counts};
        run->kernels->average_pool(&work);
    }
}

fmap_status fmap_pool_counts(struct fmap_planning *planning, const struct fmap_window_size *size, int axis,
                             bool count_padding, const float **counts) {
    float *result;
    int64_t n = size->out[axis];
    TRY(fmap_planning_weights(planning, (size_t)n, &result));
    int64_t before = count_padding ? size->pads[axis] : 0, after = count_padding ? size->pads[axis + 2] : 0;
    for (int64_t i = 0; i < n; i++) {
        result[i] = (float)count_inside(i * size->strides[axis] - size->pads[axis], size->dilations[axis],
                                        size->kernel[axis], -before, size->in[axis] + after);
    }
    *counts = result;
    return FMAP_OK;
}

/* Kernels count pixels in ints, those of the padding too. */
static fmap_status check_limits(const struct fmap_planning *planning, const struct fmap_graph_node *node,
                                const struct fmap_window_size *size) {
    for (int axis = 0; axis < 2; axis++) {
        int64_t reach = size->in[axis] + size->pads[axis] + size->pads[axis + 2] + size->strides[axis] +
                        size->kernel[axis] * size->dilations[axis];
        if (reach > INT32_MAX / 2) {
            return fmap_fail_node(planning->graph, node, planning->error, FMAP_ERROR_LIMIT,
                                  "the padded image or the window is too large: %lld, expected at most %d",
                                  (long long)reach, INT32_MAX / 2);
        }
    }
    return FMAP_OK;
}

/* What has no kernel. The window of one or two dimensions may have been widened by a pass. */
static fmap_status plan_plain(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_pool_parameters *parameters = node->parameters;
    const fmap_shape *in = &fmap_input_value(planning->graph, node, 0)->shape;
    struct fmap_volume_pooling pooling = {.pool = node->layer == &fmap_layer_max_pool ? FMAP_VOLUME_MAX
                                                                                      : FMAP_VOLUME_AVERAGE,
                                          .count_padding = parameters->count_padding,
                                          .by_columns = parameters->by_columns};
    struct fmap_volume volume;
    if (in->rank <= 4) {
        struct fmap_window_size size;
        TRY(fmap_window_resolve(planning->graph, node, &parameters->window, in, NULL, &size,
                                planning->error));
        volume = fmap_volume_of(&size, in->rank - 2);
    } else {
        TRY(fmap_volume_resolve(planning->graph, node, &parameters->window, in, NULL, &volume,
                                planning->error));
    }
    return fmap_planning_volume_pool(planning, node, &volume, &pooling);
}

static fmap_status plan(struct fmap_planning *planning, const struct fmap_graph_node *node) {
    const struct fmap_pool_parameters *parameters = node->parameters;
    if (!fmap_pool_has_kernel(planning->graph, node)) return plan_plain(planning, node);
    bool average = node->layer == &fmap_layer_average_pool;
    fmap_value in = fmap_node_input(planning->graph, node, 0), out = node->outputs[0];
    struct pool_job job = {.in = fmap_geometry_of(&planning->graph->values[in].shape),
                           .out = fmap_geometry_of(&planning->graph->values[out].shape)};
    TRY(fmap_window_resolve(planning->graph, node, &parameters->window, &planning->graph->values[in].shape,
                            NULL, &job.size, planning->error));
    TRY(check_limits(planning, node, &job.size));
    if (average) {
        bool padding = parameters->count_padding;
        TRY(fmap_pool_counts(planning, &job.size, 0, padding, &job.row_counts));
        TRY(fmap_pool_counts(planning, &job.size, 1, padding, &job.column_counts));
    }
    int64_t work = fmap_dim_product(job.size.kernel[0] * job.size.kernel[1], job.out.w * FMAP_BLOCK);
    job.cut = fmap_cut_of(planning, job.out.n * job.out.blocks * job.out.h, work, 1);
    struct fmap_operand operands[2];
    TRY(fmap_planning_read(planning, in, FMAP_FORM_BLOCKED, &operands[0]));
    TRY(fmap_planning_write(planning, out, FMAP_FORM_BLOCKED, &operands[1]));
    return fmap_planning_step(
        planning, &(struct fmap_step_definition){
                      .part = average ? average_part : max_part,
                      .job = &job,
                      .job_bytes = sizeof job,
                      .operands = operands,
                      .n_operands = 2,
                      .parts = job.cut.parts,
                      .kernel = fmap_kernel_text(planning, average ? "average_pool" : "max_pool").text,
                      .node = node});
}

const struct fmap_layer fmap_layer_max_pool = {.op = "MaxPool",
                                               .min_inputs = 1,
                                               .max_inputs = 1,
                                               .max_outputs = 2,
                                               .parse = parse_max,
                                               .shape = shape,
                                               .plan = plan,
                                               .by_image = true,
                                               .pool = true};

const struct fmap_layer fmap_layer_average_pool = {.op = "AveragePool",
                                                   .min_inputs = 1,
                                                   .max_inputs = 1,
                                                   .max_outputs = 1,
                                                   .parse = parse_average,
                                                   .shape = shape,
                                                   .plan = plan,
                                                   .by_image = true,
                                                   .pool = true};
